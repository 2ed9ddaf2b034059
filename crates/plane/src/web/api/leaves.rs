//! Customers' leave for support to open an installation. It is given in the portal only, since staff make tokens of
//! customers.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::Plane;
use crate::operations::leave::{end_leave, leave_of, open_by_leave};
use crate::operations::{Actor, find_installation};
use crate::problem::Answer;
use crate::web::{Json, Path, json};
use crate::wire::{CurrentLeave, Nothing};

pub async fn show(State(plane): State<Arc<Plane>>, actor: Actor, Path(text): Path<String>) -> Answer<Response> {
    let db = plane.store.read();
    let row = find_installation(db, &actor.reach, &text).await?;
    json(StatusCode::OK, &CurrentLeave { leave: leave_of(db, row.id, plane.now()).await? })
}

pub async fn end(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    end_leave(&plane, &actor, &text).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn open(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    json(StatusCode::OK, &open_by_leave(&plane, &actor, &text).await?)
}
