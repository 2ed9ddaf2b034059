//! A customer lets support open an installation for some time, and takes that back.

use domain::InstallationId;
use domain::state::InstallationState;
use nimbus_api::Millis;
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::open::open_as_support;
use super::{Actor, find_installation, installation_event, not_in_that_state};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::{Result, events, leaves};
use crate::web::design::format;
use crate::wire::{GrantLeave, Leave, Opened, Outcome};

/// For how many hours leave can be given.
pub const HOURS: &[u32] = &[1, 24, 168];

/// The leave of an installation that serves at that moment. Who opens an installation as support asks this first.
pub async fn leave_of(db: &impl ConnectionTrait, installation: InstallationId, now: Millis) -> Result<Option<Leave>> {
    leaves::find(db, installation, now).await
}

/// Gives leave, in place of the one before.
pub async fn grant_leave(plane: &Plane, actor: &Actor, named: &str, input: GrantLeave) -> Answer<Leave> {
    let tx = plane.store.write().await?;
    let row = find_installation(&*tx, &actor.reach, named).await?;
    if matches!(row.state, InstallationState::Removing | InstallationState::Removed | InstallationState::Failed) {
        return Err(not_in_that_state(&row));
    }
    if !HOURS.contains(&input.hours) {
        let detail = format!("key \"hours\" is {}; it must be 1, 24 or 168", input.hours);
        return Err(Refusal::invalid("bad-hours", detail));
    }
    let at = plane.now();
    let leave = Leave {
        installation: row.id,
        granted_by: actor.name().to_owned(),
        granted_at: at,
        until: at + u64::from(input.hours) * 3_600_000,
    };
    leaves::set(&tx, &leave).await?;
    let detail = json!({ "hours": input.hours, "until": leave.until });
    events::record(&tx, &installation_event(at, actor.name(), &row, "leave.grant", Outcome::Done, detail)).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(leave)
}

/// Where somebody of the publisher comes in by that leave; it is in the audit of both sides.
pub async fn open_by_leave(plane: &Plane, actor: &Actor, named: &str) -> Answer<Opened> {
    let db = plane.store.read();
    let row = find_installation(db, &actor.reach, named).await?;
    let leave = leave_of(db, row.id, plane.now()).await?.ok_or_else(no_leave)?;
    let by = format!("of {}, until {}", leave.granted_by, format::machine(leave.until));
    open_as_support(plane, actor, &row.id.to_string(), &by).await
}

/// Takes it back.
pub async fn end_leave(plane: &Plane, actor: &Actor, named: &str) -> Answer<()> {
    let tx = plane.store.write().await?;
    let row = find_installation(&*tx, &actor.reach, named).await?;
    if leaves::find(&*tx, row.id, plane.now()).await?.is_none() {
        return Err(no_leave());
    }
    leaves::delete(&tx, row.id).await?;
    let event = installation_event(plane.now(), actor.name(), &row, "leave.end", Outcome::Done, json!({}));
    events::record(&tx, &event).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(())
}

/// Nobody gave leave, or its time is over.
pub fn no_leave() -> Refusal {
    Refusal::missing("no-leave", "no leave serves for this installation; its customer gives one in their portal")
}
