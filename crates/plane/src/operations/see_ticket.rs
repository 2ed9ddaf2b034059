//! Somebody has read a ticket, or wants to be reminded of it. It is theirs alone, so the audit has nothing of it.

use super::Actor;
use super::ticket::find_ticket;
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::unread;
use crate::wire::Ticket;

/// Notes it, and tells the ticket as it is for them.
pub async fn see_ticket(plane: &Plane, actor: &Actor, named: &str, as_unread: bool) -> Answer<Ticket> {
    let ticket = find_ticket(plane.store.read(), &actor.reach, named).await?;
    let person = actor.person().ok_or_else(|| {
        let detail = "this token is nobody's in particular, so there is nobody who has read it; use a person's";
        Refusal::conflict("no-person", detail)
    })?;
    let tx = plane.store.write().await?;
    unread::set(&tx, person, ticket.id, as_unread).await?;
    tx.commit().await?;
    Ok(Ticket { unread: as_unread, ..ticket })
}
