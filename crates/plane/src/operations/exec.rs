//! Runs a program inside an installation, for a person who looks after it.

use bytes::Bytes;
use domain::state::InstallationState;
use futures_util::stream::BoxStream;
use http::StatusCode;
use nimbus_api::ExecRequest;
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::{Actor, find_installation, installation_event, not_in_that_state};
use crate::Plane;
use crate::access::Role;
use crate::problem::{Answer, Refusal};
use crate::server::ByteStream;
use crate::store::installations::InstallationRow;
use crate::store::{events, publishers};
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
    Ok(begin(plane, actor, installation, "installation.exec", request, input).await?.1)
}

/// Writes into the audit what is begun, and begins it.
pub(super) async fn begin(
    plane: &Plane,
    actor: &Actor,
    installation: &str,
    verb: &'static str,
    request: ExecRequest,
    input: BoxStream<'static, Bytes>,
) -> Answer<(InstallationRow, ByteStream)> {
    let tx = plane.store.write().await?;
    let row = find_installation(&*tx, &actor.reach, installation).await?;
    require(&*tx, actor, &row).await?;
    match row.state {
        InstallationState::Running => {}
        InstallationState::Stopped => {
            let detail = format!("installation {} is stopped; start it first", row.name);
            return Err(Refusal::conflict("stopped", detail));
        }
        _ => return Err(not_in_that_state(&row)),
    }
    let event = installation_event(plane.now(), actor.name(), &row, verb, Outcome::Accepted, json!({}));
    events::record(&tx, &event).await?;
    tx.commit().await?;
    plane.progress.changed();
    let handle = plane.servers.get(row.server)?;
    let frames = handle.server.exec(row.id, request, input).await?;
    Ok((row, frames))
}

/// Whether somebody may run programs in an installation now.
pub async fn may(plane: &Plane, actor: &Actor, installation: &str) -> Answer<()> {
    let db = plane.store.read();
    let row = find_installation(db, &actor.reach, installation).await?;
    require(db, actor, &row).await
}

/// Who is inside sees its data and its secrets: a developer may where an owner of the publisher allows it.
async fn require(db: &impl ConnectionTrait, actor: &Actor, row: &InstallationRow) -> Answer<()> {
    if actor.role != Role::Developer {
        return Ok(());
    }
    let publisher = publishers::find(db, &actor.reach, &row.publisher).await?;
    if publisher.is_some_and(|publisher| publisher.developers_exec) {
        return Ok(());
    }
    let detail = "developers may not run programs in installations of this publisher; an owner can allow it on the page \
                  of the team, or with `vclouden publisher set`";
    Err(Refusal::new(StatusCode::FORBIDDEN, "exec-not-allowed", detail))
}
