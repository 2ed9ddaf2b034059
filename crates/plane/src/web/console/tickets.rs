//! What customers ask: all of it, and one ticket with its customer and installation beside it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use domain::state::TicketState;
use domain::{AttachmentId, Key};
use minijinja::{Value, context};
use serde::Deserialize;

use super::{Console, value};
use crate::Plane;
use crate::access::Reach;
use crate::operations::Actor;
use crate::operations::answer_ticket::answer_ticket;
use crate::operations::attach::{attach, discard};
use crate::operations::change_ticket::{HELPERS, change_ticket};
use crate::operations::keep_answer::find_answer;
use crate::operations::leave::{leave_of, open_by_leave};
use crate::operations::ticket::{author, find_ticket, side_of};
use crate::problem::{Answer, Refusal};
use crate::store::events::{self, Part as EventPart};
use crate::store::installations::Filter as OfCustomer;
use crate::store::tickets::{self, Filter};
use crate::store::{answers, customers, installations, people, unread};
use crate::web::api::tickets::{self as api, Place, assigned, installation_of, place};
use crate::web::entry::{Form, again};
use crate::web::portal::installations::lead_out;
use crate::web::receive::Received;
use crate::web::visit::{Visit, lead};
use crate::web::{Paging, Path, Query, markdown, view};
use crate::wire::{AddMessage, CannedAnswer, ChangeTicket, Side, Ticket};

const TICKET: &str = "support/console-ticket.html";

/// Tickets of a page of the list.
const PAGE: u64 = 50;

/// Texts, answers, people and installations that a page shows.
const MOST: u64 = 500;

/// Events of the installation that stand beside a ticket.
const EVENTS: u64 = 5;

/// Which ones; a form sends what was not chosen as empty.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    pub q: Option<String>,
    pub state: Option<String>,
    pub assignee: Option<String>,
    pub customer: Option<String>,
    #[serde(flatten)]
    pub paging: Paging,
}

/// What is chosen.
fn given(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// The tickets of a page of the list, and where it goes on.
pub async fn page_of(plane: &Plane, visit: &Visit, actor: &Actor, wanted: &Wanted) -> Answer<Value> {
    let publisher = actor.reach.publisher().ok_or_else(|| Refusal::internal("tickets of no publisher"))?;
    let filter = Filter {
        state: given(wanted.state.as_ref()).and_then(|state| state.parse().ok()),
        assigned: given(wanted.assignee.as_ref()).map(|text| assigned(actor, text)).transpose()?,
        customer: given(wanted.customer.as_ref())
            .and_then(|customer| customer.parse().ok())
            .map(|customer| Key::new(publisher.clone(), customer)),
        installation: None,
        text: given(wanted.q.as_ref()).map(|text| text.replace('\0', "")),
    };
    let after = wanted.paging.after::<Place>()?.map(|Place(at, id)| (at, id));
    let mut rows = tickets::list(plane.store.read(), &actor.reach, &filter, after, PAGE + 1).await?;
    unread::mark(plane.store.read(), actor.person(), &mut rows).await?;
    let part = crate::web::page(rows, PAGE, place);
    let all = [&wanted.q, &wanted.state, &wanted.assignee, &wanted.customer];
    Ok(context! {
        tickets => value(&part.items),
        next => part.next.map(|cursor| visit.view.with_query("cursor", &cursor)),
        filtered => after.is_some() || all.iter().any(|one| given(one.as_ref()).is_some()),
        q => given(wanted.q.as_ref()),
        state => given(wanted.state.as_ref()),
        assignee => given(wanted.assignee.as_ref()),
        customer => given(wanted.customer.as_ref()),
    })
}

pub async fn list(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let values = context! {
        shell => page.shell("/tickets")?,
        base => page.base(),
        customers => value(&customers::names(plane.store.read(), &actor.reach, MOST).await?),
        address => plane.ticket_address(page.publisher()?),
        ..page_of(&plane, &visit, &actor, &wanted).await?
    };
    Ok(plane.pages.page(&visit.view, "support/console-list.html", values))
}

/// What was said, as a page shows it to this side.
pub async fn thread(plane: &Plane, actor: &Actor, ticket: &Ticket) -> Answer<Vec<Value>> {
    let notes = side_of(&actor.reach) == Side::Publisher;
    let all = tickets::newest_messages(plane.store.read(), ticket.id, notes, MOST).await?;
    let shown = all.into_iter().map(|one| {
        context! {
            side => value(&one.side), internal => one.internal, author => one.author, by_mail => one.by_mail,
            html => Value::from_safe_string(markdown::letter(&one.text)), created_at => one.created_at,
            attachments => value(&one.attachments),
        }
    });
    Ok(shown.collect())
}

/// What stands in the form of an answer.
#[derive(Debug, Default)]
struct Draft {
    text: String,
    state: Option<TicketState>,
    internal: bool,
}

/// Who looks at a ticket has read it; what their menu says counts it no more.
pub async fn seen(plane: &Plane, visit: &mut Visit, actor: &Actor, ticket: &Ticket) -> Answer<()> {
    let mut own = [ticket.clone()];
    unread::mark(plane.store.read(), actor.person(), &mut own).await?;
    if let (true, Some(person)) = (own[0].unread, actor.person()) {
        let tx = plane.store.write().await?;
        unread::set(&tx, person, ticket.id, false).await?;
        tx.commit().await?;
        visit.unread = visit.unread.saturating_sub(1);
    }
    Ok(())
}

pub async fn show(
    State(plane): State<Arc<Plane>>,
    mut visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
) -> Answer<Response> {
    let ticket = find_ticket(plane.store.read(), &actor.reach, &text).await?;
    seen(&plane, &mut visit, &actor, &ticket).await?;
    let values = values(&plane, &visit, &actor, &text, Draft::default()).await?;
    Ok(plane.pages.page(&visit.view, TICKET, values))
}

async fn values(plane: &Plane, visit: &Visit, actor: &Actor, text: &str, draft: Draft) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let db = plane.store.read();
    let ticket = find_ticket(db, &actor.reach, text).await?;
    let of_customer = OfCustomer {
        customer: Some(Key::new(ticket.publisher.clone(), ticket.customer.clone())),
        ..OfCustomer::default()
    };
    let all = installations::list(db, &actor.reach, &of_customer, "", MOST).await?;
    let choices = all.iter().map(|row| [row.id.to_string(), row.name.to_string()]);
    let nothing = [["none".to_owned(), page.text("none")]];
    let usual = if ticket.state == TicketState::Closed { TicketState::Closed } else { TicketState::Waiting };
    let states = TicketState::ALL.iter().filter(|state| ticket.state.advance(**state).is_ok());
    let states = states.map(|state| [state.to_string(), page.text(&format!("ticket-state-{state}"))]);
    Ok(context! {
        shell => page.shell("/tickets")?,
        base => page.base(),
        csrf_of_form => visit.view.csrf.clone(),
        messages => thread(plane, actor, &ticket).await?,
        members => members(&page, &ticket).await?,
        states => value(&states.collect::<Vec<_>>()),
        installations => value(&nothing.into_iter().chain(choices).collect::<Vec<_>>()),
        answers => value(&answers::list(db, &actor.reach, None, MOST).await?),
        text => draft.text,
        internal => draft.internal,
        chosen => draft.state.unwrap_or(usual).to_string(),
        ticket => value(&ticket),
        ..beside(plane, actor, &ticket).await?
    })
}

