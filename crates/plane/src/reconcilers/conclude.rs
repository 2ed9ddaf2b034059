//! Records the end of an operation everywhere it shows, in one transaction: the operation, its installation, that
//! installation's part of a deployment, the audit. State changes go through the domain's rules only.

use std::sync::Arc;

use domain::OperationId;
use domain::state::{DeploymentStepState, InstallationState, OperationState};
use nimbus_api::{Direction, InstallationReport, Millis, StepReport, Work};
use serde_json::json;

use crate::Plane;
use crate::operations::{audit_verb, installation_event};
use crate::store::deployments;
use crate::store::installations::{self, InstallationRow};
use crate::store::operations::{self, OperationRow};
use crate::store::{Result, StoreError, Tx, attention, events, ports, snapshots, versions};
use crate::wire::{DeploymentKind, DeploymentStep, Need, Outcome};

/// How an operation ended, or that it is stuck.
#[derive(Debug)]
pub struct End {
    /// `finished`, `undone` or `stuck`.
    pub state: OperationState,
    /// What was done and undone.
    pub steps: Vec<StepReport>,
    /// Why it was undone or is stuck.
    pub error: Option<String>,
    /// The installation afterwards; absent when its server has none of that id.
    pub live: Option<InstallationReport>,
}

/// Records it.
pub async fn conclude(plane: &Arc<Plane>, id: OperationId, end: End) -> Result<()> {
    let at = plane.now();
    let tx = plane.store.write().await?;
    let missing = |what: &'static str| StoreError::Row { what, why: format!("that of operation {id} is missing") };
    let mut operation = operations::find(&*tx, id).await?.ok_or_else(|| missing("operation"))?;
    let mut installation =
        installations::find(&*tx, operation.installation).await?.ok_or_else(|| missing("installation"))?;
    operation.state = operation.state.advance(end.state)?;
    operation.steps = end.steps;
    operation.error = end.error.clone();
    operation.ended_at = operation.state.is_final().then_some(at);
    operations::update(&tx, &operation).await?;

    if installation.operation == Some(id) {
        change_installation(&tx, &mut installation, &operation, end.live.as_ref(), at).await?;
    }
    if operation.deployment.is_some() {
        change_step(&tx, &operation).await?;
    }
    let outcome = if end.state == OperationState::Finished { Outcome::Done } else { Outcome::Failed };
    let detail = json!({
        "operation": id,
        "deployment": operation.deployment,
        "state": end.state,
        "version": installation.version,
        "error": end.error,
        "took_ms": at.saturating_sub(operation.requested_at),
    });
    let verb = audit_verb(&operation.work);
    events::record(&tx, &installation_event(at, &operation.requested_by, &installation, verb, outcome, detail)).await?;
    tx.commit().await?;
    plane.progress.ended(id);
    // It may be the turn of another of its batch.
    plane.progress.operations.notify_one();
    Ok(())
}

async fn change_installation(
    tx: &Tx,
    row: &mut InstallationRow,
    operation: &OperationRow,
    live: Option<&InstallationReport>,
    at: Millis,
) -> Result<()> {
    row.error = operation.error.clone();
    let to = match (operation.state, &operation.work) {
        // Somebody must look; until then nothing else may be done to it but removing.
        (OperationState::Stuck | OperationState::Running, _) => return installations::update(tx, row).await,
        (OperationState::Finished, Work::Install { .. } | Work::Start) => InstallationState::Running,
        (OperationState::Finished, Work::Restart) => InstallationState::Running,
        (OperationState::Finished, Work::Stop) => InstallationState::Stopped,
        (OperationState::Finished, Work::Remove) => InstallationState::Removed,
        (OperationState::Undone, Work::Install { .. }) => InstallationState::Failed,
        // Its installing had been stuck, and so it is again a record of something that failed.
        (OperationState::Undone, Work::Remove) if operation.state_before == InstallationState::Installing => {
            InstallationState::Failed
        }
        (OperationState::Undone, Work::Remove) => operation.state_before,
        _ => row.state,
    };
    row.state = row.state.advance(to)?;
    row.operation = None;
    if let (OperationState::Finished, Work::Switch { version, .. }) = (operation.state, &operation.work) {
        row.version = version.number;
    }
    if operation.state == OperationState::Finished
        && matches!(operation.work, Work::Install { .. } | Work::Configure { .. })
    {
        installations::set_variables(tx, row.id, operation.variables.as_deref()).await?;
    }
    if let Some(live) = live {
        row.version = live.version;
        snapshots::replace(tx, row.id, &live.snapshots).await?;
    }
    if operation.state == OperationState::Finished && matches!(operation.work, Work::Backup { .. }) {
        attention::clear(tx, row.id, Need::BackupLate).await?;
    }
    if matches!(row.state, InstallationState::Removed | InstallationState::Failed) {
        ports::release(tx, row.id).await?;
        snapshots::replace(tx, row.id, &[]).await?;
    }
    if row.state == InstallationState::Removed {
        row.removed_at = Some(at);
        attention::forget(tx, row.id).await?;
        installations::set_variables(tx, row.id, None).await?;
    }
    if let Some(version) = versions::find(&**tx, &row.app_key(), row.version).await? {
        row.serves_http = version.manifest.http.is_some();
        installations::set_size(tx, row.id, &version.manifest.limits).await?;
    }
    installations::update(tx, row).await
}

async fn change_step(tx: &Tx, operation: &OperationRow) -> Result<()> {
    let Some(id) = operation.deployment else { return Ok(()) };
    let Some(mut step) = deployments::step(&**tx, id, operation.installation).await? else { return Ok(()) };
    step.state = step.state.advance(match operation.state {
        OperationState::Running => DeploymentStepState::Running,
        OperationState::Finished => DeploymentStepState::Finished,
        OperationState::Undone => DeploymentStepState::Undone,
        OperationState::Stuck => DeploymentStepState::Stuck,
    })?;
    step.ended_at = operation.ended_at;
    step.held_ms = held_ms(&operation.steps);
    step.error = operation.error.clone();
    deployments::update_step(tx, &step).await?;
    if !matches!(operation.state, OperationState::Undone | OperationState::Stuck) {
        return Ok(());
    }
    let Some(mut deployment) = deployments::find(&**tx, id).await? else { return Ok(()) };
    if deployment.error.is_none() && deployment.ended_at.is_none() {
        deployment.error = Some(failure(deployment.kind, &step, operation.state));
        deployments::update(tx, &deployment).await?;
    }
    Ok(())
}

fn failure(kind: DeploymentKind, step: &DeploymentStep, state: OperationState) -> String {
    let why = step.error.as_deref().unwrap_or("its operation tells why");
    let name = &step.name;
    match (kind, state) {
        (_, OperationState::Stuck) => format!("installation {name} is stuck, a person must look at it: {why}"),
        (DeploymentKind::Deploy, _) => {
            format!("installation {name} has its version {} and its data back: {why}", step.from_version)
        }
        (DeploymentKind::Rollback, _) => format!("installation {name} was not rolled back: {why}"),
    }
}

/// Milliseconds from requests being held to being let through again, by either way.
fn held_ms(steps: &[StepReport]) -> Option<u64> {
    let held = steps.iter().find(|step| step.name == "hold" && step.direction == Direction::Do)?.ended_at?;
    let released = steps.iter().rev().find(|step| {
        (step.name == "release" && step.direction == Direction::Do)
            || (step.name == "hold" && step.direction == Direction::Undo)
    })?;
    released.ended_at.map(|at| at.saturating_sub(held))
}
