//! Changes what a ticket is, who looks after it, and what it is about.

use domain::PersonId;
use domain::state::TicketState;
use serde_json::json;

use super::ticket::{find_ticket, record};
use super::{Actor, find_installation};
use crate::Plane;
use crate::access::{Reach, Role};
use crate::problem::{Answer, Refusal};
use crate::store::{Tx, people, tickets};
use crate::wire::{ChangeTicket, Ticket};

/// Who may look after tickets.
pub const HELPERS: &[Role] = &[Role::Owner, Role::Developer, Role::Support];

/// Changes what is given.
pub async fn change_ticket(plane: &Plane, actor: &Actor, named: &str, input: ChangeTicket) -> Answer<Ticket> {
    let tx = plane.store.write().await?;
    let mut ticket = find_ticket(&*tx, &actor.reach, named).await?;
    let before = ticket.clone();
    if actor.reach.customer().is_some() {
        let only_solved = input.state.is_none_or(|state| state == TicketState::Solved);
        if !only_solved || input.assignee.is_some() || input.installation.is_some() {
            let detail = "a customer may only say that a ticket is solved; write a message to open it again";
            return Err(Refusal::invalid("bad-change", detail));
        }
    }
    if let Some(state) = input.state {
        ticket.state = ticket.state.advance(state)?;
    }
    if let Some(named) = &input.assignee {
        ticket.assignee = assignee(&tx, actor, &ticket, named).await?;
    }
    if let Some(named) = &input.installation {
        let reach = Reach::Customer(domain::Key::new(ticket.publisher.clone(), ticket.customer.clone()));
        ticket.installation = match named.as_str() {
            "none" => None,
            named => Some(find_installation(&*tx, &reach, named).await?.id),
        };
    }
    if ticket == before {
        return Ok(ticket);
    }
    tickets::update(&tx, &ticket).await?;
    if ticket.state != before.state || ticket.installation != before.installation {
        let detail = json!({ "state": ticket.state, "installation": ticket.installation });
        record(plane, &tx, actor.name(), "ticket.change", &ticket, false, detail).await?;
    }
    if ticket.assignee != before.assignee {
        let detail = json!({ "assignee": ticket.assignee });
        record(plane, &tx, actor.name(), "ticket.assign", &ticket, true, detail).await?;
    }
    let changed = tickets::find(&*tx, &actor.reach, ticket.id).await?;
    tx.commit().await?;
    plane.progress.changed();
    changed.ok_or_else(|| Refusal::internal("a ticket is missing"))
}

/// The member that is named.
async fn assignee(tx: &Tx, actor: &Actor, ticket: &Ticket, named: &str) -> Answer<Option<PersonId>> {
    let wanted = match named {
        "nobody" | "" => return Ok(None),
        "me" => actor.person(),
        id => id.parse().ok(),
    };
    let members = people::members(&**tx, &Reach::Publisher(ticket.publisher.clone())).await?;
    let found = members.iter().find(|one| Some(one.person.id) == wanted && HELPERS.contains(&one.role));
    found.map(|one| Some(one.person.id)).ok_or_else(|| {
        let detail = "tickets are looked after by an owner, a developer or support of their publisher; name one by id";
        Refusal::invalid("bad-assignee", detail)
    })
}
