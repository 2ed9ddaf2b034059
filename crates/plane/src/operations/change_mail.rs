//! Another mail address for somebody's account: a link goes to the new one, and whoever opens it logged in takes it.

use domain::SessionId;
use serde_json::json;

use super::log_in::normal_mail;
use super::second_factor::{commit, prove};
use super::{Thing, record_as};
use crate::Plane;
use crate::letters::{self, Letter};
use crate::problem::{Answer, Refusal};
use crate::secret::{self, Secret};
use crate::store::links::{self, Link, Purpose};
use crate::store::people::{self, PersonRow};
use crate::store::{factors, sessions};

/// Milliseconds that a link serves.
const LASTS: u64 = 24 * 3600 * 1000;

/// Sends a link to the new address of somebody who shows the password or a code; the answer is that address.
pub async fn request_mail(plane: &Plane, person: &PersonRow, mail: &str, proof: &str) -> Answer<String> {
    if !plane.mail_is_set_up() {
        let detail = "no mail can be sent from here yet, so that an address cannot be proven; ask whoever runs this";
        return Err(Refusal::conflict("no-mail-for-change", detail));
    }
    let mail = normal_mail(mail)?;
    if mail == person.mail {
        return Err(Refusal::conflict("same-mail", "this is the address that you have already"));
    }
    let (tx, secret) = (prove(plane, person, proof).await?, Secret::new(""));
    if let Some(seconds) = plane.guesses.move_to(person.id, (person.realm.clone(), mail.clone()), plane.now()) {
        return Err(Refusal::too_many_letters(seconds));
    }
    // Whether the address has an account is only told to whom it belongs, by the link.
    let row = Link { person: person.id, mail: Some(mail.clone()) };
    links::create(&tx, &secret.sha256, Purpose::Mail, &row, plane.now() + LASTS).await?;
    let realm = person.realm.as_ref();
    let link = format!("{}/account/mail/{}", plane.site(&*tx, realm).await?, secret.text);
    // Whoever it goes to need not know them: nothing that they wrote is in it.
    let values = [("old", person.mail.as_str()), ("link", &link)];
    let letter = Letter { to: &mail, key: "letter-mail", values: &values };
    letters::send_as(plane, &tx, realm, letters::language_of(person), letter).await?;
    let thing = Thing { id: person.id.to_string(), publisher: realm, ..Thing::default() };
    record_as(plane, &tx, &person.mail, "person.mail-request", thing, json!({ "to": mail })).await?;
    commit(plane, tx).await?;
    Ok(mail)
}

fn gone() -> Refusal {
    Refusal::missing("unknown-link", "this link was used already or is too old; ask for another one")
}

/// The address of a link that is for somebody else is not theirs to take.
fn own(link: Link, person: &PersonRow) -> Answer<String> {
    if link.person != person.id {
        let detail = "this link is for another account than the one you are logged in with; log out first";
        return Err(Refusal::conflict("another-account", detail));
    }
    link.mail.ok_or_else(gone)
}

/// The address that a link would give them.
pub async fn new_mail(plane: &Plane, person: &PersonRow, link: &str) -> Answer<String> {
    let found = links::find(plane.store.read(), &secret::sha256(link), Purpose::Mail, plane.now()).await?;
    own(found.ok_or_else(gone)?, person)
}

/// Gives it to them. What was sent to the old address lets nobody in any more, and their other sessions end.
pub async fn change_mail(plane: &Plane, person: &PersonRow, link: &str, session: Option<SessionId>) -> Answer<()> {
    let tx = plane.store.write().await?;
    let taken = links::take(&tx, &secret::sha256(link), Purpose::Mail, plane.now()).await?;
    let mail = own(taken.ok_or_else(gone)?, person)?;
    if !people::set_mail(&tx, person, &mail, plane.now()).await? {
        let detail = "this address has an account already; choose another one, or log in with that account";
        return Err(Refusal::conflict("mail-has-account", detail));
    }
    links::forget(&tx, person.id).await?;
    sessions::end_all(&tx, person.id, session).await?;
    factors::end_logins(&tx, person.id).await?;
    let thing = Thing { id: person.id.to_string(), publisher: person.realm.as_ref(), ..Thing::default() };
    let detail = json!({ "from": person.mail, "to": mail });
    record_as(plane, &tx, &person.mail, "person.mail", thing, detail).await?;
    letters::tell(plane, &tx, person, "letter-mail-changed", &[("new", &mail)]).await?;
    commit(plane, tx).await
}
