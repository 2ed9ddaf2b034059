//! What a person shows besides their password: an app that makes codes, and codes on paper for when it is lost. Each
//! change needs more than a session that somebody left open: a code of the new app, or the password or a code.

use serde_json::json;

use super::change_role::find;
use super::{Actor, Thing, record, record_as, record_refused};
use crate::Plane;
use crate::access::Reach;
use crate::letters;
use crate::problem::{Answer, Refusal};
use crate::secret;
use crate::store::factors::{self, CodeApp};
use crate::store::people::PersonRow;
use crate::store::{Tx, sessions};
use crate::totp;

/// Codes on paper that somebody gets.
const CODES: usize = 10;

/// Random bytes of each.
const CODE_BYTES: usize = 10;

/// What an app's secret is sealed for: nobody else's row or form opens it.
fn purpose(kind: &str, person: &PersonRow) -> String {
    format!("{kind}/{}", person.id)
}

/// A secret to be shown to an app, which comes back with the first code, sealed: nothing is kept until then.
pub fn new_app(plane: &Plane, person: &PersonRow) -> (String, String) {
    let secret = totp::new_secret();
    let sealed = plane.seal.seal(&purpose("new-code-app", person), &secret);
    (secret, sealed)
}

/// The secret of a form that was sent before.
pub fn shown_app(plane: &Plane, person: &PersonRow, sealed: &str) -> Answer<String> {
    plane.seal.unseal(&purpose("new-code-app", person), sealed).ok_or_else(|| {
        Refusal::new(http::StatusCode::FORBIDDEN, "old-form", "this form is another's; open the page again")
    })
}

/// Keeps an app that shows a right code, of somebody who shows the password or a code of before; the answer is codes on
/// paper if there were none.
pub async fn set_up_app(
    plane: &Plane,
    person: &PersonRow,
    sealed: &str,
    code: &str,
    proof: &str,
) -> Answer<Vec<String>> {
    let (shown, at) = (shown_app(plane, person, sealed)?, plane.now());
    let step = totp::check(&shown, code, at, 0).ok_or_else(|| {
        Refusal::invalid("wrong-code", "this is not the code that the app shows now; look again, and at its clock")
    })?;
    let tx = prove(plane, person, proof).await?;
    let secret = plane.seal.seal(&purpose("code-app", person), &shown);
    factors::set_app(&tx, person.id, &CodeApp { secret, last_step: step, created_at: at }).await?;
    let codes = first_codes(&tx, person).await?;
    changed(plane, &tx, person, "app-on").await?;
    commit(plane, tx).await?;
    Ok(codes)
}

/// Codes on paper for whoever has none.
pub(super) async fn first_codes(tx: &Tx, person: &PersonRow) -> Answer<Vec<String>> {
    if factors::codes_left(&**tx, person.id).await? > 0 { Ok(Vec::new()) } else { codes(tx, person).await }
}

/// Forgets the app of somebody who shows the password or a code.
pub async fn turn_off_app(plane: &Plane, person: &PersonRow, proof: &str) -> Answer<()> {
    let tx = prove(plane, person, proof).await?;
    if !factors::remove_app(&tx, person.id).await? {
        return Err(Refusal::conflict("no-code-app", "no app makes codes for this account"));
    }
    fewer(&tx, person).await?;
    changed(plane, &tx, person, "app-off").await?;
    commit(plane, tx).await
}

/// Codes on paper are for a second factor: without one they go.
pub(super) async fn fewer(tx: &Tx, person: &PersonRow) -> Answer<()> {
    if factors::of(&**tx, person.id).await? == 0 {
        factors::forget(tx, person.id).await?;
    }
    Ok(())
}

/// New codes on paper in place of those of before.
pub async fn new_codes(plane: &Plane, person: &PersonRow, proof: &str) -> Answer<Vec<String>> {
    let tx = prove(plane, person, proof).await?;
    if factors::of(&*tx, person.id).await? == 0 {
        return Err(Refusal::conflict(
            "no-second-factor",
            "these codes stand in for a second factor: set one up first",
        ));
    }
    let codes = codes(&tx, person).await?;
    changed(plane, &tx, person, "codes").await?;
    commit(plane, tx).await?;
    Ok(codes)
}

async fn codes(tx: &Tx, person: &PersonRow) -> Answer<Vec<String>> {
    let codes: Vec<String> = (0..CODES).map(|_| new_code()).collect();
    let hashes: Vec<String> = codes.iter().map(|code| hash(person, code)).collect();
    factors::set_codes(tx, person.id, &hashes).await?;
    Ok(codes)
}

/// 80 random bits in groups that can be read aloud.
fn new_code() -> String {
    let mut random = [0_u8; CODE_BYTES];
    getrandom::fill(&mut random).expect("the kernel gives random bytes");
    let text = totp::base32(&random).to_lowercase();
    let groups: Vec<&str> = (0..text.len()).step_by(4).map(|at| &text[at..at + 4]).collect();
    groups.join("-")
}

fn hash(person: &PersonRow, code: &str) -> String {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    secret::sha256(&format!("recovery/{}/{}", person.id, plain.to_ascii_lowercase()))
}

