//! Deletes a publisher; refused while it has applications or customers.

use domain::Slug;
use serde_json::json;

use super::{Actor, Thing, first_publisher, record, unknown_publisher};
use crate::Plane;
use crate::access::Reach;
use crate::problem::{Answer, Refusal};
use crate::store::{answers, brands, people, publishers, usage, webhooks};

/// Deletes it.
pub async fn delete_publisher(plane: &Plane, actor: &Actor, slug: &Slug) -> Answer<()> {
    let tx = plane.store.write().await?;
    let found = publishers::find(&*tx, &actor.reach, slug).await?.ok_or_else(|| unknown_publisher(slug))?;
    if *slug == first_publisher() {
        let detail = format!("publisher {slug} is the operator's own; it cannot be deleted");
        return Err(Refusal::conflict("first-publisher", detail));
    }
    if found.apps + found.customers > 0 {
        let detail = format!(
            "publisher {slug} has applications ({}) or customers ({}); delete them first",
            found.apps, found.customers
        );
        return Err(Refusal::conflict("publisher-in-use", detail));
    }
    answers::forget(&tx, slug).await?;
    people::forget_place(&tx, &Reach::Publisher(slug.clone())).await?;
    webhooks::forget(&tx, slug).await?;
    brands::forget(&tx, slug).await?;
    usage::forget(&tx, slug).await?;
    publishers::delete(&tx, slug).await?;
    let thing = Thing { id: slug.to_string(), name: Some(found.name), publisher: Some(slug), ..Thing::default() };
    record(plane, &tx, actor, "publisher.delete", thing, json!({})).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(())
}
