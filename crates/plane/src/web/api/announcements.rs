//! Announcements of the platform.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::Plane;
use crate::operations::Actor;
use crate::operations::announce::{announce, delete_announcement};
use crate::problem::Answer;
use crate::web::{Json, Paging, Path, Query, json, page_of};
use crate::wire::{CreateAnnouncement, Nothing};

pub async fn list(State(plane): State<Arc<Plane>>, Query(paging): Query<Paging>) -> Answer<Response> {
    json(StatusCode::OK, &page_of(plane.settings.get().announcements.clone(), &paging)?)
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Json(input): Json<CreateAnnouncement>,
) -> Answer<Response> {
    json(StatusCode::CREATED, &announce(&plane, &actor, input).await?)
}

pub async fn delete(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(id): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    delete_announcement(&plane, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
