//! Deletes a version; refused while an installation runs it, a live rollback or a backup needs it, or a deployment is
//! under way with it. Its number is not used again.

use domain::Key;
use serde_json::json;

use super::{Actor, Thing, record, unknown_app, unknown_version};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::{self, versions};

/// Deletes it.
pub async fn delete_version(plane: &Plane, actor: &Actor, app: &Key, number: u32) -> Answer<()> {
    let _files = plane.artifacts.lock().await;
    let tx = plane.store.write().await?;
    if !store::lock_app(&tx, app).await? {
        return Err(unknown_app(&app.slug));
    }
    let version = versions::find(&*tx, app, number).await?.ok_or_else(|| unknown_version(&app.slug, number))?;
    let users = versions::users(&*tx, app, number, plane.now()).await?;
    if !users.is_empty() {
        let detail = format!("version {number} of {} is needed: {}", app.slug, users.join("; "));
        return Err(Refusal::conflict("version-in-use", detail));
    }
    versions::delete(&tx, app, number).await?;
    let unused = !versions::uses_artifact(&*tx, &version.artifact).await?;
    let detail = json!({ "artifact": version.artifact });
    let thing = Thing::of_app(app, format!("{}/{number}", app.slug), None);
    record(plane, &tx, actor, "version.delete", thing, detail).await?;
    tx.commit().await?;
    plane.progress.changed();
    if unused {
        plane.artifacts.delete(&version.artifact).map_err(Refusal::internal)?;
    }
    Ok(())
}
