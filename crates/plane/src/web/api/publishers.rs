//! Publishers.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::Slug;
use http::StatusCode;

use crate::Plane;
use crate::operations::change_limits::change_limits;
use crate::operations::change_publisher::change_publisher;
use crate::operations::change_sign_in::{change_sign_in as change, sign_in_of};
use crate::operations::create_publisher::create_publisher;
use crate::operations::delete_publisher::delete_publisher;
use crate::operations::{Actor, unknown_publisher};
use crate::problem::Answer;
use crate::store::publishers;
use crate::web::{Json, Named, Path, Query, json, page};
use crate::wire::{ChangePublisher, ChangeSignIn, CreatePublisher, Nothing, PublisherLimits};

pub async fn list(State(plane): State<Arc<Plane>>, actor: Actor, Query(named): Query<Named>) -> Answer<Response> {
    let (limit, after) = (named.paging.limit()?, named.paging.after::<String>()?.unwrap_or_default());
    let rows = publishers::list(plane.store.read(), &actor.reach, named.wanted(), &after, limit + 1).await?;
    json(StatusCode::OK, &page(rows, limit, |publisher| publisher.slug.to_string()))
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Json(input): Json<CreatePublisher>,
) -> Answer<Response> {
    json(StatusCode::CREATED, &create_publisher(&plane, &actor, input).await?)
}

pub async fn show(State(plane): State<Arc<Plane>>, actor: Actor, Path(text): Path<String>) -> Answer<Response> {
    let found = publishers::find(plane.store.read(), &actor.reach, &slug(&text)?).await?;
    json(StatusCode::OK, &found.ok_or_else(|| unknown_publisher(&text))?)
}

pub async fn update(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(input): Json<ChangePublisher>,
) -> Answer<Response> {
    json(StatusCode::OK, &change_publisher(&plane, &actor, &slug(&text)?, input).await?)
}

pub async fn limit(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(input): Json<PublisherLimits>,
) -> Answer<Response> {
    json(StatusCode::OK, &change_limits(&plane, &actor, &slug(&text)?, input).await?)
}

pub async fn delete(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    delete_publisher(&plane, &actor, &slug(&text)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn sign_in(State(plane): State<Arc<Plane>>, actor: Actor, Path(text): Path<String>) -> Answer<Response> {
    json(StatusCode::OK, &sign_in_of(&plane, plane.store.read(), &actor, &slug(&text)?).await?)
}

pub async fn change_sign_in(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(input): Json<ChangeSignIn>,
) -> Answer<Response> {
    json(StatusCode::OK, &change(&plane, &actor, &slug(&text)?, input).await?)
}

fn slug(text: &str) -> Answer<Slug> {
    text.parse().map_err(|_| unknown_publisher(text))
}
