//! Stops a deployment: nothing new is begun, what is under way ends.

use domain::DeploymentId;
use domain::state::DeploymentState;
use serde_json::json;

use super::find_deployment::unknown_deployment;
use super::{Actor, Thing, record};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::deployments;

/// Accepts it. Asked for again while it is stopping, nothing changes.
pub async fn stop_deployment(plane: &Plane, actor: &Actor, id: DeploymentId) -> Answer<()> {
    let tx = plane.store.write().await?;
    let mut row = deployments::find_within(&*tx, &actor.reach, id).await?.ok_or_else(|| unknown_deployment(id))?;
    if row.state.is_final() {
        let detail = format!("deployment {id} has ended already ({})", row.state);
        return Err(Refusal::conflict("deployment-ended", detail));
    }
    row.state = row.state.advance(DeploymentState::Stopping)?;
    deployments::update(&tx, &row).await?;
    record(plane, &tx, actor, "deployment.stop", Thing::of_app(&row.app_key(), id.to_string(), None), json!({}))
        .await?;
    tx.commit().await?;
    plane.progress.deployments.notify_one();
    plane.progress.changed();
    Ok(())
}
