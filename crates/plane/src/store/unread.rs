//! In which tickets somebody has not read the last word. A row comes with each word of another, and goes with a look.

use domain::{PersonId, TicketId};
use sea_orm::ConnectionTrait;

use super::{Result, Tx, all, count, maybe_text, parse, run, text};
use crate::access::Reach;
use crate::wire::Ticket;

/// Somebody has said something: all others who may read it have not. What is internal is for the publisher's side only.
pub async fn said(tx: &Tx, ticket: &Ticket, by: Option<PersonId>, internal: bool) -> Result<()> {
    let customer = if internal { "" } else { " OR m.customer = $3" };
    let sql = format!(
        "INSERT INTO ticket_unread (person, ticket) SELECT m.person, $1 FROM memberships m \
         WHERE m.publisher = $2 AND (m.customer = '' AND m.role IN ('owner', 'developer', 'support'){customer}) \
         AND m.person <> COALESCE($4, '') ON CONFLICT DO NOTHING"
    );
    // PostgreSQL wants every value to be named.
    let sql = if internal { sql.replace("$4", "$3") } else { sql };
    let mut values = vec![text(ticket.id), text(&ticket.publisher)];
    if !internal {
        values.push(text(&ticket.customer));
    }
    values.push(maybe_text(by));
    run(&**tx, &sql, values).await?;
    match by {
        // Whoever writes has read what is above.
        Some(person) => set(tx, person, ticket.id, false).await,
        None => Ok(()),
    }
}

/// Somebody has read it all, or wants it to be as if they had not.
pub async fn set(tx: &Tx, person: PersonId, ticket: TicketId, unread: bool) -> Result<()> {
    let sql = match unread {
        true => "INSERT INTO ticket_unread (person, ticket) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        false => "DELETE FROM ticket_unread WHERE person = $1 AND ticket = $2",
    };
    run(&**tx, sql, [text(person), text(ticket)]).await?;
    Ok(())
}

/// How many tickets within reach somebody has not read.
pub async fn number_of(db: &impl ConnectionTrait, reach: &Reach, person: PersonId) -> Result<u64> {
    let mut values = vec![text(person)];
    let mine = reach.sql("t.publisher", "t.customer", &mut values);
    let sql = format!(
        "SELECT COUNT(*) AS n FROM ticket_unread u JOIN tickets t ON t.id = u.ticket WHERE u.person = $1{mine}"
    );
    count(db, &sql, values).await
}

/// Notes of each ticket whether somebody has read it; nobody in particular has.
pub async fn mark(db: &impl ConnectionTrait, person: Option<PersonId>, tickets: &mut [Ticket]) -> Result<()> {
    let Some(person) = person.filter(|_| !tickets.is_empty()) else { return Ok(()) };
    let places: Vec<String> = (0..tickets.len()).map(|at| format!("${}", at + 2)).collect();
    let sql = format!("SELECT ticket FROM ticket_unread WHERE person = $1 AND ticket IN ({})", places.join(", "));
    let values: Vec<_> = [text(person)].into_iter().chain(tickets.iter().map(|ticket| text(ticket.id))).collect();
    let unread: Vec<TicketId> = all(db, &sql, values, |row| parse(row, "ticket")).await?;
    tickets.iter_mut().for_each(|ticket| ticket.unread = unread.contains(&ticket.id));
    Ok(())
}
