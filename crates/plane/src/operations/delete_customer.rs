//! Deletes a customer; refused while it has installations. Those that were removed keep its short name in their records.

use domain::Slug;
use serde_json::json;

use super::{Actor, Thing, names_of, record, short};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::{customers, installations};

/// Deletes it.
pub async fn delete_customer(plane: &Plane, actor: &Actor, customer: &Slug) -> Answer<()> {
    let tx = plane.store.write().await?;
    let found = customers::find(&*tx, customer).await?.ok_or_else(|| unknown_customer(customer))?;
    if found.installations > 0 {
        let left = installations::list(&*tx, None, Some(customer), "", found.installations).await?;
        let detail = format!("customer {customer} has installations: {}; remove them first", names_of(&left));
        return Err(Refusal::conflict("customer-in-use", detail));
    }
    customers::delete(&tx, customer).await?;
    let thing = Thing { id: customer.to_string(), name: Some(found.name), app: None };
    record(plane, &tx, actor, "customer.delete", thing, json!({})).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(())
}

/// There is no such customer.
pub fn unknown_customer(text: impl std::fmt::Display) -> Refusal {
    let text = short(&text.to_string());
    let detail = format!("there is no customer \"{text}\"; list them with `vclouden customer list`");
    Refusal::missing("unknown-customer", detail)
}
