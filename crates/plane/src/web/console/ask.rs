//! A ticket that somebody of the publisher opens for a customer, such as after a call.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use minijinja::{Value, context};
use serde::Deserialize;

use super::tickets::with_files;
use super::{Console, value};
use crate::Plane;
use crate::operations::Actor;
use crate::operations::open_ticket::open_ticket;
use crate::problem::Answer;
use crate::store::customers;
use crate::store::installations::{self, Filter};
use crate::web::Query;
use crate::web::entry::again;
use crate::web::receive::Received;
use crate::web::visit::{Visit, lead};
use crate::wire::OpenTicket;

const TEMPLATE: &str = "support/console-new.html";

/// Customers and installations to choose from.
const MOST: u64 = 500;

/// For whom, where a link says it.
#[derive(Debug, Default, Deserialize)]
pub struct For {
    #[serde(default)]
    customer: String,
}

pub async fn new(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(wanted): Query<For>,
) -> Answer<Response> {
    let values =
        values(&plane, &visit, &actor, &[wanted.customer, String::new(), String::new(), String::new()]).await?;
    Ok(plane.pages.page(&visit.view, TEMPLATE, values))
}

async fn values(plane: &Plane, visit: &Visit, actor: &Actor, sent: &[String; 4]) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let db = plane.store.read();
    let customers = customers::names(db, &actor.reach, MOST).await?;
    let all = installations::list(db, &actor.reach, &Filter::default(), "", MOST).await?;
    let named = |name: &str, customer: &str| [name.to_owned(), format!("{name} ({customer})")];
    let installations: Vec<[String; 2]> =
        all.iter().map(|row| named(row.name.as_str(), row.customer.as_str())).collect();
    let [customer, installation, subject, text] = sent;
    Ok(context! {
        shell => page.shell("/tickets")?,
        base => page.base(),
        csrf_of_form => visit.view.csrf.clone(),
        customers => value(&customers),
        installations => value(&installations),
        customer,
        installation,
        subject,
        text,
    })
}

pub async fn create(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor, request: Request) -> Answer<Response> {
    let base = Console { plane: &plane, visit: &visit, actor: &actor }.base();
    let sent = Received::form(&plane, request).await?;
    let said = ["customer", "installation", "subject", "text"].map(|name| sent.field(name).to_owned());
    let open = async |attachments| {
        let [customer, installation, subject, text] = said.clone();
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        let (customer, installation) = (given(customer), given(installation));
        open_ticket(&plane, &actor, OpenTicket { subject, text, installation, customer, attachments }).await
    };
    match with_files(&plane, &actor, sent.files, sent.refused, open).await {
        Ok(ticket) => Ok(lead(&format!("{base}/tickets/{}", ticket.number), Some(("good", "done-ticket-opened")))),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, &said).await?),
    }
}
