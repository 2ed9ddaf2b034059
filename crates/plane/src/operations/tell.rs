//! Writes to the other side of a ticket what was said: in the language of each reader, as part of one thread, with an
//! address of their own at which they may answer.

use domain::{Key, TicketId};

use crate::Plane;
use crate::access::{Reach, Role};
use crate::incoming::MARK;
use crate::letters::{self, Letter};
use crate::problem::Answer;
use crate::secret::{self, Secret};
use crate::store::mails::Headers;
use crate::store::people::{self, PersonRow};
use crate::store::tickets::{self, NewMessage};
use crate::store::{Tx, customers, publishers};
use crate::web::design::Language;
use crate::wire::{Side, Ticket};

/// What the secrets of addresses are sealed for.
const PURPOSE: &str = "ticket-address";

/// Hexadecimal digits of such a secret: 128 random bits, and the whole address is short enough for every mail server.
const SECRET: usize = 32;

/// Letters of a thread that a letter refers to.
const REFERENCES: u64 = 20;

/// Most people who are written to.
const READERS: usize = 30;

/// Writes to them. Whoever commits wakes the sender of letters.
pub async fn tell(plane: &Plane, tx: &Tx, ticket: &Ticket, message: &NewMessage<'_>, files: usize) -> Answer<()> {
    if !plane.mail_is_set_up() {
        return Ok(());
    }
    let mut readers = match message.side {
        Side::Customer => helpers(tx, ticket).await?,
        Side::Publisher => askers(tx, ticket).await?,
    };
    readers.retain(|person| Some(person.id) != message.person);
    let headers = thread(plane, tx, ticket, message).await?;
    for person in readers.into_iter().take(READERS) {
        let reply_to = address(plane, tx, ticket.id, &person).await?;
        write(plane, tx, ticket, message, files, &person, Headers { reply_to, ..headers.clone() }).await?;
    }
    Ok(())
}

/// Tells somebody that their letter has become a ticket, and where they go on with it.
pub async fn confirm(plane: &Plane, tx: &Tx, ticket: &Ticket, person: &PersonRow, mail_id: &str) -> Answer<()> {
    if !plane.mail_is_set_up() {
        return Ok(());
    }
    let reply_to = address(plane, tx, ticket.id, person).await?;
    let language = Language::of_tag(&person.language).unwrap_or_default();
    let texts = plane.pages.texts();
    let number = ticket.number.to_string();
    let link = format!("{}/c/{}/tickets/{number}", plane.site(&**tx, Some(&ticket.publisher)).await?, ticket.customer);
    let mark = format!("{MARK}{} -##\n\n", texts.plain(language, "letter-ticket-above"));
    let values = [
        ("number", number.as_str()),
        ("subject", &ticket.subject),
        ("mark", &mark),
        ("name", &person.name),
        ("link", &link),
    ];
    let letter = Letter { to: &person.mail, key: "letter-opened", values: &values };
    let references = vec![format!("<{}@{}>", ticket.id, domain(plane)), mail_id.to_owned()];
    let headers = Headers { reply_to, references, message_id: None };
    letters::send_in(plane, tx, Some(&ticket.publisher), language, letter, &headers).await
}

/// Who answers: whoever looks after it, or else all of support, or else the owners.
async fn helpers(tx: &Tx, ticket: &Ticket) -> Answer<Vec<PersonRow>> {
    let members = people::members(&**tx, &Reach::Publisher(ticket.publisher.clone())).await?;
    let those = |test: &dyn Fn(&people::Member) -> bool| -> Vec<PersonRow> {
        members.iter().filter(|one| test(one)).map(|one| one.person.clone()).collect()
    };
    let assigned = those(&|one| Some(one.person.id) == ticket.assignee);
    let support = those(&|one| one.role == Role::Support);
    let owners = those(&|one| one.role == Role::Owner);
    Ok([assigned, support, owners].into_iter().find(|some| !some.is_empty()).unwrap_or_default())
}

