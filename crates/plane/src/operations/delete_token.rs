//! Takes a key to the API away: from this moment it lets nobody in.

use domain::TokenId;
use serde_json::json;

use super::{Actor, Thing, record, short};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::tokens;

/// Deletes it: of those within reach, one's own, or any for those who decide there.
pub async fn delete_token(plane: &Plane, actor: &Actor, text: &str) -> Answer<()> {
    let unknown = || {
        let detail = format!("there is no token \"{}\"; list them with `vclouden token list`", short(text));
        Refusal::missing("unknown-token", detail)
    };
    let id: TokenId = text.parse().map_err(|_| unknown())?;
    let tx = plane.store.write().await?;
    let row = tokens::with_id(&*tx, &actor.reach, &id.to_string()).await?.ok_or_else(unknown)?;
    let own = row.person.is_some() && row.person == actor.person();
    if !own && !actor.decides() {
        return Err(unknown());
    }
    tokens::delete(&tx, &row.id).await?;
    let thing = Thing { id: row.id, name: Some(row.name), ..Thing::at(&row.membership.reach) };
    record(plane, &tx, actor, "token.delete", thing, json!({})).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(())
}
