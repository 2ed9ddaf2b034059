//! Keeps a copy of an installation's data until it is deleted.

use domain::BackupId;
use nimbus_api::Work;

use super::{Actor, Begun, accept, find_installation, line_for_people};
use crate::Plane;
use crate::problem::Answer;
use crate::store::snapshots;
use crate::wire::CreateBackup;

/// Accepts it.
pub async fn make_backup(plane: &Plane, actor: &Actor, installation: &str, input: CreateBackup) -> Answer<Begun> {
    let label = input.label.map(|label| line_for_people("label", &label)).transpose()?;
    let tx = plane.store.write().await?;
    let row = find_installation(&*tx, &actor.reach, installation).await?;
    let backup = BackupId::new();
    if let Some(label) = label {
        snapshots::label(&tx, row.id, backup, &label).await?;
    }
    accept(plane, tx, actor, &row, Work::Backup { backup }).await
}
