//! A publisher's applications and their versions.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use domain::{Key, Slug};
use http::HeaderMap;
use minijinja::{Value, context};
use serde::Deserialize;

use super::{Console, value};
use crate::Plane;
use crate::access::MAKERS;
use crate::operations::create_app::create_app;
use crate::operations::delete_app::delete_app;
use crate::operations::delete_version::delete_version;
use crate::operations::publish_version::{Input, publish_version};
use crate::operations::{Actor, app_key, unknown_app, unknown_version};
use crate::problem::{Answer, Refusal};
use crate::store::installations::Filter;
use crate::store::{apps, deployments, installations, versions};
use crate::web::api::versions as api;
use crate::web::entry::{Form, again};
use crate::web::receive::Received;
use crate::web::visit::{Visit, lead};
use crate::web::{Path, Query};
use crate::wire::{App, CreateApp, Version};

/// Applications that are shown.
const MOST: u64 = 200;

/// Versions of a page.
const VERSIONS: u64 = 50;

/// Installations of a version that are named.
const NAMED: u64 = 50;

pub async fn list(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor) -> Answer<Response> {
    let values = list_values(&plane, &visit, &actor).await?;
    Ok(plane.pages.page(&visit.view, "console/apps.html", values))
}

async fn list_values(plane: &Plane, visit: &Visit, actor: &Actor) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let all = apps::list(plane.store.read(), &actor.reach, None, MOST).await?;
    Ok(context! {
        shell => page.shell("/apps")?,
        base => page.base(),
        may_make => page.is(MAKERS),
        apps => value(&all),
    })
}

/// A new application.
#[derive(Debug, Deserialize)]
pub struct New {
    slug: String,
    name: String,
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Form(input): Form<New>,
) -> Answer<Response> {
    let created = async {
        let bad = |error: domain::name::BadName| Refusal::invalid("bad-slug", error.to_string());
        let slug: Slug = input.slug.trim().parse().map_err(bad)?;
        let name = Some(input.name.trim().to_owned()).filter(|name| !name.is_empty());
        create_app(&plane, &actor, CreateApp { publisher: None, slug, name }).await
    };
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    match created.await {
        Ok(app) => Ok(lead(&format!("{}/apps/{}", page.base(), app.slug), Some(("good", "done-app")))),
        Err(refusal) => {
            let values = list_values(&plane, &visit, &actor).await?;
            again(&plane, &visit, refusal, "console/apps.html", values)
        }
    }
}

/// The application that the path names.
async fn find(plane: &Plane, actor: &Actor, text: &str) -> Answer<(Key, App)> {
    let key = app_key(plane.store.read(), actor, text).await?;
    let app = apps::find(plane.store.read(), &key).await?.ok_or_else(|| unknown_app(text))?;
    Ok((key, app))
}

pub async fn show(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app)): Path<(String, String)>,
    Query(part): Query<Part>,
) -> Answer<Response> {
    let before = part.before.as_deref().and_then(|number| number.parse().ok());
    let values = show_values(&plane, &visit, &actor, &app, before, &[]).await?;
    Ok(plane.pages.page(&visit.view, "console/app.html", values))
}

/// Which part of its versions.
#[derive(Debug, Deserialize)]
pub struct Part {
    before: Option<String>,
}

async fn show_values(
    plane: &Plane,
    visit: &Visit,
    actor: &Actor,
    app: &str,
    before: Option<u32>,
    errors: &[String],
) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let db = plane.store.read();
    let (key, app) = find(plane, actor, app).await?;
    let mut all = versions::list(db, &key, before, VERSIONS + 1).await?;
    let next = visit.view.next(&mut all, VERSIONS, "before", |last| last.number.to_string());
    let newest = versions::newest(db, &key).await?;
    let live = deployments::live_of(db, &key).await?;
    Ok(context! {
        shell => page.shell("/apps")?,
        base => page.base(),
        may_make => page.is(MAKERS),
        csrf_of_form => visit.view.csrf.clone(),
        app => value(&app),
        newest => newest.as_ref().map(value),
        next,
        versions => value(&all),
        live => live.map(|row| row.id.to_string()),
        errors => value(&errors),
        keep_hours => plane.keep_hours(),
    })
}

/// Who confirms by typing a name must have typed it.
#[derive(Debug, Deserialize)]
pub struct Confirm {
    /// What was typed.
    #[serde(default)]
    pub confirm: String,
}

