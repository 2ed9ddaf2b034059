//! Brings one operation to its end on its server: archive there, operation asked for, followed, end recorded.
//!
//! A server that does not answer is waited for: nothing here fails because somebody was away.

use std::sync::Arc;

use domain::state::OperationState;
use domain::{Key, OperationId};
use nimbus_api::{OperationReport, OperationRequest, Work};

use super::Pause;
use super::conclude::{End, conclude};
use super::turn::begin_turn;
use crate::Plane;
use crate::progress::Doing;
use crate::server::ServerError;
use crate::servers::Handle;
use crate::store::{StoreError, operations, versions};
use crate::variables::Owner;

/// Seconds that one question about an operation may wait for news.
const WAIT: u64 = 30;

/// Drives an operation until it has ended or is stuck; answers that state.
pub async fn drive(plane: &Arc<Plane>, id: OperationId) -> Result<OperationState, StoreError> {
    let Some(row) = operations::find(plane.store.read(), id).await? else {
        return Err(StoreError::Row { what: "operation", why: format!("{id} is missing") });
    };
    if row.state.is_final() {
        return Ok(row.state);
    }
    let row = match row.waits {
        true => match begin_turn(plane, row).await? {
            Some(row) => row,
            None => return Ok(OperationState::Undone),
        },
        false => row,
    };
    let work = match with_variables(plane, &row).await {
        Ok(work) => work,
        Err(why) => {
            let end = End { state: OperationState::Undone, steps: Vec::new(), error: Some(why), live: None };
            conclude(plane, id, end).await?;
            return Ok(OperationState::Undone);
        }
    };
    let request = OperationRequest { installation: row.installation, work };
    let mut pause = Pause::new();
    let end = loop {
        match attempt(plane, &row, &request).await {
            Ok(end) => break end,
            Err(ServerError::Refused { status, code, message }) => match refused(&row.work, status, code, message) {
                Some(end) => break end,
                None => pause.wait().await,
            },
            Err(ServerError::Unreachable(why)) => {
                let steps = plane.progress.of(id).unwrap_or_default().steps;
                plane.progress.note(id, Doing { steps, waiting_for: Some(why) });
                pause.wait().await;
            }
        }
    };
    let state = end.state;
    conclude(plane, id, end).await?;
    Ok(state)
}

/// The work with the variables in it that the store keeps sealed: the installation's own and its application's. Only the
/// server is told them.
async fn with_variables(plane: &Plane, row: &operations::OperationRow) -> Result<Work, String> {
    let mut work = row.work.clone();
    if let Work::Install { environment, .. } | Work::Configure { environment } = &mut work {
        let variables = async {
            let own = plane.unseal_variables(&Owner::Installation(row.installation), row.variables.as_deref())?;
            let app = Owner::App(Key::new(row.publisher.clone(), row.app.clone()));
            own.environment(&plane.variables(plane.store.read(), &app).await?)
        };
        *environment = variables.await.map_err(|refusal| refusal.detail)?;
    }
    Ok(work)
}

/// What a server's no means. It changed nothing, so the operation counts as undone.
fn refused(work: &Work, status: u16, code: String, message: String) -> Option<End> {
    let gone = status == 404 && matches!(work, Work::Remove);
    if gone {
        // It was never made, or is removed already: what was asked for is so.
        return Some(End { state: OperationState::Finished, steps: Vec::new(), error: None, live: None });
    }
    if code == "unknown-artifact" || code == "missing-artifact" {
        // The server's cache was emptied in between: the next attempt sends it again.
        return None;
    }
    Some(End { state: OperationState::Undone, steps: Vec::new(), error: Some(message), live: None })
}

