//! Creates a customer.

use domain::Key;
use serde_json::json;

use super::{Actor, Thing, name_for_people, record, require_publisher};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store;
use crate::wire::{CreateCustomer, Customer};

/// Creates it.
pub async fn create_customer(plane: &Plane, actor: &Actor, input: CreateCustomer) -> Answer<Customer> {
    let name = name_for_people(input.name, &input.slug)?;
    let key = Key::new(actor.publisher_for(input.publisher)?, input.slug);
    let tx = plane.store.write().await?;
    require_publisher(&tx, actor, &key.publisher).await?;
    let at = plane.now();
    if !store::customers::create(&tx, &key, &name, at).await? {
        let detail = format!("there is a customer \"{}\" already; choose another slug", key.slug);
        return Err(Refusal::conflict("customer-exists", detail));
    }
    record(plane, &tx, actor, "customer.create", Thing::customer(&key, Some(name.clone())), json!({})).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(Customer { publisher: key.publisher, slug: key.slug, name, created_at: at, installations: 0 })
}
