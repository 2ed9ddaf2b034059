//! Applications.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::{Json, Paging, Path, Query, app_slug, json, page};
use crate::Plane;
use crate::operations::create_app::create_app;
use crate::operations::delete_app::delete_app;
use crate::operations::{Actor, unknown_app};
use crate::problem::Answer;
use crate::store::apps;
use crate::wire::{CreateApp, Nothing};

pub async fn list(State(plane): State<Arc<Plane>>, Query(paging): Query<Paging>) -> Answer<Response> {
    let (limit, after) = (paging.limit()?, paging.after::<String>()?.unwrap_or_default());
    let rows = apps::list(plane.store.read(), &after, limit + 1).await?;
    json(StatusCode::OK, &page(rows, limit, |app| app.slug.to_string()))
}

pub async fn create(State(plane): State<Arc<Plane>>, actor: Actor, Json(input): Json<CreateApp>) -> Answer<Response> {
    json(StatusCode::CREATED, &create_app(&plane, &actor, input).await?)
}

pub async fn show(State(plane): State<Arc<Plane>>, Path(app): Path<String>) -> Answer<Response> {
    let found = apps::find(plane.store.read(), &app_slug(&app)?).await?;
    json(StatusCode::OK, &found.ok_or_else(|| unknown_app(&app))?)
}

pub async fn delete(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(app): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    delete_app(&plane, &actor, &app_slug(&app)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
