//! Hands out an installation's data, of now or of a kept copy, as an archive. The audit has who took them.

use domain::state::InstallationState;
use serde_json::json;

use super::restore::find_copy;
use super::{Actor, find_installation, installation_event, not_in_that_state};
use crate::Plane;
use crate::problem::Answer;
use crate::server::ByteStream;
use crate::store::events;
use crate::store::installations::InstallationRow;
use crate::wire::Outcome;

/// The archive as it comes from the installation's server, a tar.gz.
pub async fn download(
    plane: &Plane,
    actor: &Actor,
    installation: &str,
    copy: Option<&str>,
) -> Answer<(InstallationRow, ByteStream)> {
    let db = plane.store.read();
    let row = find_installation(db, &actor.reach, installation).await?;
    if !matches!(row.state, InstallationState::Running | InstallationState::Stopped) {
        return Err(not_in_that_state(&row));
    }
    let copy = match copy {
        Some(copy) => Some(find_copy(db, &row, copy, plane.now()).await?.name),
        None => None,
    };
    let archive = plane.servers.get(row.server)?.server.archive(row.id, copy.clone()).await?;
    let detail = json!({ "copy": copy });
    let event = installation_event(plane.now(), actor.name(), &row, "installation.download", Outcome::Done, detail);
    let tx = plane.store.write().await?;
    events::record(&tx, &event).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok((row, archive))
}
