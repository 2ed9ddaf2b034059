//! Opens a ticket by a letter to a publisher's own address, `support+PUBLISHER@..`, from that of one of its customers'
//! people. Who is nobody's here, or several customers', is told so, once, and in such a way that no two machines write to
//! each other for ever.

use domain::state::TicketState;
use domain::{Key, Slug};
use sea_orm::ConnectionTrait;
use sha2::{Digest, Sha256};

use super::answer_ticket::{self, add};
use super::open_ticket::{self, create};
use super::receive_mail::{Kept, ignored};
use super::ticket::author;
use super::{Actor, tell};
use crate::Plane;
use crate::access::{Reach, Role};
use crate::incoming::Letter;
use crate::letters::{self, Letter as Written};
use crate::problem::Answer;
use crate::secret::hex;
use crate::store::mails::Headers;
use crate::store::people::{self, Membership, PersonRow};
use crate::store::{Tx, publishers, tickets, told};
use crate::web::design::Language;
use crate::wire::MailTaken;

/// Most characters of a subject.
const SUBJECT: usize = 100;

/// Most strangers of a publisher who are told within an hour: who forges senders is not to have us write to them all.
const STRANGERS: u64 = 20;

const HOUR: u64 = 3_600_000;

/// Letters that one person may open tickets with in an hour.
pub const LETTERS: u32 = 20;

/// Who reads no letters.
const MACHINES: &[&str] =
    &["mailer-daemon", "postmaster", "noreply", "no-reply", "do-not-reply", "donotreply", "bounces"];

impl Plane {
    /// Where a publisher's customers open tickets by mail, if letters come in.
    pub(crate) fn ticket_address(&self, publisher: &Slug) -> Option<String> {
        let settings = self.settings.get();
        let (before, domain) = settings.incoming.as_ref()?.parts();
        Some(format!("{before}{publisher}@{domain}"))
    }
}

/// The publisher to whose own address a letter is.
pub async fn publisher_of(plane: &Plane, letter: &Letter) -> Answer<Option<Slug>> {
    let settings = plane.settings.get();
    let Some(incoming) = &settings.incoming else { return Ok(None) };
    let (before, domain) = incoming.parts();
    let end = format!("@{domain}");
    for name in letter.to.iter().filter_map(|to| to.strip_prefix(&before)?.strip_suffix(&end)) {
        if let Ok(slug) = name.parse::<Slug>()
            && publishers::find(plane.store.read(), &Reach::All, &slug).await?.is_some()
        {
            return Ok(Some(slug));
        }
    }
    Ok(None)
}

/// Takes it, or says why not.
pub async fn open_by_mail(plane: &Plane, publisher: &Slug, letter: Letter) -> Answer<MailTaken> {
    let db = plane.store.read();
    let person = people::with_mail(db, Some(publisher), &letter.from).await?;
    let mut places = match &person {
        Some(person) => people::memberships(db, person.id).await?,
        None => Vec::new(),
    };
    places.retain(|one| one.reach.customer().is_some() && one.reach.publisher() == Some(publisher));
    let person = match person {
        Some(person) if !places.is_empty() => person,
        _ if people::works_at(db, publisher, &letter.from).await? => {
            return Ok(ignored("its sender works at the publisher: tickets are opened for customers in the console"));
        }
        _ => return not_taken(plane, publisher, &letter, Untaken::Stranger).await,
    };
    let now = plane.now();
    if plane.letters_in.count(person.id, now) > LETTERS {
        return Ok(ignored("its sender has opened enough tickets within an hour"));
    }
    match place_of(db, &person, &places, &letter).await? {
        Some(membership) => take(plane, &person, membership, letter).await,
        None => not_taken(plane, publisher, &letter, Untaken::AtSeveral(&person, &places)).await,
    }
}

/// Where somebody writes from: where they are, or the customer of the ticket that they answer. Of several it is not guessed,
/// as another company would read it.
async fn place_of(
    db: &impl ConnectionTrait,
    person: &PersonRow,
    places: &[Membership],
    letter: &Letter,
) -> Answer<Option<Membership>> {
    if let [only] = places {
        return Ok(Some(only.clone()));
    }
    let Some(id) = tickets::with_mail(db, person.id, &letter.answers).await? else { return Ok(None) };
    let Some(ticket) = tickets::find(db, &Reach::All, id).await? else { return Ok(None) };
    let its = Reach::Customer(Key::new(ticket.publisher, ticket.customer));
    Ok(places.iter().find(|place| place.reach == its).cloned())
}

