//! A customer lets support open an installation for some time, and takes that back.

use domain::state::InstallationState;
use domain::{InstallationId, Key};
use nimbus_api::Millis;
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::open::open_as_support;
use super::tell_admins::tell_admins;
use super::{Actor, find_installation, installation_event, not_in_that_state};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::installations::InstallationRow;
use crate::store::{Result, Tx, events, leaves, people};
use crate::web::design::format;
use crate::wire::{Leave, Opened, Outcome};

/// For how many hours leave can be given.
pub const HOURS: &[u32] = &[1, 24, 168];

/// The leave of an installation that serves at that moment. Who opens an installation as support asks this first.
pub async fn leave_of(db: &impl ConnectionTrait, installation: InstallationId, now: Millis) -> Result<Option<Leave>> {
    leaves::find(db, installation, now).await
}

/// Gives leave for some hours, in place of the one before. A person of the customer does that in their own session: a
/// token can be made by whom it is for. Every administrator is told.
pub async fn grant_leave(plane: &Plane, actor: &Actor, named: &str, hours: u32) -> Answer<Leave> {
    let tx = plane.store.write().await?;
    let row = find_installation(&*tx, &actor.reach, named).await?;
    require_customer(&tx, actor, &row).await?;
    if matches!(row.state, InstallationState::Removing | InstallationState::Removed | InstallationState::Failed) {
        return Err(not_in_that_state(&row));
    }
    if !HOURS.contains(&hours) {
        let detail = format!("\"hours\" is {hours}; it must be 1, 24 or 168");
        return Err(Refusal::invalid("bad-hours", detail));
    }
    let at = plane.now();
    let leave = Leave {
        installation: row.id,
        granted_by: actor.name().to_owned(),
        granted_at: at,
        until: at + u64::from(hours) * 3_600_000,
    };
    leaves::set(&tx, &leave).await?;
    let detail = json!({ "hours": hours, "until": leave.until });
    events::record(&tx, &installation_event(at, actor.name(), &row, "leave.grant", Outcome::Done, detail)).await?;
    let customer = Key::new(row.publisher.clone(), row.customer.clone());
    let (name, hours) = (row.name.to_string(), hours.to_string());
    let values = [("by", actor.name()), ("installation", name.as_str()), ("hours", &hours)];
    tell_admins(plane, &tx, &customer, None, "letter-leave", &values).await?;
    tx.commit().await?;
    plane.progress.mails.notify_one();
    plane.progress.changed();
    Ok(leave)
}

/// That somebody of the customer gives it, and not who is to have it.
async fn require_customer(tx: &Tx, actor: &Actor, row: &InstallationRow) -> Answer<()> {
    let refused = |code: &'static str, detail: &str| Err(Refusal::new(http::StatusCode::FORBIDDEN, code, detail));
    let person = match actor.person().filter(|_| actor.scopes.is_none()) {
        Some(id) => people::find(&**tx, id).await?,
        None => None,
    };
    let Some(person) = person.filter(|person| person.realm.as_ref() == Some(&row.publisher)) else {
        return refused("leave-by-person", "leave is given by a person of the customer, in the portal");
    };
    if people::works_at(&**tx, &row.publisher, &person.mail).await? {
        let detail = "this address works at the publisher, and cannot let itself in; somebody else of the customer can";
        return refused("works-there", detail);
    }
    Ok(())
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
