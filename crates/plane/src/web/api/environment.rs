//! Variables of installations and applications.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::Key;
use http::StatusCode;
use sea_orm::ConnectionTrait;

use super::installations::accepted;
use crate::Plane;
use crate::operations::change_environment::{apply_environment, change_app_environment, change_environment};
use crate::operations::{Actor, app_key, find_installation, unknown_app};
use crate::problem::Answer;
use crate::store::apps;
use crate::store::installations::InstallationRow;
use crate::variables::Owner;
use crate::web::{Json, Paging, Path, Query, json, page_of};
use crate::wire::{ChangeEnvironment, Nothing, Variable};

/// What an installation has in its environment: its own variables, and those of its application that it has no own of.
pub async fn of_installation(plane: &Plane, db: &impl ConnectionTrait, row: &InstallationRow) -> Answer<Vec<Variable>> {
    let mut all = plane.variables(db, &Owner::Installation(row.id)).await?.shown(false);
    let inherited = plane.variables(db, &Owner::App(row.app_key())).await?.shown(true);
    let others: Vec<Variable> =
        inherited.into_iter().filter(|one| !all.iter().any(|own| own.name == one.name)).collect();
    all.extend(others);
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

/// The variables of an application.
pub async fn of_app(plane: &Plane, db: &impl ConnectionTrait, key: &Key) -> Answer<Vec<Variable>> {
    if apps::find(db, key).await?.is_none() {
        return Err(unknown_app(key));
    }
    Ok(plane.variables(db, &Owner::App(key.clone())).await?.shown(false))
}

pub async fn list(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer<Response> {
    let db = plane.store.read();
    let row = find_installation(db, &actor.reach, &text).await?;
    json(StatusCode::OK, &page_of(of_installation(&plane, db, &row).await?, &paging)?)
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(input): Json<ChangeEnvironment>,
) -> Answer<Response> {
    accepted(&plane, change_environment(&plane, &actor, &text, &input).await?).await
}

pub async fn list_app(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer<Response> {
    let db = plane.store.read();
    let key = app_key(db, &actor, &text).await?;
    json(StatusCode::OK, &page_of(of_app(&plane, db, &key).await?, &paging)?)
}

pub async fn change_app(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(input): Json<ChangeEnvironment>,
) -> Answer<Response> {
    let key = app_key(plane.store.read(), &actor, &text).await?;
    let all = change_app_environment(&plane, &actor, &key, &input).await?.shown(false);
    json(StatusCode::OK, &crate::wire::Page { items: all, next: None })
}

pub async fn apply(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    let key = app_key(plane.store.read(), &actor, &text).await?;
    json(StatusCode::ACCEPTED, &apply_environment(&plane, &actor, &key).await?)
}
