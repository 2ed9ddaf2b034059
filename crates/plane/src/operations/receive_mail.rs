//! Takes a letter that answers a ticket. Its sender is believed only together with the secret of the address that it came
//! to, which only this person was written from; whoever knows no such address is told nothing.

use domain::state::TicketState;
use domain::{Key, PersonId};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::answer_ticket::{self, add};
use super::attach::{self, FILE_BYTES, FILES, Received};
use super::change_ticket::HELPERS;
use super::open_by_mail::{open_by_mail, publisher_of};
use super::open_ticket::{self, create};
use super::ticket::{TEXT, author, text_for_people};
use super::{Actor, Thing, record_refused};
use crate::Plane;
use crate::access::{Reach, Role};
use crate::incoming::{self, Letter, Unreadable};
use crate::problem::{Answer, Refusal};
use crate::secret::{self, hex};
use crate::store::people::{self, PersonRow};
use crate::store::{Tx, tickets};
use crate::wire::{MailTaken, Side, Ticket};

/// Why a letter becomes part of nothing; its sender is not told.
pub fn ignored(why: impl Into<String>) -> MailTaken {
    MailTaken { taken: false, why: Some(why.into()), ticket: None }
}

/// Takes it, or says why not.
pub async fn receive_mail(plane: &Plane, raw: Vec<u8>) -> Answer<MailTaken> {
    let letter = match incoming::read(raw).await {
        Ok(letter) => letter,
        Err(Unreadable::TooLarge) => return Err(Refusal::too_large("the letter", incoming::LETTER_BYTES as u64)),
        Err(why) => return Ok(ignored(why.to_string())),
    };
    if let Some(why) = letter.automatic.or_else(|| is_own(plane, &letter).then_some("it is a letter of our own")) {
        return Ok(ignored(why));
    }
    let Some((ticket, person)) = addressed(plane, &letter).await? else {
        return match publisher_of(plane, &letter).await? {
            Some(publisher) => open_by_mail(plane, &publisher, letter).await,
            None => Ok(ignored("it is to no address that answers a ticket")),
        };
    };
    let Some(person) = people::find(plane.store.read(), person).await? else {
        return Ok(ignored("whom the address was given has no account any more"));
    };
    if person.mail != letter.from {
        let tx = plane.store.write().await?;
        let thing = Thing { id: ticket.id.to_string(), publisher: Some(&ticket.publisher), ..Thing::default() };
        let detail = json!({ "why": "the address was given to somebody else", "to": person.mail });
        record_refused(plane, &tx, &short(&letter.from), "mail.receive", thing, detail).await?;
        tx.commit().await?;
        return Ok(ignored("its sender is not whom the address was given"));
    }
    match actor(plane, &ticket, &person).await? {
        Some(actor) => {
            let Some(kept) = Kept::of(plane, letter).await? else { return Ok(ignored("it says nothing")) };
            let taken = take(plane, &actor, person.id, ticket, &kept).await;
            if taken.as_ref().map_or(true, |taken| !taken.taken) {
                for (_, file) in &kept.files {
                    attach::forget_unneeded(plane, &file.hash).await?;
                }
            }
            taken
        }
        None => Ok(ignored("its sender has no part in the ticket any more")),
    }
}

fn short(text: &str) -> String {
    text.chars().take(254).collect()
}

/// Whether we sent it.
fn is_own(plane: &Plane, letter: &Letter) -> bool {
    let settings = plane.settings.get();
    let sender = settings.mail.as_ref().and_then(|mail| mail.from.parse::<lettre::message::Mailbox>().ok());
    let sender = sender.map(|sender| sender.email.to_string().to_lowercase());
    let (before, domain) = settings.incoming.as_ref().map(|incoming| incoming.parts()).unwrap_or_default();
    let receives = settings.incoming.as_ref().is_some_and(|incoming| incoming.address == letter.from);
    let secret = !domain.is_empty() && letter.from.starts_with(&before) && letter.from.ends_with(&format!("@{domain}"));
    sender.is_some_and(|sender| sender == letter.from) || receives || secret
}

/// The ticket and the person of the secret in one of its addresses.
async fn addressed(plane: &Plane, letter: &Letter) -> Answer<Option<(Ticket, PersonId)>> {
    let settings = plane.settings.get();
    let Some(incoming) = &settings.incoming else { return Ok(None) };
    let (before, domain) = incoming.parts();
    let end = format!("@{domain}");
    for secret in letter.to.iter().filter_map(|to| to.strip_prefix(&before)?.strip_suffix(&end)) {
        let Some((ticket, person)) = tickets::addressed(plane.store.read(), &secret::sha256(secret)).await? else {
            continue;
        };
        if let Some(ticket) = tickets::find(plane.store.read(), &Reach::All, ticket).await? {
            return Ok(Some((ticket, person)));
        }
    }
    Ok(None)
}

