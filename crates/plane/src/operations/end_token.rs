//! Ends the token that a request shows: to log out.

use serde_json::json;

use super::{Actor, Thing, record};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::tokens;

/// Ends it.
pub async fn end_token(plane: &Plane, actor: &Actor) -> Answer<()> {
    let id =
        actor.id.strip_prefix("token:").ok_or_else(|| Refusal::internal("a request of the API without a token"))?;
    if id == tokens::OPERATOR {
        let detail = "this token is the one of `vclouden up`; it ends when its file is deleted and `up` starts again";
        return Err(Refusal::conflict("operator-token", detail));
    }
    let tx = plane.store.write().await?;
    tokens::delete(&tx, id).await?;
    let thing = Thing { id: id.to_owned(), ..Thing::at(&actor.reach) };
    record(plane, &tx, actor, "token.end", thing, json!({})).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(())
}
