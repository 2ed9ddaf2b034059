//! Servers.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use nimbus_api::ServerReport;

use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::servers::Handle;
use crate::store::servers::{self, ServerRow};
use crate::web::{Paging, Path, Query, json, page_of};
use crate::wire::Server;

/// Time in which a server must say how it is.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a server says of itself, or why it does not.
pub async fn ask(handle: &Handle) -> Result<ServerReport, String> {
    match tokio::time::timeout(PATIENCE, handle.server.report()).await {
        Ok(Ok(report)) => Ok(report),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("it does not answer within {} seconds", PATIENCE.as_secs())),
    }
}

async fn view(plane: &Plane, row: ServerRow) -> Server {
    let report = match plane.servers.get(row.id) {
        Ok(handle) => ask(&handle).await,
        Err(error) => Err(error.to_string()),
    };
    let (report, error) = match report {
        Ok(report) => (Some(report), None),
        Err(error) => (None, Some(error)),
    };
    let (id, host, installations) = (row.id, row.host, row.installations);
    Server { id, host, reachable: report.is_some(), report, error, installations }
}

/// Every server as it is shown.
pub async fn all(plane: &Plane) -> Answer<Vec<Server>> {
    let mut all = Vec::new();
    for row in servers::list(plane.store.read()).await? {
        all.push(view(plane, row).await);
    }
    Ok(all)
}

pub async fn list(State(plane): State<Arc<Plane>>, Query(paging): Query<Paging>) -> Answer<Response> {
    let page = page_of(servers::list(plane.store.read()).await?, &paging)?;
    let mut items = Vec::with_capacity(page.items.len());
    for row in page.items {
        items.push(view(&plane, row).await);
    }
    json(StatusCode::OK, &crate::wire::Page { items, next: page.next })
}

pub async fn show(State(plane): State<Arc<Plane>>, Path(text): Path<String>) -> Answer<Response> {
    let rows = servers::list(plane.store.read()).await?;
    let id = text.parse().ok();
    let mut found: Vec<ServerRow> = rows.into_iter().filter(|row| Some(row.id) == id || row.host == text).collect();
    match (found.pop(), found.is_empty()) {
        (Some(row), true) => json(StatusCode::OK, &view(&plane, row).await),
        (Some(_), false) => {
            Err(Refusal::conflict("ambiguous", "several servers have that host name; use the id of one"))
        }
        (None, _) => {
            let text: String = text.chars().take(100).collect();
            let detail = format!("there is no server \"{text}\"; list them with `vclouden server list`");
            Err(Refusal::missing("unknown-server", detail))
        }
    }
}
