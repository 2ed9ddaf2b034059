//! Operations.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use domain::OperationId;
use domain::state::OperationState;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use super::installations::log_lines;
use crate::Plane;
use crate::operations::retry::{retry as retry_operation, unknown_operation};
use crate::operations::{Actor, find_installation};
use crate::problem::{Answer, Refusal};
use crate::store::operations::{self, Place};
use crate::web::{Json, Paging, Path, Query, json, lines, page, view};
use crate::wire::{Nothing, Operation, Page};

/// Which operations.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Filter {
    /// Only those in that state.
    #[schemars(with = "Option<OperationState>")]
    state: Option<String>,
    /// Only those of that installation.
    installation: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// A place as a cursor has it.
struct Cursor(Place);

impl FromStr for Cursor {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, id) = text.split_once('/').ok_or(())?;
        Ok(Self((at.parse().map_err(drop)?, id.parse().map_err(drop)?)))
    }
}

pub async fn list(State(plane): State<Arc<Plane>>, actor: Actor, Query(filter): Query<Filter>) -> Answer<Response> {
    let (limit, before) = (filter.paging.limit()?, filter.paging.after::<Cursor>()?);
    let bad = |_| Refusal::invalid("bad-query", "state must be running, stuck, finished or undone");
    let state: Option<OperationState> = filter.state.map(|text| text.parse().map_err(bad)).transpose()?;
    let db = plane.store.read();
    let installation = match filter.installation {
        Some(text) => Some(find_installation(db, &actor.reach, &text).await?.id),
        None => None,
    };
    let filter = operations::Filter { state, installation };
    let rows = operations::list(db, &actor.reach, &filter, before.map(|Cursor(place)| place), limit + 1).await?;
    let page = page(rows, limit, |row| format!("{}/{}", row.requested_at, row.id));
    let items = page.items.into_iter().map(|row| view::operation(&plane, row)).collect();
    json(StatusCode::OK, &Page { items, next: page.next })
}

/// How long to wait for what.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Wait {
    /// Seconds to wait for its end, or for more than `seen` steps.
    #[schemars(range(max = 60))]
    wait: Option<u64>,
    /// Steps that are known already.
    seen: Option<usize>,
}

pub async fn show(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Query(query): Query<Wait>,
) -> Answer<Response> {
    let wait = query.wait.unwrap_or(0);
    if wait > 60 {
        return Err(Refusal::invalid("bad-wait", format!("wait is {wait}; it must be 0 to 60 seconds")));
    }
    let unknown = || unknown_operation(&text);
    let id: OperationId = text.parse().map_err(|_| unknown())?;
    let until = tokio::time::Instant::now() + Duration::from_secs(wait);
    let mut changes = plane.progress.watch();
    loop {
        changes.mark_unchanged();
        let row = operations::find_within(plane.store.read(), &actor.reach, id).await?.ok_or_else(unknown)?;
        let shown = view::operation(&plane, row);
        if news(&shown, query.seen) || tokio::time::timeout_at(until, changes.changed()).await.is_err() {
            return json(StatusCode::OK, &shown);
        }
    }
}

/// How many lines.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Log {
    /// How many of the last ones; 100 when absent.
    #[schemars(range(max = 10_000))]
    lines: Option<u32>,
}

pub async fn log(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Query(wanted): Query<Log>,
) -> Answer<Response> {
    let count = log_lines(wanted.lines)?;
    let unknown = || unknown_operation(&text);
    let id: OperationId = text.parse().map_err(|_| unknown())?;
    let row = operations::find_within(plane.store.read(), &actor.reach, id).await?.ok_or_else(unknown)?;
    let kept = plane.servers.get(row.server)?.server.operation_log(id, count).await?;
    kept.map(lines).ok_or_else(|| {
        let detail = format!(
            "no log of operation {id} is kept: no application made it fail, or it is too long ago (48 hours); \
             `vclouden installation logs {}` shows what is written now",
            row.name
        );
        Refusal::missing("no-log", detail)
    })
}

pub async fn retry(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    let row = retry_operation(&plane, &actor, &text).await?;
    json(StatusCode::ACCEPTED, &view::operation(&plane, row))
}

fn news(operation: &Operation, seen: Option<usize>) -> bool {
    operation.state != OperationState::Running || seen.is_some_and(|seen| operation.steps.len() > seen)
}
