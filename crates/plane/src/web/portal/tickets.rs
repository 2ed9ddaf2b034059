//! What a customer asks the publisher.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use domain::state::TicketState;
use minijinja::{Value, context};

use super::Inside;
use crate::Plane;
use crate::operations::Actor;
use crate::operations::answer_ticket::answer_ticket;
use crate::operations::change_ticket::change_ticket;
use crate::operations::open_ticket::open_ticket;
use crate::operations::ticket::find_ticket;
use crate::problem::Answer;
use crate::store::installations::{self, Filter};
use crate::web::console::tickets::{Wanted, page_of, seen, thread, with_files};
use crate::web::console::value;
use crate::web::entry::again;
use crate::web::receive::{Received, Sent};
use crate::web::visit::{Visit, lead};
use crate::web::{Path, Query};
use crate::wire::{AddMessage, ChangeTicket, OpenTicket};

const NEW: &str = "support/portal-new.html";
const TICKET: &str = "support/portal-ticket.html";

/// Installations that a question can be about.
const MOST: u64 = 500;

pub async fn list(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    let page = Inside { plane: &plane, visit: &visit, actor: &actor };
    // Who at the publisher looks after what is not the customer's to ask.
    let wanted = Wanted { assignee: None, customer: None, ..wanted };
    let tickets = page_of(&plane, &visit, &actor, &wanted).await?;
    let address = plane.ticket_address(&page.customer()?.publisher);
    let values = context! { portal => page.frame("/tickets")?, base => page.base()?, address, ..tickets };
    Ok(plane.pages.page(&visit.view, "support/portal-list.html", values))
}

pub async fn new(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor) -> Answer<Response> {
    let values = new_values(&plane, &visit, &actor, None).await?;
    Ok(plane.pages.page(&visit.view, NEW, values))
}

async fn new_values(plane: &Plane, visit: &Visit, actor: &Actor, sent: Option<&[String; 3]>) -> Answer<Value> {
    let page = Inside { plane, visit, actor };
    let all = installations::list(plane.store.read(), &actor.reach, &Filter::default(), "", MOST).await?;
    let choices: Vec<[String; 2]> = all.iter().map(|row| [row.name.to_string(), row.name.to_string()]).collect();
    let [subject, text, chosen] = sent.cloned().unwrap_or_default();
    Ok(context! {
        portal => page.frame("/tickets")?,
        base => page.base()?,
        csrf_of_form => visit.view.csrf.clone(),
        installations => value(&choices),
        subject,
        text,
        chosen,
    })
}

pub async fn create(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor, request: Request) -> Answer<Response> {
    let base = Inside { plane: &plane, visit: &visit, actor: &actor }.base()?;
    let sent = Received::form(&plane, request).await?;
    let said = ["subject", "text", "installation"].map(|name| sent.field(name).to_owned());
    let open = async |attachments| {
        let [subject, text, installation] = said.clone();
        let installation = Some(installation).filter(|name| !name.is_empty());
        open_ticket(&plane, &actor, OpenTicket { subject, text, installation, customer: None, attachments }).await
    };
    match with_files(&plane, &actor, sent.files, sent.refused, open).await {
        Ok(ticket) => Ok(lead(&format!("{base}/tickets/{}", ticket.number), Some(("good", "done-asked")))),
        Err(refusal) => {
            let values = new_values(&plane, &visit, &actor, Some(&said)).await?;
            again(&plane, &visit, refusal, NEW, values)
        }
    }
}

pub async fn show(
    State(plane): State<Arc<Plane>>,
    mut visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
) -> Answer<Response> {
    let ticket = find_ticket(plane.store.read(), &actor.reach, &text).await?;
    seen(&plane, &mut visit, &actor, &ticket).await?;
    let values = values(&plane, &visit, &actor, &text, "").await?;
    Ok(plane.pages.page(&visit.view, TICKET, values))
}

async fn values(plane: &Plane, visit: &Visit, actor: &Actor, named: &str, text: &str) -> Answer<Value> {
    let page = Inside { plane, visit, actor };
    let ticket = find_ticket(plane.store.read(), &actor.reach, named).await?;
    Ok(context! {
        portal => page.frame("/tickets")?,
        base => page.base()?,
        csrf_of_form => visit.view.csrf.clone(),
        messages => thread(plane, actor, &ticket).await?,
        ticket => value(&ticket),
        text,
    })
}

pub async fn answer(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, named)): Path<(String, String)>,
    request: Request,
) -> Answer<Response> {
    let base = Inside { plane: &plane, visit: &visit, actor: &actor }.base()?;
    let ticket = find_ticket(plane.store.read(), &actor.reach, &named).await?;
    let sent = Received::form(&plane, request).await?;
    let text = sent.field("text").to_owned();
    let Sent { files, refused, .. } = sent;
    let say = async |attachments| {
        let message = AddMessage { text: text.clone(), internal: false, state: None, attachments };
        answer_ticket(&plane, &actor, &named, message).await
    };
    match with_files(&plane, &actor, files, refused, say).await {
        Ok(_) => Ok(lead(&format!("{base}/tickets/{}", ticket.number), Some(("good", "done-answer")))),
        Err(refusal) => again(&plane, &visit, refusal, TICKET, values(&plane, &visit, &actor, &named, &text).await?),
    }
}

pub async fn solved(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, named)): Path<(String, String)>,
) -> Answer<Response> {
    let base = Inside { plane: &plane, visit: &visit, actor: &actor }.base()?;
    let solved = ChangeTicket { state: Some(TicketState::Solved), ..ChangeTicket::default() };
    let ticket = change_ticket(&plane, &actor, &named, solved).await?;
    Ok(lead(&format!("{base}/tickets/{}", ticket.number), Some(("good", "done-solved"))))
}
