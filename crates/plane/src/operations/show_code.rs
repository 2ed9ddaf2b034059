//! The second step of logging in: who has shown the password shows a code of their app, or one on paper.

use domain::Slug;
use serde_json::json;

use super::log_in::{From, begin_session};
use super::second_factor::{commit, uses_code, warn};
use super::{Thing, record_refused};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::secret::{self, Secret};
use crate::store::people::{self, PersonRow};
use crate::store::{Tx, factors};

/// Who has shown their password at this site, by what their browser keeps of that.
pub async fn half_done(plane: &Plane, realm: Option<&Slug>, half: Option<&str>) -> Answer<PersonRow> {
    let db = plane.store.read();
    let id = match half {
        Some(half) => factors::half_login(db, &secret::sha256(half), plane.now()).await?,
        None => None,
    };
    let person = match id {
        Some(id) => people::find(db, id).await?,
        None => None,
    };
    person.filter(|person| person.realm.as_ref() == realm).ok_or_else(over)
}

fn over() -> Refusal {
    Refusal::conflict("login-over", "this took too long, or was done already; log in again")
}

/// Lets them in with a code.
pub async fn show_code(
    plane: &Plane,
    realm: Option<&Slug>,
    half: Option<&str>,
    code: &str,
    from: &From,
) -> Answer<Secret> {
    let person = half_done(plane, realm, half).await?;
    if let Some(seconds) = plane.guesses.code(person.id, plane.now()) {
        return Err(Refusal::too_many_guesses(seconds));
    }
    let tx = plane.store.write().await?;
    if !uses_code(plane, &tx, &person, code).await? {
        let thing = Thing { id: person.mail.clone(), publisher: realm, ..Thing::default() };
        let why = json!({ "address": from.address.to_string(), "code": "wrong-code" });
        record_refused(plane, &tx, &person.mail, "session.create", thing, why).await?;
        warn(plane, &tx, &person).await?;
        commit(plane, tx).await?;
        return Err(Refusal::invalid(
            "wrong-code",
            "this code is not right, or was used already; wait for the next one",
        ));
    }
    let secret = complete(plane, &tx, &person, half, from).await?;
    tx.commit().await?;
    plane.progress.mails.notify_one();
    plane.progress.changed();
    Ok(secret)
}

/// Makes of a login that was half done a session.
pub(super) async fn complete(
    plane: &Plane,
    tx: &Tx,
    person: &PersonRow,
    half: Option<&str>,
    from: &From,
) -> Answer<Secret> {
    // Of two at the same moment one comes too late.
    if !factors::end_login(tx, &secret::sha256(half.unwrap_or_default())).await? {
        return Err(over());
    }
    plane.guesses.right_code(person.id);
    begin_session(plane, tx, person, from).await
}
