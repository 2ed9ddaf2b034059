//! Creates an application.

use domain::Key;
use serde_json::json;

use super::{Actor, Thing, name_for_people, record, require_publisher};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store;
use crate::wire::{App, CreateApp};

/// Creates it.
pub async fn create_app(plane: &Plane, actor: &Actor, input: CreateApp) -> Answer<App> {
    let name = name_for_people(input.name, &input.slug)?;
    let key = Key::new(actor.publisher_for(input.publisher)?, input.slug);
    let tx = plane.store.write().await?;
    require_publisher(&tx, actor, &key.publisher).await?;
    if !store::apps::create(&tx, &key, &name, plane.now()).await? {
        let detail = format!("there is an application \"{}\" already; choose another slug", key.slug);
        return Err(Refusal::conflict("app-exists", detail));
    }
    let app = store::apps::find(&*tx, &key).await?.ok_or_else(|| super::unknown_app(&key.slug))?;
    let thing = Thing::of_app(&key, key.slug.to_string(), Some(name));
    record(plane, &tx, actor, "app.create", thing, json!({})).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(app)
}
