//! Deletes an application with its versions; refused while it has installations.

use domain::Key;
use serde_json::json;

use super::{Actor, Thing, names_of, record, unknown_app};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::{self, documents, installations};

/// Deletes it.
pub async fn delete_app(plane: &Plane, actor: &Actor, app: &Key) -> Answer<()> {
    let _files = plane.artifacts.lock().await;
    let tx = plane.store.write().await?;
    if !store::lock_app(&tx, app).await? {
        return Err(unknown_app(&app.slug));
    }
    let left = installations::of_app(&*tx, app).await?;
    if !left.is_empty() {
        let detail = format!("{} has installations: {}; remove them first", app.slug, names_of(&left));
        return Err(Refusal::conflict("app-in-use", detail));
    }
    let artifacts = store::versions::artifacts(&*tx, app).await?;
    let images = documents::contents(&*tx, app).await?;
    documents::delete_of_app(&tx, app).await?;
    store::apps::delete(&tx, app).await?;
    let mut unused = Vec::new();
    for artifact in artifacts {
        if !store::versions::uses_artifact(&*tx, &artifact).await? {
            unused.push(artifact);
        }
    }
    let mut unseen = Vec::new();
    for image in images {
        if !documents::uses_content(&*tx, &app.publisher, &image).await? {
            unseen.push(image);
        }
    }
    let thing = Thing::of_app(app, app.slug.to_string(), None);
    record(plane, &tx, actor, "app.delete", thing, json!({})).await?;
    tx.commit().await?;
    plane.progress.changed();
    for artifact in unused {
        plane.artifacts.delete(&artifact).map_err(Refusal::internal)?;
    }
    for image in unseen {
        plane.images.delete(&app.publisher, &image).map_err(Refusal::internal)?;
    }
    Ok(())
}
