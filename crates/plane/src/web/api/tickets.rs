//! What customers ask and publishers answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use domain::state::TicketState;
use domain::{AttachmentId, MessageId, TicketId};
use http::{HeaderValue, StatusCode, header};
use nimbus_api::Millis;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio_util::io::ReaderStream;

use crate::Plane;
use crate::guard;
use crate::operations::answer_ticket::answer_ticket;
use crate::operations::attach::{Received as File, attach as keep};
use crate::operations::change_ticket::change_ticket;
use crate::operations::open_ticket::open_ticket;
use crate::operations::see_ticket::see_ticket;
use crate::operations::ticket::{find_ticket, side_of};
use crate::operations::{Actor, customer_key, find_installation};
use crate::problem::{Answer, Refusal};
use crate::store::tickets::{self, Assigned, Filter};
use crate::store::{attachments, installations, unread};
use crate::web::receive::Received;
use crate::web::{Json, Paging, Path, Query, from_text, json, page};
use crate::wire::{AddMessage, ChangeTicket, OpenTicket, SeeTicket, Side, Ticket};

/// Which tickets.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct Wanted {
    /// Only those in that state.
    #[serde(default, deserialize_with = "from_text")]
    state: Option<TicketState>,
    /// Only those of this person: an id, `me` or `nobody`.
    assignee: Option<String>,
    /// Only of that customer.
    customer: Option<String>,
    /// Only about that installation.
    installation: Option<String>,
    /// Only those in whose subject or texts this is.
    q: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// The place of a ticket in the list.
#[derive(Clone, Copy, Debug)]
pub struct Place(pub Millis, pub TicketId);

impl std::str::FromStr for Place {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, id) = text.split_once(' ').ok_or(())?;
        Ok(Self(at.parse().map_err(|_| ())?, id.parse().map_err(|_| ())?))
    }
}

/// The place of this one.
pub fn place(ticket: &Ticket) -> String {
    format!("{} {}", ticket.updated_at, ticket.id)
}

pub async fn list(State(plane): State<Arc<Plane>>, actor: Actor, Query(wanted): Query<Wanted>) -> Answer<Response> {
    let (limit, after) = (wanted.paging.limit()?, wanted.paging.after::<Place>()?);
    let db = plane.store.read();
    let mut filter =
        Filter { state: wanted.state, text: wanted.q.map(|text| text.replace('\0', "")), ..Filter::default() };
    if let Some(text) = &wanted.customer {
        filter.customer = Some(customer_key(db, &actor, text).await?);
    }
    if let Some(text) = &wanted.installation {
        filter.installation = Some(find_installation(db, &actor.reach, text).await?.id);
    }
    filter.assigned = wanted.assignee.as_deref().map(|text| assigned(&actor, text)).transpose()?;
    let after = after.map(|Place(at, id)| (at, id));
    let mut rows = tickets::list(db, &actor.reach, &filter, after, limit + 1).await?;
    unread::mark(db, actor.person(), &mut rows).await?;
    json(StatusCode::OK, &page(rows, limit, place))
}

/// Who is meant by a text.
pub fn assigned(actor: &Actor, text: &str) -> Answer<Assigned> {
    let found = match text {
        "nobody" => Some(Assigned::ToNobody),
        "me" => actor.person().map(Assigned::To),
        id => id.parse().ok().map(Assigned::To),
    };
    found.ok_or_else(|| Refusal::invalid("bad-assignee", "assignee is the id of a person, \"me\" or \"nobody\""))
}

pub async fn create(State(plane): State<Arc<Plane>>, actor: Actor, Json(input): Json<OpenTicket>) -> Answer<Response> {
    json(StatusCode::CREATED, &open_ticket(&plane, &actor, input).await?)
}

pub async fn show(State(plane): State<Arc<Plane>>, actor: Actor, Path(text): Path<String>) -> Answer<Response> {
    let mut ticket = find_ticket(plane.store.read(), &actor.reach, &text).await?;
    unread::mark(plane.store.read(), actor.person(), std::slice::from_mut(&mut ticket)).await?;
    json(StatusCode::OK, &ticket)
}

