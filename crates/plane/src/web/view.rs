//! From rows to what crosses the API.

use domain::DeploymentId;
use domain::state::OperationState;
use sea_orm::ConnectionTrait;

use crate::Plane;
use crate::operations::rollback_target;
use crate::problem::Answer;
use crate::store::installations::InstallationRow;
use crate::store::operations::OperationRow;
use crate::store::{self, Result, ports, snapshots};
use crate::wire::{Deployment, DeploymentKind, DeploymentStep, Installation, Operation, PublicPort, Undo};

/// An installation without its live report.
pub async fn installation(plane: &Plane, db: &impl ConnectionTrait, row: InstallationRow) -> Result<Installation> {
    let ports = ports::of(db, row.id).await?.into_iter().map(|(name, port)| PublicPort { name, port }).collect();
    let known = snapshots::of(db, row.id).await?;
    Ok(Installation {
        url: row.serves_http.then(|| plane.url(&row.name)),
        rollback: rollback_target(&known, plane.now()),
        id: row.id,
        name: row.name,
        publisher: row.publisher,
        app: row.app,
        customer: row.customer,
        version: row.version,
        state: row.state,
        phase: None,
        memory: None,
        disk: None,
        server: row.server,
        host: None,
        ports,
        created_at: row.created_at,
        operation: row.operation,
        deployment: row.deployment,
        error: row.error,
        limits: None,
        live: None,
        live_error: None,
    })
}

/// An operation with what it is doing at this moment.
pub fn operation(plane: &Plane, row: OperationRow) -> Operation {
    let doing = plane.progress.of(row.id).filter(|_| row.state == OperationState::Running).unwrap_or_default();
    let running = row.state == OperationState::Running;
    Operation {
        id: row.id,
        verb: row.work.verb().to_owned(),
        installation: row.installation,
        name: row.name,
        deployment: row.deployment,
        requested_by: row.requested_by,
        state: row.state,
        waiting_for: doing.waiting_for.or_else(|| (running && row.waits).then(|| "its turn".to_owned())),
        steps: if running { doing.steps } else { row.steps },
        error: row.error,
        requested_at: row.requested_at,
        ended_at: row.ended_at,
    }
}

/// A deployment without everybody's part.
pub async fn deployment(db: &impl ConnectionTrait, mut row: Deployment) -> Result<Deployment> {
    row.counts = store::deployments::counts(db, row.id).await?;
    Ok(row)
}

/// One installation's part with what is being done at this moment.
pub fn step(plane: &Plane, mut row: DeploymentStep) -> DeploymentStep {
    let doing = row.operation.filter(|_| row.ended_at.is_none()).and_then(|id| plane.progress.of(id));
    if let Some(doing) = doing {
        row.steps = doing.steps;
    }
    row
}

/// A deployment without everybody's part, and for how many it can be undone; no more than `most` are counted.
pub async fn undoable_deployment(plane: &Plane, id: DeploymentId, most: u64) -> Answer<Deployment> {
    let db = plane.store.read();
    let row = store::deployments::find(db, id).await?;
    let row = row.ok_or_else(|| crate::operations::find_deployment::unknown_deployment(id))?;
    let mut whole = deployment(db, row).await?;
    if whole.state.is_final() && whole.kind == DeploymentKind::Deploy {
        let back = store::deployments::undoable(db, id, plane.now(), most).await?;
        let until = back.iter().filter_map(|one| one.until).min();
        whole.undo = (!back.is_empty()).then_some(Undo { installations: back.len() as u64, until });
    }
    Ok(whole)
}

/// A deployment with everybody's part.
pub async fn whole_deployment(plane: &Plane, id: DeploymentId) -> Answer<Deployment> {
    let mut whole = undoable_deployment(plane, id, store::ALL).await?;
    let steps = store::deployments::steps(plane.store.read(), id).await?;
    whole.installations = Some(steps.into_iter().map(|row| step(plane, row)).collect());
    Ok(whole)
}
