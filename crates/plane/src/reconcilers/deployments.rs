//! Drives deployments: the canaries, then the wave; grouped by server, one task per server, several installations of a
//! server at the same time.
//!
//! Everything is read from the store, so a control plane that dies anywhere goes on where it was: what had been begun
//! is found again by its derived id, and what had not been is begun now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::state::{DeploymentState, DeploymentStepState};
use domain::{DeploymentId, InstallationId, ServerId};
use futures_util::stream::{self, StreamExt};
use serde_json::json;
use tokio::task::JoinSet;

use super::begin::{Turn, begin};
use super::drive::drive;
use super::{AtWork, Pause};
use crate::Plane;
use crate::store::deployments;
use crate::store::{Result, StoreError, Tx, events, versions};
use crate::wire::{Deployment, DeploymentKind, DeploymentStep, Outcome};

/// Time between two looks without being woken.
const TIMER: Duration = Duration::from_secs(10);

/// Time between two looks at an installation that is busy with something else.
const BUSY: Duration = Duration::from_millis(500);

/// The loop.
pub async fn run(plane: Arc<Plane>) {
    let mut at_work = AtWork::new();
    loop {
        match deployments::live(plane.store.read()).await {
            Ok(ids) => ids.into_iter().for_each(|id| at_work.ensure(id, carry_out(plane.clone(), id))),
            Err(error) => tracing::error!(%error, "deployments could not be read"),
        }
        let _ = tokio::time::timeout(TIMER, plane.progress.deployments.notified()).await;
    }
}

/// Brings one deployment to its end.
async fn carry_out(plane: Arc<Plane>, id: DeploymentId) {
    let mut pause = Pause::new();
    while let Err(error) = phases(&plane, id).await {
        tracing::error!(%error, deployment = %id, "a deployment could not go on; it is tried again");
        pause.wait().await;
    }
}

async fn phases(plane: &Arc<Plane>, id: DeploymentId) -> Result<()> {
    let steps = deployments::steps(plane.store.read(), id).await?;
    let (canaries, others): (Vec<DeploymentStep>, Vec<DeploymentStep>) =
        steps.into_iter().partition(|step| step.canary);
    turns(plane, id, canaries).await?;
    if advance_to_wave(plane, id).await? {
        turns(plane, id, others).await?;
    }
    conclude(plane, id).await
}

/// Goes from canary to wave if every canary is well.
async fn advance_to_wave(plane: &Arc<Plane>, id: DeploymentId) -> Result<bool> {
    let tx = plane.store.write().await?;
    let mut row = find(&tx, id).await?;
    match row.state {
        DeploymentState::Canary if row.error.is_none() => {
            row.state = row.state.advance(DeploymentState::Wave)?;
            deployments::update(&tx, &row).await?;
            tx.commit().await?;
            plane.progress.changed();
            Ok(true)
        }
        // Also while it is stopping: what had been begun in the wave is still to be followed to its end.
        DeploymentState::Wave | DeploymentState::Stopping => Ok(true),
        _ => Ok(false),
    }
}

/// Gives every installation its turn: one task per server.
async fn turns(plane: &Arc<Plane>, id: DeploymentId, steps: Vec<DeploymentStep>) -> Result<()> {
    let mut servers: BTreeMap<ServerId, Vec<InstallationId>> = BTreeMap::new();
    for step in steps.iter().filter(|s| matches!(s.state, DeploymentStepState::Waiting | DeploymentStepState::Running))
    {
        servers.entry(step.server).or_default().push(step.installation);
    }
    let mut tasks = JoinSet::new();
    for installations in servers.into_values() {
        let plane = plane.clone();
        tasks.spawn(async move {
            let workers = plane.workers;
            let turns = stream::iter(installations).map(|installation| turn(&plane, id, installation));
            let mut ended = std::pin::pin!(turns.buffer_unordered(workers));
            while let Some(result) = ended.next().await {
                result?;
            }
            Ok::<(), StoreError>(())
        });
    }
    let mut outcome = Ok(());
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.unwrap_or_else(|error| Err(StoreError::Row { what: "task", why: error.to_string() }));
        outcome = outcome.and(ended);
    }
    outcome
}

/// One installation's turn, to its end.
async fn turn(plane: &Arc<Plane>, id: DeploymentId, installation: InstallationId) -> Result<()> {
    let mut changes = plane.progress.watch();
    loop {
        match begin(plane, id, installation).await? {
            Turn::Begun(operation) => return drive(plane, operation).await.map(drop),
            Turn::Over | Turn::Halted => return Ok(()),
            Turn::Busy => {
                // Woken by any change, but not more often than a person would notice.
                let _ = tokio::time::timeout(BUSY, changes.changed()).await;
                tokio::time::sleep(BUSY / 10).await;
            }
        }
    }
}

/// Ends a deployment in which nothing is under way: who had no turn gets none.
async fn conclude(plane: &Arc<Plane>, id: DeploymentId) -> Result<()> {
    let at = plane.now();
    let tx = plane.store.write().await?;
    let mut row = find(&tx, id).await?;
    if row.state.is_final() {
        return Ok(());
    }
    let mut skipped = 0_u32;
    let mut steps = deployments::steps(&*tx, id).await?;
    for step in &mut steps {
        if step.state == DeploymentStepState::Waiting {
            step.state = step.state.advance(DeploymentStepState::Skipped)?;
            step.error = Some("the deployment ended before its turn".into());
            deployments::update_step(&tx, step).await?;
            skipped += 1;
        }
    }
    let end = match (row.state, &row.error) {
        (_, Some(_)) => DeploymentState::Failed,
        (DeploymentState::Stopping, None) => DeploymentState::Stopped,
        (_, None) => DeploymentState::Finished,
    };
    row.state = row.state.advance(end)?;
    row.ended_at = Some(at);
    deployments::update(&tx, &row).await?;
    judge_versions(&tx, &row, &steps).await?;
    let event = events::New {
        at,
        actor: row.requested_by.clone(),
        address: None,
        verb: "deployment.end",
        kind: "deployment",
        id: id.to_string(),
        name: None,
        publisher: Some(row.publisher.clone()),
        customer: None,
        app: Some(row.app.clone()),
        installation: None,
        outcome: if end == DeploymentState::Finished { Outcome::Done } else { Outcome::Failed },
        detail: json!({ "kind": row.kind, "state": end, "version": row.version, "error": row.error, "skipped": skipped }),
    };
    events::record(&tx, &event).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(())
}

/// A version is withdrawn when its last deployment failed, or when a rollback of the whole application took it away
/// later than it was last deployed. A deployment that was stopped says nothing about it.
async fn judge_versions(tx: &Tx, row: &Deployment, steps: &[DeploymentStep]) -> Result<()> {
    match (row.kind, row.version, row.state) {
        (DeploymentKind::Deploy, Some(version), DeploymentState::Failed | DeploymentState::Finished) => {
            versions::withdraw(tx, &row.app_key(), version, row.state == DeploymentState::Failed).await
        }
        (DeploymentKind::Rollback, ..) if row.whole_app => {
            let taken = steps.iter().filter(|step| step.state == DeploymentStepState::Finished);
            for version in taken.map(|step| step.from_version).collect::<BTreeSet<_>>() {
                versions::withdraw(tx, &row.app_key(), version, true).await?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

async fn find(tx: &Tx, id: DeploymentId) -> Result<Deployment> {
    let row = deployments::find(&**tx, id).await?;
    row.ok_or_else(|| StoreError::Row { what: "deployment", why: format!("{id} is missing") })
}
