//! Begins one installation's turn in a deployment, or says why not: in one transaction, so that a stop, a failure
//! elsewhere or another operation is either seen or comes after.

use std::sync::Arc;

use domain::state::{DeploymentState, DeploymentStepState, InstallationState};
use domain::{DeploymentId, InstallationId, OperationId};
use nimbus_api::Work;

use crate::Plane;
use crate::operations::install::version_spec;
use crate::store::deployments;
use crate::store::installations::{self, InstallationRow};
use crate::store::{self, Result, StoreError, Tx, ports, versions};
use crate::wire::{Deployment, DeploymentKind, DeploymentStep};

/// What became of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Its operation is to be driven.
    Begun(OperationId),
    /// Something else is being done to the installation: wait for it.
    Busy,
    /// It has ended without anything being done.
    Over,
    /// The deployment begins nothing new.
    Halted,
}

/// Begins it.
pub async fn begin(plane: &Arc<Plane>, id: DeploymentId, installation: InstallationId) -> Result<Turn> {
    let missing = |what: &'static str| StoreError::Row { what, why: format!("that of deployment {id} is missing") };
    let tx = plane.store.write().await?;
    let deployment = deployments::find(&*tx, id).await?.ok_or_else(|| missing("deployment"))?;
    let mut step = deployments::step(&*tx, id, installation).await?.ok_or_else(|| missing("step"))?;
    match (step.state, step.operation) {
        (DeploymentStepState::Waiting, _) => {}
        (DeploymentStepState::Running, Some(operation)) => return Ok(Turn::Begun(operation)),
        _ => return Ok(Turn::Over),
    }
    if halted(&deployment) {
        return Ok(Turn::Halted);
    }
    let row = installations::find(&*tx, installation).await?.ok_or_else(|| missing("installation"))?;
    if let Some(why) = out_of_reach(&row, &step, deployment.kind) {
        skip(&tx, &mut step, why).await?;
        tx.commit().await?;
        plane.progress.changed();
        return Ok(Turn::Over);
    }
    // Derived, so that a control plane that died after this asks for the same operation.
    let operation = OperationId::derived(id.0, &installation.to_string());
    if row.operation.is_some() || !installations::begin(&tx, installation, operation).await? {
        return Ok(Turn::Busy);
    }
    let work = match work(&tx, &deployment, &step, &row).await? {
        Ok(work) => work,
        Err(why) => return give_up(plane, installation, id, why, tx).await,
    };
    let at = plane.now();
    let new = store::operations::New {
        id: operation,
        installation,
        deployment: Some(id),
        work: &work,
        variables: None,
        batch: None,
        state_before: row.state,
        requested_by: &deployment.requested_by,
        at,
    };
    store::operations::create(&tx, &new).await?;
    step.state = step.state.advance(DeploymentStepState::Running)?;
    step.operation = Some(operation);
    step.began_at = Some(at);
    step.from_version = row.version;
    deployments::update_step(&tx, &step).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(Turn::Begun(operation))
}

/// Whether the deployment begins nothing new. A rollback goes on after a failure: the others are better off back.
fn halted(deployment: &Deployment) -> bool {
    let failed = deployment.error.is_some() && deployment.kind == DeploymentKind::Deploy;
    failed || !matches!(deployment.state, DeploymentState::Canary | DeploymentState::Wave)
}

/// Why an installation is no longer concerned.
fn out_of_reach(row: &InstallationRow, step: &DeploymentStep, kind: DeploymentKind) -> Option<String> {
    use InstallationState::{Failed, Installing, Removed, Removing, Running, Stopped};
    match row.state {
        Failed | Removing | Removed => Some(format!("the installation is {}", row.state)),
        Running | Stopped if row.version == step.to_version && kind == DeploymentKind::Deploy => {
            Some(format!("it runs version {} already", row.version))
        }
        Installing | Running | Stopped => None,
    }
}

async fn skip(tx: &Tx, step: &mut DeploymentStep, why: String) -> Result<()> {
    step.state = step.state.advance(DeploymentStepState::Skipped)?;
    step.error = Some(why);
    deployments::update_step(tx, step).await
}

/// What the server is told; or why it cannot be.
async fn work(
    tx: &Tx,
    deployment: &Deployment,
    step: &DeploymentStep,
    row: &InstallationRow,
) -> Result<std::result::Result<Work, String>> {
    let keep_seconds = u64::from(deployment.keep_hours) * 3600;
    if deployment.kind == DeploymentKind::Rollback {
        return Ok(Ok(Work::Rollback { keep_seconds }));
    }
    let Some(version) = versions::find(&**tx, &deployment.app_key(), step.to_version).await? else {
        return Ok(Err(format!("version {} is gone", step.to_version)));
    };
    let Some(ports) = ports::allot(tx, row.server, row.id, &version.manifest.ports).await? else {
        return Ok(Err(format!("server {} has no public TCP port left", row.server)));
    };
    Ok(Ok(Work::Switch { version: Box::new(version_spec(version)), keep_seconds, ports }))
}

/// Nothing of the transaction is kept but that the deployment failed here.
async fn give_up(
    plane: &Arc<Plane>,
    installation: InstallationId,
    id: DeploymentId,
    why: String,
    tx: Tx,
) -> Result<Turn> {
    drop(tx);
    let tx = plane.store.write().await?;
    if let Some(mut step) = deployments::step(&*tx, id, installation).await?
        && let Some(mut deployment) = deployments::find(&*tx, id).await?
    {
        deployment.error = Some(format!("installation {}: {why}", step.name));
        skip(&tx, &mut step, why).await?;
        deployments::update(&tx, &deployment).await?;
    }
    tx.commit().await?;
    plane.progress.changed();
    Ok(Turn::Over)
}
