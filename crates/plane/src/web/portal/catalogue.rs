//! What a publisher offers its customers.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use minijinja::{Value, context};

use super::Inside;
use crate::Plane;
use crate::operations::Actor;
use crate::operations::install::install;
use crate::problem::Answer;
use crate::store::apps;
use crate::web::Path;
use crate::web::api::catalogue::offer;
use crate::web::api::versions as api;
use crate::web::console::value;
use crate::web::entry::again;
use crate::web::visit::{Visit, lead};
use crate::wire::CreateInstallation;

/// Applications that are shown.
const MOST: u64 = 200;

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor) -> Answer<Response> {
    let values = values(&plane, &visit, &actor).await?;
    Ok(plane.pages.page(&visit.view, "portal/catalogue.html", values))
}

async fn values(plane: &Plane, visit: &Visit, actor: &Actor) -> Answer<Value> {
    let page = Inside { plane, visit, actor };
    let db = plane.store.read();
    let mut offered = Vec::new();
    for app in apps::list_own(db, &actor.reach, false, MOST).await? {
        offered.extend(offer(db, app).await?.as_ref().map(value));
    }
    Ok(context! { portal => page.frame("/catalogue")?, base => page.base()?, offered })
}

pub async fn take(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app)): Path<(String, String)>,
) -> Answer<Response> {
    let page = Inside { plane: &plane, visit: &visit, actor: &actor };
    let customer = page.customer()?.slug.clone();
    let wanted = CreateInstallation { app, customer, name: None, version: None, from: None };
    match install(&plane, &actor, wanted).await {
        Ok(begun) => Ok(lead(&format!("{}/installations/{}", page.base()?, begun.installation), None)),
        Err(refusal) => {
            let values = values(&plane, &visit, &actor).await?;
            again(&plane, &visit, refusal, "portal/catalogue.html", values)
        }
    }
}

/// The picture of a version.
pub async fn logo(
    state: State<Arc<Plane>>,
    actor: Actor,
    Path((_, app, number)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Answer<Response> {
    api::logo(state, actor, Path((app, number)), headers).await
}
