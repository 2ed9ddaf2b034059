//! The page of a terminal inside an installation.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use http::HeaderMap;
use minijinja::context;
use serde::Deserialize;

use super::Console;
use crate::Plane;
use crate::operations::change_publisher::change_publisher;
use crate::operations::{Actor, exec, find_installation};
use crate::problem::{Answer, Refusal};
use crate::web::Path;
use crate::web::entry::Form;
use crate::web::terminal::connect;
use crate::web::visit::{Visit, lead};
use crate::wire::ChangePublisher;

pub async fn show(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let row = find_installation(plane.store.read(), &actor.reach, &text).await?;
    exec::may(&plane, &actor, &text).await?;
    let values = context! {
        shell => page.shell("/installations")?,
        base => page.base(),
        name => row.name.as_str(),
        runs => row.state == domain::state::InstallationState::Running,
        socket => format!("{}/installations/{}/terminal/socket", page.base(), row.name),
    };
    Ok(plane.pages.page(&visit.view, "console/terminal.html", values))
}

pub async fn socket(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Answer<Response> {
    let upgrade = upgrade.map_err(|error| Refusal::invalid("no-websocket", error.to_string()))?;
    connect(plane, visit, actor, text, &headers, upgrade).await
}

/// What developers may.
#[derive(Debug, Deserialize)]
pub struct Allow {
    developers: Option<String>,
}

/// Whether developers may go inside, too.
pub async fn allow(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Form(input): Form<Allow>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let wanted = ChangePublisher { name: None, developers_exec: Some(input.developers.is_some()) };
    change_publisher(&plane, &actor, page.publisher()?, wanted).await?;
    Ok(lead(&format!("{}/team", page.base()), Some(("good", "done-settings"))))
}
