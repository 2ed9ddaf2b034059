//! A publisher's first page: how its installations are, what happened last, what needs somebody.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::state::{OperationState, TicketState};
use minijinja::context;

use super::{Console, value};
use crate::Plane;
use crate::access::{MAKERS, STAFF};
use crate::operations::Actor;
use crate::problem::Answer;
use crate::store::{apps, attention, customers, deployments, installations, operations, publishers, tickets};
use crate::web::view;
use crate::web::visit::Visit;

/// Deployments that are shown.
const LAST: u64 = 5;

/// Troubles that are shown.
const TROUBLES: u64 = 10;

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let (db, reach) = (plane.store.read(), &actor.reach);
    let publisher = page.publisher()?;
    let name = publishers::name(db, reach, publisher).await?;
    let name = name.ok_or_else(|| crate::operations::unknown_publisher(publisher))?;
    let last = async {
        let rows = deployments::list(db, reach, None, None, LAST).await?;
        futures_util::future::try_join_all(rows.into_iter().map(|row| view::deployment(db, row))).await
    };
    let helps = async {
        if !page.is(STAFF) {
            return Ok((Vec::new(), 0));
        }
        tokio::try_join!(tickets::waiting(db, reach, TROUBLES), tickets::count(db, reach, TicketState::Open))
    };
    let (states, last, attention, needs, troubles, (waiting, asked), apps, customers, stuck) = tokio::try_join!(
        installations::count_by_state(db, reach),
        last,
        attention::list(db, reach, TROUBLES),
        attention::count(db, reach),
        installations::troubled(db, reach, TROUBLES),
        helps,
        apps::count(db, reach),
        customers::count(db, reach),
        operations::count_under_way(db, reach, OperationState::Stuck),
    )?;
    let values = context! {
        tickets => value(&waiting),
        asked,
        shell => page.shell("")?,
        base => page.base(),
        title => name,
        may_make => page.is(MAKERS),
        installations => states.iter().map(|(_, n)| n).sum::<u64>(),
        states,
        apps,
        customers,
        stuck,
        deployments => value(&last),
        attention => value(&attention),
        needs,
        troubles => troubles.iter().map(|row| context! {
            name => row.name.as_str(), app => row.app.as_str(), error => row.error.clone(), state => row.state.to_string(),
        }).collect::<Vec<_>>(),
    };
    Ok(plane.pages.page(&visit.view, "console/home.html", values))
}
