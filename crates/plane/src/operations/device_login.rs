//! A command line without a password logs in: it shows a code, a person who is logged in types it into a page and
//! approves, and the command line gets a token of that person (RFC 8628 in shape).

use nimbus_api::Millis;
use serde_json::json;

use super::create_token::{DAY, DAYS, PREFIX, scopes};
use super::log_in::From;
use super::{Thing, line_for_people, record_as, token_shown};
use crate::Plane;
use crate::access::Reach;
use crate::problem::{Answer, Refusal};
use crate::secret::{self, Secret};
use crate::store::device_logins::{self, DeviceLogin, State};
use crate::store::people::{self, Membership, PersonRow, columns_of};
use crate::store::tokens::{self, TokenRow};
use crate::strangers::Peer;
use crate::wire::{BeginDeviceLogin, DeviceLoginBegun, NewToken};
use domain::TokenId;

/// Milliseconds that it waits for a person.
const LASTS: Millis = 15 * 60_000;

/// Seconds between two questions.
const INTERVAL: u64 = 3;

/// Most that wait at the same time: whoever begins more is nobody's command line.
const MOST: u64 = 500;

/// Letters of codes: none makes words, none looks like another.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

fn new_code() -> String {
    let mut code = String::new();
    while code.len() < 8 {
        let mut random = [0_u8; 1];
        getrandom::fill(&mut random).expect("the kernel gives random bytes");
        // Only as many values as have the same share.
        if let Some(letter) = LETTERS.get(usize::from(random[0] % 32)) {
            code.push(char::from(*letter));
        }
    }
    code
}

/// A code as people read it.
pub fn spoken(code: &str) -> String {
    format!("{}-{}", code.get(..4).unwrap_or(""), code.get(4..).unwrap_or(""))
}

/// A code however it was typed.
pub fn typed(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_uppercase()).take(9).collect()
}

/// Begins one.
pub async fn begin(plane: &Plane, input: BeginDeviceLogin, Peer(address): Peer) -> Answer<DeviceLoginBegun> {
    let name = line_for_people("name", &input.name)?;
    let (scopes, days, now) = (scopes(&input.scopes)?, input.days.unwrap_or(90), plane.now());
    if !DAYS.contains(&days) {
        let detail = format!("key \"days\" is {days}; it must be {} to {}", DAYS.start(), DAYS.end());
        return Err(Refusal::invalid("bad-days", detail));
    }
    if let Some(seconds) = plane.guesses.device(address, now) {
        return Err(Refusal::slow_down(seconds));
    }
    let (secret, tx) = (Secret::new(""), plane.store.write().await?);
    if device_logins::waiting(&*tx, now).await? >= MOST {
        return Err(Refusal::slow_down(60));
    }
    let new = DeviceLogin {
        code: new_code(),
        name,
        address: address.to_string(),
        scopes,
        days,
        state: State::Waiting,
        person: None,
        place: Default::default(),
        asked_at: 0,
        expires_at: now + LASTS,
    };
    if !device_logins::create(&tx, &secret.sha256, &new, now).await? {
        return Err(Refusal::slow_down(1));
    }
    tx.commit().await?;
    let (site, code) = (plane.first_site(None), spoken(&new.code));
    Ok(DeviceLoginBegun {
        device_code: secret.text,
        verification_uri_complete: format!("{site}/device?code={code}"),
        verification_uri: format!("{site}/device"),
        user_code: code,
        expires_in: LASTS / 1000,
        interval: INTERVAL,
    })
}

/// The one that waits under a code which somebody typed, who may be wrong some times.
pub async fn find(plane: &Plane, person: &PersonRow, code: &str) -> Answer<DeviceLogin> {
    let now = plane.now();
    if let Some(seconds) = plane.guesses.device_code(person.id, now) {
        return Err(Refusal::too_many_guesses(seconds));
    }
    let found = device_logins::with_code(plane.store.read(), &typed(code), now).await?;
    let found = found.ok_or_else(|| {
        Refusal::invalid("unknown-device-code", "no command line waits under this code; look at what it shows")
    })?;
    plane.guesses.right_device_code(person.id);
    Ok(found)
}

