//! Deployments: to begin one, to watch it, to take it back.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::DeploymentId;
use domain::state::DeploymentStepState;
use futures_util::StreamExt;
use minijinja::{Value, context};
use nimbus_api::Direction;
use serde::Deserialize;

use super::{Console, value};
use crate::Plane;
use crate::access::MAKERS;
use crate::operations::deploy::{Deploying, deploy};
use crate::operations::rollback::rollback_app;
use crate::operations::stop_deployment::{stop_deployment, unknown_deployment};
use crate::operations::{Actor, app_key, rollback_target, unknown_app};
use crate::problem::{Answer, Refusal};
use crate::store::installations::{InstallationRow, Touched};
use crate::store::{apps, deployments, installations, servers, snapshots, versions};
use crate::web::design::live as send_live;
use crate::web::entry::{Form, again};
use crate::web::visit::{Visit, lead};
use crate::web::{Path, Query, follow, view};
use crate::wire::{CreateDeployment, CreateRollback, Deployment, DeploymentKind, DeploymentStep, word};

/// Deployments and versions that are shown.
const MOST: u64 = 100;

/// Installations of a server that are named before a deployment.
const NAMED: u64 = 50;

pub async fn list(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let db = plane.store.read();
    let mut all = Vec::new();
    for row in deployments::list(db, &actor.reach, None, None, MOST).await? {
        all.push(view::deployment(db, row).await?);
    }
    let values = context! { shell => page.shell("/deployments")?, base => page.base(), deployments => value(&all) };
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
    let all = versions::list(db, &key, None, MOST).await?;
    let chosen = version.or(all.first().map(|version| version.number));
    let hosts = hosts(plane).await?;
    // As the operation will see it: who has the version already is not touched.
    let touched = match chosen {
        Some(version) => installations::touched(db, &key, version, NAMED).await?,
        None => Vec::new(),
    };
    let lane = |on: &Touched| {
        let shown = |row: &InstallationRow| {
            context! { name => row.name.as_str(), customer => row.customer.as_str(), from => row.version }
        };
        context! {
            server => hosts.get(&on.server).cloned().unwrap_or_else(|| on.server.to_string()),
            rows => on.first.iter().map(shown).collect::<Vec<_>>(),
            more => on.count - on.first.len() as u64,
        }
    };
    Ok(context! {
        shell => page.shell("/apps")?,
        base => page.base(),
        app => value(&found),
        versions => value(&all),
        chosen,
        canary,
        count => touched.iter().map(|on| on.count).sum::<u64>(),
        lanes => touched.iter().map(lane).collect::<Vec<_>>(),
    })
}

async fn hosts(plane: &Plane) -> Answer<BTreeMap<domain::ServerId, String>> {
    Ok(servers::list(plane.store.read()).await?.into_iter().map(|row| (row.id, row.host)).collect())
}

