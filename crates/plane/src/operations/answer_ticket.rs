//! Adds a text to a ticket: an answer, a further question, or a note among those who answer.

use domain::MessageId;
use domain::state::TicketState;
use serde_json::json;

use super::tell::tell;
use super::ticket::{Author, author, find_ticket, record, text_for_people};
use super::{Actor, attach};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::{Tx, tickets, unread};
use crate::wire::{AddMessage, Side, Ticket, TicketMessage};

/// Adds it.
pub async fn answer_ticket(plane: &Plane, actor: &Actor, named: &str, input: AddMessage) -> Answer<TicketMessage> {
    let tx = plane.store.write().await?;
    let ticket = find_ticket(&*tx, &actor.reach, named).await?;
    let text = text_for_people(&input.text)?;
    let author = author(&*tx, actor).await?;
    let new = New { text: &text, internal: input.internal, state: input.state, mail_id: None };
    let id = add(plane, &tx, &author, actor.name(), ticket, new, &input.attachments).await?;
    let added = tickets::newest_messages(&*tx, id.0, true, 3).await?.into_iter().find(|one| one.id == id.1);
    tx.commit().await?;
    plane.progress.mails.notify_one();
    plane.progress.changed();
    added.ok_or_else(|| Refusal::internal("a message is missing"))
}

/// A text that is to be.
pub struct New<'a> {
    /// What it says.
    pub text: &'a str,
    /// Whether the customer does not see it.
    pub internal: bool,
    /// What the ticket is from now on.
    pub state: Option<TicketState>,
    /// The id of the letter that it came by.
    pub mail_id: Option<&'a str>,
}

/// Keeps it and tells the other side.
pub async fn add(
    plane: &Plane,
    tx: &Tx,
    author: &Author,
    who: &str,
    mut ticket: Ticket,
    new: New<'_>,
    files: &[domain::AttachmentId],
) -> Answer<(domain::TicketId, MessageId)> {
    let customer = author.side == Side::Customer;
    if customer && (new.internal || new.state.is_some()) {
        let detail = "notes and states are the publisher's: leave \"internal\" and \"state\" out";
        return Err(Refusal::invalid("bad-message", detail));
    }
    if ticket.state == TicketState::Closed && !new.internal {
        let detail = "this ticket is closed; open another one";
        return Err(Refusal::conflict("ticket-closed", detail));
    }
    let usual = match (new.internal, author.side) {
        (true, _) => ticket.state,
        (false, Side::Customer) => TicketState::Open,
        (false, Side::Publisher) => TicketState::Waiting,
    };
    ticket.state = ticket.state.advance(new.state.unwrap_or(usual))?;
    let (message, at) = (MessageId::new(), plane.now());
    let row = tickets::NewMessage {
        id: message,
        ticket: ticket.id,
        side: author.side,
        internal: new.internal,
        person: author.person,
        author: &author.name,
        text: new.text,
        mail_id: new.mail_id,
        at,
    };
    tickets::add(tx, &row).await?;
    attach::use_files(tx, author, ticket.id, message, files).await?;
    if !new.internal {
        ticket.last_from = author.side;
        ticket.updated_at = at;
    }
    tickets::update(tx, &ticket).await?;
    unread::said(tx, &ticket, author.person, new.internal).await?;
    let verb = if new.internal { "ticket.note" } else { "ticket.answer" };
    let detail = json!({ "state": ticket.state, "mail": new.mail_id.is_some() });
    record(plane, tx, who, verb, &ticket, new.internal, detail).await?;
    if !new.internal {
        tell(plane, tx, &ticket, &row, files.len()).await?;
    }
    Ok((ticket.id, message))
}
