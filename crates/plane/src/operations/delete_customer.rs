//! Deletes a customer; refused while it has installations. Those that were removed keep its short name in their records.

use domain::Key;
use serde_json::json;

use super::{Actor, Thing, names_of, record, short};
use crate::Plane;
use crate::access::Reach;
use crate::problem::{Answer, Refusal};
use crate::store::installations::{self, Filter};
use crate::store::{customers, people, tickets, usage};

/// Deletes it.
pub async fn delete_customer(plane: &Plane, actor: &Actor, customer: &Key) -> Answer<()> {
    let tx = plane.store.write().await?;
    let found = customers::find(&*tx, customer).await?.ok_or_else(|| unknown_customer(&customer.slug))?;
    if found.installations > 0 {
        let of_customer = Filter { customer: Some(customer.clone()), ..Filter::default() };
        let left = installations::list(&*tx, &actor.reach, &of_customer, "", found.installations).await?;
        let detail = format!("customer {} has installations: {}; remove them first", customer.slug, names_of(&left));
        return Err(Refusal::conflict("customer-in-use", detail));
    }
    let place = Reach::Customer(customer.clone());
    tickets::forget(&tx, &place).await?;
    usage::leave(&tx, customer).await?;
    people::forget_place(&tx, &place).await?;
    customers::delete(&tx, customer).await?;
    record(plane, &tx, actor, "customer.delete", Thing::customer(customer, Some(found.name)), json!({})).await?;
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
