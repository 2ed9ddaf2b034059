//! Variables of an installation, and of an application for all of its installations.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::Key;
use minijinja::{Value, context};
use serde::Deserialize;

use super::{Console, value};
use crate::Plane;
use crate::access::MAKERS;
use crate::operations::change_environment::{apply_environment, change_app_environment, change_environment};
use crate::operations::{Actor, app_key, find_installation};
use crate::problem::{Answer, Refusal};
use crate::store::installations::InstallationRow;
use crate::web::Path;
use crate::web::api::environment::{of_app, of_installation};
use crate::web::entry::{Form, again};
use crate::web::visit::{Visit, lead};
use crate::wire::{ChangeEnvironment, read_lines};

const TEMPLATE: &str = "console/environment.html";

/// Variables as a form has them.
#[derive(Debug, Default, Deserialize)]
pub struct Set {
    #[serde(default)]
    lines: String,
    secret: Option<String>,
}

impl Set {
    fn change(&self) -> Answer<ChangeEnvironment> {
        let set = read_lines(&self.lines, Some(self.secret.is_some()));
        let set = set.map_err(|why| Refusal::invalid("bad-lines-of-variables", why))?;
        if set.is_empty() {
            let detail = "there is nothing to be set; write a line such as NAME=value";
            return Err(Refusal::invalid("no-variables", detail));
        }
        Ok(ChangeEnvironment { set, unset: Vec::new() })
    }
}

/// What is no form's is a value that nobody gets to see again: only what is wrong with it is shown, not it.
fn frame(page: &Console<'_>, current: &str) -> Answer<Value> {
    Ok(context! { shell => page.shell(current)?, base => page.base(), may_change => page.is(MAKERS) })
}

async fn values(plane: &Plane, visit: &Visit, actor: &Actor, row: &InstallationRow) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    Ok(context! {
        name => row.name.as_str(),
        of_app => false,
        app => row.app.as_str(),
        here => format!("{}/installations/{}/environment", page.base(), row.name),
        error => row.error.clone(),
        busy => row.operation.is_some(),
        variables => value(&of_installation(plane, plane.store.read(), row).await?),
        ..frame(&page, "/installations")?
    })
}

pub async fn show(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
) -> Answer<Response> {
    let row = find_installation(plane.store.read(), &actor.reach, &text).await?;
    Ok(plane.pages.page(&visit.view, TEMPLATE, values(&plane, &visit, &actor, &row).await?))
}

/// Leads back when it was accepted, or says why not.
async fn changed(
    plane: &Plane,
    visit: &Visit,
    actor: &Actor,
    text: &str,
    input: Answer<ChangeEnvironment>,
) -> Answer<Response> {
    let row = find_installation(plane.store.read(), &actor.reach, text).await?;
    let begun = async { change_environment(plane, actor, text, &input?).await };
    match begun.await {
        Ok(_) => {
            let base = Console { plane, visit, actor }.base();
            Ok(lead(&format!("{base}/installations/{}", row.name), Some(("info", "done-configure"))))
        }
        Err(refusal) => again(plane, visit, refusal, TEMPLATE, values(plane, visit, actor, &row).await?),
    }
}

pub async fn set(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
    Form(input): Form<Set>,
) -> Answer<Response> {
    changed(&plane, &visit, &actor, &text, input.change()).await
}

pub async fn unset(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text, variable)): Path<(String, String, String)>,
) -> Answer<Response> {
    changed(&plane, &visit, &actor, &text, Ok(without(variable))).await
}

fn without(variable: String) -> ChangeEnvironment {
    ChangeEnvironment { set: Vec::new(), unset: vec![variable] }
}

async fn app_values(plane: &Plane, visit: &Visit, actor: &Actor, key: &Key) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    Ok(context! {
        name => key.slug.as_str(),
        of_app => true,
        app => key.slug.as_str(),
        here => format!("{}/apps/{}/environment", page.base(), key.slug),
        error => (),
        busy => false,
        variables => value(&of_app(plane, plane.store.read(), key).await?),
        ..frame(&page, "/apps")?
    })
}

pub async fn show_app(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app)): Path<(String, String)>,
) -> Answer<Response> {
    let key = app_key(plane.store.read(), &actor, &app).await?;
    Ok(plane.pages.page(&visit.view, TEMPLATE, app_values(&plane, &visit, &actor, &key).await?))
}

async fn app_changed(
    plane: &Plane,
    visit: &Visit,
    actor: &Actor,
    app: &str,
    input: Answer<ChangeEnvironment>,
) -> Answer<Response> {
    let key = app_key(plane.store.read(), actor, app).await?;
    let changed = async { change_app_environment(plane, actor, &key, &input?).await };
    match changed.await {
        Ok(_) => {
            let base = Console { plane, visit, actor }.base();
            Ok(lead(&format!("{base}/apps/{}/environment", key.slug), Some(("good", "done-app-configure"))))
        }
        Err(refusal) => again(plane, visit, refusal, TEMPLATE, app_values(plane, visit, actor, &key).await?),
    }
}

pub async fn set_app(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app)): Path<(String, String)>,
    Form(input): Form<Set>,
) -> Answer<Response> {
    app_changed(&plane, &visit, &actor, &app, input.change()).await
}

pub async fn unset_app(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app, variable)): Path<(String, String, String)>,
) -> Answer<Response> {
    app_changed(&plane, &visit, &actor, &app, Ok(without(variable))).await
}

pub async fn apply(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app)): Path<(String, String)>,
) -> Answer<Response> {
    let key = app_key(plane.store.read(), &actor, &app).await?;
    let base = Console { plane: &plane, visit: &visit, actor: &actor }.base();
    let applied = apply_environment(&plane, &actor, &key).await?;
    let said = match (applied.operations.is_empty(), applied.left.is_empty()) {
        (true, true) => ("info", "done-apply-none"),
        (_, true) => ("info", "done-apply"),
        (_, false) => ("warn", "done-apply-some"),
    };
    Ok(lead(&format!("{base}/apps/{}/environment", key.slug), Some(said)))
}
