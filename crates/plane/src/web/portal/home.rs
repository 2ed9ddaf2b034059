//! A customer's installations.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use minijinja::context;

use super::{Inside, logo_of};
use crate::Plane;
use crate::access::DECIDERS;
use crate::operations::Actor;
use crate::operations::delete_customer::unknown_customer;
use crate::problem::Answer;
use crate::store::installations::Filter;
use crate::store::usage::Wanted;
use crate::store::{apps, customers, installations};
use crate::web::api::customers::send_archive;
use crate::web::api::installations::reports;
use crate::web::months::so_far;
use crate::web::visit::Visit;
use crate::wire::{UsageBy, word};

/// Installations that are shown.
const MOST: u64 = 500;

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor) -> Answer<Response> {
    let page = Inside { plane: &plane, visit: &visit, actor: &actor };
    let db = plane.store.read();
    let key = page.customer()?;
    let customer = customers::find(db, key).await?.ok_or_else(|| unknown_customer(&key.slug))?;
    let rows = installations::list(db, &actor.reach, &Filter::default(), "", MOST).await?;
    let reports = reports(&plane, rows.iter().map(|row| row.server).collect()).await;
    let base = page.base()?;
    let mut shown = Vec::with_capacity(rows.len());
    for row in &rows {
        let app = apps::find(db, &row.app_key()).await?;
        let logo = logo_of(db, &base, row).await?;
        shown.push(context! {
            name => row.name.as_str(),
            logo,
            app => app.map_or_else(|| row.app.to_string(), |app| app.name),
            state => row.state.to_string(),
            phase => reports.get(&row.id).map(|live| word(&live.phase)),
            url => row.serves_http.then(|| plane.url(&row.name)),
            created_at => row.created_at,
            error => row.error.clone(),
            busy => row.operation.is_some(),
        });
    }
    let values = context! {
        portal => page.frame("")?,
        base,
        title => customer.name,
        acts => page.acts(),
        installations => shown,
        decides => DECIDERS.contains(&actor.role),
        used => so_far(&plane, &actor, Wanted { by: UsageBy::Month, ..Wanted::default() }).await?,
    };
    Ok(plane.pages.page(&visit.view, "portal/home.html", values))
}

/// Everything that the customer has, as one file.
pub async fn archive(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor) -> Answer<Response> {
    let key = Inside { plane: &plane, visit: &visit, actor: &actor }.customer()?.clone();
    send_archive(&plane, &actor, visit.view, &key).await
}