/// Who may look after it.
async fn members(page: &Console<'_>, ticket: &Ticket) -> Answer<Value> {
    let all = people::members(page.plane.store.read(), &Reach::Publisher(ticket.publisher.clone())).await?;
    let helpers = all.into_iter().filter(|member| HELPERS.contains(&member.role));
    let choices = helpers.map(|member| [member.person.id.to_string(), member.person.name]);
    let nobody = ["nobody".to_owned(), page.text("ticket-nobody")];
    Ok(value(&[nobody].into_iter().chain(choices).collect::<Vec<_>>()))
}

/// The installation that it is about.
async fn beside(plane: &Plane, actor: &Actor, ticket: &Ticket) -> Answer<Value> {
    let Some(row) = installation_of(plane, ticket).await? else {
        return Ok(context! { installation => (), leave => (), events => () });
    };
    let (db, id) = (plane.store.read(), row.id);
    let filter = events::Filter { installation: Some(id), ..events::Filter::default() };
    let newest = EventPart::NewestFirst { after: 0, before: u64::MAX };
    Ok(context! {
        installation => value(&view::installation(plane, db, row).await?),
        leave => leave_of(db, id, plane.now()).await?.as_ref().map(value),
        events => value(&events::list(db, &actor.reach, &filter, newest, EVENTS).await?),
    })
}

/// Does something with the files of a form; they are gone again if it is refused, since no form can name them.
pub async fn with_files<T, F: Future<Output = Answer<T>>>(
    plane: &Plane,
    actor: &Actor,
    files: Vec<(String, Received)>,
    refused: Option<Refusal>,
    work: impl FnOnce(Vec<AttachmentId>) -> F,
) -> Answer<T> {
    if let Some(refusal) = refused {
        return Err(refusal);
    }
    let mut kept = Vec::with_capacity(files.len());
    let done = async {
        for (name, received) in files {
            kept.push(attach(plane, &actor.id, api::file(name, &received)).await?);
        }
        work(kept.iter().map(|file| file.id).collect()).await
    };
    let done = done.await;
    if done.is_err() {
        discard(plane, &actor.id, &kept).await?;
    }
    done
}

