//! What installations used.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::InstallationId;
use nimbus_api::{DayUsage, HistoryRange, HistoryReport};
use serde::Deserialize;

use super::installations::present;
use super::{Answer, App, Path, Query, Refusal, blocking};
use crate::engine::Engine;

/// Which part of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    range: HistoryRange,
}

/// `GET /installations/{id}/history`
pub(super) async fn show(
    State(engine): App,
    Path(id): Path<InstallationId>,
    Query(Wanted { range }): Query<Wanted>,
) -> Answer<Json<HistoryReport>> {
    let points = read(engine, id, move |engine, path, now| engine.history.points(id, path, range, now)).await?;
    Ok(Json(HistoryReport { step_seconds: range.step_seconds(), points }))
}

/// `GET /installations/{id}/usage`
pub(super) async fn usage(State(engine): App, Path(id): Path<InstallationId>) -> Answer<Json<Vec<DayUsage>>> {
    Ok(Json(read(engine, id, move |engine, path, now| engine.history.days(id, path, now)).await?))
}

async fn read<T: Send + 'static>(
    engine: Arc<Engine>,
    id: InstallationId,
    read: impl FnOnce(&Engine, &std::path::Path, u64) -> std::io::Result<T> + Send + 'static,
) -> Answer<T> {
    present(&engine, id)?;
    let read = blocking(move || read(&engine, &engine.volume.history(id), engine.clock.now() / 1000)).await?;
    read.map_err(|error| {
        let message = format!("what installation {id} used cannot be read: {error}");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "server-error", message)
    })
}
