//! Puts an installation back to a kept copy: a backup, or what a deployment, a rollback or a restore replaced. What it
//! replaces is kept for a while, so that this can be undone as well.

use domain::BackupId;
use nimbus_api::{SnapshotReason, SnapshotReport, Work};
use sea_orm::ConnectionTrait;

use super::{Actor, Begun, accept, find_installation, refuse_under_deployment, short};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::installations::InstallationRow;
use crate::store::snapshots;

/// Accepts it. With `code` the version that the copy was taken of comes back as well, without it the version of now
/// gets the data; when it is not said, what came by itself goes back as a whole, and a backup is data only.
pub async fn restore(
    plane: &Plane,
    actor: &Actor,
    installation: &str,
    copy: &str,
    code: Option<bool>,
) -> Answer<Begun> {
    let tx = plane.store.write().await?;
    let row = find_installation(&*tx, &actor.reach, installation).await?;
    let copy = find_copy(&*tx, &row, copy, plane.now()).await?;
    refuse_under_deployment(&row, "restored")?;
    let code = code.unwrap_or(copy.reason != SnapshotReason::Backup);
    let keep_seconds = u64::from(plane.keep_hours()) * 3600;
    let work = Work::Restore { snapshot: copy.name, code, keep_seconds };
    let begun = accept(plane, tx, actor, &row, work).await?;
    Ok(Begun { backup: copy.backup, ..begun })
}

/// The copy of that name, or the backup of that id.
pub(super) async fn find_copy(
    db: &impl ConnectionTrait,
    row: &InstallationRow,
    text: &str,
    now: u64,
) -> Answer<SnapshotReport> {
    let id = text.parse::<BackupId>().ok();
    let known = snapshots::of(db, row.id).await?;
    let is_it = |copy: &SnapshotReport| copy.name == text || (id.is_some() && copy.backup == id);
    let found = known.into_iter().find(|copy| is_it(copy) && copy.expires_at.is_none_or(|at| at > now));
    found.filter(|copy| !copy.name.is_empty()).ok_or_else(|| {
        let name = &row.name;
        let detail = format!(
            "installation {name} has no backup or snapshot \"{}\", or no longer; list them with `vclouden backup list \
             {name}`",
            short(text)
        );
        Refusal::missing(if id.is_some() { "unknown-backup" } else { "unknown-snapshot" }, detail)
    })
}