/// As what the sender takes part in the ticket today.
async fn actor(plane: &Plane, ticket: &Ticket, person: &PersonRow) -> Answer<Option<Actor>> {
    let customer = Reach::Customer(Key::new(ticket.publisher.clone(), ticket.customer.clone()));
    let publisher = Reach::Publisher(ticket.publisher.clone());
    let all = people::memberships(plane.store.read(), person.id).await?;
    let takes_part = |one: &people::Membership| {
        one.reach == customer
            || one.reach == publisher && HELPERS.contains(&one.role)
            || one.role == Role::Operator && one.reach == Reach::All
    };
    let found = all.into_iter().find(takes_part);
    Ok(found.map(|one| {
        let reach = if one.reach == Reach::All { publisher } else { one.reach };
        Actor::of_person(person, people::Membership { role: one.role, reach })
    }))
}

async fn take(plane: &Plane, actor: &Actor, person: PersonId, mut ticket: Ticket, kept: &Kept) -> Answer<MailTaken> {
    let _changing = plane.artifacts.lock().await;
    let tx = plane.store.write().await?;
    if tickets::has_mail(&*tx, person, &kept.id).await? {
        return Ok(ignored("it was taken before"));
    }
    let author = author(&*tx, actor).await?;
    let files = kept.keep(plane, &tx, &author.sender).await?;
    let (text, mail_id) = (kept.text.as_str(), Some(kept.id.as_str()));
    let id = if ticket.state == TicketState::Closed && author.side == Side::Customer {
        // What is over stays over; what they say now is not lost.
        let customer = Key::new(ticket.publisher.clone(), ticket.customer.clone());
        let new = open_ticket::New {
            customer: &customer,
            installation: ticket.installation,
            subject: &ticket.subject,
            text,
            mail_id,
        };
        create(plane, &tx, &author, actor.name(), new, &files).await?.id
    } else {
        if ticket.state == TicketState::Closed {
            ticket.state = ticket.state.advance(TicketState::Open)?;
        }
        let new = answer_ticket::New { text, internal: false, state: None, mail_id };
        add(plane, &tx, &author, actor.name(), ticket, new, &files).await?.0
    };
    tx.commit().await?;
    plane.progress.mails.notify_one();
    plane.progress.changed();
    Ok(MailTaken { taken: true, why: None, ticket: Some(id) })
}

/// What is kept of a letter.
pub struct Kept {
    /// Its id, or what tells it from others.
    pub id: String,
    /// What it says.
    pub text: String,
    /// On disk, until it is moved to where it stays.
    files: Vec<(String, crate::web::receive::Received)>,
}

impl Kept {
    /// Nothing when it says nothing.
    pub async fn of(plane: &Plane, letter: Letter) -> Answer<Option<Self>> {
        let mut files = letter.files;
        let mut text = letter.text;
        if text.chars().count() > TEXT - 200 {
            let whole = std::mem::take(&mut text);
            text = whole.chars().take(TEXT - 200).collect::<String>() + "…";
            files.insert(0, ("letter.txt".into(), whole.into_bytes()));
        }
        files.retain(|(_, content)| !content.is_empty());
        let all = files.len();
        files.retain(|(_, content)| content.len() as u64 <= FILE_BYTES);
        files.truncate(FILES);
        if text.trim().is_empty() && files.is_empty() {
            return Ok(None);
        }
        if text.trim().is_empty() {
            text = "…".into();
        }
        if files.len() < all {
            text.push_str(&format!("\n\n(+ {} ✗)", all - files.len()));
        }
        // Without an id it is told from others by what it says.
        let id = letter.id.unwrap_or_else(|| format!("<{}@none>", hex(&Sha256::digest(text.as_bytes()))));
        let mut received = Vec::with_capacity(files.len());
        for (name, content) in files {
            let pieces = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(bytes::Bytes::from(content))]);
            received.push((name, crate::web::receive::Received::attachment(plane, pieces).await?));
        }
        Ok(Some(Self { id, text: text_for_people(&text)?, files: received }))
    }

    /// Keeps its files. The caller holds the lock of files until it has committed.
    pub async fn keep(&self, plane: &Plane, tx: &Tx, sender: &str) -> Answer<Vec<domain::AttachmentId>> {
        let mut ids = Vec::with_capacity(self.files.len());
        for (name, file) in &self.files {
            let received =
                Received { name: name.clone(), path: file.path.clone(), sha256: file.hash.clone(), bytes: file.bytes };
            ids.push(attach::keep(plane, tx, sender, received).await?.id);
        }
        Ok(ids)
    }
}