/// What was filled in.
#[derive(Debug, Deserialize)]
pub struct Input {
    version: u32,
    canary: u32,
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
    let wanted = CreateDeployment { version: Some(input.version), canary: Some(input.canary), keep_hours: None };
    match deploy(&plane, &actor, &key, wanted).await {
        Ok(Deploying::Begun(id)) => Ok(lead(&format!("{}/deployments/{id}", page.base()), None)),
        Ok(Deploying::NothingToDo(_)) => {
            Ok(lead(&format!("{}/apps/{}", page.base(), key.slug), Some(("info", "done-nothing-to-deploy"))))
        }
        Err(refusal) => {
            let values = new_values(&plane, &visit, &actor, &app, Some(input.version), input.canary).await?;
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
    let id = rollback_app(&plane, &actor, &key, wanted).await?;
    Ok(lead(&format!("{}/deployments/{id}", page.base()), None))
}

/// The deployment within reach that the path names.
async fn find(plane: &Plane, actor: &Actor, text: &str) -> Answer<DeploymentId> {
    let id: DeploymentId = text.parse().map_err(|_| unknown_deployment(text))?;
    let found = deployments::find_within(plane.store.read(), &actor.reach, id).await?;
    found.map(|row| row.id).ok_or_else(|| unknown_deployment(id))
}

pub async fn show(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let id = find(&plane, &actor, &text).await?;
    let whole = view::whole_deployment(&plane, id).await?;
    let values = context! {
        shell => page.shell("/deployments")?,
        base => page.base(),
        may_make => page.is(MAKERS),
        ..shown(&plane, &page.base(), page.is(MAKERS), whole).await?
    };
    Ok(plane.pages.page(&visit.view, "console/deployment.html", values))
}

/// The same page's middle, again and again while something changes.
pub async fn live(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
) -> Answer<Response> {
    let id = find(&plane, &actor, &text).await?;
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let (base, may_make, view) = (page.base(), page.is(MAKERS), visit.view.clone());
    let changes = follow::changes(plane.clone());
    let fragments = changes.then(move |()| {
        let (plane, base, view) = (plane.clone(), base.clone(), view.clone());
        async move {
            let whole = view::whole_deployment(&plane, id).await.map_err(|refusal| refusal.detail)?;
            let ended = whole.state.is_final();
            let values = shown(&plane, &base, may_make, whole).await.map_err(|refusal| refusal.detail)?;
            let values = context! { base, ..values };
            plane
                .pages
                .html(&view, "console/deployment-live.html", values)
                .map(|html| (html, ended))
                .map_err(|error| error.to_string())
        }
    });
    Ok(send_live(follow::until_ended(fragments)))
}

/// What the page shows of it.
async fn shown(plane: &Plane, base: &str, may_make: bool, mut whole: Deployment) -> Answer<Value> {
    let steps = whole.installations.take().unwrap_or_default();
    let hosts = hosts(plane).await?;
    let mut lanes: BTreeMap<String, Vec<&DeploymentStep>> = BTreeMap::new();
    for step in &steps {
        let host = hosts.get(&step.server).cloned().unwrap_or_else(|| step.server.to_string());
        lanes.entry(host).or_default().push(step);
    }
    let lanes: Vec<Value> = lanes.into_iter().map(|(server, steps)| lane(base, server, &steps)).collect();
    let undo = undo(plane, &whole, &steps).await?;
    Ok(context! {
        deployment => value(&whole),
        kind => word(&whole.kind),
        ended => whole.state.is_final(),
        total => steps.len(),
        done => steps.iter().filter(|step| step.ended_at.is_some()).count(),
        longest_hold => steps.iter().filter_map(|step| step.held_ms).max(),
        failures => steps.iter().filter(|step| step.state == DeploymentStepState::Undone).count(),
        lanes,
        undo,
        may_make,
    })
}

/// One server's installations: those to look at, and those that are through.
fn lane(base: &str, server: String, steps: &[&DeploymentStep]) -> Value {
    let row = |step: &&DeploymentStep| {
        let doing = step.steps.iter().rev().find(|one| one.ended_at.is_none()).map(|one| {
            let way = if one.direction == Direction::Do { "do" } else { "undo" };
            format!("{way}-{}", one.name)
        });
        let lines: Vec<String> = step.error.iter().flat_map(|error| error.lines()).map(str::to_owned).collect();
        context! {
            name => step.name.as_str(),
            href => format!("{base}/installations/{}", step.name),
            state => step.state.to_string(),
            doing,
            step => Value::from(""),
            canary => step.canary,
            took => step.began_at.zip(step.ended_at).map(|(from, to)| to.saturating_sub(from)),
            held => step.held_ms,
            lines,
        }
    };
    let is_through = |step: &&&DeploymentStep| step.state == DeploymentStepState::Finished;
    let (through, others): (Vec<_>, Vec<_>) = steps.iter().partition(is_through);
    context! {
        server,
        done => steps.iter().filter(|step| step.ended_at.is_some()).count(),
        total => steps.len(),
        rows => others.into_iter().map(row).collect::<Vec<_>>(),
        more => through.into_iter().map(row).collect::<Vec<_>>(),
    }
}

/// Until when it can be taken back, and how many of its installations.
async fn undo(plane: &Plane, whole: &Deployment, steps: &[DeploymentStep]) -> Answer<Option<Value>> {
    if !whole.state.is_final() || whole.kind == DeploymentKind::Rollback {
        return Ok(None);
    }
    let (mut count, mut until) = (0, None);
    for step in steps.iter().filter(|step| step.state == DeploymentStepState::Finished) {
        let known = snapshots::of(plane.store.read(), step.installation).await?;
        if let Some(target) = rollback_target(&known, plane.now()).filter(|target| target.version == step.from_version)
        {
            count += 1;
            until = until.max(target.until);
        }
    }
    Ok((count > 0).then(|| context! { count, until }))
}

pub async fn stop(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let id = find(&plane, &actor, &text).await?;
    match stop_deployment(&plane, &actor, id).await {
        Ok(()) => Ok(lead(&format!("{}/deployments/{id}", page.base()), Some(("info", "done-deployment-stop")))),
        // It ended meanwhile: its page says how.
        Err(Refusal { code, .. }) if code == "deployment-ended" => {
            Ok(lead(&format!("{}/deployments/{id}", page.base()), None))
        }
        Err(refusal) => Err(refusal),
    }
}
