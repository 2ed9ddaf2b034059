//! Operations.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use domain::OperationId;
use domain::state::OperationState;
use http::StatusCode;
use serde::Deserialize;

use super::{Json, Path, Query, json, view};
use crate::Plane;
use crate::operations::Actor;
use crate::operations::retry::{retry as retry_operation, unknown_operation};
use crate::problem::{Answer, Refusal};
use crate::store::operations;
use crate::wire::{Nothing, Operation};

/// How long to wait for what.
#[derive(Debug, Deserialize)]
pub struct Wait {
    wait: Option<u64>,
    seen: Option<usize>,
}

pub async fn show(
    State(plane): State<Arc<Plane>>,
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
        let row = operations::find(plane.store.read(), id).await?.ok_or_else(unknown)?;
        let shown = view::operation(&plane, row);
        if news(&shown, query.seen) || tokio::time::timeout_at(until, changes.changed()).await.is_err() {
            return json(StatusCode::OK, &shown);
        }
    }
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
