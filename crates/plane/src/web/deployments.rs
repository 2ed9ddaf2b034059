//! Deployments and rollbacks.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::{DeploymentId, Slug};
use http::StatusCode;
use serde::Deserialize;

use super::{Json, Paging, Path, Query, app_slug, follow, json, lines, page, view};
use crate::Plane;
use crate::operations::deploy::Deploying;
use crate::operations::stop_deployment::{stop_deployment, unknown_deployment};
use crate::operations::{Actor, deploy, rollback};
use crate::problem::{Answer, Refusal};
use crate::store::deployments;
use crate::wire::{CreateDeployment, CreateRollback, Nothing, Page};

pub async fn create(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(app): Path<String>,
    Json(input): Json<CreateDeployment>,
) -> Answer<Response> {
    match deploy::deploy(&plane, &actor, &app_slug(&app)?, input).await? {
        Deploying::Begun(id) => json(StatusCode::ACCEPTED, &view::whole_deployment(&plane, id).await?),
        Deploying::NothingToDo(row) => {
            let mut shown = view::deployment(plane.store.read(), row).await?;
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
    let id = rollback::rollback_app(&plane, &actor, &app_slug(&app)?, input).await?;
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

/// Which deployments.
#[derive(Debug, Deserialize)]
pub struct Filter {
    app: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

pub async fn list(State(plane): State<Arc<Plane>>, Query(filter): Query<Filter>) -> Answer<Response> {
    let (limit, before) = (filter.paging.limit()?, filter.paging.after::<DeploymentId>()?);
    let bad = |error| Refusal::invalid("bad-query", format!("app: {error}"));
    let app: Option<Slug> = filter.app.map(|text| text.parse().map_err(bad)).transpose()?;
    let db = plane.store.read();
    let rows = deployments::list(db, app.as_ref(), before, limit + 1).await?;
    let page = page(rows, limit, |row| row.id.to_string());
    let mut items = Vec::with_capacity(page.items.len());
    for row in page.items {
        items.push(view::deployment(db, row).await?);
    }
    json(StatusCode::OK, &Page { items, next: page.next })
}

fn id(text: &str) -> Answer<DeploymentId> {
    text.parse().map_err(|_| unknown_deployment(text))
}

pub async fn show(State(plane): State<Arc<Plane>>, Path(text): Path<String>) -> Answer<Response> {
    json(StatusCode::OK, &view::whole_deployment(&plane, id(&text)?).await?)
}

pub async fn stop(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    let id = id(&text)?;
    stop_deployment(&plane, &actor, id).await?;
    json(StatusCode::ACCEPTED, &view::whole_deployment(&plane, id).await?)
}

pub async fn events(State(plane): State<Arc<Plane>>, Path(text): Path<String>) -> Answer<Response> {
    let id = id(&text)?;
    if deployments::find(plane.store.read(), id).await?.is_none() {
        return Err(unknown_deployment(id));
    }
    Ok(lines(follow::deployment(plane, id)))
}
