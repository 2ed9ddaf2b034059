//! Puts code and data back to before the last deployment, for one installation or all of an application. It is a
//! deployment of kind `rollback`, so that it is seen, followed and stopped like one.

use domain::{DeploymentId, Slug};

use super::deploy::{Wave, begin, can_change, refuse_second};
use super::{Actor, find_installation, not_in_that_state, rollback_target, unknown_app};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::installations::{self, InstallationRow};
use crate::store::{self, Tx, snapshots};
use crate::wire::DeploymentKind;

/// Accepts it for every installation of an application that has something to go back to.
pub async fn rollback_app(plane: &Plane, actor: &Actor, app: &Slug) -> Answer<DeploymentId> {
    let tx = plane.store.write().await?;
    if !store::lock_app(&tx, app).await? {
        return Err(unknown_app(app));
    }
    refuse_second(&tx, app).await?;
    let targets = installations::of_app(&*tx, app).await?;
    accept(plane, tx, actor, app, &format!("any installation of {app}"), targets).await
}

/// Accepts it for one installation.
pub async fn rollback_installation(plane: &Plane, actor: &Actor, installation: &str) -> Answer<DeploymentId> {
    let tx = plane.store.write().await?;
    let row = find_installation(&*tx, installation).await?;
    if !can_change(&row) {
        return Err(not_in_that_state(&row));
    }
    let app = row.app.clone();
    store::lock_app(&tx, &app).await?;
    refuse_second(&tx, &app).await?;
    let what = format!("installation {}", row.name);
    accept(plane, tx, actor, &app, &what, vec![row]).await
}

async fn accept(
    plane: &Plane,
    tx: Tx,
    actor: &Actor,
    app: &Slug,
    what: &str,
    candidates: Vec<InstallationRow>,
) -> Answer<DeploymentId> {
    let now = plane.now();
    let mut targets = Vec::new();
    for row in candidates.into_iter().filter(can_change) {
        let known = snapshots::of(&*tx, row.id).await?;
        if let Some(target) = rollback_target(&known, now) {
            targets.push((row, target.version));
        }
    }
    if targets.is_empty() {
        let detail = format!(
            "there is nothing to go back to: no snapshot of {what} from before a deployment is left. Restore a backup \
             (`vclouden backup list INSTALLATION`) or deploy an older version"
        );
        return Err(Refusal::conflict("nothing-to-roll-back", detail));
    }
    let wave = Wave { kind: DeploymentKind::Rollback, version: None, canary: 0, keep_hours: plane.keep_hours };
    begin(plane, tx, actor, app, wave, targets).await
}
