//! Announcements of the platform.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::Plane;
use crate::operations::Actor;
use crate::operations::announce::{announce, delete_announcement};
use crate::problem::Answer;
use crate::web::{Json, Paging, Path, Query, json, page_of};
use crate::wire::{Announcement, CreateAnnouncement, CurrentAnnouncement, Nothing};

pub async fn list(State(plane): State<Arc<Plane>>, Query(paging): Query<Paging>) -> Answer<Response> {
    json(StatusCode::OK, &page_of(plane.settings.get().announcements.clone(), &paging)?)
}

/// Those of now that are for the caller.
pub async fn current(State(plane): State<Arc<Plane>>, actor: Actor, Query(paging): Query<Paging>) -> Answer<Response> {
    let (settings, now) = (plane.settings.get(), plane.now());
    let portal = actor.reach.customer().is_some();
    let mine = settings.announcements.iter().filter(|one| one.is_on(now) && one.audience.is(portal));
    let shown = mine.cloned().map(|Announcement { id, level, en, es, from, until, .. }| CurrentAnnouncement {
        id,
        level,
        en,
        es,
        from,
        until,
    });
    json(StatusCode::OK, &page_of(shown.collect(), &paging)?)
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Json(input): Json<CreateAnnouncement>,
) -> Answer<Response> {
    json(StatusCode::CREATED, &announce(&plane, &actor, input).await?)
}

pub async fn delete(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(id): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    delete_announcement(&plane, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