async fn take(plane: &Plane, person: &PersonRow, membership: Membership, letter: Letter) -> Answer<MailTaken> {
    let Reach::Customer(customer) = membership.reach.clone() else { return Ok(ignored("its sender is no customer")) };
    let actor = Actor::of_person(person, membership);
    let (said, answers) = (letter.subject.clone(), letter.answers.clone());
    let Some(kept) = Kept::of(plane, letter).await? else { return Ok(ignored("it says nothing")) };
    let subject = subject_of(&said, &kept.text);
    let _changing = plane.artifacts.lock().await;
    let tx = plane.store.write().await?;
    if tickets::has_mail(&*tx, person.id, &kept.id).await? {
        return Ok(ignored("it was taken before"));
    }
    let author = author(&*tx, &actor).await?;
    let files = kept.keep(plane, &tx, &author.sender).await?;
    let (text, mail_id) = (kept.text.as_str(), Some(kept.id.as_str()));
    // Who answers a letter of their own goes on with what it opened.
    let goes_on = match tickets::with_mail(&*tx, person.id, &answers).await? {
        Some(id) => tickets::find(&*tx, &actor.reach, id).await?,
        None => None,
    };
    let id = match goes_on.filter(|ticket| ticket.state != TicketState::Closed) {
        Some(ticket) => {
            let new = answer_ticket::New { text, internal: false, state: None, mail_id };
            add(plane, &tx, &author, actor.name(), ticket, new, &files).await?.0
        }
        None => {
            let new = open_ticket::New { customer: &customer, installation: None, subject: &subject, text, mail_id };
            let ticket = create(plane, &tx, &author, actor.name(), new, &files).await?;
            tell::confirm(plane, &tx, &ticket, person, &kept.id).await?;
            ticket.id
        }
    };
    tx.commit().await?;
    plane.progress.mails.notify_one();
    plane.progress.changed();
    Ok(MailTaken { taken: true, why: None, ticket: Some(id) })
}

/// What a ticket is about: the letter's subject, or how it begins.
fn subject_of(said: &str, text: &str) -> String {
    let line = |text: &str| -> String {
        let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let mut rest = clean.trim();
        while let Some(after) = ["re:", "aw:", "rv:", "fwd:", "fw:"].iter().find_map(|mark| {
            rest.get(..mark.len()).filter(|begin| begin.eq_ignore_ascii_case(mark)).map(|_| &rest[mark.len()..])
        }) {
            rest = after.trim_start();
        }
        rest.chars().take(SUBJECT).collect::<String>().trim().to_owned()
    };
    let first = || line(text.lines().find(|line| !line.trim().is_empty()).unwrap_or("…"));
    Some(line(said)).filter(|said| !said.is_empty()).unwrap_or_else(first)
}

/// Why a letter opens no ticket.
#[derive(Clone, Copy)]
enum Untaken<'a> {
    /// Its sender is nobody's here.
    Stranger,
    /// This person is at several customers.
    AtSeveral(&'a PersonRow, &'a [Membership]),
}

/// Tells a sender why no ticket was opened, once in a while.
async fn not_taken(plane: &Plane, publisher: &Slug, letter: &Letter, why: Untaken<'_>) -> Answer<MailTaken> {
    let unknown = |then: &str| match why {
        Untaken::Stranger => ignored(format!("its sender is no person of a customer's; {then}")),
        Untaken::AtSeveral(..) => ignored(format!("its sender is at several customers; {then}")),
    };
    let machine = letter.from.split('@').next().is_some_and(|local| MACHINES.contains(&local));
    if !plane.mail_is_set_up() || machine || letter.from.parse::<lettre::Address>().is_err() {
        return Ok(unknown("nobody is told"));
    }
    let tx = plane.store.write().await?;
    let now = plane.now();
    let sha256 = hex(&Sha256::digest(&letter.from));
    if told::since(&tx, publisher, now.saturating_sub(HOUR)).await? >= STRANGERS {
        return Ok(unknown("enough were told within an hour"));
    }
    if !told::note(&tx, publisher, &sha256, now).await? {
        return Ok(unknown("they were told before"));
    }
    tell_why(plane, &tx, publisher, letter, why).await?;
    tx.commit().await?;
    plane.progress.mails.notify_one();
    Ok(unknown("they are told"))
}

async fn tell_why(plane: &Plane, tx: &Tx, publisher: &Slug, letter: &Letter, why: Untaken<'_>) -> Answer<()> {
    let found = publishers::find(&**tx, &Reach::All, publisher).await?;
    let name = found.map_or_else(|| publisher.to_string(), |found| found.name);
    let site = plane.site(&**tx, Some(publisher)).await?;
    let (key, language, link) = match why {
        Untaken::Stranger => {
            // In the language of whoever decides there: nothing is known of the stranger.
            let members = people::members(&**tx, &Reach::Publisher(publisher.clone())).await?;
            let owner = members.iter().find(|member| member.role == Role::Owner);
            let language = owner.and_then(|owner| Language::of_tag(&owner.person.language)).unwrap_or_default();
            ("letter-stranger", language, site)
        }
        Untaken::AtSeveral(person, places) => {
            let customers = places.iter().filter_map(|place| place.reach.customer());
            let links: Vec<String> = customers.map(|customer| format!("{site}/c/{customer}/tickets/new")).collect();
            ("letter-several", letters::language_of(person), links.join("\n"))
        }
    };
    let values = [("publisher", name.as_str()), ("link", &link), ("address", &letter.from)];
    let answer = Written { to: &letter.from, key, values: &values };
    let headers = Headers { references: letter.id.iter().cloned().collect(), ..Headers::default() };
    letters::send_in(plane, tx, Some(publisher), language, answer, &headers).await
}

#[cfg(test)]
mod tests {
    use super::subject_of;

    #[test]
    fn a_subject_is_one_line_without_marks_of_answers() {
        assert_eq!(subject_of("Re: RE: fwd:  The\ttill ", "x"), "The till");
        assert_eq!(subject_of("Re:", "\n  First line\nsecond"), "First line");
        assert_eq!(subject_of("", ""), "…");
        assert_eq!(subject_of(&"ñ".repeat(300), "").chars().count(), 100);
    }
}