pub async fn delete(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app)): Path<(String, String)>,
    Form(input): Form<Confirm>,
) -> Answer<Response> {
    let (key, _) = find(&plane, &actor, &app).await?;
    let deleted = async {
        require_typed(&input.confirm, key.slug.as_str())?;
        delete_app(&plane, &actor, &key).await
    };
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    match deleted.await {
        Ok(()) => Ok(lead(&format!("{}/apps", page.base()), Some(("good", "done-app-deleted")))),
        Err(refusal) => {
            let values = show_values(&plane, &visit, &actor, &app, None, &[]).await?;
            again(&plane, &visit, refusal, "console/app.html", values)
        }
    }
}

/// That somebody who destroys something has typed its name.
pub fn require_typed(typed: &str, name: &str) -> Answer<()> {
    if typed.trim() == name {
        return Ok(());
    }
    Err(Refusal::invalid("not-confirmed", format!("type \"{name}\" to confirm; nothing was done")))
}

/// A package as its publisher sends it: the archive itself, or a form with it.
pub async fn publish(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app)): Path<(String, String)>,
    request: Request,
) -> Answer<Response> {
    let (key, _) = find(&plane, &actor, &app).await?;
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let published = async {
        let _turn = plane.publishing.acquire().await.map_err(Refusal::internal)?;
        let (received, notes) = Received::of_form(&plane, request).await?;
        let input = Input { app: key.clone(), create: false, notes, received: received.path.clone() };
        publish_version(&plane, &actor, input).await
    };
    match published.await {
        Ok((version, new)) => {
            let done = if new { "done-version" } else { "done-version-already" };
            let to = format!("{}/apps/{}/versions/{}", page.base(), key.slug, version.number);
            Ok(lead(&to, Some(("good", done))))
        }
        Err(refusal) => {
            let errors = if refusal.errors.is_empty() { vec![refusal.detail.clone()] } else { refusal.errors.clone() };
            let values = show_values(&plane, &visit, &actor, &app, None, &errors).await?;
            again(&plane, &visit, refusal, "console/app.html", values)
        }
    }
}

async fn find_version(plane: &Plane, actor: &Actor, app: &str, number: &str) -> Answer<(Key, Version)> {
    let (key, _) = find(plane, actor, app).await?;
    let unknown = || unknown_version(&key.slug, number);
    let wanted = number.parse().map_err(|_| unknown())?;
    let version = versions::find(plane.store.read(), &key, wanted).await?.ok_or_else(unknown)?;
    Ok((key, version))
}

pub async fn version(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app, number)): Path<(String, String, String)>,
) -> Answer<Response> {
    let values = version_values(&plane, &visit, &actor, &app, &number).await?;
    Ok(plane.pages.page(&visit.view, "console/version.html", values))
}

async fn version_values(plane: &Plane, visit: &Visit, actor: &Actor, app: &str, number: &str) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let db = plane.store.read();
    let (key, version) = find_version(plane, actor, app, number).await?;
    let with_it = Filter { app: Some(key), version: Some(version.number), ..Filter::default() };
    let running = installations::list(db, &actor.reach, &with_it, "", NAMED).await?;
    Ok(context! {
        shell => page.shell("/apps")?,
        base => page.base(),
        may_make => page.is(MAKERS),
        version => value(&version),
        more => version.installations.saturating_sub(running.len() as u64),
        running => running.iter().map(|row| context! {
            name => row.name.as_str(), customer => row.customer.as_str(), state => row.state.to_string(),
        }).collect::<Vec<_>>(),
    })
}

pub async fn delete_one(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app, number)): Path<(String, String, String)>,
    Form(input): Form<Confirm>,
) -> Answer<Response> {
    let (key, version) = find_version(&plane, &actor, &app, &number).await?;
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let deleted = async {
        require_typed(&input.confirm, &format!("{}/{}", key.slug, version.number))?;
        delete_version(&plane, &actor, &key, version.number).await
    };
    match deleted.await {
        Ok(()) => Ok(lead(&format!("{}/apps/{}", page.base(), key.slug), Some(("good", "done-version-deleted")))),
        Err(refusal) => {
            let values = version_values(&plane, &visit, &actor, &app, &number).await?;
            again(&plane, &visit, refusal, "console/version.html", values)
        }
    }
}

/// A file as it was published.
pub async fn download(
    state: State<Arc<Plane>>,
    actor: Actor,
    Path((_, app, number)): Path<(String, String, String)>,
    request: Request,
) -> Answer<Response> {
    crate::web::api::versions::download(state, actor, Path((app, number)), request).await
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
