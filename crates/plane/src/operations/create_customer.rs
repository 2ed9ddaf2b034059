//! Creates a customer.

use serde_json::json;

use super::{Actor, Thing, name_for_people, record};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store;
use crate::wire::{CreateCustomer, Customer};

/// Creates it.
pub async fn create_customer(plane: &Plane, actor: &Actor, input: CreateCustomer) -> Answer<Customer> {
    let name = name_for_people(input.name, &input.slug)?;
    let tx = plane.store.write().await?;
    let at = plane.now();
    if !store::customers::create(&tx, &input.slug, &name, at).await? {
        let detail = format!("there is a customer \"{}\" already; choose another slug", input.slug);
        return Err(Refusal::conflict("customer-exists", detail));
    }
    record(
        plane,
        &tx,
        actor,
        "customer.create",
        Thing { id: input.slug.to_string(), name: Some(name.clone()), app: None },
        json!({}),
    )
    .await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(Customer { slug: input.slug, name, created_at: at, installations: 0 })
}
