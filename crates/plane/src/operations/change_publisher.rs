//! Changes what a publisher's owners decide about it.

use domain::Slug;
use serde_json::json;

use super::{Actor, Thing, line_for_people, record, unknown_publisher};
use crate::Plane;
use crate::problem::Answer;
use crate::store::publishers;
use crate::wire::{ChangePublisher, Publisher};

/// Changes what is given.
pub async fn change_publisher(plane: &Plane, actor: &Actor, slug: &Slug, input: ChangePublisher) -> Answer<Publisher> {
    let tx = plane.store.write().await?;
    let mut row = publishers::find(&*tx, &actor.reach, slug).await?.ok_or_else(|| unknown_publisher(slug))?;
    if let Some(name) = &input.name {
        row.name = line_for_people("name", name)?;
    }
    row.developers_exec = input.developers_exec.unwrap_or(row.developers_exec);
    publishers::update(&tx, &row).await?;
    let name = Some(row.name.clone());
    let thing = Thing { id: slug.to_string(), name, publisher: Some(slug), ..Thing::default() };
    record(plane, &tx, actor, "publisher.change", thing, json!(input)).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(row)
}
