//! Who did what with what a customer has: its own part of the audit.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use minijinja::context;

use super::Inside;
use crate::Plane;
use crate::operations::Actor;
use crate::problem::Answer;
use crate::web::Query;
use crate::web::console::events::{Wanted, send};
use crate::web::visit::Visit;

pub async fn show(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    let page = Inside { plane: &plane, visit: &visit, actor: &actor };
    let around = context! { portal => page.frame("/events")?, base => page.base()?, whole => false };
    send(&plane, &visit, &actor, &wanted, "portal/events.html", around).await
}
