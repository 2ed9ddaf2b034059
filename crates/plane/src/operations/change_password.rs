//! Changes a person's password, who must know the old one; all other sessions end.

use super::log_in::{From, begin_session};
use super::reset_password::keep;
use super::second_factor::not_proved;
use crate::Plane;
use crate::passwords::Passwords;
use crate::problem::{Answer, Refusal};
use crate::secret::Secret;
use crate::store::people::PersonRow;

/// Changes it; the answer is a new session in place of the one it was done in.
pub async fn change_password(
    plane: &Plane,
    person: &PersonRow,
    old: String,
    new: String,
    from: &From,
) -> Answer<Secret> {
    let account = (person.realm.clone(), person.mail.clone());
    let wait = plane.guesses.begin(&account, from.address, plane.now());
    if let Some(seconds) = wait.max(plane.guesses.code(person.id, plane.now())) {
        return Err(Refusal::too_many_guesses(seconds));
    }
    if !plane.passwords.fits(old, person.password.clone()).await? {
        not_proved(plane, person, "person.password", "wrong-old-password").await?;
        return Err(Refusal::invalid("wrong-old-password", "the old password is not right; nothing was changed"));
    }
    plane.guesses.right(&account, from.address);
    plane.guesses.right_code(person.id);
    Passwords::check(&new, &person.mail, &person.name)?;
    let hash = plane.passwords.hash(new).await?;
    let tx = plane.store.write().await?;
    keep(plane, &tx, person, hash).await?;
    let secret = begin_session(plane, &tx, person, from).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(secret)
}