/// Lets it in as this person where they have a place, or does not.
pub async fn decide(
    plane: &Plane,
    person: &PersonRow,
    code: &str,
    membership: &Membership,
    state: State,
    from: &From,
) -> Answer<()> {
    let found = find(plane, person, code).await?;
    let tx = plane.store.write().await?;
    let reach = &membership.reach;
    if !device_logins::decide(&tx, &found.code, state, person.id, reach, plane.now()).await? {
        return Err(Refusal::conflict("device-decided", "somebody decided about this already, or it waits no more"));
    }
    let verb = if state == State::Approved { "device.approve" } else { "device.refuse" };
    let thing = Thing { id: found.code, name: Some(found.name), ..Thing::at(reach) };
    let detail = json!({ "address": found.address, "scopes": found.scopes, "by": from.address.to_string() });
    record_as(plane, &tx, &person.mail, verb, thing, detail).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(())
}

/// The token, once a person has approved.
pub async fn take_token(plane: &Plane, device_code: &str) -> Answer<NewToken> {
    let (hash, now) = (secret::sha256(device_code), plane.now());
    let over = || {
        Refusal::conflict("expired-token", "nobody approved this in time, or the token was taken already; begin again")
    };
    let found = device_logins::find(plane.store.read(), &hash).await?;
    let found = found.filter(|found| found.expires_at > now).ok_or_else(over)?;
    if found.state == State::Waiting && found.asked_at + INTERVAL * 1000 / 2 > now {
        return Err(Refusal::conflict("slow-down", "ask less often: wait some seconds between two questions"));
    }
    let tx = plane.store.write().await?;
    match found.state {
        State::Waiting => {
            device_logins::asked(&tx, &hash, now).await?;
            tx.commit().await?;
            Err(Refusal::conflict("authorization-pending", "nobody has approved this yet; ask again"))
        }
        State::Refused => {
            device_logins::end(&tx, &hash).await?;
            tx.commit().await?;
            Err(Refusal::conflict("access-denied", "it was refused; nobody was let in"))
        }
        State::Approved => {
            // Of two who ask at the same moment one comes too late.
            if !device_logins::end(&tx, &hash).await? {
                return Err(over());
            }
            let made = token(plane, &tx, &found).await?;
            tx.commit().await?;
            plane.progress.changed();
            Ok(made)
        }
    }
}

async fn token(plane: &Plane, tx: &crate::store::Tx, found: &DeviceLogin) -> Answer<NewToken> {
    let gone = || Refusal::conflict("access-denied", "who approved it has no place there any more");
    let person = match found.person {
        Some(id) => people::find(&**tx, id).await?.ok_or_else(gone)?,
        None => return Err(gone()),
    };
    let all = people::memberships(&**tx, person.id).await?;
    let membership = all.into_iter().find(|one| columns_of(&one.reach) == found.place).ok_or_else(gone)?;
    let (secret, at) = (Secret::new(PREFIX), plane.now());
    let row = TokenRow {
        id: TokenId::new().to_string(),
        name: found.name.clone(),
        person: Some(person.id),
        membership,
        scopes: found.scopes.clone(),
        created_at: at,
        expires_at: Some(at + u64::from(found.days) * DAY),
        used_at: None,
    };
    tokens::create(tx, &secret.sha256, &row).await?;
    let thing = Thing { id: row.id.clone(), name: Some(found.name.clone()), ..Thing::at(&row.membership.reach) };
    let detail = json!({ "role": row.membership.role, "scopes": row.scopes, "days": found.days, "device": true });
    record_as(plane, tx, &person.mail, "token.create", thing, detail).await?;
    Ok(NewToken { secret: secret.text, token: token_shown(row) })
}

/// Where somebody can let it act, as a form names it.
pub fn place_of(reach: &Reach) -> String {
    let (publisher, customer) = columns_of(reach);
    format!("{publisher}:{customer}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_however_they_are_typed() {
        let code = new_code();
        assert_eq!(typed(&spoken(&code).to_lowercase()), code);
        assert_eq!(typed(" bcdf ghjk "), "BCDFGHJK");
        assert!(code.bytes().all(|letter| LETTERS.contains(&letter)));
    }
}
