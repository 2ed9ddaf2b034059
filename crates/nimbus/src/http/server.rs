//! The server itself.

use axum::Json;
use axum::extract::State;
use nimbus_api::{ServerReport, Share};

use super::{Answer, App, blocking};

/// `GET /server`
pub(super) async fn show(State(engine): App) -> Answer<Json<ServerReport>> {
    let report = move || {
        let specs = engine.registry.all();
        let cpus = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
        let promised = specs.iter().map(|spec| u64::from(spec.version.manifest.limits.cpus_milli)).sum();
        engine.look_at_disk();
        let (host_disk, warnings) = engine.disk.report();
        ServerReport {
            id: engine.server.id,
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cpus_milli: Share { total: cpus * 1000, taken: promised },
            memory: engine.registry.memory(),
            disk: engine.volume.usage(),
            storage: engine.volume.storage().to_owned(),
            layers: engine.reports.clone(),
            installations: u32::try_from(specs.len()).unwrap_or(u32::MAX),
            edge_connected: engine.routes.is_connected(),
            disk_promised: specs.iter().map(|spec| spec.version.manifest.limits.disk).sum(),
            host_disk,
            warnings,
            volume: Some(engine.volume.about()),
        }
    };
    Ok(Json(blocking(report).await?))
}
