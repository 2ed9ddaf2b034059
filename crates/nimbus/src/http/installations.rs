//! Installations as they are at this moment.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::InstallationId;
use nimbus_api::{InstallationReport, Phase};

use super::{Answer, App, Path, Refusal, blocking};
use crate::engine::Engine;
use crate::error::NimbusError;
use crate::spec::InstallationSpec;
use crate::{network, registry, sheet};

/// `GET /installations`
pub(super) async fn list(State(engine): App) -> Answer<Json<Vec<InstallationReport>>> {
    let list = move || engine.registry.all().iter().map(|spec| report(&engine, spec)).collect::<Result<Vec<_>, _>>();
    Ok(Json(blocking(list).await??))
}

/// `GET /installations/{id}`
pub(super) async fn show(State(engine): App, Path(id): Path<InstallationId>) -> Answer<Json<InstallationReport>> {
    let spec = present(&engine, id)?;
    Ok(Json(blocking(move || report(&engine, &spec)).await??))
}

/// The installation, or the refusal that there is none.
pub(super) fn present(engine: &Engine, id: InstallationId) -> Answer<InstallationSpec> {
    engine.registry.get(id).ok_or_else(|| {
        let message = format!("there is no installation {id} on this server");
        Refusal::new(StatusCode::NOT_FOUND, "unknown-installation", message)
    })
}

fn report(engine: &Engine, spec: &InstallationSpec) -> Result<InstallationReport, NimbusError> {
    let status = engine.keepers.status(spec.id);
    let address = || engine.server.known_slot(spec.id).map(network::address);
    let copies = registry::snapshots(&engine.volume, spec.id)?;
    Ok(InstallationReport {
        id: spec.id,
        name: spec.name.clone(),
        app: spec.version.app.clone(),
        version: spec.version.number,
        wanted: spec.wanted,
        phase: status.as_ref().map_or(Phase::Stopped, |status| sheet::phase(status.phase)),
        since: status.as_ref().map_or(0, |status| status.since),
        address: status.as_ref().and_then(|_| address()),
        pid: status.as_ref().and_then(|status| status.pid),
        restarts: status.as_ref().map_or(0, |status| status.restarts),
        last_exit: status.as_ref().and_then(|status| status.last_exit.clone()),
        memory: status.as_ref().and_then(|_| sandbox::memory_used(&spec.id.to_string())),
        disk: engine.volume.used(spec.id),
        snapshots: copies.into_iter().map(|(name, record)| record.report(name)).collect(),
    })
}
