//! What happens at a start: keepers that run are adopted, operations that were under way are taken up, what is meant to
//! run and does not is started, and what belongs to nobody is swept away.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::manifest::Egress;
use domain::state::OperationState;
use domain::{InstallationId, OperationId};
use nimbus_api::Wanted;
use nimbus_api::edge::RouteMode;

use crate::engine::Engine;
use crate::error::NimbusError;
use crate::network;
use crate::queue::Job;

/// How long the application of a keeper that nobody wants is given.
const GRACE: Duration = Duration::from_secs(10);

/// Brings what is known and what runs together. Nothing is done twice: whoever has an operation under way is left to
/// that operation.
pub(crate) fn recover(engine: &Arc<Engine>) -> Result<(), NimbusError> {
    let unfinished = engine.journal.unfinished()?;
    let under_way: BTreeSet<InstallationId> = unfinished.iter().map(|op| InstallationId(op.subject)).collect();

    for id in engine.keepers.directories()? {
        match engine.registry.get(id) {
            None if !under_way.contains(&id) => sweep_keeper(engine, id),
            Some(spec) if spec.wanted == Wanted::Stopped && !under_way.contains(&id) => {
                if let Err(error) = engine.take_down(&spec) {
                    tracing::error!(%id, %error, "a keeper that is not meant to run cannot be stopped");
                }
            }
            _ => match engine.keepers.adopt(id) {
                Ok(true) => tracing::info!(%id, "its keeper runs and is adopted"),
                Ok(false) => {}
                Err(error) => tracing::error!(%id, %error, "its keeper does not answer"),
            },
        }
    }
    sweep_slots(engine, &under_way);
    for spec in engine.registry.all() {
        // Until its operation says otherwise: an application that is being replaced does not answer.
        let mode = match spec.wanted {
            Wanted::Running if under_way.contains(&spec.id) => RouteMode::Hold { drain_ms: 0 },
            _ => engine.resting_mode(&spec),
        };
        engine.set_route(&spec, mode)?;
        let missing = spec.wanted == Wanted::Running && engine.keepers.status(spec.id).is_none();
        if missing && !under_way.contains(&spec.id) {
            engine.queue.push(spec.id, Job::Tend);
        }
    }
    for operation in unfinished {
        let (installation, id) = (InstallationId(operation.subject), OperationId(operation.id));
        tracing::info!(%installation, %id, verb = operation.verb, "an operation is taken up");
        engine.set_stuck(installation, id, operation.state == OperationState::Stuck);
        engine.queue.push(installation, Job::Operation(id));
    }
    Ok(())
}

/// Ends a keeper whose installation is no longer on the volume.
fn sweep_keeper(engine: &Engine, id: InstallationId) {
    tracing::warn!(%id, "a keeper without an installation is swept away");
    let swept = engine.keepers.stop(id, GRACE).and_then(|()| engine.keepers.erase(id));
    if let Err(error) = swept {
        tracing::error!(%id, %error, "it cannot be swept away");
    }
}

/// Takes back the slots of installations that are no longer on the volume.
fn sweep_slots(engine: &Engine, under_way: &BTreeSet<InstallationId>) {
    for (id, slot) in engine.server.slots() {
        if engine.registry.get(id).is_some() || under_way.contains(&id) {
            continue;
        }
        for egress in [Egress::Internet, Egress::None, Egress::Only(Vec::new())] {
            if let Err(error) = sandbox::network::remove(&network::interface(slot, &egress)) {
                tracing::error!(%id, %error, "the interface of an installation that is gone cannot be deleted");
            }
        }
        if let Err(error) = network::forget(slot) {
            tracing::error!(%id, %error, "the rules of an installation that is gone cannot be dropped");
        }
        if let Err(error) = engine.server.free(id) {
            tracing::error!(%id, %error, "the slot of an installation that is gone cannot be freed");
        }
    }
}
