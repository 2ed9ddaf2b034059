//! Backups and the other copies of an installation's data.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use nimbus_api::SnapshotReport;

use super::installations::accepted;
use super::{Json, Paging, Path, Query, json, page_of};
use crate::Plane;
use crate::operations::{Actor, find_installation};
use crate::operations::{delete_backup, make_backup, restore};
use crate::problem::Answer;
use crate::store::installations::InstallationRow;
use crate::store::snapshots;
use crate::wire::{Backup, Nothing};

/// What its server has now; what was recorded last when the server does not answer.
async fn copies(plane: &Plane, row: &InstallationRow) -> Answer<Vec<SnapshotReport>> {
    if let Ok(handle) = plane.servers.get(row.server)
        && let Ok(Some(live)) = handle.server.installation(row.id).await
    {
        return Ok(live.snapshots);
    }
    Ok(snapshots::of(plane.store.read(), row.id).await?)
}

pub async fn snapshots(
    State(plane): State<Arc<Plane>>,
    Path(text): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer<Response> {
    let row = find_installation(plane.store.read(), &text).await?;
    json(StatusCode::OK, &page_of(copies(&plane, &row).await?, &paging)?)
}

pub async fn list(
    State(plane): State<Arc<Plane>>,
    Path(text): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer<Response> {
    let row = find_installation(plane.store.read(), &text).await?;
    let backup = |copy: SnapshotReport| {
        copy.backup.map(|id| Backup { id, installation: row.id, version: copy.version, taken_at: copy.taken_at })
    };
    let backups = copies(&plane, &row).await?.into_iter().filter_map(backup).collect();
    json(StatusCode::OK, &page_of::<Backup>(backups, &paging)?)
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    accepted(&plane, make_backup::make_backup(&plane, &actor, &text).await?).await
}

pub async fn restore(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((text, backup)): Path<(String, String)>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    accepted(&plane, restore::restore(&plane, &actor, &text, &backup).await?).await
}

pub async fn delete(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((text, backup)): Path<(String, String)>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    accepted(&plane, delete_backup::delete_backup(&plane, &actor, &text, &backup).await?).await
}
