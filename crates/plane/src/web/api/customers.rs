//! Customers.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use domain::Key;
use http::{HeaderValue, StatusCode, header};

use crate::Plane;
use crate::operations::change_customer::change_customer;
use crate::operations::create_customer::create_customer;
use crate::operations::delete_customer::{delete_customer, unknown_customer};
use crate::operations::download_customer::download_customer;
use crate::operations::{Actor, customer_key};
use crate::problem::{Answer, Refusal};
use crate::store::customers;
use crate::web::design::View;
use crate::web::{Json, Named, Path, Query, json, page};
use crate::wire::{ChangeCustomer, CreateCustomer, Nothing};

pub async fn list(State(plane): State<Arc<Plane>>, actor: Actor, Query(named): Query<Named>) -> Answer<Response> {
    let (limit, after) = (named.paging.limit()?, named.paging.after::<Key>()?);
    let rows = customers::list(plane.store.read(), &actor.reach, named.wanted(), after.as_ref(), limit + 1).await?;
    json(StatusCode::OK, &page(rows, limit, |customer| format!("{}:{}", customer.publisher, customer.slug)))
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Json(input): Json<CreateCustomer>,
) -> Answer<Response> {
    json(StatusCode::CREATED, &create_customer(&plane, &actor, input).await?)
}

pub async fn show(State(plane): State<Arc<Plane>>, actor: Actor, Path(text): Path<String>) -> Answer<Response> {
    let db = plane.store.read();
    let found = customers::find(db, &customer_key(db, &actor, &text).await?).await?;
    json(StatusCode::OK, &found.ok_or_else(|| unknown_customer(&text))?)
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(input): Json<ChangeCustomer>,
) -> Answer<Response> {
    let key = customer_key(plane.store.read(), &actor, &text).await?;
    json(StatusCode::OK, &change_customer(&plane, &actor, &key, input).await?)
}

pub async fn archive(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    request: Request,
) -> Answer<Response> {
    let key = customer_key(plane.store.read(), &actor, &text).await?;
    let (parts, _) = request.into_parts();
    send_archive(&plane, &actor, View::of(&parts, plane.now()), &key).await
}

/// Everything that a customer has as a file; also for pages.
pub async fn send_archive(plane: &Arc<Plane>, actor: &Actor, view: View, customer: &Key) -> Answer<Response> {
    let download = download_customer(plane, actor, view, customer).await?;
    let mut response = crate::web::stream("application/zip", download.pieces);
    let name = format!("attachment; filename=\"{}\"", download.name);
    let name = HeaderValue::from_str(&name).map_err(Refusal::internal)?;
    response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

pub async fn delete(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    let key = customer_key(plane.store.read(), &actor, &text).await?;
    delete_customer(&plane, &actor, &key).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
