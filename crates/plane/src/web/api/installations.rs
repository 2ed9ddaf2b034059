//! Installations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use domain::state::InstallationState;
use domain::{InstallationId, ServerId};
use futures_util::stream::{self, BoxStream, StreamExt};
use http::StatusCode;
use nimbus_api::{ExecRequest, HistoryRange, InstallationReport};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::Plane;
use crate::operations::{Actor, Begun, app_key, customer_key, failed_install, find_installation, not_in_that_state};
use crate::operations::{exec, install, open, remove, restart, start, stop};
use crate::problem::{Answer, Refusal};
use crate::server::ServerError;
use crate::store::{installations, versions};
use crate::web::{Json, Paging, Path, Query, from_text, json, lines, logs, page, view};
use crate::wire::{Accepted, CreateInstallation, Nothing};

/// Most bytes of the line that an exec begins with.
const EXEC_LINE: usize = 64 << 10;

/// Most lines of log asked for at once.
const LOG_LINES: u32 = 10_000;

/// The longest that a list waits for a server to tell how its installations are.
const REPORTS: Duration = Duration::from_secs(2);

/// Which installations.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Filter {
    /// Only those of that application.
    app: Option<String>,
    /// Only those of that customer.
    customer: Option<String>,
    /// Only those on that server, by its id.
    #[schemars(with = "Option<ServerId>")]
    server: Option<String>,
    /// Only those in that state.
    #[schemars(with = "Option<InstallationState>")]
    state: Option<String>,
    /// Only those that have that version.
    #[serde(default, deserialize_with = "from_text")]
    version: Option<u32>,
    /// Only those whose name, application or customer has this in it.
    q: Option<String>,
    /// Only those whose last operation failed, or that need somebody for another reason.
    #[serde(default, deserialize_with = "from_text")]
    troubled: Option<bool>,
    #[serde(flatten)]
    paging: Paging,
}

pub async fn list(State(plane): State<Arc<Plane>>, actor: Actor, Query(filter): Query<Filter>) -> Answer<Response> {
    let (limit, after) = (filter.paging.limit()?, filter.paging.after::<String>()?.unwrap_or_default());
    let db = plane.store.read();
    let wanted = installations::Filter {
        app: match filter.app {
            Some(text) => Some(app_key(db, &actor, &text).await?),
            None => None,
        },
        customer: match filter.customer {
            Some(text) => Some(customer_key(db, &actor, &text).await?),
            None => None,
        },
        server: match filter.server {
            Some(text) => Some(text.parse().map_err(|_| Refusal::invalid("bad-server", "key \"server\" is no id"))?),
            None => None,
        },
        state: filter.state.map(|text| text.parse().map_err(|_| bad_state())).transpose()?,
        version: filter.version,
        text: filter.q.map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty()),
        troubled: filter.troubled.unwrap_or(false),
    };
    let rows = installations::list(db, &actor.reach, &wanted, &after, limit + 1).await?;
    let page = page(rows, limit, |row| row.name.to_string());
    let reports = reports(&plane, page.items.iter().map(|row| row.server).collect()).await;
    let mut items = Vec::with_capacity(page.items.len());
    for mut row in page.items {
        let host = row.host.take().filter(|_| actor.reach.customer().is_none());
        let mut shown = view::installation(&plane, db, row).await?;
        shown.host = host;
        if let Some(live) = reports.get(&shown.id) {
            (shown.phase, shown.memory, shown.disk) = (Some(live.phase), live.memory, live.disk);
        }
        items.push(shown);
    }
    json(StatusCode::OK, &crate::wire::Page { items, next: page.next })
}

fn bad_state() -> Refusal {
    Refusal::invalid("bad-query", "state must be installing, running, stopped, failed or removing")
}

/// Every installation of these servers as it is, as far as the servers answer soon.
pub async fn reports(plane: &Plane, servers: BTreeSet<ServerId>) -> BTreeMap<InstallationId, InstallationReport> {
    let asked = servers
        .into_iter()
        .filter_map(|id| plane.servers.get(id).ok())
        .map(|handle| async move { tokio::time::timeout(REPORTS, handle.server.installations()).await.ok()?.ok() });
    let answers = futures_util::future::join_all(asked).await;
    answers.into_iter().flatten().flatten().map(|report| (report.id, report)).collect()
}

pub async fn show(State(plane): State<Arc<Plane>>, actor: Actor, Path(text): Path<String>) -> Answer<Response> {
    let db = plane.store.read();
    let mut row = find_installation(db, &actor.reach, &text).await?;
    let host = row.host.take().filter(|_| actor.reach.customer().is_none());
    let (id, server, app) = (row.id, row.server, row.app_key());
    let failed = (row.state == InstallationState::Failed).then(|| failed_install(&row));
    let mut shown = view::installation(&plane, db, row).await?;
    shown.host = host;
    shown.limits = versions::find(db, &app, shown.version).await?.map(|version| version.manifest.limits);
    if failed.is_some() {
        shown.live_error = failed;
        return json(StatusCode::OK, &shown);
    }
    match live(&plane, id, server).await {
        Ok(Some(live)) => {
            (shown.phase, shown.memory, shown.disk) = (Some(live.phase), live.memory, live.disk);
            shown.live = Some(live);
        }
        Ok(None) => shown.live_error = Some("its server has no installation of that id".into()),
        Err(error) => shown.live_error = Some(error.to_string()),
    }
    json(StatusCode::OK, &shown)
}

async fn live(
    plane: &Plane,
    id: domain::InstallationId,
    server: domain::ServerId,
) -> Result<Option<nimbus_api::InstallationReport>, ServerError> {
    plane.servers.get(server)?.server.installation(id).await
}

