//! What has to be done from time to time: copies and logs whose time is over are deleted, old operations forgotten,
//! packages that nothing uses dropped from the cache.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::ArtifactHash;
use nimbus_api::{DataSource, VersionSpec, Work};

use crate::engine::Engine;
use crate::error::NimbusError;
use crate::queue::Job;
use crate::{files, registry};

/// Between two looks at what has expired.
const EVERY: Duration = Duration::from_secs(60);
/// Looks between two rounds of the rarer work.
const RARE: u32 = 60;
/// Ended operations that are kept, and for how long.
const OPERATIONS: u32 = 10_000;
const OPERATION_AGE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Does it until Nimbus ends.
pub(crate) async fn forever(engine: Arc<Engine>) {
    for round in 1_u32.. {
        let engine = engine.clone();
        let work = move || {
            expire(&engine);
            // At the start as well: what this server needs of a shared cache is told to the others.
            if round % RARE == 1 {
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
    match prune_cache(engine) {
        Ok(gone) if gone.is_empty() => {}
        Ok(gone) => tracing::info!(count = gone.len(), "packages and layers that nobody needs are deleted"),
        Err(error) => tracing::error!(%error, "packages that nobody needs cannot be deleted"),
    }
}

/// Deletes what no server that shares the cache has needed for two days.
pub(crate) fn prune_cache(engine: &Engine) -> Result<Vec<String>, NimbusError> {
    let mut needed = BTreeSet::new();
    for version in versions(engine)? {
        let manifest = &version.manifest;
        needed.extend(engine.layers.items(&version.artifact, manifest.base, &manifest.dependencies));
    }
    // What runs was perhaps layered from what has since been made anew.
    for id in engine.keepers.directories()? {
        let path = engine.keepers.dir(id).join("spec.json");
        let Some(kept) = files::read::<keeper::protocol::Spec>(&path)? else { continue };
        let paths = kept.sandbox.layers.iter().chain([&kept.sandbox.app]);
        needed.extend(paths.filter_map(|path| engine.layers.item_of(path)));
    }
    Ok(engine.layers.prune(&needed, engine.clock.now())?)
}

/// The packages that an installation, a copy of its data, or an operation under way needs.
pub(crate) fn used(engine: &Engine) -> Result<HashSet<ArtifactHash>, NimbusError> {
    let mut used: HashSet<ArtifactHash> = versions(engine)?.into_iter().map(|version| version.artifact).collect();
    used.extend(under_way(engine)?.into_iter().filter_map(|work| match work {
        Work::Install { from: Some(DataSource::Archive { hash }), .. } => Some(hash),
        _ => None,
    }));
    Ok(used)
}

/// The versions of which the same can be said.
fn versions(engine: &Engine) -> Result<Vec<VersionSpec>, NimbusError> {
    let mut versions = Vec::new();
    for spec in engine.registry.all() {
        let copies = registry::snapshots(&engine.volume, spec.id)?;
        versions.extend(copies.into_iter().map(|(_, record)| record.spec.version));
        versions.push(spec.version);
    }
    for work in under_way(engine)? {
        if let Work::Install { version, .. } | Work::Switch { version, .. } = work {
            versions.push(*version);
        }
    }
    Ok(versions)
}

/// What the operations under way were asked.
fn under_way(engine: &Engine) -> Result<Vec<Work>, NimbusError> {
    let mut found = Vec::new();
    for operation in engine.journal.unfinished()? {
        match serde_json::from_str(&operation.request) {
            Ok(work) => found.push(work),
            Err(error) => tracing::error!(id = %operation.id, %error, "an operation cannot be understood"),
        }
    }
    Ok(found)
}
