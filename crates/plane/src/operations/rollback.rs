//! Puts code and data back to before the last deployment, for one installation, all of an application, or all that
//! a deployment changed. It is a deployment of kind `rollback`, so that it is seen, followed and stopped like one.

use std::collections::BTreeMap;

use domain::{DeploymentId, Key};

use super::deploy::{Wave, begin, can_change, refuse_second};
use super::find_deployment::unknown_deployment;
use super::{Actor, find_installation, not_in_that_state, rollback_target, unknown_app};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::installations::{self, InstallationRow};
use crate::store::{self, Tx, deployments, snapshots};
use crate::wire::{CreateRollback, DeploymentKind};

/// Accepts it for every installation of an application that has something to go back to.
pub async fn rollback_app(plane: &Plane, actor: &Actor, app: &Key, input: CreateRollback) -> Answer<DeploymentId> {
    let tx = plane.store.write().await?;
    if !store::lock_app(&tx, app).await? {
        return Err(unknown_app(&app.slug));
    }
    refuse_second(&tx, app).await?;
    let targets = installations::of_app(&*tx, app).await?;
    let wanted = Wanted {
        what: format!("any installation of {}", app.slug),
        name: app.slug.to_string(),
        whole_app: true,
        input,
        targets,
    };
    accept(plane, tx, actor, app, wanted).await
}

/// Accepts it for one installation.
pub async fn rollback_installation(
    plane: &Plane,
    actor: &Actor,
    installation: &str,
    input: CreateRollback,
) -> Answer<DeploymentId> {
    let tx = plane.store.write().await?;
    let row = find_installation(&*tx, &actor.reach, installation).await?;
    if !can_change(&row) {
        return Err(not_in_that_state(&row));
    }
    let app = row.app_key();
    store::lock_app(&tx, &app).await?;
    refuse_second(&tx, &app).await?;
    let (what, name) = (format!("installation {}", row.name), row.name.to_string());
    accept(plane, tx, actor, &app, Wanted { what, name, whole_app: false, input, targets: vec![row] }).await
}

/// Accepts it for exactly those that a deployment brought its version to and that have had no other since. Whoever went
/// back already, or has a newer version, is left alone.
pub async fn rollback_deployment(plane: &Plane, actor: &Actor, id: DeploymentId) -> Answer<DeploymentId> {
    let tx = plane.store.write().await?;
    let row = deployments::find_within(&*tx, &actor.reach, id).await?.ok_or_else(|| unknown_deployment(id))?;
    let app = row.app_key();
    store::lock_app(&tx, &app).await?;
    refuse_second(&tx, &app).await?;
    let back = deployments::undoable(&*tx, id, plane.now(), store::ALL).await?;
    let back: BTreeMap<_, _> = back.into_iter().map(|one| (one.installation, one.version)).collect();
    if back.is_empty() {
        let detail = format!(
            "nothing of deployment {id} can be taken back: its installations went back already, have had another \
             version since, or the copies from before it are not kept any more"
        );
        return Err(Refusal::conflict("nothing-to-roll-back", detail));
    }
    let all = installations::of_app(&*tx, &app).await?;
    let targets = all.into_iter().filter_map(|row| back.get(&row.id).map(|version| (row, *version))).collect();
    begin(plane, tx, actor, &app, wave(plane, row.whole_app), targets).await
}

fn wave(plane: &Plane, whole_app: bool) -> Wave {
    Wave { kind: DeploymentKind::Rollback, version: None, whole_app, canary: 0, keep_hours: plane.keep_hours() }
}

/// What is to go back.
struct Wanted {
    /// For people.
    what: String,
    /// Of the application or the installation.
    name: String,
    whole_app: bool,
    input: CreateRollback,
    targets: Vec<InstallationRow>,
}

async fn accept(plane: &Plane, tx: Tx, actor: &Actor, app: &Key, wanted: Wanted) -> Answer<DeploymentId> {
    let Wanted { what, name, whole_app, input, targets: candidates } = wanted;
    let now = plane.now();
    let mut targets = Vec::new();
    let mut back_already = Vec::new();
    for row in candidates.into_iter().filter(can_change) {
        let known = snapshots::of(&*tx, row.id).await?;
        let Some(target) = rollback_target(&known, now) else { continue };
        // Going back once more discards more data, which nobody means who only repeats a command.
        if !input.further && deployments::was_rolled_back(&*tx, row.id).await? {
            back_already.push(format!("{} (version {})", row.name, row.version));
        } else {
            targets.push((row, target.version));
        }
    }
    if targets.is_empty() && !back_already.is_empty() {
        let (count, rest) = (back_already.len(), back_already.len().saturating_sub(10));
        let mut list = back_already.into_iter().take(10).collect::<Vec<_>>().join(", ");
        if rest > 0 {
            list.push_str(&format!(" and {rest} more"));
        }
        let was = if count == 1 { "was" } else { "were" };
        let detail = format!(
            "{list} {was} rolled back already since the last deployment. Going back one more version discards the data \
             written since then, too; if you mean that, say `vclouden rollback {name} --further`, or \
             {{\"further\": true}} in the API"
        );
        return Err(Refusal::conflict("rolled-back-already", detail));
    }
    if targets.is_empty() {
        let detail = format!(
            "there is nothing to go back to: no snapshot of {what} from before a deployment is left. Restore another \
             snapshot or a backup (`vclouden backup list INSTALLATION`), or deploy an older version"
        );
        return Err(Refusal::conflict("nothing-to-roll-back", detail));
    }
    begin(plane, tx, actor, app, wave(plane, whole_app), targets).await
}
