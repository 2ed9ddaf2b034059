//! Who did what to which thing and when.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use minijinja::context;
use serde::Deserialize;

use super::{Console, value};
use crate::Plane;
use crate::operations::Actor;
use crate::problem::Answer;
use crate::store::events::{self, Filter, Part};
use crate::web::Query;
use crate::web::visit::Visit;

/// Events of a page.
const PAGE: usize = 100;

/// Which ones.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    before: Option<u64>,
}

pub async fn list(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let part = Part::NewestFirst { after: 0, before: wanted.before.unwrap_or(u64::MAX) };
    let mut all = events::list(plane.store.read(), &actor.reach, &Filter::default(), part, PAGE as u64 + 1).await?;
    let more = all.len() > PAGE;
    all.truncate(PAGE);
    let next = all.last().filter(|_| more).map(|event| visit.view.with_query("before", &event.sequence.to_string()));
    let values = context! { shell => page.shell("/events")?, base => page.base(), events => value(&all), next };
    Ok(plane.pages.page(&visit.view, "console/events.html", values))
}