/// Who asks: everybody of the customer who wrote in it, or else the customer's administrators.
async fn askers(tx: &Tx, ticket: &Ticket) -> Answer<Vec<PersonRow>> {
    let place = Reach::Customer(Key::new(ticket.publisher.clone(), ticket.customer.clone()));
    let members = people::members(&**tx, &place).await?;
    let writers = tickets::writers(&**tx, ticket.id, Side::Customer).await?;
    let wrote: Vec<PersonRow> =
        members.iter().filter(|one| writers.contains(&one.person.id)).map(|one| one.person.clone()).collect();
    if !wrote.is_empty() {
        return Ok(wrote);
    }
    Ok(members.into_iter().filter(|one| one.role == Role::CustomerAdmin).map(|one| one.person).collect())
}

/// The domain that ids of letters have.
fn domain(plane: &Plane) -> String {
    let settings = plane.settings.get();
    settings.incoming.as_ref().map_or_else(|| "vclouden".into(), |incoming| incoming.parts().1.to_owned())
}

/// What makes the letters of a ticket one thread: the same for all who read one.
async fn thread(plane: &Plane, tx: &Tx, ticket: &Ticket, message: &NewMessage<'_>) -> Answer<Headers> {
    let domain = domain(plane);
    let own = |id: &dyn std::fmt::Display| format!("<{id}@{domain}>");
    // The newest is this one.
    let before = tickets::thread(&**tx, ticket.id, REFERENCES).await?;
    let before = before.into_iter().filter(|(id, _)| *id != message.id);
    let mut references: Vec<String> = before.map(|(id, mail_id)| mail_id.unwrap_or_else(|| own(&id))).collect();
    references.push(own(&ticket.id));
    references.reverse();
    Ok(Headers { message_id: Some(own(&message.id)), reply_to: None, references })
}

/// Where this person answers this ticket by mail, if letters can come in.
async fn address(plane: &Plane, tx: &Tx, ticket: TicketId, person: &PersonRow) -> Answer<Option<String>> {
    let settings = plane.settings.get();
    let Some(incoming) = &settings.incoming else { return Ok(None) };
    let (before, domain) = incoming.parts();
    let kept = tickets::address_of(&**tx, ticket, person.id).await?;
    let secret = match kept.and_then(|sealed| plane.seal.unseal(PURPOSE, &sealed)) {
        Some(secret) => secret,
        None => {
            let secret: String = Secret::new("").text.chars().take(SECRET).collect();
            let sealed = plane.seal.seal(PURPOSE, &secret);
            tickets::set_address(tx, &secret::sha256(&secret), ticket, person.id, &sealed).await?;
            secret
        }
    };
    Ok(Some(format!("{before}{secret}@{domain}")))
}

async fn write(
    plane: &Plane,
    tx: &Tx,
    ticket: &Ticket,
    message: &NewMessage<'_>,
    files: usize,
    person: &PersonRow,
    headers: Headers,
) -> Answer<()> {
    let language = Language::of_tag(&person.language).unwrap_or_default();
    let texts = plane.pages.texts();
    let (publisher, number) = (&ticket.publisher, ticket.number.to_string());
    let (whose, link) = match message.side {
        Side::Publisher => {
            let found = publishers::name(&**tx, &Reach::All, publisher).await?;
            let site = plane.site(&**tx, Some(publisher)).await?;
            let link = format!("{site}/c/{}/tickets/{number}", ticket.customer);
            (found.unwrap_or_else(|| publisher.to_string()), link)
        }
        Side::Customer => {
            let key = Key::new(publisher.clone(), ticket.customer.clone());
            let link = format!("{}/p/{publisher}/tickets/{number}", plane.site(&**tx, None).await?);
            (customers::find(&**tx, &key).await?.map_or_else(|| key.to_string(), |found| found.name), link)
        }
    };
    let mark = if headers.reply_to.is_some() {
        format!("{MARK}{} -##\n\n", texts.plain(language, "letter-ticket-above"))
    } else {
        String::new()
    };
    let with = match files {
        0 => String::new(),
        some => format!("{}\n\n", texts.with(language, "letter-ticket-files", "n", some as u64)),
    };
    let values = [
        ("number", number.as_str()),
        ("subject", &ticket.subject),
        ("mark", &mark),
        ("author", message.author),
        ("whose", &whose),
        ("text", message.text),
        ("files", &with),
        ("link", &link),
    ];
    let letter = Letter { to: &person.mail, key: "letter-ticket", values: &values };
    // To customers it goes out in the publisher's name.
    let sender = Some(publisher).filter(|_| message.side == Side::Publisher);
    letters::send_in(plane, tx, sender, language, letter, &headers).await
}
