//! Creates an application.

use serde_json::json;

use super::{Actor, Thing, name_for_people, record};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store;
use crate::wire::{App, CreateApp};

/// Creates it.
pub async fn create_app(plane: &Plane, actor: &Actor, input: CreateApp) -> Answer<App> {
    let name = name_for_people(input.name, &input.slug)?;
    let tx = plane.store.write().await?;
    if !store::apps::create(&tx, &input.slug, &name, plane.now()).await? {
        let detail = format!("there is an application \"{}\" already; choose another slug", input.slug);
        return Err(Refusal::conflict("app-exists", detail));
    }
    let app = store::apps::find(&*tx, &input.slug).await?.ok_or_else(|| super::unknown_app(&input.slug))?;
    record(
        plane,
        &tx,
        actor,
        "app.create",
        Thing { id: input.slug.to_string(), name: Some(name), app: Some(&input.slug) },
        json!({}),
    )
    .await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(app)
}
