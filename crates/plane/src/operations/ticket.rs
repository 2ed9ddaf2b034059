//! What the operations about tickets have in common: which one is meant, who speaks, what a text may be.

use domain::{PersonId, TicketId};
use sea_orm::ConnectionTrait;
use serde_json::Value as Json;

use super::{Actor, short};
use crate::Plane;
use crate::access::Reach;
use crate::problem::{Answer, Refusal};
use crate::store::events::{self, New as Event};
use crate::store::{Tx, people, tickets};
use crate::whence;
use crate::wire::{Outcome, Side, Ticket};

/// Most characters of a text.
pub const TEXT: usize = 10_000;

/// Who speaks.
#[derive(Clone, Debug)]
pub struct Author {
    /// On which side.
    pub side: Side,
    /// The person, unless it is a token of nobody in particular.
    pub person: Option<PersonId>,
    /// As they are called.
    pub name: String,
    /// Whose files are theirs to attach.
    pub sender: String,
}

/// The side that somebody is on.
pub fn side_of(reach: &Reach) -> Side {
    if reach.customer().is_some() { Side::Customer } else { Side::Publisher }
}

/// As whom somebody speaks.
pub async fn author(db: &impl ConnectionTrait, actor: &Actor) -> Answer<Author> {
    let person = match actor.person() {
        Some(id) => people::find(db, id).await?,
        None => None,
    };
    Ok(Author {
        side: side_of(&actor.reach),
        person: actor.person(),
        name: person.map_or_else(|| actor.name().to_owned(), |person| person.name),
        sender: actor.id.clone(),
    })
}

/// The ticket within reach that `text` names: its id, its number, or for those who reach several publishers
/// `publisher:number`.
pub async fn find_ticket(db: &impl ConnectionTrait, reach: &Reach, text: &str) -> Answer<Ticket> {
    let found = match (text.parse::<TicketId>(), text.split_once(':')) {
        (Ok(id), _) => tickets::find(db, reach, id).await?,
        (_, Some((publisher, count))) => match (publisher.parse(), count.parse()) {
            (Ok(publisher), Ok(count)) => tickets::numbered(db, reach, &publisher, count).await?,
            _ => None,
        },
        (_, None) => match (reach.publisher(), text.parse()) {
            (Some(publisher), Ok(count)) => tickets::numbered(db, reach, publisher, count).await?,
            _ => None,
        },
    };
    found.ok_or_else(|| {
        let detail = format!("there is no ticket \"{}\"; list them with `vclouden ticket list`", short(text));
        Refusal::missing("unknown-ticket", detail)
    })
}

/// What somebody wrote, without what no text has.
pub fn text_for_people(text: &str) -> Answer<String> {
    let text: String =
        text.replace("\r\n", "\n").chars().filter(|c| matches!(c, '\n' | '\t') || !c.is_control()).collect();
    let text = text.trim_end().trim_start_matches('\n');
    if text.trim().is_empty() || text.chars().count() > TEXT {
        return Err(Refusal::invalid(
            "bad-text",
            format!("a text has 1 to {TEXT} characters; send a longer one as a file"),
        ));
    }
    Ok(text.to_owned())
}

/// Writes into the audit what was done to a ticket; what the customer does not see is not among their events.
pub async fn record(
    plane: &Plane,
    tx: &Tx,
    who: &str,
    verb: &'static str,
    ticket: &Ticket,
    hidden: bool,
    detail: Json,
) -> Answer<()> {
    let event = Event {
        at: plane.now(),
        actor: who.to_owned(),
        address: whence::address(),
        verb,
        kind: "ticket",
        id: ticket.id.to_string(),
        name: Some(format!("#{} {}", ticket.number, ticket.subject)),
        publisher: Some(ticket.publisher.clone()),
        customer: Some(ticket.customer.clone()).filter(|_| !hidden),
        app: None,
        installation: ticket.installation.filter(|_| !hidden),
        outcome: Outcome::Done,
        detail,
    };
    events::record(tx, &event).await?;
    Ok(())
}
