//! Everything at a glance.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::state::OperationState;
use http::StatusCode;

use super::servers::ask;
use crate::Plane;
use crate::access::Reach;
use crate::operations::Actor;
use crate::problem::Answer;
use crate::servers::Handle;
use crate::store::{apps, attention, customers, deployments, installations, operations};
use crate::web::json;
use crate::wire::{ServerStatus, Status, word};

/// Installations that are told of.
const MOST: u64 = 100;

pub async fn show(State(plane): State<Arc<Plane>>, actor: Actor) -> Answer<Response> {
    let db = plane.store.read();
    let mut phases = BTreeMap::new();
    let mut servers = Vec::new();
    // What servers there are, and what all installations on them do, is the operator's to know.
    if actor.reach == Reach::All {
        for handle in plane.servers.iter() {
            servers.push(server(handle, &mut phases).await);
        }
    }
    let reach = &actor.reach;
    let status = Status {
        version: env!("CARGO_PKG_VERSION").into(),
        started_at: plane.started_at,
        apps: apps::count(db, reach).await?,
        customers: customers::count(db, reach).await?,
        installations: installations::count_by_state(db, reach).await?.into_iter().collect(),
        phases,
        deployments: deployments::count_live(db, reach).await?,
        operations: operations::count_under_way(db, reach, OperationState::Running).await?,
        stuck: operations::count_under_way(db, reach, OperationState::Stuck).await?,
        servers,
        attention: attention::list(db, reach, MOST).await?,
    };
    json(StatusCode::OK, &status)
}

async fn server(handle: &Handle, phases: &mut BTreeMap<String, u64>) -> ServerStatus {
    let report = match ask(handle).await {
        Ok(report) => report,
        Err(error) => {
            return ServerStatus {
                id: handle.id(),
                host: None,
                nimbus: false,
                nimbus_version: None,
                edge: false,
                warnings: Vec::new(),
                error: Some(error),
            };
        }
    };
    for installation in handle.server.installations().await.unwrap_or_default() {
        *phases.entry(word(&installation.phase)).or_default() += 1;
    }
    ServerStatus {
        id: Some(report.id),
        host: Some(report.host),
        nimbus: true,
        nimbus_version: Some(report.version),
        edge: report.edge_connected,
        warnings: report.warnings,
        error: None,
    }
}