pub async fn see(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(input): Json<SeeTicket>,
) -> Answer<Response> {
    json(StatusCode::OK, &see_ticket(&plane, &actor, &text, input.unread).await?)
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(input): Json<ChangeTicket>,
) -> Answer<Response> {
    json(StatusCode::OK, &change_ticket(&plane, &actor, &text, input).await?)
}

pub async fn messages(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer<Response> {
    let db = plane.store.read();
    let ticket = find_ticket(db, &actor.reach, &text).await?;
    let (limit, after) = (paging.limit()?, paging.after::<MessageId>()?);
    let notes = side_of(&actor.reach) == Side::Publisher;
    let rows = tickets::messages(db, ticket.id, notes, after, limit + 1).await?;
    json(StatusCode::OK, &page(rows, limit, |message| message.id.to_string()))
}

pub async fn answer(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(input): Json<AddMessage>,
) -> Answer<Response> {
    json(StatusCode::CREATED, &answer_ticket(&plane, &actor, &text, input).await?)
}

/// What a file is called.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Named {
    /// What its sender calls it.
    name: String,
}

pub async fn attach(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Query(query): Query<Named>,
    request: Request,
) -> Answer<Response> {
    let (parts, body) = request.into_parts();
    let received = Received::attachment(&plane, body.into_data_stream()).await?;
    let once = guard::key_of(&parts.headers)?;
    let fingerprint = guard::fingerprint(&parts.method, &parts.uri, received.hash.as_bytes());
    let work = async {
        let kept = keep(&plane, &actor.id, file(query.name, &received)).await;
        kept.and_then(|kept| json(StatusCode::CREATED, &kept)).unwrap_or_else(IntoResponse::into_response)
    };
    match once {
        None => Ok(work.await),
        Some(once) => guard::idempotent(&plane, &actor, &once, &fingerprint, work).await,
    }
}

/// A received file as operations know it.
pub fn file(name: String, received: &Received) -> File {
    File { name, path: received.path.clone(), sha256: received.hash.clone(), bytes: received.bytes }
}

pub async fn download(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((text, attachment)): Path<(String, String)>,
) -> Answer<Response> {
    let db = plane.store.read();
    let ticket = find_ticket(db, &actor.reach, &text).await?;
    let notes = side_of(&actor.reach) == Side::Publisher;
    let found = match attachment.parse::<AttachmentId>() {
        Ok(id) => attachments::find(db, ticket.id, id, notes).await?,
        Err(_) => None,
    };
    let found = found.ok_or_else(|| Refusal::missing("unknown-attachment", "the ticket has no such file: none"))?;
    let path = plane.artifacts.attachment(&found.sha256);
    let opened = tokio::fs::File::open(&path).await;
    let opened = opened.map_err(|error| Refusal::internal(format!("the file {} cannot be read: {error}", found.id)))?;
    let mut response = Body::from_stream(ReaderStream::with_capacity(opened, 64 << 10)).into_response();
    let headers = response.headers_mut();
    crate::web::design::secure(headers, false);
    // Never shown by the browser itself, whatever it is: it comes from somebody else.
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_LENGTH, found.bytes.into());
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    let name = disposition(&found.name);
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(Refusal::internal)?);
    Ok(response)
}

/// To be kept under that name (RFC 6266): in ASCII for old programs, whole for others.
fn disposition(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || " .-_()".contains(c) { c } else { '_' };
    let whole: String = name
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    format!("attachment; filename=\"{}\"; filename*=UTF-8''{whole}", name.chars().map(plain).collect::<String>())
}

/// What pages show beside a ticket: its installation, if it is still there.
pub async fn installation_of(plane: &Plane, ticket: &Ticket) -> Answer<Option<installations::InstallationRow>> {
    match ticket.installation {
        Some(id) => Ok(installations::find(plane.store.read(), id).await?),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::disposition;

    #[test]
    fn a_name_is_no_header() {
        let wanted = "attachment; filename=\"a_o __x.pdf\"; filename*=UTF-8''a%C3%B1o%20%22%0Ax.pdf";
        assert_eq!(disposition("año \"\nx.pdf"), wanted);
    }
}
