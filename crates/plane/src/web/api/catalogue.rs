//! What publishers offer their customers.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::Key;
use http::StatusCode;
use sea_orm::ConnectionTrait;

use crate::Plane;
use crate::operations::Actor;
use crate::problem::Answer;
use crate::store::{apps, versions};
use crate::web::{Paging, Query, json};
use crate::wire::{App, Offer, Page};

/// What an application is offered as: not at all where it is the publisher's own, or no version of it serves.
pub async fn offer(db: &impl ConnectionTrait, app: App) -> Answer<Option<Offer>> {
    let key = Key::new(app.publisher, app.slug);
    if app.own {
        return Ok(None);
    }
    let found = versions::newest_good(db, &key).await?;
    let limits = |version: &crate::wire::Version| (version.manifest.limits.memory, version.manifest.limits.disk);
    Ok(found.map(|version| {
        let (memory, disk) = limits(&version);
        let logo = format!("/apps/{key}/versions/{}/logo", version.number);
        Offer {
            logo: version.logo.then_some(logo),
            publisher: key.publisher,
            app: key.slug,
            name: app.name,
            description: version.manifest.description,
            version: version.number,
            published_at: version.published_at,
            memory,
            disk,
        }
    }))
}

pub async fn list(State(plane): State<Arc<Plane>>, actor: Actor, Query(paging): Query<Paging>) -> Answer<Response> {
    let (limit, after) = (paging.limit()?, paging.after::<Key>()?);
    let db = plane.store.read();
    let rows = apps::list(db, &actor.reach, after.as_ref(), limit + 1).await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let last = rows.get(most.saturating_sub(1)).filter(|_| rows.len() > most);
    let next = last.map(|app| format!("{}:{}", app.publisher, app.slug));
    let mut items = Vec::new();
    for app in rows.into_iter().take(most) {
        items.extend(offer(db, app).await?);
    }
    json(StatusCode::OK, &Page { items, next })
}
