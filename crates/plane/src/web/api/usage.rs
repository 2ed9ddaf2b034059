//! What installations used in a month.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::Plane;
use crate::operations::{Actor, customer_key, find_installation};
use crate::problem::Answer;
use crate::store::usage::{self, Wanted};
use crate::web::months::month_of;
use crate::web::{Paging, Query, from_text, json, page};
use crate::wire::UsageBy;

/// Which.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Filter {
    /// Such as `2026-11`, in UTC; the present one when absent, and every one when added up by month.
    #[schemars(regex(pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])$"))]
    month: Option<String>,
    /// By what it is added up.
    #[serde(default)]
    by: UsageBy,
    /// Only this customer's.
    customer: Option<String>,
    /// Only that of deleted customers: with `customer` that of those who had its name, which is left out otherwise.
    #[serde(default, deserialize_with = "from_text")]
    former: Option<bool>,
    /// Only this installation's.
    installation: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

pub async fn list(State(plane): State<Arc<Plane>>, actor: Actor, Query(filter): Query<Filter>) -> Answer<Response> {
    let (limit, after) = (filter.paging.limit()?, filter.paging.after::<String>()?.unwrap_or_default());
    let month = match (&filter.month, filter.by) {
        (None, UsageBy::Month) => None,
        (given, _) => Some(month_of(&plane, given.as_deref())?),
    };
    let db = plane.store.read();
    let customer = match filter.customer {
        Some(text) => Some(customer_key(db, &actor, &text).await?),
        None => None,
    };
    let installation = match filter.installation {
        Some(text) => Some(find_installation(db, &actor.reach, &text).await?.id),
        None => None,
    };
    let (month, customer, former) = (month.as_deref(), customer.as_ref(), filter.former.unwrap_or(false));
    let wanted = Wanted { by: filter.by, month, customer, former, installation };
    let rows = usage::list(db, &actor.reach, &wanted, &after, limit + 1).await?;
    json(StatusCode::OK, &page(rows, limit, |row| usage::key(filter.by, row)))
}
