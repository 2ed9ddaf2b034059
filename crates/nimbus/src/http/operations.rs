//! Operations: asked for, looked at, waited for, retried.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::state::OperationState;
use domain::{InstallationId, OperationId};
use journal::{Direction, NewOperation, Operation, Requested};
use nimbus_api::{OperationReport, OperationRequest, StepReport};
use serde::Deserialize;

use super::{Answer, App, Body, Path, Query, Refusal, blocking};
use crate::engine::Engine;
use crate::queue::Job;

/// The longest that an answer is waited for.
const LONGEST: f64 = 60.0;
/// Operations in one answer.
const LISTED: u32 = 200;

/// `PUT /operations/{id}`
pub(super) async fn submit(
    State(engine): App,
    Path(id): Path<OperationId>,
    Body(request): Body<OperationRequest>,
) -> Answer<(StatusCode, Json<OperationReport>)> {
    let json = serde_json::to_string(&request.work).map_err(|error| Refusal::bad_request(error.to_string()))?;
    let new =
        NewOperation { id: id.0, verb: request.work.verb().to_owned(), subject: request.installation.0, request: json };
    blocking(move || match engine.journal.request(new)? {
        Requested::New(operation) => {
            engine.queue.push(request.installation, Job::Operation(id));
            Ok((StatusCode::ACCEPTED, Json(report(operation))))
        }
        Requested::Known(operation) => Ok((StatusCode::OK, Json(report(operation)))),
    })
    .await?
}

/// How long to wait, and for what.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Patience {
    /// Seconds.
    #[serde(default)]
    wait: f64,
    /// Steps that the caller knows of.
    #[serde(default)]
    seen: usize,
}

/// `GET /operations/{id}?wait=SECONDS&seen=STEPS`
pub(super) async fn show(
    State(engine): App,
    Path(id): Path<OperationId>,
    Query(patience): Query<Patience>,
) -> Answer<Json<OperationReport>> {
    let wait = Duration::try_from_secs_f64(patience.wait.clamp(0.0, LONGEST)).unwrap_or_default();
    let waiter = engine.waits.join(id.0);
    let watching = async {
        loop {
            let woken = waiter.notify().notified();
            tokio::pin!(woken);
            // What happens from here on wakes, also while the journal is being read.
            woken.as_mut().enable();
            let operation = find(&engine, id)?;
            if operation.state != OperationState::Running || operation.steps.len() > patience.seen {
                return Ok::<_, Refusal>(operation);
            }
            woken.await;
        }
    };
    let operation = match tokio::time::timeout(wait, watching).await {
        Ok(decided) => decided?,
        Err(_) => find(&engine, id)?,
    };
    Ok(Json(report(operation)))
}

/// `POST /operations/{id}/retry`
pub(super) async fn retry(State(engine): App, Path(id): Path<OperationId>) -> Answer<Json<OperationReport>> {
    let operation = find(&engine, id)?;
    if operation.state != OperationState::Stuck {
        let message = format!("operation {id} is {}: only a stuck one can be tried again", operation.state);
        return Err(Refusal::new(StatusCode::CONFLICT, "not-stuck", message));
    }
    engine.queue.push(InstallationId(operation.subject), Job::Operation(id));
    Ok(Json(report(operation)))
}

/// Whose operations.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    installation: Option<InstallationId>,
}

/// `GET /operations?installation=ID`: the newest first.
pub(super) async fn list(State(engine): App, Query(filter): Query<Filter>) -> Answer<Json<Vec<OperationReport>>> {
    let list = move || engine.journal.list(filter.installation.map(|id| id.0), LISTED);
    let operations = blocking(list).await??;
    Ok(Json(operations.into_iter().map(report).collect()))
}

fn find(engine: &Arc<Engine>, id: OperationId) -> Answer<Operation> {
    engine.journal.find(id.0)?.ok_or_else(|| journal::JournalError::Unknown(id.0).into())
}

fn report(operation: Operation) -> OperationReport {
    let step = |step: journal::StepRecord| StepReport {
        name: step.name,
        direction: match step.direction {
            Direction::Do => nimbus_api::Direction::Do,
            Direction::Undo => nimbus_api::Direction::Undo,
        },
        began_at: step.began_at,
        ended_at: step.ended_at,
        error: step.error,
    };
    OperationReport {
        id: OperationId(operation.id),
        installation: InstallationId(operation.subject),
        verb: operation.verb,
        state: operation.state,
        steps: operation.steps.into_iter().map(step).collect(),
        error: operation.error,
        requested_at: operation.requested_at,
        ended_at: operation.ended_at,
    }
}
