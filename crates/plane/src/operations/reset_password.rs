//! A new password for somebody who forgot theirs: a link is sent to their address, and whoever opens it chooses one.

use std::sync::Arc;

use domain::Slug;
use serde_json::json;

use super::log_in::{From, normal_mail};
use super::{Thing, record_as};
use crate::Plane;
use crate::letters::{self, Letter};
use crate::passwords::Passwords;
use crate::problem::{Answer, Refusal};
use crate::secret::{self, Secret};
use crate::store::links::{self, Link, Purpose};
use crate::store::people::{self, PersonRow};
use crate::store::{Tx, factors, sessions};
use crate::web::design::Language;

/// Milliseconds that a link serves.
const LASTS: u64 = 3600 * 1000;

/// Sends the link, if the address has an account. Whether it has is not told.
pub async fn request_reset(
    plane: &Arc<Plane>,
    realm: Option<&Slug>,
    mail: &str,
    language: Language,
    from: &From,
) -> Answer<()> {
    if !plane.mail_is_set_up() {
        let detail = "no mail can be sent from here yet; ask whoever runs this for a new invitation";
        return Err(Refusal::conflict("no-mail", detail));
    }
    let mail = normal_mail(mail)?;
    if let Some(seconds) = plane.guesses.letter((realm.cloned(), mail.clone()), from.address, plane.now()) {
        return Err(Refusal::too_many_letters(seconds));
    }
    // The answer takes as long for whom there is not.
    let (plane, realm) = (plane.clone(), realm.cloned());
    tokio::spawn(async move {
        if let Err(refusal) = send_link(&plane, realm.as_ref(), &mail, language).await {
            tracing::error!(why = %refusal.detail, "a link for a new password could not be sent");
        }
    });
    Ok(())
}

async fn send_link(plane: &Plane, realm: Option<&Slug>, mail: &str, language: Language) -> Answer<()> {
    let Some(person) = people::with_mail(plane.store.read(), realm, mail).await? else { return Ok(()) };
    let (secret, tx) = (Secret::new(""), plane.store.write().await?);
    let whose = Link { person: person.id, mail: None };
    links::create(&tx, &secret.sha256, Purpose::Reset, &whose, plane.now() + LASTS).await?;
    let link = format!("{}/password/{}", plane.site(&*tx, realm).await?, secret.text);
    let letter = Letter { to: mail, key: "letter-reset", values: &[("name", &person.name), ("link", &link)] };
    letters::send_as(plane, &tx, realm, language, letter).await?;
    tx.commit().await?;
    plane.progress.mails.notify_one();
    Ok(())
}

/// Makes `password` the one of whom the link was sent to. All their sessions end.
pub async fn reset_password(plane: &Plane, realm: Option<&Slug>, link: &str, password: String) -> Answer<PersonRow> {
    let gone = || Refusal::missing("unknown-link", "this link was used already or is too old; ask for another one");
    let hash = {
        // Whose it is decides which password is good; the link is used up only by a good one.
        let tx = plane.store.write().await?;
        let link = links::take(&tx, &secret::sha256(link), Purpose::Reset, plane.now()).await?.ok_or_else(gone)?;
        let person =
            people::find(&*tx, link.person).await?.filter(|person| person.realm.as_ref() == realm).ok_or_else(gone)?;
        Passwords::check(&password, &person.mail, &person.name)?;
        drop(tx);
        plane.passwords.hash(password).await?
    };
    let tx = plane.store.write().await?;
    let link = links::take(&tx, &secret::sha256(link), Purpose::Reset, plane.now()).await?.ok_or_else(gone)?;
    let person = people::find(&*tx, link.person).await?.ok_or_else(gone)?;
    keep(plane, &tx, &person, hash).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(person)
}

/// Keeps a new password in place of the one that was looked at, and ends every session.
pub(super) async fn keep(plane: &Plane, tx: &Tx, person: &PersonRow, hash: String) -> Answer<()> {
    if !people::set_password(tx, person.id, person.password.as_deref(), &hash, plane.now()).await? {
        let detail = "the password was changed meanwhile; nothing was done, try again";
        return Err(Refusal::conflict("changed-meanwhile", detail));
    }
    sessions::end_all(tx, person.id, None).await?;
    factors::end_logins(tx, person.id).await?;
    let thing = Thing { id: person.id.to_string(), publisher: person.realm.as_ref(), ..Thing::default() };
    record_as(plane, tx, &person.mail, "person.password", thing, json!({})).await
}
