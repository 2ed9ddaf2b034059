//! Creates a publisher.

use serde_json::json;

use super::{Actor, Thing, name_for_people, record};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::{installations, publishers};
use crate::wire::{CreatePublisher, Publisher};

/// Creates it.
pub async fn create_publisher(plane: &Plane, actor: &Actor, input: CreatePublisher) -> Answer<Publisher> {
    let slug = input.slug;
    let name = name_for_people(input.name, &slug)?;
    let tx = plane.store.write().await?;
    let at = plane.now();
    // Its portal would have the host name of an installation.
    let taken = match slug.as_str().parse() {
        Ok(name) => installations::named(&*tx, &name).await?.is_some(),
        Err(_) => false,
    };
    if taken || plane.names_console(slug.as_str()) || !publishers::create(&tx, &slug, &name, at).await? {
        let detail = format!("there is a publisher or an installation \"{slug}\" already; choose another slug");
        return Err(Refusal::conflict("publisher-exists", detail));
    }
    let limits = plane.settings.get().publisher_limits;
    publishers::set_limits(&tx, &slug, &limits).await?;
    let thing = Thing { id: slug.to_string(), name: Some(name.clone()), publisher: Some(&slug), ..Thing::default() };
    record(plane, &tx, actor, "publisher.create", thing, json!({})).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(Publisher {
        running: 0,
        memory: 0,
        disk: 0,
        limits,
        slug,
        name,
        created_at: at,
        developers_exec: false,
        apps: 0,
        customers: 0,
        installations: 0,
    })
}
