//! Keys to the API.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::TokenId;
use http::StatusCode;

use crate::Plane;
use crate::operations::create_token::create_token;
use crate::operations::delete_token::delete_token;
use crate::operations::end_token::end_token;
use crate::operations::{Actor, token_shown};
use crate::problem::Answer;
use crate::store::tokens::{self, Whose};
use crate::web::{Json, Paging, Path, Query, json, page};
use crate::wire::{CreateToken, Nothing, Page};

pub async fn list(State(plane): State<Arc<Plane>>, actor: Actor, Query(paging): Query<Paging>) -> Answer<Response> {
    let (limit, before) = (paging.limit()?, paging.after::<TokenId>()?);
    // Who decides nothing sees only their own; a token of nobody in particular then sees none.
    let whose = if actor.decides() { Whose::All } else { Whose::Person(actor.person().unwrap_or_default()) };
    let rows = tokens::list(plane.store.read(), &actor.reach, whose, before, limit + 1).await?;
    let page = page(rows, limit, |row| row.id.clone());
    let items = page.items.into_iter().map(token_shown).collect();
    json(StatusCode::OK, &Page { items, next: page.next })
}

pub async fn create(State(plane): State<Arc<Plane>>, actor: Actor, Json(input): Json<CreateToken>) -> Answer<Response> {
    json(StatusCode::CREATED, &create_token(&plane, &actor, input).await?)
}

pub async fn delete(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(id): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    delete_token(&plane, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn end(State(plane): State<Arc<Plane>>, actor: Actor, Json(Nothing {}): Json<Nothing>) -> Answer<Response> {
    end_token(&plane, &actor).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
