//! Customers.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::Slug;
use http::StatusCode;

use super::{Json, Paging, Path, Query, json, page};
use crate::Plane;
use crate::operations::Actor;
use crate::operations::create_customer::create_customer;
use crate::problem::{Answer, Refusal};
use crate::store::customers;
use crate::wire::CreateCustomer;

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
    let found = match text.parse::<Slug>() {
        Ok(slug) => customers::find(plane.store.read(), &slug).await?,
        Err(_) => None,
    };
    let missing = || {
        let text: String = text.chars().take(100).collect();
        let detail = format!("there is no customer \"{text}\"; list them with `vclouden customer list`");
        Refusal::missing("unknown-customer", detail)
    };
    json(StatusCode::OK, &found.ok_or_else(missing)?)
}
