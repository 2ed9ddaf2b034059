//! Passkeys: registered, named and removed by their owner; shown in place of a password, or after it.

use std::collections::BTreeSet;

use domain::Slug;
use nimbus_api::Millis;
use serde_json::json;

use super::log_in::{From, begin_session};
use super::second_factor::{changed, commit, fewer, first_codes, note, prove, warn};
use super::show_code::{complete, half_done};
use super::{Thing, line_for_people, record_refused};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::secret::{self, Secret};
use crate::store::Tx;
use crate::store::passkeys::{self, PasskeyRow};
use crate::store::people::{self, PersonRow};
use crate::webauthn::{self, Sent, Shown, Site, Wrong};

/// Milliseconds that a challenge serves: a page may stand open for a while.
const LASTS: Millis = 3600 * 1000;

/// Most that somebody may have.
const MOST: usize = 20;

/// What a challenge is for, so that an answer to one is none to another.
#[derive(Clone, Copy, Debug)]
pub enum For<'a> {
    /// To register a passkey of this person.
    Register(&'a PersonRow),
    /// To log in at this site.
    LogIn(Option<&'a Slug>),
    /// To show it after this person's password.
    Second(&'a PersonRow),
}

impl For<'_> {
    fn purpose(self) -> String {
        match self {
            Self::Register(person) => format!("passkey-new/{}", person.id),
            Self::LogIn(realm) => format!("passkey-login/{}", realm.map(ToString::to_string).unwrap_or_default()),
            Self::Second(person) => format!("passkey-second/{}", person.id),
        }
    }
}

/// A challenge, in base64url.
pub fn challenge(plane: &Plane, purpose: For<'_>) -> String {
    plane.seal.seal(&purpose.purpose(), &(plane.now() + LASTS).to_string())
}

/// Uses a challenge of ours up.
async fn take(plane: &Plane, tx: &Tx, purpose: For<'_>, challenge: &str) -> Answer<()> {
    let ends = plane.seal.unseal(&purpose.purpose(), challenge).and_then(|text| text.parse::<Millis>().ok());
    let ends = ends.ok_or_else(|| refused(Wrong::Other))?;
    let fresh = ends > plane.now() && passkeys::use_challenge(tx, &secret::sha256(challenge), ends).await?;
    if fresh {
        return Ok(());
    }
    Err(Refusal::conflict("challenge-over", "this page stood open for too long, or was used already; open it again"))
}

fn refused(wrong: Wrong) -> Refusal {
    Refusal::invalid("wrong-passkey", format!("the passkey was not accepted: {wrong}; try again"))
}

/// Registers one for this site of somebody who shows the password or a code; the answer is codes on paper if there were
/// none.
pub async fn add_passkey(
    plane: &Plane,
    person: &PersonRow,
    site: &Site,
    name: &str,
    sent: &Sent,
    proof: &str,
) -> Answer<Vec<String>> {
    let name = line_for_people("name", name)?;
    let (new, answered) = webauthn::registered(sent, site).map_err(refused)?;
    let tx = prove(plane, person, proof).await?;
    take(plane, &tx, For::Register(person), &answered).await?;
    if passkeys::of(&*tx, person.id).await?.len() >= MOST {
        let detail = format!("there are {MOST} passkeys already, the most that is kept; remove one first");
        return Err(Refusal::conflict("too-many-passkeys", detail));
    }
    let row = PasskeyRow {
        id: uuid::Uuid::now_v7().to_string(),
        person: person.id,
        credential: new.credential,
        key: new.key,
        counter: new.counter,
        name,
        host: Some(site.host.clone()),
        created_at: plane.now(),
        used_at: None,
    };
    if !passkeys::create(&tx, &row).await? {
        return Err(Refusal::conflict("passkey-exists", "this passkey is registered already"));
    }
    let codes = first_codes(&tx, person).await?;
    changed(plane, &tx, person, "passkey-on").await?;
    commit(plane, tx).await?;
    Ok(codes)
}

fn unknown() -> Refusal {
    Refusal::missing("unknown-passkey", "you have no such passkey")
}

/// Calls one something else.
pub async fn rename_passkey(plane: &Plane, person: &PersonRow, id: &str, name: &str) -> Answer<()> {
    let name = line_for_people("name", name)?;
    let tx = plane.store.write().await?;
    if !passkeys::rename(&tx, person.id, id, &name).await? {
        return Err(unknown());
    }
    note(plane, &tx, person, "passkey-name").await?;
    commit(plane, tx).await
}

/// Removes one of somebody who shows the password or a code.
pub async fn remove_passkey(plane: &Plane, person: &PersonRow, id: &str, proof: &str) -> Answer<()> {
    let tx = prove(plane, person, proof).await?;
    if !passkeys::remove(&tx, person.id, id).await? {
        return Err(unknown());
    }
    fewer(&tx, person).await?;
    changed(plane, &tx, person, "passkey-off").await?;
    commit(plane, tx).await
}

/// Whose passkey was shown, at this site; who it is nobody learns otherwise.
async fn shown(
    plane: &Plane,
    realm: Option<&Slug>,
    site: &Site,
    sent: &Sent,
) -> Answer<(PersonRow, PasskeyRow, Shown)> {
    let db = plane.store.read();
    let strange = || {
        let detail = "this passkey is not known here; log in with the password, or register it in your account";
        Refusal::invalid("strange-passkey", detail)
    };
    let row = passkeys::find(db, &sent.credential).await?.ok_or_else(strange)?;
    let person = people::find(db, row.person).await?.filter(|person| person.realm.as_ref() == realm);
    let person = person.ok_or_else(strange)?;
    let shown = webauthn::shown(sent, site, &row.key, row.counter).map_err(refused)?;
    Ok((person, row, shown))
}

/// Writes down that a passkey was used, if this is not a copy of it.
async fn used(plane: &Plane, tx: &Tx, row: &PasskeyRow, shown: &Shown) -> Answer<()> {
    if passkeys::used(tx, row, shown.counter, plane.now()).await? { Ok(()) } else { Err(refused(Wrong::Counter)) }
}

/// Lets in who shows a passkey that made sure who holds it: that is two things at once.
pub async fn log_in_with_passkey(
    plane: &Plane,
    realm: Option<&Slug>,
    site: &Site,
    sent: &Sent,
    from: &From,
) -> Answer<Secret> {
    let (person, row, shown) = shown(plane, realm, site, sent).await?;
    let own = webauthn::handle(person.id.0.as_bytes()) == sent.user;
    if !shown.verified || !own {
        return Err(refused(Wrong::Person));
    }
    let tx = plane.store.write().await?;
    take(plane, &tx, For::LogIn(realm), &shown.challenge).await?;
    used(plane, &tx, &row, &shown).await?;
    let secret = begin_session(plane, &tx, &person, from).await?;
    commit(plane, tx).await?;
    Ok(secret)
}

/// Lets in who has shown the password and now a passkey.
pub async fn show_passkey(
    plane: &Plane,
    realm: Option<&Slug>,
    half: Option<&str>,
    site: &Site,
    sent: &Sent,
    from: &From,
) -> Answer<Secret> {
    let person = half_done(plane, realm, half).await?;
    if let Some(seconds) = plane.guesses.code(person.id, plane.now()) {
        return Err(Refusal::too_many_guesses(seconds));
    }
    let done = async {
        let (owner, row, shown) = shown(plane, realm, site, sent).await?;
        if owner.id != person.id {
            return Err(refused(Wrong::Other));
        }
        let tx = plane.store.write().await?;
        take(plane, &tx, For::Second(&person), &shown.challenge).await?;
        used(plane, &tx, &row, &shown).await?;
        let secret = complete(plane, &tx, &person, half, from).await?;
        commit(plane, tx).await?;
        Ok(secret)
    };
    let done: Answer<Secret> = done.await;
    if let Err(refusal) = &done
        && !refusal.status.is_server_error()
    {
        let tx = plane.store.write().await?;
        let thing = Thing { id: person.mail.clone(), publisher: realm, ..Thing::default() };
        let why = json!({ "address": from.address.to_string(), "code": refusal.code });
        record_refused(plane, &tx, &person.mail, "session.create", thing, why).await?;
        warn(plane, &tx, &person).await?;
        commit(plane, tx).await?;
    }
    done
}

/// Somebody's passkeys as one site can ask for them.
#[derive(Debug, Default)]
pub struct Allowed {
    /// Those for this host name, as authenticators call them.
    pub here: Vec<String>,
    /// The host names that the others are for.
    pub elsewhere: BTreeSet<String>,
}

/// What an authenticator is asked for after a password: any of those for this host name.
pub async fn allowed(plane: &Plane, person: &PersonRow, site: &Site) -> Answer<Allowed> {
    let mut allowed = Allowed::default();
    for row in passkeys::of(plane.store.read(), person.id).await? {
        let host = host(plane, person, &row);
        if host == site.host {
            allowed.here.push(row.credential);
        } else {
            allowed.elsewhere.insert(host);
        }
    }
    Ok(allowed)
}

/// The host name that a passkey is for.
pub fn host(plane: &Plane, person: &PersonRow, row: &PasskeyRow) -> String {
    row.host.clone().unwrap_or_else(|| Site::of(&plane.first_site(person.realm.as_ref())).host)
}
