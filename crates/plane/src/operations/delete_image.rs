//! Deletes a picture of an application's pages. Those that show it show its description instead.

use domain::Key;
use serde_json::json;

use super::documents::unknown_image;
use super::{Actor, Thing, record};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::documents;

/// Deletes it.
pub async fn delete_image(plane: &Plane, actor: &Actor, app: &Key, name: &str) -> Answer<()> {
    let _files = plane.artifacts.lock().await;
    let tx = plane.store.write().await?;
    let image = documents::image(&*tx, app, name).await?.ok_or_else(|| unknown_image(name))?;
    documents::delete_image(&tx, app, name).await?;
    let unused = !documents::uses_content(&*tx, &app.publisher, &image.sha256).await?;
    let thing = Thing::of_app(app, format!("{}/{name}", app.slug), None);
    record(plane, &tx, actor, "document.image-delete", thing, json!({})).await?;
    tx.commit().await?;
    if unused {
        plane.images.delete(&app.publisher, &image.sha256).map_err(Refusal::internal)?;
    }
    Ok(())
}
