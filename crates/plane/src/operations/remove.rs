//! Removes an installation with its data, snapshots, backups and logs.

use domain::OperationId;
use domain::state::{InstallationState, OperationState};
use nimbus_api::Work;

use super::{
    Actor, Begun, busy, create_operation, find_installation, not_in_that_state, refuse_under_deployment, wake,
};
use crate::Plane;
use crate::problem::Answer;
use crate::store::{self, installations};

/// Accepts it. Asked for again while it is under way, it is the same operation.
pub async fn remove(plane: &Plane, actor: &Actor, installation: &str) -> Answer<Begun> {
    let tx = plane.store.write().await?;
    let row = find_installation(&*tx, &actor.reach, installation).await?;
    if let (InstallationState::Removing, Some(operation)) = (row.state, row.operation) {
        return Ok(Begun { operation, installation: row.id, backup: None });
    }
    if row.state == InstallationState::Removed {
        return Err(not_in_that_state(&row));
    }
    refuse_under_deployment(&row, "removed")?;
    if let Some(under_way) = row.operation {
        // What is stuck may never end; removing is the way out.
        let stuck = store::operations::find(&*tx, under_way).await?.is_some_and(|o| o.state == OperationState::Stuck);
        if !stuck {
            return Err(busy(&row));
        }
    }
    let operation = OperationId::new();
    create_operation(plane, &tx, actor, &row, operation, Work::Remove).await?;
    let mut changed = row.clone();
    changed.state = row.state.advance(InstallationState::Removing)?;
    changed.operation = Some(operation);
    installations::update(&tx, &changed).await?;
    tx.commit().await?;
    wake(plane);
    Ok(Begun { operation, installation: row.id, backup: None })
}
