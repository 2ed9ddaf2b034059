//! Stops an installation; it stays stopped.

use nimbus_api::Work;

use super::{Actor, Begun, accept, find_installation};
use crate::Plane;
use crate::problem::Answer;

/// Accepts it.
pub async fn stop(plane: &Plane, actor: &Actor, installation: &str) -> Answer<Begun> {
    let tx = plane.store.write().await?;
    let row = find_installation(&*tx, &actor.reach, installation).await?;
    accept(plane, tx, actor, &row, Work::Stop).await
}
