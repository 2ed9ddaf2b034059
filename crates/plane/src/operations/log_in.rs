//! Lets a person in who shows address and password.

use domain::{SessionId, Slug};
use serde_json::json;

use super::{Thing, record_as};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::secret::Secret;
use crate::store::people::{self, PersonRow};
use crate::store::sessions::{self, SessionRow};
use crate::store::{Tx, factors};

/// From where somebody logs in.
#[derive(Clone, Debug)]
pub struct From {
    /// The address of their machine.
    pub address: std::net::IpAddr,
    /// What their browser calls itself.
    pub agent: String,
}

/// Milliseconds that a session lasts at most, and without being used.
pub const LASTS: u64 = 30 * 24 * 3600 * 1000;
pub const LASTS_UNUSED: u64 = 7 * 24 * 3600 * 1000;

/// Milliseconds to show the rest after the password.
pub const HALF_LASTS: u64 = 10 * 60_000;

/// What a browser is to keep of somebody who has shown a password.
pub enum Entered {
    /// A session.
    In(Secret),
    /// That the second factor is still to be shown.
    Half(Secret),
}

/// An address as it is kept and compared.
pub fn normal_mail(text: &str) -> Answer<String> {
    let mail = text.trim().to_lowercase();
    let (name, host) = mail.rsplit_once('@').unwrap_or_default();
    let plain = !mail.chars().any(|c| c.is_whitespace() || c.is_control() || "<>,;\"\\()".contains(c));
    if !name.is_empty() && host.contains('.') | (host == "localhost") && plain && mail.chars().count() <= 254 {
        return Ok(mail);
    }
    Err(Refusal::invalid("bad-mail", "this is no mail address; write one such as rosa@example.com"))
}

/// Lets them in as far as a password goes. Wrong, unknown and too often look the same to who guesses,
/// but for the time to wait.
pub async fn log_in(plane: &Plane, realm: Option<&Slug>, mail: &str, password: String, from: &From) -> Answer<Entered> {
    let now = plane.now();
    let wrong = || {
        let detail = "address or password are not right; try again, or ask for a new password";
        Refusal::new(http::StatusCode::UNPROCESSABLE_ENTITY, "wrong-password", detail)
    };
    let mail = normal_mail(mail).map_err(|_| wrong())?;
    let account = (realm.cloned(), mail.clone());
    if let Some(seconds) = plane.guesses.begin(&account, from.address, now) {
        return Err(Refusal::too_many_guesses(seconds));
    }
    let person = people::with_mail(plane.store.read(), realm, &mail).await?;
    let hash = person.as_ref().and_then(|person| person.password.clone());
    if !plane.passwords.fits(password, hash).await? {
        let tx = plane.store.write().await?;
        let thing = Thing { id: mail.clone(), publisher: realm, ..Thing::default() };
        let why = json!({ "address": from.address.to_string(), "code": "wrong-password" });
        super::record_refused(plane, &tx, &mail, "session.create", thing, why).await?;
        tx.commit().await?;
        return Err(wrong());
    }
    let person = person.ok_or_else(wrong)?;
    plane.guesses.right(&account, from.address);
    let tx = plane.store.write().await?;
    let entered = enter(plane, &tx, &person, from).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(entered)
}

/// Lets in who has shown one of two things, or the only one.
pub async fn enter(plane: &Plane, tx: &Tx, person: &PersonRow, from: &From) -> Answer<Entered> {
    if factors::of(&**tx, person.id).await? == 0 {
        return begin_session(plane, tx, person, from).await.map(Entered::In);
    }
    let secret = Secret::new("");
    factors::begin_login(tx, &secret.sha256, person.id, plane.now() + HALF_LASTS).await?;
    Ok(Entered::Half(secret))
}

/// Begins a session for somebody who has shown who they are.
pub async fn begin_session(plane: &Plane, tx: &Tx, person: &PersonRow, from: &From) -> Answer<Secret> {
    begin_session_through(plane, tx, person, from, None).await
}

/// Begins one of who came in by a publisher's provider.
pub(super) async fn begin_session_through(
    plane: &Plane,
    tx: &Tx,
    person: &PersonRow,
    from: &From,
    publisher: Option<&Slug>,
) -> Answer<Secret> {
    let (secret, at) = (Secret::new(""), plane.now());
    let row = SessionRow {
        id: SessionId::new(),
        person: person.id,
        address: from.address.to_string(),
        agent: from.agent.chars().take(300).collect(),
        created_at: at,
        seen_at: at,
        publisher: publisher.cloned(),
    };
    sessions::create(tx, &secret.sha256, &row).await?;
    let thing = Thing { id: row.id.to_string(), publisher: publisher.or(person.realm.as_ref()), ..Thing::default() };
    let detail = json!({ "address": row.address, "by": publisher.map(|_| "single-sign-on") });
    record_as(plane, tx, &person.mail, "session.create", thing, detail).await?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_in_one_form() {
        assert_eq!(normal_mail(" Rosa@Example.COM ").unwrap(), "rosa@example.com");
        assert_eq!(normal_mail("root@localhost").unwrap(), "root@localhost");
        for bad in
            ["", "rosa", "@example.com", "rosa@", "rosa@example", "a b@example.com", "a@b.c\nBcc: x@y.z", "<a@b.c>"]
        {
            assert!(normal_mail(bad).is_err(), "{bad}");
        }
    }
}
