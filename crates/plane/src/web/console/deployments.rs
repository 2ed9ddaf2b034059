//! Deployments: to begin one, to watch it, to take it back.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::{DeploymentId, Key, Slug};
use futures_util::StreamExt;
use minijinja::{Value, context};
use serde::Deserialize;

use super::lanes::Lanes;
use super::{Console, value};
use crate::Plane;
use crate::access::MAKERS;
use crate::operations::deploy::{Deploying, deploy, plan};
use crate::operations::find_deployment::find_deployment;
use crate::operations::rollback::{rollback_app, rollback_deployment};
use crate::operations::stop_deployment::stop_deployment;
use crate::operations::{Actor, app_key, unknown_app};
use crate::problem::{Answer, Refusal};
use crate::store::installations::InstallationRow;
use crate::store::{apps, deployments, versions};
use crate::web::design::live as send_live;
use crate::web::entry::{Form, again};
use crate::web::visit::{Visit, lead};
use crate::web::{Path, Query, follow, view};
use crate::wire::{CreateDeployment, CreateRollback};

/// Deployments of a page of the list.
const PAGE: u64 = 50;

/// Versions and applications that are offered.
const CHOICES: u64 = 500;

/// Installations of a server that are named before a deployment.
const NAMED: u64 = 50;

/// Which deployments.
#[derive(Debug, Deserialize)]
pub struct Listed {
    app: Option<String>,
    before: Option<String>,
}

pub async fn list(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(wanted): Query<Listed>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let db = plane.store.read();
    // What names no application is no filter: the form sends an empty one for all.
    let app: Option<Slug> = wanted.app.as_deref().and_then(|app| app.parse().ok());
    let key = app.clone().map(|app| Ok::<_, Refusal>(Key::new(page.publisher()?.clone(), app))).transpose()?;
    let before = wanted.before.as_deref().and_then(|id| id.parse().ok());
    let mut rows = deployments::list(db, &actor.reach, key.as_ref(), before, PAGE + 1).await?;
    let next = visit.view.next(&mut rows, PAGE, "before", |row| row.id.to_string());
    let mut all = Vec::new();
    for row in rows {
        all.push(view::deployment(db, row).await?);
    }
    let values = context! {
        shell => page.shell("/deployments")?,
        base => page.base(),
        deployments => value(&all),
        apps => value(&apps::list(db, &actor.reach, None, CHOICES).await?),
        app => app.map(|app| app.to_string()),
        first => before.is_none(),
        next,
    };
    Ok(plane.pages.page(&visit.view, "console/deployments.html", values))
}

/// Which version.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    version: Option<u32>,
}

/// The page that begins one: what it will do to whom.
pub async fn new(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    let values = new_values(&plane, &visit, &actor, &app, wanted.version, 1).await?;
    Ok(plane.pages.page(&visit.view, "console/deploy.html", values))
}

async fn new_values(
    plane: &Plane,
    visit: &Visit,
    actor: &Actor,
    app: &str,
    version: Option<u32>,
    canary: u32,
) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let db = plane.store.read();
    let key = app_key(db, actor, app).await?;
    let found = apps::find(db, &key).await?.ok_or_else(|| unknown_app(app))?;
    let all = versions::list(db, &key, None, CHOICES).await?;
    // As the operation will see it: who has the version already is not touched.
    let (plan, touched) = match (version, all.first()) {
        (None, None) => (None, Vec::new()),
        _ => plan(db, &key, version, NAMED).await.map(|(plan, touched)| (Some(plan), touched))?,
    };
    let shown = |row: &InstallationRow| {
        context! { name => row.name.as_str(), customer => row.customer.as_str(), from => row.version }
    };
    let servers = plan.iter().flat_map(|plan| &plan.servers);
    let lanes = servers.zip(&touched).map(|(server, on)| {
        context! {
            server => server.host.clone().unwrap_or_else(|| server.server.to_string()),
            rows => on.first.iter().map(shown).collect::<Vec<_>>(),
            more => on.count - on.first.len() as u64,
        }
    });
    Ok(context! {
        shell => page.shell("/apps")?,
        base => page.base(),
        app => value(&found),
        versions => value(&all),
        chosen => plan.as_ref().map(|plan| plan.version),
        canary,
        keep_hours => plane.keep_hours(),
        count => plan.as_ref().map_or(0, |plan| plan.installations),
        lanes => lanes.collect::<Vec<_>>(),
    })
}

