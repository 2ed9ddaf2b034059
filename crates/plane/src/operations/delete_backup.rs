//! Deletes a backup.

use domain::BackupId;
use nimbus_api::Work;

use super::{Actor, Begun, accept, find_installation, short};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::snapshots;

/// Accepts it.
pub async fn delete_backup(plane: &Plane, actor: &Actor, installation: &str, backup: &str) -> Answer<Begun> {
    let tx = plane.store.write().await?;
    let row = find_installation(&*tx, &actor.reach, installation).await?;
    let wanted = backup.parse::<BackupId>().ok();
    let known = snapshots::of(&*tx, row.id).await?;
    let found = known.iter().filter_map(|snapshot| snapshot.backup).find(|id| Some(*id) == wanted);
    let backup = found.ok_or_else(|| {
        let (name, text) = (&row.name, short(backup));
        let detail =
            format!("installation {name} has no backup \"{text}\"; list them with `vclouden backup list {name}`");
        Refusal::missing("unknown-backup", detail)
    })?;
    accept(plane, tx, actor, &row, Work::ForgetBackup { backup }).await
}