/// 202 with the installation as it was recorded.
pub async fn accepted(plane: &Plane, begun: Begun) -> Answer<Response> {
    let db = plane.store.read();
    let row = installations::find(db, begun.installation).await?;
    let row = row.ok_or_else(|| Refusal::internal("an installation vanished"))?;
    let installation = view::installation(plane, db, row).await?;
    json(StatusCode::ACCEPTED, &Accepted { operation: begun.operation, installation, backup: begun.backup })
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Json(input): Json<CreateInstallation>,
) -> Answer<Response> {
    accepted(&plane, install::install(&plane, &actor, input).await?).await
}

pub async fn remove(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    accepted(&plane, remove::remove(&plane, &actor, &text).await?).await
}

pub async fn start(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    accepted(&plane, start::start(&plane, &actor, &text).await?).await
}

pub async fn stop(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    accepted(&plane, stop::stop(&plane, &actor, &text).await?).await
}

pub async fn restart(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    accepted(&plane, restart::restart(&plane, &actor, &text).await?).await
}

pub async fn open(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    json(StatusCode::OK, &open::open(&plane, &actor, &text).await?)
}

/// Over which time.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Over {
    /// The last hour when absent.
    range: Option<HistoryRange>,
}

pub async fn history(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Query(over): Query<Over>,
) -> Answer<Response> {
    let row = find_installation(plane.store.read(), &actor.reach, &text).await?;
    let range = over.range.unwrap_or(HistoryRange::Hour);
    let handle = plane.servers.get(row.server)?;
    match handle.server.history(row.id, range).await {
        // Of one that is not there its server knows nothing.
        Err(ServerError::Refused { status: 404, .. }) => Err(not_in_that_state(&row)),
        report => json(StatusCode::OK, &report?),
    }
}

/// Which lines.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Logs {
    /// How many of the last ones; when absent 100, or 10,000 to search in.
    #[schemars(range(max = 10_000))]
    lines: Option<u32>,
    /// Only those of them that have this in it, whatever the case.
    search: Option<String>,
    /// Goes on with what is written from now on.
    follow: Option<bool>,
}

pub async fn logs(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Query(wanted): Query<Logs>,
) -> Answer<Response> {
    let search = wanted.search.map(|text| text.to_lowercase()).filter(|text| !text.is_empty());
    let count = log_lines(wanted.lines.or(search.as_ref().map(|_| LOG_LINES)))?;
    let row = find_installation(plane.store.read(), &actor.reach, &text).await?;
    if row.state == InstallationState::Removed {
        return Err(not_in_that_state(&row));
    }
    let handle = plane.servers.get(row.server)?;
    match handle.server.logs(row.id, count, wanted.follow.unwrap_or(false)).await {
        // Of a failed install its server keeps what was written, for a while.
        Err(ServerError::Refused { status: 404, .. }) if row.state == InstallationState::Failed => {
            Err(not_in_that_state(&row))
        }
        text => Ok(match search {
            Some(search) => lines(logs::having(text?, search)),
            None => lines(text?),
        }),
    }
}

/// How many lines of log are wanted.
pub fn log_lines(wanted: Option<u32>) -> Answer<u32> {
    let count = wanted.unwrap_or(100);
    if count > LOG_LINES {
        return Err(Refusal::invalid("bad-lines", format!("lines is {count}; it must be 0 to {LOG_LINES}")));
    }
    Ok(count)
}

pub async fn exec(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    body: Body,
) -> Answer<Response> {
    let (request, input) = split_exec(body).await?;
    let frames = exec::exec(&plane, &actor, &text, request, input).await?;
    Ok(crate::web::stream("application/octet-stream", frames))
}

/// The first line of the body, and the rest as it comes.
async fn split_exec(body: Body) -> Answer<(ExecRequest, BoxStream<'static, Bytes>)> {
    let mut pieces = body.into_data_stream();
    let mut head = BytesMut::new();
    let end = loop {
        if let Some(end) = head.iter().position(|byte| *byte == b'\n') {
            break end;
        }
        if head.len() > EXEC_LINE {
            return Err(Refusal::too_large("the first line", EXEC_LINE as u64));
        }
        let piece = tokio::time::timeout(Duration::from_secs(30), pieces.next()).await.map_err(|_| {
            let detail = "the first line did not arrive within 30 seconds; send it again";
            Refusal::new(StatusCode::REQUEST_TIMEOUT, "too-slow", detail)
        })?;
        match piece {
            Some(Ok(piece)) => head.extend_from_slice(&piece),
            Some(Err(error)) => {
                let detail = format!("the body could not be read: {error}; send it again");
                return Err(Refusal::new(StatusCode::BAD_REQUEST, "bad-body", detail));
            }
            // Without input a line needs no end.
            None => break head.len(),
        }
    };
    let line = head.split_to(end);
    let rest = head.freeze();
    let rest = if rest.is_empty() { rest } else { rest.slice(1..) };
    let request = crate::web::object(&line).map_err(|error| {
        let detail = format!(
            "the body must begin with a line such as {{\"command\":[\"/bin/ls\",\"/data\"]}}; this one cannot be read: \
             {error}"
        );
        Refusal::invalid("bad-body", detail)
    })?;
    // Whoever stops sending in the middle has ended the program's input.
    let more = pieces.take_while(|piece| std::future::ready(piece.is_ok())).filter_map(|piece| async { piece.ok() });
    let first = stream::iter(Some(rest).filter(|rest| !rest.is_empty()));
    Ok((request, first.chain(more).boxed()))
}
