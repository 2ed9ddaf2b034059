//! What a customer used, by month.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use minijinja::{Value, context};

use super::Inside;
use crate::Plane;
use crate::operations::Actor;
use crate::problem::Answer;
use crate::store::usage::{self, Wanted};
use crate::web::Query;
use crate::web::months::{Asked, choice, file, month_of, shown};
use crate::web::visit::Visit;
use crate::wire::UsageBy;

/// Installations and months that are shown.
const MOST: u64 = 500;

pub async fn show(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(asked): Query<Asked>,
) -> Answer<Response> {
    let page = Inside { plane: &plane, visit: &visit, actor: &actor };
    let db = plane.store.read();
    let month = month_of(&plane, asked.month.as_deref())?;
    let this = Wanted { month: Some(&month), ..Wanted::default() };
    let rows = usage::list(db, &actor.reach, &this, "", MOST).await?;
    let total = usage::list(db, &actor.reach, &Wanted { by: UsageBy::Month, ..this }, "", 1).await?;
    let all = Wanted { by: UsageBy::Month, ..Wanted::default() };
    let months = usage::list(db, &actor.reach, &all, "", MOST).await?;
    let values = context! {
        portal => page.frame("/usage")?,
        base => page.base()?,
        choice => choice(&plane, &visit.view, &month)?,
        rows => rows.iter().map(shown).collect::<Vec<Value>>(),
        total => total.first().map(shown),
        months => months.iter().rev().map(shown).collect::<Vec<Value>>(),
    };
    Ok(plane.pages.page(&visit.view, "usage/portal.html", values))
}

pub async fn export(State(plane): State<Arc<Plane>>, actor: Actor, Query(asked): Query<Asked>) -> Answer<Response> {
    let month = month_of(&plane, asked.month.as_deref())?;
    file(&plane, &actor, Wanted { month: Some(&month), ..Wanted::default() }).await
}
