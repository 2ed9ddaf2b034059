//! What has to be done from time to time: copies and logs whose time is over are deleted, old operations forgotten,
//! packages that nothing uses dropped from the cache.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use domain::ArtifactHash;
use nimbus_api::Work;

use crate::engine::Engine;
use crate::error::NimbusError;
use crate::queue::Job;
use crate::registry;

/// Between two looks at what has expired.
const EVERY: Duration = Duration::from_secs(60);
/// Looks between two rounds of the rarer work.
const RARE: u32 = 60;
/// Ended operations that are kept, and for how long.
const OPERATIONS: u32 = 10_000;
const OPERATION_AGE: Duration = Duration::from_secs(30 * 24 * 3600);
/// A package that arrived so recently may be about to be installed.
const FRESH: Duration = Duration::from_secs(3600);

/// Does it until Nimbus ends.
pub(crate) async fn forever(engine: Arc<Engine>) {
    for round in 1_u32.. {
        let engine = engine.clone();
        let work = move || {
            expire(&engine);
            if round.is_multiple_of(RARE) {
                rare(&engine);
            }
        };
        if let Err(error) = tokio::task::spawn_blocking(work).await {
            tracing::error!(%error, "upkeep failed");
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Has every installation tended that has a copy whose time is over. Done in its line of jobs, so that no rollback is
/// under way with that copy.
pub(crate) fn expire(engine: &Engine) {
    let now = engine.clock.now();
    if let Err(error) = engine.failures.prune(now) {
        tracing::error!(%error, "logs of failed operations cannot be deleted");
    }
    for spec in engine.registry.all() {
        match registry::snapshots(&engine.volume, spec.id) {
            Ok(copies) if copies.iter().any(|(_, record)| record.is_expired(now)) => {
                engine.queue.push(spec.id, Job::Tend);
            }
            Ok(_) => {}
            Err(error) => tracing::error!(id = %spec.id, %error, "its copies cannot be read"),
        }
    }
}

fn rare(engine: &Engine) {
    match engine.journal.prune(OPERATIONS, OPERATION_AGE) {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "old operations are forgotten"),
        Err(error) => tracing::error!(%error, "old operations cannot be forgotten"),
    }
    // A cache somewhere else may be shared by several servers: nobody here knows what the others use.
    if engine.config.cache.starts_with(&engine.config.data)
        && let Err(error) = prune_cache(engine)
    {
        tracing::error!(%error, "packages that nothing uses cannot be dropped");
    }
}

fn prune_cache(engine: &Engine) -> Result<(), NimbusError> {
    let mut keep = used(engine)?;
    let artifacts = engine.config.cache.join("artifacts");
    let entries = std::fs::read_dir(&artifacts).map_err(crate::error::io("read", &artifacts))?;
    for entry in entries.flatten() {
        let fresh = entry.metadata().and_then(|found| found.modified()).is_ok_and(is_fresh);
        let name = entry.file_name();
        let hash = name.to_str().and_then(|name| name.strip_suffix(".tar.gz")).and_then(|name| name.parse().ok());
        keep.extend(hash.filter(|_| fresh));
    }
    Ok(engine.layers.prune(&keep)?)
}

fn is_fresh(at: SystemTime) -> bool {
    at.elapsed().is_ok_and(|age| age < FRESH)
}

/// The packages that an installation, a copy of its data, or an operation under way needs.
pub(crate) fn used(engine: &Engine) -> Result<HashSet<ArtifactHash>, NimbusError> {
    let mut used = HashSet::new();
    for spec in engine.registry.all() {
        let copies = registry::snapshots(&engine.volume, spec.id)?;
        used.extend(copies.into_iter().map(|(_, record)| record.spec.version.artifact));
        used.insert(spec.version.artifact);
    }
    for operation in engine.journal.unfinished()? {
        match serde_json::from_str(&operation.request) {
            Ok(Work::Install { version, .. } | Work::Switch { version, .. }) => {
                used.insert(version.artifact);
            }
            Ok(_) => {}
            Err(error) => tracing::error!(id = %operation.id, %error, "an operation cannot be understood"),
        }
    }
    Ok(used)
}
