//! Deployments and rollbacks.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::DeploymentId;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::Plane;
use crate::operations::deploy::Deploying;
use crate::operations::find_deployment::find_deployment;
use crate::operations::stop_deployment::stop_deployment;
use crate::operations::{Actor, app_key, deploy, rollback};
use crate::problem::Answer;
use crate::store::deployments;
use crate::web::{Json, Paging, Path, Query, follow, json, lines, page, view};
use crate::wire::{CreateDeployment, CreateRollback, Nothing, Page};

pub async fn create(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(app): Path<String>,
    Json(input): Json<CreateDeployment>,
) -> Answer<Response> {
    let key = app_key(plane.store.read(), &actor, &app).await?;
    match deploy::deploy(&plane, &actor, &key, input).await? {
        Deploying::Begun(id) => json(StatusCode::ACCEPTED, &view::whole_deployment(&plane, id).await?),
        Deploying::NothingToDo(row) => {
            let mut shown = view::deployment(plane.store.read(), *row).await?;
            shown.installations = Some(Vec::new());
            json(StatusCode::OK, &shown)
        }
    }
}

pub async fn rollback_app(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(app): Path<String>,
    Json(input): Json<CreateRollback>,
) -> Answer<Response> {
    let key = app_key(plane.store.read(), &actor, &app).await?;
    let id = rollback::rollback_app(&plane, &actor, &key, input).await?;
    json(StatusCode::ACCEPTED, &view::whole_deployment(&plane, id).await?)
}

pub async fn rollback_installation(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(input): Json<CreateRollback>,
) -> Answer<Response> {
    let id = rollback::rollback_installation(&plane, &actor, &text, input).await?;
    json(StatusCode::ACCEPTED, &view::whole_deployment(&plane, id).await?)
}

pub async fn rollback(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    let id = find_deployment(plane.store.read(), &actor.reach, &text).await?;
    let begun = rollback::rollback_deployment(&plane, &actor, id).await?;
    json(StatusCode::ACCEPTED, &view::whole_deployment(&plane, begun).await?)
}

/// Of which version.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Planned {
    /// Its number; the newest when absent.
    version: Option<u32>,
}

pub async fn plan(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(app): Path<String>,
    Query(wanted): Query<Planned>,
) -> Answer<Response> {
    let key = app_key(plane.store.read(), &actor, &app).await?;
    json(StatusCode::OK, &deploy::plan(plane.store.read(), &key, wanted.version, 0).await?.0)
}

/// Which deployments.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Filter {
    /// Only those of that application.
    app: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

pub async fn list(State(plane): State<Arc<Plane>>, actor: Actor, Query(filter): Query<Filter>) -> Answer<Response> {
    let (limit, before) = (filter.paging.limit()?, filter.paging.after::<DeploymentId>()?);
    let db = plane.store.read();
    let app = match filter.app {
        Some(text) => Some(app_key(db, &actor, &text).await?),
        None => None,
    };
    let rows = deployments::list(db, &actor.reach, app.as_ref(), before, limit + 1).await?;
    let page = page(rows, limit, |row| row.id.to_string());
    let mut items = Vec::with_capacity(page.items.len());
    for row in page.items {
        items.push(view::deployment(db, row).await?);
    }
    json(StatusCode::OK, &Page { items, next: page.next })
}

pub async fn show(State(plane): State<Arc<Plane>>, actor: Actor, Path(text): Path<String>) -> Answer<Response> {
    let id = find_deployment(plane.store.read(), &actor.reach, &text).await?;
    json(StatusCode::OK, &view::whole_deployment(&plane, id).await?)
}

pub async fn stop(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    let id = find_deployment(plane.store.read(), &actor.reach, &text).await?;
    stop_deployment(&plane, &actor, id).await?;
    json(StatusCode::ACCEPTED, &view::whole_deployment(&plane, id).await?)
}

pub async fn events(State(plane): State<Arc<Plane>>, actor: Actor, Path(text): Path<String>) -> Answer<Response> {
    let id = find_deployment(plane.store.read(), &actor.reach, &text).await?;
    Ok(lines(follow::deployment(plane, id)))
}
