//! A publisher itself: what it is called, and its end.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::Slug;
use serde::Deserialize;

use super::apps::{Confirm, require_typed};
use super::platform;
use crate::Plane;
use crate::access::Reach;
use crate::operations::change_publisher::change_publisher;
use crate::operations::delete_publisher::delete_publisher;
use crate::operations::{Actor, unknown_publisher};
use crate::problem::Answer;
use crate::web::Path;
use crate::web::entry::Form;
use crate::web::people::team_again;
use crate::web::visit::{Visit, lead};
use crate::wire::ChangePublisher;

/// What it is to be called.
#[derive(Debug, Deserialize)]
pub struct Name {
    name: String,
}

/// By its owners on the page of the team, by the operator on its own.
pub async fn rename(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path(text): Path<String>,
    Form(input): Form<Name>,
) -> Answer<Response> {
    let slug: Slug = text.parse().map_err(|_| unknown_publisher(&text))?;
    let wanted = ChangePublisher { name: Some(input.name), developers_exec: None };
    let whole = actor.reach == Reach::All;
    match change_publisher(&plane, &actor, &slug, wanted).await {
        Ok(_) if whole => Ok(lead(&format!("/operator/publishers/{slug}"), Some(("good", "done-publisher-named")))),
        Ok(_) => Ok(lead(&format!("/p/{slug}/team"), Some(("good", "done-publisher-named")))),
        Err(refusal) if whole => platform::publisher_again(&plane, &visit, &actor, &text, refusal).await,
        Err(refusal) => team_again(&plane, &visit, &actor, refusal).await,
    }
}

pub async fn delete(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path(text): Path<String>,
    Form(input): Form<Confirm>,
) -> Answer<Response> {
    let slug: Slug = text.parse().map_err(|_| unknown_publisher(&text))?;
    let deleted = async {
        require_typed(&input.confirm, slug.as_str())?;
        delete_publisher(&plane, &actor, &slug).await
    };
    match deleted.await {
        Ok(()) => Ok(lead("/operator", Some(("good", "done-publisher-deleted")))),
        Err(refusal) => platform::publisher_again(&plane, &visit, &actor, &text, refusal).await,
    }
}
