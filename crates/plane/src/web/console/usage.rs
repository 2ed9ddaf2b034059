//! What a publisher's customers used in a month.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use minijinja::{Value, context};

use super::Console;
use crate::Plane;
use crate::operations::{Actor, customer_key};
use crate::problem::Answer;
use crate::store::customers;
use crate::store::usage::{self, Wanted};
use crate::web::Query;
use crate::web::months::{Asked, choice, file, month_of, shown};
use crate::web::visit::Visit;
use crate::wire::UsageBy;

/// Lines of a page.
const PAGE: usize = 50;

pub async fn show(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(asked): Query<Asked>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let db = plane.store.read();
    let month = month_of(&plane, asked.month.as_deref())?;
    let customer = match &asked.customer {
        Some(text) => Some(customer_key(db, &actor, text).await?),
        None => None,
    };
    let by = if customer.is_some() { UsageBy::Installation } else { UsageBy::Customer };
    let wanted =
        Wanted { by, month: Some(&month), customer: customer.as_ref(), former: asked.former, installation: None };
    let after = asked.after.as_deref().unwrap_or_default();
    let of_all = Wanted { by: UsageBy::Month, ..wanted };
    // Both add up whatever was used in the month.
    let (mut rows, total) = tokio::try_join!(
        usage::list(db, &actor.reach, &wanted, after, PAGE as u64 + 1),
        usage::list(db, &actor.reach, &of_all, "", 1),
    )?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let next = rows.last().filter(|_| more).map(|last| visit.view.with_query("after", &usage::key(by, last)));
    let name = match &customer {
        // Who has its short name now is somebody else.
        Some(key) if asked.former => Some(key.slug.to_string()),
        Some(key) => customers::find(db, key).await?.map(|found| found.name),
        None => None,
    };
    let rows: Vec<Value> = rows.iter().map(shown).collect();
    let values = context! {
        shell => page.shell("/usage")?,
        base => page.base(),
        choice => choice(&plane, &visit.view, &month)?,
        customer => customer.as_ref().map(|key| key.slug.as_str()),
        customer_name => name,
        former => asked.former,
        rows,
        total => total.first().map(shown),
        next,
    };
    Ok(plane.pages.page(&visit.view, "usage/console.html", values))
}

pub async fn export(State(plane): State<Arc<Plane>>, actor: Actor, Query(asked): Query<Asked>) -> Answer<Response> {
    let month = month_of(&plane, asked.month.as_deref())?;
    let customer = match &asked.customer {
        Some(text) => Some(customer_key(plane.store.read(), &actor, text).await?),
        None => None,
    };
    let by = asked.by.unwrap_or_default();
    let (month, customer) = (Some(month.as_str()), customer.as_ref());
    file(&plane, &actor, Wanted { by, month, customer, former: asked.former, installation: None }).await
}
