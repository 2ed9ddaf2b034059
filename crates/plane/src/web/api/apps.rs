//! Applications.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::Key;
use http::StatusCode;

use crate::Plane;
use crate::operations::create_app::create_app;
use crate::operations::delete_app::delete_app;
use crate::operations::{Actor, app_key, unknown_app};
use crate::problem::Answer;
use crate::store::apps;
use crate::web::{Json, Paging, Path, Query, json, page};
use crate::wire::{CreateApp, Nothing};

pub async fn list(State(plane): State<Arc<Plane>>, actor: Actor, Query(paging): Query<Paging>) -> Answer<Response> {
    let (limit, after) = (paging.limit()?, paging.after::<Key>()?);
    let rows = apps::list(plane.store.read(), &actor.reach, after.as_ref(), limit + 1).await?;
    json(StatusCode::OK, &page(rows, limit, |app| format!("{}:{}", app.publisher, app.slug)))
}

pub async fn create(State(plane): State<Arc<Plane>>, actor: Actor, Json(input): Json<CreateApp>) -> Answer<Response> {
    json(StatusCode::CREATED, &create_app(&plane, &actor, input).await?)
}

pub async fn show(State(plane): State<Arc<Plane>>, actor: Actor, Path(app): Path<String>) -> Answer<Response> {
    let db = plane.store.read();
    let found = apps::find(db, &app_key(db, &actor, &app).await?).await?;
    json(StatusCode::OK, &found.ok_or_else(|| unknown_app(&app))?)
}

pub async fn delete(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(app): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    let key = app_key(plane.store.read(), &actor, &app).await?;
    delete_app(&plane, &actor, &key).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
