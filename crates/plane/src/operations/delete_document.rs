//! Deletes a page about an application with its history; refused while others stand below it.

use domain::Key;

use super::documents::{find_document, finish};
use super::{Actor, unknown_app};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::{self, documents};

/// Deletes it.
pub async fn delete_document(plane: &Plane, actor: &Actor, app: &Key, slug: &str) -> Answer<()> {
    let tx = plane.store.write().await?;
    if !store::lock_app(&tx, app).await? {
        return Err(unknown_app(&app.slug));
    }
    let document = find_document(&*tx, actor, app, slug).await?;
    let below = documents::count_below(&*tx, app, &document.slug).await?;
    if below > 0 {
        let detail = format!("pages stand below this one ({below}); move or delete them first");
        return Err(Refusal::conflict("document-in-use", detail));
    }
    documents::delete(&tx, app, &document.slug).await?;
    finish(plane, tx, actor, "document.delete", app, &document).await
}