/// Whether this is a code of their app or one on paper; it serves no more then.
pub(super) async fn uses_code(plane: &Plane, tx: &Tx, person: &PersonRow, text: &str) -> Answer<bool> {
    if let Some(app) = factors::app(&**tx, person.id).await? {
        let secret = plane.seal.unseal(&purpose("code-app", person), &app.secret);
        let secret = secret.ok_or_else(|| Refusal::internal("an app's secret was sealed with another key"))?;
        if let Some(step) = totp::check(&secret, text, plane.now(), app.last_step) {
            return Ok(factors::use_step(tx, person.id, step).await?);
        }
    }
    let used = factors::use_code(tx, person.id, &hash(person, text)).await?;
    if used {
        changed(plane, tx, person, "code-used").await?;
    }
    Ok(used)
}

/// That it is them and not who found their browser open: their password, or a code. The transaction has used it up.
pub(super) async fn prove(plane: &Plane, person: &PersonRow, proof: &str) -> Answer<Tx> {
    if let Some(seconds) = plane.guesses.code(person.id, plane.now()) {
        return Err(Refusal::too_many_guesses(seconds));
    }
    let tx = plane.store.write().await?;
    let right = uses_code(plane, &tx, person, proof).await?;
    if right {
        plane.guesses.right_code(person.id);
        return Ok(tx);
    }
    // Nobody else can write while a password is checked.
    drop(tx);
    if !plane.passwords.fits(proof.to_owned(), person.password.clone()).await? {
        not_proved(plane, person, "person.prove", "wrong-proof").await?;
        let detail = "this is neither your password nor a code; nothing was changed";
        return Err(Refusal::invalid("wrong-proof", detail));
    }
    plane.guesses.right_code(person.id);
    Ok(plane.store.write().await?)
}

/// Writes down that somebody did not show who they are, and tells them when it was often.
pub(super) async fn not_proved(
    plane: &Plane,
    person: &PersonRow,
    verb: &'static str,
    code: &'static str,
) -> Answer<()> {
    let tx = plane.store.write().await?;
    let thing = Thing { id: person.id.to_string(), publisher: person.realm.as_ref(), ..Thing::default() };
    record_refused(plane, &tx, &person.mail, verb, thing, json!({ "code": code })).await?;
    warn(plane, &tx, person).await?;
    commit(plane, tx).await
}

/// Forgets every second factor of somebody who lost theirs, and logs them out: whoever runs the platform has made sure
/// who asks.
pub async fn reset_second_factor(plane: &Plane, actor: &Actor, reach: &Reach, member: &str) -> Answer<()> {
    let tx = plane.store.write().await?;
    let member = find(&tx, reach, member).await?;
    factors::forget(&tx, member.person.id).await?;
    sessions::end_all(&tx, member.person.id, None).await?;
    let (id, name) = (member.person.id.to_string(), Some(member.person.mail.clone()));
    let thing = Thing { id, name, ..Thing::at(reach) };
    record(plane, &tx, actor, "member.second-factor", thing, json!({})).await?;
    tell(plane, &tx, &member.person, "reset").await?;
    commit(plane, tx).await
}

/// Writes down what changed about how somebody comes in.
pub(super) async fn note(plane: &Plane, tx: &Tx, person: &PersonRow, what: &str) -> Answer<()> {
    let thing = Thing { id: person.id.to_string(), publisher: person.realm.as_ref(), ..Thing::default() };
    record_as(plane, tx, &person.mail, "person.second-factor", thing, json!({ "what": what })).await
}

/// The same, and tells them.
pub(super) async fn changed(plane: &Plane, tx: &Tx, person: &PersonRow, what: &str) -> Answer<()> {
    note(plane, tx, person, what).await?;
    tell(plane, tx, person, what).await
}

async fn tell(plane: &Plane, tx: &Tx, person: &PersonRow, what: &str) -> Answer<()> {
    let what = plane.pages.text(letters::language_of(person), &format!("letter-security-{what}"));
    letters::tell(plane, tx, person, "letter-security", &[("what", &what)]).await
}

/// Tells them when their codes are guessed.
pub(super) async fn warn(plane: &Plane, tx: &Tx, person: &PersonRow) -> Answer<()> {
    if !plane.guesses.tell_of_codes(person.id, plane.now()) {
        return Ok(());
    }
    letters::tell(plane, tx, person, "letter-guesses", &[]).await
}

pub(super) async fn commit(plane: &Plane, tx: Tx) -> Answer<()> {
    tx.commit().await?;
    plane.progress.mails.notify_one();
    plane.progress.changed();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_on_paper_are_read_however_they_are_written() {
        let person = crate::store::people::PersonRow {
            id: domain::PersonId::new(),
            realm: None,
            mail: "ana@acme.example".into(),
            name: "Ana".into(),
            password: None,
            language: "es".into(),
            time_zone: "UTC".into(),
            verified_at: None,
            created_at: 1,
        };
        let code = new_code();
        assert_eq!((code.len(), code.matches('-').count()), (19, 3), "{code}");
        assert_eq!(hash(&person, &code), hash(&person, &code.to_uppercase().replace('-', " ")));
        let other = PersonRow { id: domain::PersonId::new(), ..person.clone() };
        assert_ne!(hash(&person, &code), hash(&other, &code));
    }
}
