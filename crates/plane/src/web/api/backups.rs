//! Backups and the other copies of an installation's data.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use nimbus_api::SnapshotReport;
use schemars::JsonSchema;
use serde::Deserialize;

use super::installations::accepted;
use crate::Plane;
use crate::operations::delete_backup::delete_backup;
use crate::operations::download::download;
use crate::operations::make_backup::make_backup;
use crate::operations::restore::restore as restore_copy;
use crate::operations::{Actor, find_installation};
use crate::problem::{Answer, Refusal};
use crate::store::installations::InstallationRow;
use crate::store::snapshots;
use crate::web::{Json, Paging, Path, Query, json, page_of};
use crate::wire::{Backup, CreateBackup, Nothing, RestoreSnapshot, Snapshot};

/// What its server has now; what was recorded last when the server does not answer.
pub async fn copies(plane: &Plane, row: &InstallationRow) -> Answer<Vec<Snapshot>> {
    let told = live(plane, row).await;
    copies_told(plane, row, told).await
}

/// Those that its server told, or else those that it told before.
pub async fn copies_told(
    plane: &Plane,
    row: &InstallationRow,
    told: Option<Vec<SnapshotReport>>,
) -> Answer<Vec<Snapshot>> {
    let mut labels = snapshots::labels(plane.store.read(), row.id).await?;
    let reports = match told {
        Some(reports) => reports,
        None => snapshots::of(plane.store.read(), row.id).await?,
    };
    let labelled = |report: SnapshotReport| {
        let label = report.backup.and_then(|id| labels.remove(&id));
        Snapshot { report, label }
    };
    Ok(reports.into_iter().map(labelled).collect())
}

async fn live(plane: &Plane, row: &InstallationRow) -> Option<Vec<SnapshotReport>> {
    let handle = plane.servers.get(row.server).ok()?;
    Some(handle.server.installation(row.id).await.ok()??.snapshots)
}

pub async fn snapshots(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer<Response> {
    let row = find_installation(plane.store.read(), &actor.reach, &text).await?;
    json(StatusCode::OK, &page_of(copies(&plane, &row).await?, &paging)?)
}

pub async fn restore_snapshot(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((text, copy)): Path<(String, String)>,
    Json(input): Json<RestoreSnapshot>,
) -> Answer<Response> {
    accepted(&plane, restore_copy(&plane, &actor, &text, &copy, input.code).await?).await
}

pub async fn restore(
    state: State<Arc<Plane>>,
    actor: Actor,
    path: Path<(String, String)>,
    input: Json<RestoreSnapshot>,
) -> Answer<Response> {
    restore_snapshot(state, actor, path, input).await
}

pub async fn list(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer<Response> {
    let row = find_installation(plane.store.read(), &actor.reach, &text).await?;
    let backup = |Snapshot { report, label }: Snapshot| {
        let SnapshotReport { version, taken_at, .. } = report;
        report.backup.map(|id| Backup { id, installation: row.id, version, taken_at, label })
    };
    let backups = copies(&plane, &row).await?.into_iter().filter_map(backup).collect();
    json(StatusCode::OK, &page_of::<Backup>(backups, &paging)?)
}

/// Of which copy.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Wanted {
    /// The name of a kept copy, or the id of a backup; the data of now when absent.
    copy: Option<String>,
}

pub async fn archive(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    send_archive(&plane, &actor, &text, wanted.copy.as_deref()).await
}

/// An installation's data as a file; also for pages.
pub async fn send_archive(plane: &Plane, actor: &Actor, text: &str, copy: Option<&str>) -> Answer<Response> {
    let (row, archive) = download(plane, actor, text, copy).await?;
    let mut response = crate::web::stream("application/gzip", archive);
    let name = format!("attachment; filename=\"{}.tar.gz\"", row.name);
    let name = HeaderValue::from_str(&name).map_err(Refusal::internal)?;
    response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(input): Json<CreateBackup>,
) -> Answer<Response> {
    accepted(&plane, make_backup(&plane, &actor, &text, input).await?).await
}

pub async fn delete(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((text, backup)): Path<(String, String)>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    accepted(&plane, delete_backup(&plane, &actor, &text, &backup).await?).await
}