async fn attempt(
    plane: &Arc<Plane>,
    row: &operations::OperationRow,
    request: &OperationRequest,
) -> Result<End, ServerError> {
    let handle = plane.servers.get(row.server)?;
    let server = &handle.server;
    send_artifacts(plane, row, &handle).await?;
    if matches!(row.work, Work::Remove) {
        super::usage::last(plane, &handle, row.installation).await?;
    }
    let mut report = match server.put_operation(row.id, request).await {
        Ok(report) => report,
        // The same operation, written differently by a control plane of another version: its report is what counts.
        Err(ServerError::Refused { status: 409, code, message }) => match server.operation(row.id, 0, 0).await? {
            Some(report) => report,
            None => return Err(ServerError::Refused { status: 409, code, message }),
        },
        Err(error) => return Err(error),
    };
    while report.state == OperationState::Running {
        plane.progress.note(row.id, Doing { steps: report.steps.clone(), waiting_for: None });
        report = server.operation(row.id, WAIT, report.steps.len()).await?.ok_or_else(|| {
            ServerError::Unreachable(format!("the server has forgotten operation {}; it is asked again", row.id))
        })?;
    }
    ended(server.as_ref(), report).await
}

/// Sees to it that the server has the archives that the operation and its undoing need: a server's cache may be lost.
async fn send_artifacts(
    plane: &Arc<Plane>,
    row: &operations::OperationRow,
    handle: &Handle,
) -> Result<(), ServerError> {
    let target = match &row.work {
        Work::Install { version, .. } | Work::Switch { version, .. } => Some(&version.artifact),
        Work::Start | Work::Restart | Work::Configure { .. } | Work::Rollback { .. } | Work::Restore { .. } => None,
        Work::Stop | Work::Backup { .. } | Work::ForgetBackup { .. } | Work::Remove => return Ok(()),
    };
    if let Some(artifact) = target {
        handle.ensure_artifact(&plane.artifacts, artifact).await?;
    }
    if matches!(row.work, Work::Install { .. }) {
        return Ok(());
    }
    let snapshot = match &row.work {
        Work::Restore { snapshot, code: true, .. } => Some(snapshot.as_str()),
        _ => None,
    };
    let others = versions::of_installation(plane.store.read(), row.installation, snapshot).await;
    let others = others.map_err(|error| ServerError::Unreachable(error.to_string()))?;
    for artifact in others.iter().filter(|artifact| Some(*artifact) != target) {
        match handle.ensure_artifact(&plane.artifacts, artifact).await {
            // The server may well have it unpacked; if not, it says so.
            Err(ServerError::Refused { message, .. }) => tracing::warn!(%artifact, message, "an archive was not sent"),
            other => other?,
        }
    }
    Ok(())
}

/// The end, with the installation as it is afterwards: what can be rolled back must be known before anybody is told.
async fn ended(server: &dyn crate::server::Server, report: OperationReport) -> Result<End, ServerError> {
    let live = server.installation(report.installation).await?;
    Ok(End { state: report.state, steps: report.steps, error: report.error, live })
}

/// Asks once more about an operation if it is stuck, and records its end if it has ended by now, or what another try
/// did in vain.
pub async fn ask_again(plane: &Arc<Plane>, id: OperationId) -> Result<(), StoreError> {
    let Some(row) = operations::find(plane.store.read(), id).await? else { return Ok(()) };
    if row.state != OperationState::Stuck {
        return Ok(());
    }
    let report = async {
        let handle = plane.servers.get(row.server)?;
        match handle.server.operation(id, 0, 0).await? {
            Some(report) if report.state.is_final() || tried_in_vain(&row, &report) => {
                ended(handle.server.as_ref(), report).await.map(Some)
            }
            _ => Ok::<_, ServerError>(None),
        }
    };
    match report.await {
        Ok(Some(end)) => conclude(plane, id, end).await,
        Ok(None) => Ok(()),
        Err(error) => {
            tracing::debug!(%error, operation = %id, "a stuck operation is asked for again later");
            Ok(())
        }
    }
}

/// Whether its server has tried a stuck operation again since, and it is stuck still.
fn tried_in_vain(row: &operations::OperationRow, report: &OperationReport) -> bool {
    report.state == OperationState::Stuck && report.steps != row.steps
}
