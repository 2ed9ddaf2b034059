//! Opens a ticket: a customer asks, or somebody who answers does it for them.

use domain::state::TicketState;
use domain::{Key, MessageId, TicketId};
use serde_json::json;

use super::tell::tell;
use super::ticket::{Author, author, record, text_for_people};
use super::{Actor, attach, customer_key, find_installation, line_for_people};
use crate::Plane;
use crate::access::Reach;
use crate::problem::{Answer, Refusal};
use crate::store::{Tx, customers, tickets, unread};
use crate::wire::{OpenTicket, Side, Ticket};

/// Opens it.
pub async fn open_ticket(plane: &Plane, actor: &Actor, input: OpenTicket) -> Answer<Ticket> {
    let subject = line_for_people("subject", &input.subject)?;
    let text = text_for_people(&input.text)?;
    let tx = plane.store.write().await?;
    let customer = whose(&tx, actor, input.customer.as_deref()).await?;
    let reach = Reach::Customer(customer.clone());
    let installation = match &input.installation {
        Some(named) => Some(find_installation(&*tx, &reach, named).await?.id),
        None => None,
    };
    let author = author(&*tx, actor).await?;
    let new = New { customer: &customer, installation, subject: &subject, text: &text, mail_id: None };
    let ticket = create(plane, &tx, &author, actor.name(), new, &input.attachments).await?;
    tx.commit().await?;
    plane.progress.mails.notify_one();
    plane.progress.changed();
    Ok(ticket)
}

/// The customer that it is for.
async fn whose(tx: &Tx, actor: &Actor, named: Option<&str>) -> Answer<Key> {
    let key = match (named, &actor.reach) {
        (None, Reach::Customer(own)) => return Ok(own.clone()),
        (None, _) => return Err(Refusal::invalid("bad-customer", "say for which customer, with the key \"customer\"")),
        (Some(text), _) => customer_key(&**tx, actor, text).await?,
    };
    match customers::find(&**tx, &key).await? {
        Some(_) => Ok(key),
        None => Err(super::delete_customer::unknown_customer(&key.slug)),
    }
}

/// A ticket that is to be.
pub struct New<'a> {
    /// Whose it is.
    pub customer: &'a Key,
    /// The installation that it is about.
    pub installation: Option<domain::InstallationId>,
    /// What it is about.
    pub subject: &'a str,
    /// What is asked.
    pub text: &'a str,
    /// The id of the letter that it came by.
    pub mail_id: Option<&'a str>,
}

/// Keeps it with its first text and tells the other side.
pub async fn create(
    plane: &Plane,
    tx: &Tx,
    author: &Author,
    who: &str,
    new: New<'_>,
    files: &[domain::AttachmentId],
) -> Answer<Ticket> {
    let (id, message, at) = (TicketId::new(), MessageId::new(), plane.now());
    // Who opens it for a customer has said something that the customer has to answer.
    let state = if author.side == Side::Customer { TicketState::Open } else { TicketState::Waiting };
    let row = tickets::New {
        id,
        customer: new.customer,
        installation: new.installation,
        subject: new.subject,
        state,
        opened_by: &author.name,
        side: author.side,
        at,
    };
    tickets::create(tx, &row).await?;
    let first = tickets::NewMessage {
        id: message,
        ticket: id,
        side: author.side,
        internal: false,
        person: author.person,
        author: &author.name,
        text: new.text,
        mail_id: new.mail_id,
        at,
    };
    tickets::add(tx, &first).await?;
    attach::use_files(tx, author, id, message, files).await?;
    let ticket =
        tickets::find(&**tx, &Reach::All, id).await?.ok_or_else(|| Refusal::internal("a ticket is missing"))?;
    unread::said(tx, &ticket, author.person, false).await?;
    record(plane, tx, who, "ticket.open", &ticket, false, json!({ "number": ticket.number })).await?;
    tell(plane, tx, &ticket, &first, files.len()).await?;
    Ok(ticket)
}
