//! Answers that publishers keep for later.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::Plane;
use crate::operations::Actor;
use crate::operations::keep_answer::{change_answer, create_answer, delete_answer};
use crate::problem::Answer;
use crate::store::answers;
use crate::web::{Json, Paging, Path, Query, json, page};
use crate::wire::{KeepAnswer, Nothing};

/// Publisher and title of the last one of a page.
struct After(String, String);

impl std::str::FromStr for After {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        text.split_once(' ').map(|(publisher, title)| Self(publisher.into(), title.into())).ok_or(())
    }
}

pub async fn list(State(plane): State<Arc<Plane>>, actor: Actor, Query(paging): Query<Paging>) -> Answer<Response> {
    let (limit, after) = (paging.limit()?, paging.after::<After>()?);
    let after = after.map(|After(publisher, title)| (publisher, title));
    let rows = answers::list(plane.store.read(), &actor.reach, after.as_ref(), limit + 1).await?;
    json(StatusCode::OK, &page(rows, limit, |answer| format!("{} {}", answer.publisher, answer.title)))
}

pub async fn create(State(plane): State<Arc<Plane>>, actor: Actor, Json(input): Json<KeepAnswer>) -> Answer<Response> {
    json(StatusCode::CREATED, &create_answer(&plane, &actor, input).await?)
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<KeepAnswer>,
) -> Answer<Response> {
    json(StatusCode::OK, &change_answer(&plane, &actor, &id, input).await?)
}

pub async fn delete(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(id): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    delete_answer(&plane, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
