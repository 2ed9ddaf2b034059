//! Brings a version to every installation of an application: the canaries first, then all others.

use std::collections::BTreeMap;

use domain::state::{DeploymentState, DeploymentStepState, InstallationState};
use domain::{DeploymentId, Key};
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::change_limits::require_room_to_deploy;
use super::install::wanted_version;
use super::{Actor, Thing, record, unknown_app};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::installations::{self, CHANGEABLE, InstallationRow, Touched};
use crate::store::{self, Tx, apps, deployments, servers};
use crate::wire::{
    CreateDeployment, Deployment, DeploymentKind, DeploymentPlan, DeploymentStep, PlannedFrom, PlannedServer,
};

/// Hours that a rollback can be kept possible.
const KEEP_HOURS: std::ops::RangeInclusive<u32> = 1..=720;

/// What became of a wish to deploy.
#[derive(Debug)]
pub enum Deploying {
    /// It was accepted.
    Begun(DeploymentId),
    /// Every installation is as it is to be: nothing was recorded.
    NothingToDo(Box<Deployment>),
}

/// Accepts it.
pub async fn deploy(plane: &Plane, actor: &Actor, app: &Key, input: CreateDeployment) -> Answer<Deploying> {
    let keep_hours = input.keep_hours.unwrap_or(plane.keep_hours());
    if !KEEP_HOURS.contains(&keep_hours) {
        let detail = format!("key \"keep_hours\" is {keep_hours}; it must be 1 to 720 hours");
        return Err(Refusal::invalid("bad-keep-hours", detail));
    }
    let tx = plane.store.write().await?;
    if !store::lock_app(&tx, app).await? {
        return Err(unknown_app(&app.slug));
    }
    refuse_second(&tx, app).await?;
    let version = wanted_version(&*tx, app, input.version).await?;
    let mut targets = installations::of_app(&*tx, app).await?;
    targets.retain(|row| row.version != version.number && can_change(row));
    require_room_to_deploy(&tx, app, &version, targets.len() as u64).await?;
    // A canary that does not run says nothing.
    targets.sort_by_key(|row| row.state != InstallationState::Running);
    let canary = input.canary.unwrap_or(1);
    let targets: Vec<_> = targets.into_iter().map(|row| (row, version.number)).collect();
    let wave =
        Wave { kind: DeploymentKind::Deploy, version: Some(version.number), whole_app: true, canary, keep_hours };
    if targets.is_empty() {
        let mut row = wave.row(plane, actor, app);
        row.state = row.state.advance(DeploymentState::Finished)?;
        row.ended_at = Some(row.created_at);
        return Ok(Deploying::NothingToDo(Box::new(row)));
    }
    Ok(Deploying::Begun(begin(plane, tx, actor, app, wave, targets).await?))
}

/// What it would change now, with the first `named` of every server. Nothing is recorded.
pub async fn plan(
    db: &impl ConnectionTrait,
    app: &Key,
    version: Option<u32>,
    named: u64,
) -> Answer<(DeploymentPlan, Vec<Touched>)> {
    if apps::find(db, app).await?.is_none() {
        return Err(unknown_app(&app.slug));
    }
    let version = wanted_version(db, app, version).await?.number;
    let touched = installations::touched(db, app, version, named).await?;
    let hosts: BTreeMap<_, _> = servers::list(db).await?.into_iter().map(|row| (row.id, row.host)).collect();
    let on = |on: &Touched| PlannedServer {
        server: on.server,
        host: hosts.get(&on.server).cloned(),
        installations: on.count,
        from: on.from.iter().map(|(version, count)| PlannedFrom { version: *version, installations: *count }).collect(),
    };
    let servers: Vec<PlannedServer> = touched.iter().map(on).collect();
    let installations = touched.iter().map(|on| on.count).sum();
    Ok((DeploymentPlan { app: app.slug.clone(), version, installations, servers }, touched))
}

/// Two people deploying at once: the second is told of the first.
pub(super) async fn refuse_second(tx: &Tx, app: &Key) -> Answer<()> {
    let Some(live) = deployments::live_of(&**tx, app).await? else { return Ok(()) };
    let detail = format!(
        "deployment {0} of {1} is under way, asked for by {2}; wait for it, or stop it with \
         `vclouden deployment stop {0}`",
        live.id, app.slug, live.requested_by
    );
    Err(Refusal::conflict("deployment-under-way", detail))
}

/// Whether a deployment concerns it.
pub fn can_change(row: &InstallationRow) -> bool {
    CHANGEABLE.contains(&row.state)
}

/// What a new deployment is.
pub(super) struct Wave {
    pub kind: DeploymentKind,
    pub version: Option<u32>,
    pub whole_app: bool,
    pub canary: u32,
    pub keep_hours: u32,
}

impl Wave {
    /// The wave at its beginning.
    fn row(&self, plane: &Plane, actor: &Actor, app: &Key) -> Deployment {
        Deployment {
            id: DeploymentId::new(),
            kind: self.kind,
            publisher: app.publisher.clone(),
            app: app.slug.clone(),
            version: self.version,
            whole_app: self.whole_app,
            canary: self.canary,
            keep_hours: self.keep_hours,
            state: DeploymentState::Canary,
            error: None,
            requested_by: actor.name().to_owned(),
            created_at: plane.now(),
            ended_at: None,
            counts: BTreeMap::new(),
            undo: None,
            installations: None,
        }
    }
}

/// Keeps the deployment with everybody's part, each with the version it is to have; there is at least one.
pub(super) async fn begin(
    plane: &Plane,
    tx: Tx,
    actor: &Actor,
    app: &Key,
    wave: Wave,
    targets: Vec<(InstallationRow, u32)>,
) -> Answer<DeploymentId> {
    let mut row = wave.row(plane, actor, app);
    let id = row.id;
    let steps: Vec<DeploymentStep> = (0_u32..)
        .zip(targets)
        .map(|(position, (target, to_version))| DeploymentStep {
            deployment: id,
            installation: target.id,
            name: target.name,
            server: target.server,
            host: target.host,
            position,
            canary: position < wave.canary,
            from_version: target.version,
            to_version,
            state: DeploymentStepState::Waiting,
            operation: None,
            steps: Vec::new(),
            began_at: None,
            ended_at: None,
            held_ms: None,
            error: None,
        })
        .collect();
    if !steps.iter().any(|step| step.canary) {
        row.state = row.state.advance(DeploymentState::Wave)?;
    }
    deployments::create(&tx, &row, &steps).await?;
    let detail = json!({
        "kind": wave.kind,
        "version": wave.version,
        "canary": wave.canary,
        "keep_hours": wave.keep_hours,
        "installations": steps.len(),
    });
    record(plane, &tx, actor, "deployment.create", Thing::of_app(app, id.to_string(), None), detail).await?;
    tx.commit().await?;
    plane.progress.deployments.notify_one();
    plane.progress.changed();
    Ok(id)
}
