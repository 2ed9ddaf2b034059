//! Looks for what needs somebody before it is too late: data that nearly fills its disk, and installations of
//! which backups are made, but none for long. Each is told once, as an event.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::InstallationId;
use nimbus_api::{InstallationReport, Millis};
use serde_json::json;

use crate::Plane;
use crate::operations::installation_event;
use crate::servers::Handle;
use crate::store::{Result, Tx, attention, events, installations};
use crate::wire::{Need, Outcome};

/// Time between two looks.
const TIMER: Duration = Duration::from_secs(300);

/// Percent of its disk from which on data nearly fills it, and below which it does so no more.
const FULL: u64 = 90;
const FREE: u64 = 85;

/// Milliseconds after which a backup is late.
const LATE: Millis = 7 * 24 * 3600 * 1000;

/// Most changes that are noted in one transaction.
const BATCH: usize = 100;

/// The loop.
pub async fn run(plane: Arc<Plane>) {
    loop {
        for handle in plane.servers.iter() {
            if let Err(error) = disks(&plane, handle).await {
                tracing::error!(%error, "it could not be noted which disks are nearly full");
            }
        }
        if let Err(error) = backups(&plane).await {
            tracing::error!(%error, "it could not be noted which backups are late");
        }
        // A server that has just answered for the first time is looked at now.
        let _ = tokio::time::timeout(TIMER, plane.progress.attention.notified()).await;
    }
}

/// What is to be noted of an installation, and how its event is called; none needs no event.
struct Change {
    id: InstallationId,
    need: Need,
    is: bool,
    verb: Option<&'static str>,
    detail: serde_json::Value,
}

/// Whether data nearly fills its disk. What did so before must free some: otherwise it would come and go.
fn is_full(was: bool, used: u64, limit: u64) -> bool {
    used.saturating_mul(100) / limit.max(1) >= if was { FREE } else { FULL }
}

async fn disks(plane: &Plane, handle: &Handle) -> Result<()> {
    let Some(server) = handle.id() else { return Ok(()) };
    // A server that does not answer is told of elsewhere.
    let Ok(reports) = handle.server.installations().await else { return Ok(()) };
    let limits: HashMap<InstallationId, u64> =
        attention::disks(plane.store.read(), server).await?.into_iter().collect();
    let full = attention::with(plane.store.read(), Need::DiskNearlyFull).await?;
    let change = |report: &InstallationReport| {
        let (used, limit) = (report.disk?, *limits.get(&report.id)?);
        let was = full.contains(&report.id);
        let is = is_full(was, used, limit);
        let verb = if is { "installation.disk-nearly-full" } else { "installation.disk-free" };
        let detail = json!({ "used": used, "limit": limit });
        (is != was).then_some(Change { id: report.id, need: Need::DiskNearlyFull, is, verb: Some(verb), detail })
    };
    note(plane, reports.iter().filter_map(change).collect()).await
}

async fn backups(plane: &Plane) -> Result<()> {
    let late = attention::with_late_backup(plane.store.read(), plane.now().saturating_sub(LATE)).await?;
    let known = attention::with(plane.store.read(), Need::BackupLate).await?;
    let change = |id: &InstallationId, is: bool| Change {
        id: *id,
        need: Need::BackupLate,
        is,
        // That one was made is an event already.
        verb: is.then_some("backup.late"),
        detail: json!({ "days": LATE / (24 * 3600 * 1000) }),
    };
    let news = late.difference(&known).map(|id| change(id, true));
    note(plane, news.chain(known.difference(&late).map(|id| change(id, false))).collect()).await
}

async fn note(plane: &Plane, changes: Vec<Change>) -> Result<()> {
    for batch in changes.chunks(BATCH) {
        let tx = plane.store.write().await?;
        for change in batch {
            note_one(plane, &tx, change).await?;
        }
        tx.commit().await?;
        plane.progress.changed();
    }
    Ok(())
}

async fn note_one(plane: &Plane, tx: &Tx, change: &Change) -> Result<()> {
    let (at, outcome) = (plane.now(), if change.is { Outcome::Failed } else { Outcome::Done });
    let news = match change.is {
        true => attention::set(tx, change.id, change.need, at).await?,
        false => attention::clear(tx, change.id, change.need).await?,
    };
    let Some(verb) = change.verb.filter(|_| news) else { return Ok(()) };
    if let Some(row) = installations::find(&**tx, change.id).await? {
        let event = installation_event(at, "plane", &row, verb, outcome, change.detail.clone());
        events::record(tx, &event).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_full;

    #[test]
    fn what_is_full_is_free_again_only_when_it_has_room() {
        assert!(!is_full(false, 89, 100) && is_full(false, 90, 100));
        assert!(is_full(true, 85, 100) && !is_full(true, 84, 100));
        assert!(is_full(false, u64::MAX, 1) && is_full(false, 1, 0));
    }
}
