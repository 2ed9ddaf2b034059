//! Puts an installation's data back to a backup. What it replaces is kept for a while.

use nimbus_api::Work;

use super::make_backup::find_backup;
use super::{Actor, Begun, accept, find_installation, refuse_under_deployment};
use crate::Plane;
use crate::problem::Answer;

/// Accepts it.
pub async fn restore(plane: &Plane, actor: &Actor, installation: &str, backup: &str) -> Answer<Begun> {
    let tx = plane.store.write().await?;
    let row = find_installation(&*tx, installation).await?;
    let backup = find_backup(&tx, &row, backup).await?;
    refuse_under_deployment(&row, "restored")?;
    let keep_seconds = u64::from(plane.keep_hours) * 3600;
    accept(plane, tx, actor, &row, Work::Restore { backup, keep_seconds }).await
}
