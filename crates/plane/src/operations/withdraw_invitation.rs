//! Takes an invitation back.

use domain::InvitationId;
use serde_json::json;

use super::create_token::may_give;
use super::{Actor, Thing, record, short};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::invitations;

/// Deletes it: one that the actor could have made.
pub async fn withdraw_invitation(plane: &Plane, actor: &Actor, text: &str) -> Answer<()> {
    let unknown = || Refusal::missing("unknown-invitation", format!("there is no invitation \"{}\"", short(text)));
    let id: InvitationId = text.parse().map_err(|_| unknown())?;
    let tx = plane.store.write().await?;
    let row = invitations::with_id(&*tx, &actor.reach, id).await?.ok_or_else(unknown)?;
    if !may_give(actor.role, row.membership.role) {
        return Err(unknown());
    }
    invitations::delete(&tx, id).await?;
    let thing = Thing { id: id.to_string(), name: Some(row.mail), ..Thing::at(&row.membership.reach) };
    record(plane, &tx, actor, "invitation.delete", thing, json!({})).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(())
}
