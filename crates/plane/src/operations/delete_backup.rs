//! Deletes a backup.

use nimbus_api::Work;

use super::make_backup::find_backup;
use super::{Actor, Begun, accept, find_installation};
use crate::Plane;
use crate::problem::Answer;

/// Accepts it.
pub async fn delete_backup(plane: &Plane, actor: &Actor, installation: &str, backup: &str) -> Answer<Begun> {
    let tx = plane.store.write().await?;
    let row = find_installation(&*tx, installation).await?;
    let backup = find_backup(&tx, &row, backup).await?;
    accept(plane, tx, actor, &row, Work::ForgetBackup { backup }).await
}
