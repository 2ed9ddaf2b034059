//! Customers.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::Slug;
use http::StatusCode;

use super::{Json, Paging, Path, Query, json, page};
use crate::Plane;
use crate::operations::Actor;
use crate::operations::create_customer::create_customer;
use crate::operations::delete_customer::{delete_customer, unknown_customer};
use crate::problem::Answer;
use crate::store::customers;
use crate::wire::{CreateCustomer, Nothing};

pub async fn list(State(plane): State<Arc<Plane>>, Query(paging): Query<Paging>) -> Answer<Response> {
    let (limit, after) = (paging.limit()?, paging.after::<String>()?.unwrap_or_default());
    let rows = customers::list(plane.store.read(), &after, limit + 1).await?;
    json(StatusCode::OK, &page(rows, limit, |customer| customer.slug.to_string()))
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Json(input): Json<CreateCustomer>,
) -> Answer<Response> {
    json(StatusCode::CREATED, &create_customer(&plane, &actor, input).await?)
}

pub async fn show(State(plane): State<Arc<Plane>>, Path(text): Path<String>) -> Answer<Response> {
    let found = customers::find(plane.store.read(), &slug(&text)?).await?;
    json(StatusCode::OK, &found.ok_or_else(|| unknown_customer(&text))?)
}

pub async fn delete(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    delete_customer(&plane, &actor, &slug(&text)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The customer that a path names.
fn slug(text: &str) -> Answer<Slug> {
    text.parse().map_err(|_| unknown_customer(text))
}
