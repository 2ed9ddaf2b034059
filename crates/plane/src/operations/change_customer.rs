//! Changes what a customer is called.

use domain::Key;
use serde_json::json;

use super::delete_customer::unknown_customer;
use super::{Actor, Thing, line_for_people, record};
use crate::Plane;
use crate::problem::Answer;
use crate::store::customers;
use crate::wire::{ChangeCustomer, Customer};

/// Changes what is given.
pub async fn change_customer(plane: &Plane, actor: &Actor, key: &Key, input: ChangeCustomer) -> Answer<Customer> {
    let tx = plane.store.write().await?;
    let mut row = customers::find(&*tx, key).await?.ok_or_else(|| unknown_customer(&key.slug))?;
    if let Some(name) = &input.name {
        row.name = line_for_people("name", name)?;
    }
    customers::rename(&tx, key, &row.name).await?;
    record(plane, &tx, actor, "customer.change", Thing::customer(key, Some(row.name.clone())), json!(input)).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(row)
}