/// What was filled in.
#[derive(Debug, Deserialize)]
pub struct Input {
    version: u32,
    canary: u32,
    keep_hours: u32,
}

pub async fn begin(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app)): Path<(String, String)>,
    Form(input): Form<Input>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let key = app_key(plane.store.read(), &actor, &app).await?;
    let wanted = CreateDeployment {
        version: Some(input.version),
        canary: Some(input.canary),
        keep_hours: Some(input.keep_hours),
    };
    match deploy(&plane, &actor, &key, wanted).await {
        Ok(Deploying::Begun(id)) => Ok(lead(&format!("{}/deployments/{id}", page.base()), None)),
        Ok(Deploying::NothingToDo(_)) => {
            Ok(lead(&format!("{}/apps/{}", page.base(), key.slug), Some(("info", "done-nothing-to-deploy"))))
        }
        Err(refusal) => {
            // What is refused may be the version itself.
            let known = versions::find(plane.store.read(), &key, input.version).await?.map(|version| version.number);
            let values = new_values(&plane, &visit, &actor, &app, known, input.canary).await?;
            again(&plane, &visit, refusal, "console/deploy.html", values)
        }
    }
}

/// Whether to go back one more version.
#[derive(Debug, Deserialize)]
pub struct Back {
    #[serde(default)]
    further: Option<String>,
}

/// Takes the last deployment of an application back, everywhere.
pub async fn roll_back(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app)): Path<(String, String)>,
    Form(input): Form<Back>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let key = app_key(plane.store.read(), &actor, &app).await?;
    let wanted = CreateRollback { further: input.further.is_some() };
    match rollback_app(&plane, &actor, &key, wanted).await {
        Ok(id) => Ok(lead(&format!("{}/deployments/{id}", page.base()), None)),
        Err(refusal) => {
            let back = format!("{}/apps/{}", page.base(), key.slug);
            page.ask_further(refusal, "/apps", &format!("{back}/rollback"), &back)
        }
    }
}

/// Takes exactly one deployment back.
pub async fn undo(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let id = find_deployment(plane.store.read(), &actor.reach, &text).await?;
    match rollback_deployment(&plane, &actor, id).await {
        Ok(begun) => Ok(lead(&format!("{}/deployments/{begun}", page.base()), None)),
        Err(refusal) => {
            let values = show_values(&plane, &page, id).await?;
            again(&plane, &visit, refusal, "console/deployment.html", values)
        }
    }
}

pub async fn show(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let id = find_deployment(plane.store.read(), &actor.reach, &text).await?;
    let values = show_values(&plane, &page, id).await?;
    Ok(plane.pages.page(&visit.view, "console/deployment.html", values))
}

async fn show_values(plane: &Plane, page: &Console<'_>, id: DeploymentId) -> Answer<Value> {
    let drawn = Lanes { plane, language: page.visit.view.language, base: page.base(), may_make: page.is(MAKERS) };
    let (_, values) = drawn.values(id).await?;
    Ok(context! { shell => page.shell("/deployments")?, ..values })
}

/// The same page's middle, again and again while something changes.
pub async fn live(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
) -> Answer<Response> {
    let id = find_deployment(plane.store.read(), &actor.reach, &text).await?;
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let (base, may_make, view) = (page.base(), page.is(MAKERS), visit.view.clone());
    let changes = follow::changes(plane.clone());
    let fragments = changes.then(move |()| {
        let (plane, base, view) = (plane.clone(), base.clone(), view.clone());
        async move {
            let drawn = Lanes { plane: &plane, language: view.language, base, may_make };
            let (ended, values) = drawn.values(id).await.map_err(|refusal| refusal.detail)?;
            let html = plane.pages.html(&view, "console/deployment-live.html", values);
            html.map(|html| (html, ended)).map_err(|error| error.to_string())
        }
    });
    Ok(send_live(follow::until_ended(fragments)))
}

pub async fn stop(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let id = find_deployment(plane.store.read(), &actor.reach, &text).await?;
    match stop_deployment(&plane, &actor, id).await {
        Ok(()) => Ok(lead(&format!("{}/deployments/{id}", page.base()), Some(("info", "done-deployment-stop")))),
        // It ended meanwhile: its page says how.
        Err(Refusal { code, .. }) if code == "deployment-ended" => {
            Ok(lead(&format!("{}/deployments/{id}", page.base()), None))
        }
        Err(refusal) => Err(refusal),
    }
}
