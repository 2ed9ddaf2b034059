//! Keeps a copy of an installation's data until it is deleted.

use domain::BackupId;
use nimbus_api::Work;

use super::{Actor, Begun, accept, find_installation};
use crate::Plane;
use crate::problem::Answer;

/// Accepts it.
pub async fn make_backup(plane: &Plane, actor: &Actor, installation: &str) -> Answer<Begun> {
    let tx = plane.store.write().await?;
    let row = find_installation(&*tx, installation).await?;
    accept(plane, tx, actor, &row, Work::Backup { backup: BackupId::new() }).await
}

/// The backup that `text` names among what is known of an installation.
pub(super) async fn find_backup(tx: &crate::store::Tx, row: &super::InstallationRow, text: &str) -> Answer<BackupId> {
    let known = crate::store::snapshots::of(&**tx, row.id).await?;
    let wanted = text.parse::<BackupId>().ok();
    let found = known.iter().filter_map(|snapshot| snapshot.backup).find(|id| Some(*id) == wanted);
    found.ok_or_else(|| {
        let name = &row.name;
        let detail = format!(
            "installation {name} has no backup \"{}\"; list them with `vclouden backup list {name}`",
            super::short(text)
        );
        crate::problem::Refusal::missing("unknown-backup", detail)
    })
}
