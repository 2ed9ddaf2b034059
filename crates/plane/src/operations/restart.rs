//! Restarts an installation; the edge holds its requests meanwhile.

use domain::state::InstallationState;
use nimbus_api::Work;

use super::{Actor, Begun, accept, find_installation};
use crate::Plane;
use crate::problem::{Answer, Refusal};

/// Accepts it.
pub async fn restart(plane: &Plane, actor: &Actor, installation: &str) -> Answer<Begun> {
    let tx = plane.store.write().await?;
    let row = find_installation(&*tx, &actor.reach, installation).await?;
    if row.state == InstallationState::Stopped {
        let detail = format!("installation {0} is stopped; start it with `vclouden installation start {0}`", row.name);
        return Err(Refusal::conflict("stopped", detail));
    }
    accept(plane, tx, actor, &row, Work::Restart).await
}
