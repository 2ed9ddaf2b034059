//! Changes the variables of an installation, or of an application for all of its installations. The audit has the names,
//! never a value.

use domain::state::{InstallationState, OperationState};
use domain::{Key, OperationId};
use nimbus_api::{Environment, Work};
use serde_json::{Value as Json, json};

use super::{Actor, Asked, Begun, Thing, accept, audit_verb, create_operation, find_installation, installation_event};
use super::{record, refuse_under_deployment, unknown_app, wake};
use crate::Plane;
use crate::problem::Answer;
use crate::store::installations::InstallationRow;
use crate::store::{StoreError, Tx, apps, events, installations, lock_app, operations};
use crate::variables::{Owner, Variables};
use crate::wire::{Applied, ChangeEnvironment, Outcome};

/// Accepts other variables for an installation. They are its own once it is healthy with them; until then, and when it
/// does not become so, it has the former ones.
pub async fn change_environment(
    plane: &Plane,
    actor: &Actor,
    installation: &str,
    input: &ChangeEnvironment,
) -> Answer<Begun> {
    let tx = plane.store.write().await?;
    let row = find_installation(&*tx, &actor.reach, installation).await?;
    refuse_under_deployment(&row, "configured")?;
    let owner = Owner::Installation(row.id);
    let mut own = plane.variables(&*tx, &owner).await?;
    own.change(input, plane.now(), actor.name())?;
    // What no program can be given is refused now rather than by the server later.
    own.environment(&plane.variables(&*tx, &Owner::App(row.app_key())).await?)?;
    let variables = plane.seal_variables(&owner, &own)?;
    let work = Work::Configure { environment: Environment::default() };
    accept(plane, tx, actor, &row, Asked { work, variables, batch: None, detail: names(input) }).await
}

/// Changes the variables of an application. New installations have them; those that there are get them with their next
/// change or by [`apply_environment`].
pub async fn change_app_environment(
    plane: &Plane,
    actor: &Actor,
    app: &Key,
    input: &ChangeEnvironment,
) -> Answer<Variables> {
    let tx = plane.store.write().await?;
    if !lock_app(&tx, app).await? {
        return Err(unknown_app(app));
    }
    let owner = Owner::App(app.clone());
    let mut all = plane.variables(&*tx, &owner).await?;
    all.change(input, plane.now(), actor.name())?;
    all.environment(&Variables::default())?;
    apps::set_variables(&tx, app, plane.seal_variables(&owner, &all)?.as_deref()).await?;
    let thing = Thing::of_app(app, app.slug.to_string(), None);
    record(plane, &tx, actor, "app.configure", thing, names(input)).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(all)
}

/// Brings the application's variables to every installation that something can be done to now, to one after the other:
/// if one does not become healthy with them, the rest keep what they have. Nothing is done to one before its turn, and one
/// that is busy then is left out. What waits for its turn from before is not begun any more: this brings the same.
pub async fn apply_environment(plane: &Plane, actor: &Actor, app: &Key) -> Answer<Applied> {
    let tx = plane.store.write().await?;
    if !lock_app(&tx, app).await? {
        return Err(unknown_app(app));
    }
    for row in operations::waiting(&tx, app).await? {
        let Some(installation) = installations::find(&*tx, row.installation).await? else { continue };
        not_begun(plane, &tx, row, &installation, "the variables were applied to all once more").await?;
    }
    let batch = uuid::Uuid::now_v7().to_string();
    let mut applied = Applied { operations: Vec::new(), left: Vec::new() };
    for row in installations::of_app(&*tx, app).await? {
        let there = matches!(row.state, InstallationState::Running | InstallationState::Stopped);
        if !there || row.operation.is_some() || row.deployment.is_some() {
            applied.left.push(row.name);
            continue;
        }
        let work = Work::Configure { environment: Environment::default() };
        let detail = names(&ChangeEnvironment::default());
        let asked = Asked { work, variables: None, batch: Some(batch.clone()), detail };
        let operation = OperationId::new();
        create_operation(plane, &tx, actor, &row, operation, asked).await?;
        applied.operations.push(operation);
    }
    tx.commit().await?;
    wake(plane);
    Ok(applied)
}

/// Ends an operation of which nothing was done, and says why.
pub async fn not_begun(
    plane: &Plane,
    tx: &Tx,
    mut row: operations::OperationRow,
    installation: &InstallationRow,
    why: &str,
) -> Result<(), StoreError> {
    let at = plane.now();
    row.state = row.state.advance(OperationState::Undone)?;
    row.error = Some(format!("not begun: {why}"));
    row.ended_at = Some(at);
    operations::update(tx, &row).await?;
    let detail = json!({ "operation": row.id, "state": row.state, "error": row.error });
    let verb = audit_verb(&row.work);
    events::record(tx, &installation_event(at, &row.requested_by, installation, verb, Outcome::Failed, detail)).await?;
    Ok(())
}

fn names(input: &ChangeEnvironment) -> Json {
    let set: Vec<&str> = input.set.iter().map(|one| one.name.as_str()).collect();
    json!({ "set": set, "unset": input.unset })
}
