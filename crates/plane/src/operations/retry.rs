//! Has a stuck operation taken up again, after a person has mended the cause.

use domain::OperationId;
use domain::state::OperationState;
use serde_json::json;

use super::Actor;
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::events::{self, New as Event};
use crate::store::operations::{self, OperationRow};
use crate::whence;
use crate::wire::Outcome;

/// Asks its server. The operation stays stuck until the server tells how it went.
pub async fn retry(plane: &Plane, actor: &Actor, text: &str) -> Answer<OperationRow> {
    let unknown = || unknown_operation(text);
    let id: OperationId = text.parse().map_err(|_| unknown())?;
    let row = operations::find_within(plane.store.read(), &actor.reach, id).await?.ok_or_else(unknown)?;
    if row.state != OperationState::Stuck {
        let detail = format!("operation {id} is {}; only a stuck one can be tried again", row.state);
        return Err(Refusal::conflict("not-stuck", detail));
    }
    plane.servers.get(row.server)?.server.retry(id).await?;
    let event = Event {
        at: plane.now(),
        actor: actor.name().to_owned(),
        address: whence::address(),
        verb: "operation.retry",
        kind: "operation",
        id: id.to_string(),
        name: Some(row.name.to_string()),
        publisher: Some(row.publisher.clone()),
        customer: Some(row.customer.clone()),
        app: Some(row.app.clone()),
        installation: Some(row.installation),
        outcome: Outcome::Accepted,
        detail: json!({ "verb": row.work.verb() }),
    };
    let tx = plane.store.write().await?;
    events::record(&tx, &event).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(row)
}

/// There is no such operation.
pub fn unknown_operation(text: &str) -> Refusal {
    Refusal::missing(
        "unknown-operation",
        format!("there is no operation \"{}\"; list them with `vclouden operation list`", super::short(text)),
    )
}
