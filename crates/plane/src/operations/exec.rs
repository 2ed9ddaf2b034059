//! Runs a program inside an installation, for a person who looks after it.

use bytes::Bytes;
use domain::state::InstallationState;
use futures_util::stream::BoxStream;
use nimbus_api::ExecRequest;
use serde_json::json;

use super::{Actor, find_installation, installation_event, not_in_that_state};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::server::ByteStream;
use crate::store::events;
use crate::wire::Outcome;

/// Passes the request on to the installation's server and the frames back. The audit has that it was done, not what was
/// typed.
pub async fn exec(
    plane: &Plane,
    actor: &Actor,
    installation: &str,
    request: ExecRequest,
    input: BoxStream<'static, Bytes>,
) -> Answer<ByteStream> {
    if request.command.first().is_none_or(String::is_empty) || request.command.iter().any(|word| word.contains('\0')) {
        let detail = "key \"command\" must name a program, perhaps with arguments, none of them with a zero byte";
        return Err(Refusal::invalid("bad-command", detail));
    }
    let tx = plane.store.write().await?;
    let row = find_installation(&*tx, &actor.reach, installation).await?;
    match row.state {
        InstallationState::Running => {}
        InstallationState::Stopped => {
            let detail = format!("installation {} is stopped; start it first", row.name);
            return Err(Refusal::conflict("stopped", detail));
        }
        _ => return Err(not_in_that_state(&row)),
    }
    let event = installation_event(plane.now(), actor.name(), &row, "installation.exec", Outcome::Accepted, json!({}));
    events::record(&tx, &event).await?;
    tx.commit().await?;
    plane.progress.changed();
    let handle = plane.servers.get(row.server)?;
    Ok(handle.server.exec(row.id, request, input).await?)
}