pub async fn answer(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
    request: Request,
) -> Answer<Response> {
    let base = Console { plane: &plane, visit: &visit, actor: &actor }.base();
    let ticket = find_ticket(plane.store.read(), &actor.reach, &text).await?;
    let sent = Received::form(&plane, request).await?;
    let mut draft = Draft {
        text: sent.field("text").to_owned(),
        state: sent.field("state").parse().ok(),
        internal: sent.fields.contains_key("internal"),
    };
    if sent.field("act") == "insert" {
        let canned = find_answer(plane.store.read(), &actor.reach, sent.field("canned")).await?;
        let words = fill(&plane, &actor, &ticket, canned).await?;
        let between = if draft.text.trim().is_empty() { "" } else { "\n\n" };
        draft.text = format!("{}{between}{words}", draft.text.trim_end());
        return Ok(plane.pages.page(&visit.view, TICKET, values(&plane, &visit, &actor, &text, draft).await?));
    }
    let said = async |attachments| {
        // A note changes nothing that nobody asked for: the form always says what is to come after an answer.
        let state = draft.state.filter(|_| !draft.internal);
        let message = AddMessage { text: draft.text.clone(), internal: draft.internal, state, attachments };
        answer_ticket(&plane, &actor, &text, message).await
    };
    match with_files(&plane, &actor, sent.files, sent.refused, said).await {
        Ok(message) => {
            let done = if message.internal { "done-note" } else { "done-answer" };
            Ok(lead(&format!("{base}/tickets/{}", ticket.number), Some(("good", done))))
        }
        Err(refusal) => again(&plane, &visit, refusal, TICKET, values(&plane, &visit, &actor, &text, draft).await?),
    }
}

/// A kept answer with its places filled in for this ticket.
async fn fill(plane: &Plane, actor: &Actor, ticket: &Ticket, canned: CannedAnswer) -> Answer<String> {
    let me = author(plane.store.read(), actor).await?.name;
    let row = installation_of(plane, ticket).await?;
    let name = row.as_ref().map(|row| row.name.to_string()).unwrap_or_default();
    let address = row.filter(|row| row.serves_http).map(|row| plane.url(&row.name)).unwrap_or_default();
    let number = ticket.number.to_string();
    let values = [
        ("{customer}", ticket.customer_name.as_str()),
        ("{person}", &ticket.opened_by),
        ("{me}", &me),
        ("{number}", &number),
        ("{installation}", &name),
        ("{address}", &address),
    ];
    Ok(values.iter().fold(canned.text, |text, (place, value)| text.replace(place, value)))
}

/// Who looks after it, and what it is.
#[derive(Debug, Deserialize)]
pub struct Change {
    assignee: String,
    state: String,
    installation: String,
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
    Form(input): Form<Change>,
) -> Answer<Response> {
    let base = Console { plane: &plane, visit: &visit, actor: &actor }.base();
    let ticket = find_ticket(plane.store.read(), &actor.reach, &text).await?;
    // What stays is not said: an installation that was removed since could not be named again.
    let stays = ticket.installation.map_or_else(|| "none".into(), |id| id.to_string()) == input.installation;
    let wanted = ChangeTicket {
        state: input.state.parse().ok(),
        assignee: Some(input.assignee),
        installation: Some(input.installation).filter(|_| !stays),
    };
    match change_ticket(&plane, &actor, &text, wanted).await {
        Ok(ticket) => Ok(lead(&format!("{base}/tickets/{}", ticket.number), Some(("good", "done-ticket")))),
        Err(refusal) => {
            let values = values(&plane, &visit, &actor, &text, Draft::default()).await?;
            again(&plane, &visit, refusal, TICKET, values)
        }
    }
}

/// Leads into the installation that it is about, by the customer's leave.
pub async fn open(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
) -> Answer<Response> {
    let ticket = find_ticket(plane.store.read(), &actor.reach, &text).await?;
    let named = ticket.installation.map(|id| id.to_string()).unwrap_or_default();
    match open_by_leave(&plane, &actor, &named).await {
        Ok(opened) => {
            let name = ticket.installation_name.map(|name| name.to_string()).unwrap_or_default();
            Ok(lead_out(&plane, &visit, &opened.url, &name))
        }
        Err(refusal) => {
            let values = values(&plane, &visit, &actor, &text, Draft::default()).await?;
            again(&plane, &visit, refusal, TICKET, values)
        }
    }
}

/// A file that came with it.
pub async fn download(
    state: State<Arc<Plane>>,
    actor: Actor,
    Path((_, ticket, attachment)): Path<(String, String, String)>,
) -> Answer<Response> {
    api::download(state, actor, Path((ticket, attachment))).await
}
