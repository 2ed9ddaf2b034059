//! Ends a session, or all of somebody but the one they ask in.

use domain::SessionId;
use serde_json::json;

use super::{Thing, record_as, short};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::people::PersonRow;
use crate::store::sessions;

/// Ends one.
pub async fn end_session(plane: &Plane, person: &PersonRow, text: &str) -> Answer<()> {
    let unknown = || Refusal::missing("unknown-session", format!("you have no session \"{}\"", short(text)));
    let id: SessionId = text.parse().map_err(|_| unknown())?;
    let tx = plane.store.write().await?;
    if !sessions::end(&tx, person.id, id).await? {
        return Err(unknown());
    }
    let thing = Thing { id: id.to_string(), publisher: person.realm.as_ref(), ..Thing::default() };
    record_as(plane, &tx, &person.mail, "session.end", thing, json!({})).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(())
}

/// Ends all but `own`.
pub async fn end_other_sessions(plane: &Plane, person: &PersonRow, own: Option<SessionId>) -> Answer<()> {
    let tx = plane.store.write().await?;
    sessions::end_all(&tx, person.id, own).await?;
    let thing = Thing { id: "others".into(), publisher: person.realm.as_ref(), ..Thing::default() };
    record_as(plane, &tx, &person.mail, "session.end", thing, json!({})).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(())
}
