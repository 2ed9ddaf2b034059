//! Steps that several verbs share. Each may be done again after it was done or half done, and so may each undo.

use std::collections::BTreeMap;

use domain::manifest::Engine as AppEngine;
use journal::StepError;
use nimbus_api::{SnapshotReason, VersionSpec, Wanted};

use super::{Progress, Task};
use crate::disk::{Level, spoken};
use crate::files;
use crate::layers::LayersError;
use crate::spec::{InstallationSpec, SnapshotRecord};

type Result<T = ()> = std::result::Result<T, StepError>;

/// Unpacks the package, builds its layers, and finds its user in them. The work is kept for the next time.
pub(super) fn prepare<A>(task: &Task<A>, progress: &mut Progress) -> Result {
    let mut after = progress.after()?.clone();
    if after.wanted == Wanted::Stopped && progress.before.as_ref().is_some_and(|b| b.version == after.version) {
        return Ok(());
    }
    (after.uid, after.gid) = unpack(task, &after.version)?;
    progress.after = Some(after);
    Ok(())
}

/// The same for going back to a copy: its data belongs to the user of then, whatever the base says now.
pub(super) fn prepare_as_it_was<A>(task: &Task<A>, progress: &mut Progress) -> Result {
    let owner = progress.after().map(|after| (after.uid, after.gid))?;
    prepare(task, progress)?;
    if let Some(after) = &mut progress.after {
        (after.uid, after.gid) = owner;
    }
    Ok(())
}

/// The name of the copy to return to.
pub(super) fn target(progress: &Progress) -> Result<&str> {
    progress.target.as_deref().ok_or_else(|| StepError::new("the copy to return to is not recorded: this is a bug"))
}

fn unpack<A>(task: &Task<A>, version: &VersionSpec) -> Result<(u32, u32)> {
    let (layers, manifest) = (&task.engine.layers, &version.manifest);
    layers.app(&version.artifact)?;
    let root = layers.of(manifest)?;
    Ok(layers.resolve_user(&root, &manifest.user)?)
}

/// Keeps new requests waiting at the edge until those in flight have ended.
pub(super) fn hold<A>(task: &Task<A>, progress: &mut Progress) -> Result {
    let before = progress.before()?.clone();
    if before.wanted == Wanted::Running {
        let phase = task.engine.keepers.status(task.installation).map(|status| status.phase);
        progress.was_healthy |= phase == Some(keeper::protocol::Phase::Healthy);
        task.engine.hold(&before)?;
    }
    Ok(())
}

/// Lets requests through again, as the specification on the volume says.
pub(super) fn unhold<A>(task: &Task<A>, _: &mut Progress) -> Result {
    match task.spec() {
        Some(spec) => Ok(task.engine.rest(&spec)?),
        None => Ok(()),
    }
}

/// Ends the application and its keeper.
pub(super) fn stop<A>(task: &Task<A>, progress: &mut Progress) -> Result {
    Ok(task.engine.take_down(progress.before()?)?)
}

/// Starts it again as it was; when it was healthy, it has to be so again.
pub(super) fn unstop<A>(task: &Task<A>, progress: &mut Progress) -> Result {
    let before = progress.before()?;
    // It may have been removed while this operation was stuck.
    if before.wanted == Wanted::Stopped || task.spec().is_none() {
        return Ok(());
    }
    task.engine.bring_up(before)?;
    if progress.was_healthy {
        task.engine.await_healthy(before).map_err(|why| StepError::new(format!("put back, but: {why}")))?;
    }
    Ok(())
}

/// Starts what was asked for, if it is meant to run: once, so that one that does not stay up is put back at once.
pub(super) fn start<A>(task: &Task<A>, progress: &mut Progress) -> Result {
    let after = progress.after()?;
    if after.wanted == Wanted::Running {
        task.engine.try_out(after)?;
    }
    Ok(())
}

/// Starts it as a person asks, and leaves it to its keeper from the beginning.
pub(super) fn start_now<A>(task: &Task<A>, progress: &mut Progress) -> Result {
    Ok(task.engine.bring_up_now(progress.after()?)?)
}

/// Ends what was started. What it wrote is kept for whoever looks for the reason.
pub(super) fn unstart<A>(task: &Task<A>, progress: &mut Progress) -> Result {
    task.engine.take_down(progress.after()?)?;
    if let Err(error) = keep_log(task) {
        tracing::warn!(id = %task.id, %error, "what made an operation fail is not kept");
    }
    Ok(())
}

/// Keeps what was written since the operation first started its application.
fn keep_log<A>(task: &Task<A>) -> Result {
    let engine = &task.engine;
    let steps = engine.journal.find(task.id.0)?.map(|operation| operation.steps).unwrap_or_default();
    let Some(began) = steps.iter().find(|step| step.name == "start").map(|step| step.began_at) else { return Ok(()) };
    let mut lines = keeper::logs::tail(&engine.volume.logs(task.installation), keeper::logs::MAX_LINES)?;
    lines.retain(|line| line.at_ms >= began);
    Ok(engine.failures.keep(task.id, &lines)?)
}

/// Waits until it is healthy; from then on it is supervised.
pub(super) fn check<A>(task: &Task<A>, progress: &mut Progress) -> Result {
    let after = progress.after()?;
    if after.wanted == Wanted::Running {
        task.engine.await_accepted(after).map_err(StepError::new)?;
    }
    Ok(())
}

/// Lets requests through.
pub(super) fn release<A>(task: &Task<A>, progress: &mut Progress) -> Result {
    let after = progress.after()?;
    task.engine.rest(after)?;
    match task.engine.routes.unavailable(after.id) {
        Some((port, why)) => Err(StepError::new(format!(
            "port {port} cannot be opened on this server: {why}; choose another one, or free it"
        ))),
        None => Ok(()),
    }
}

/// Keeps requests waiting once more.
pub(super) fn unrelease<A>(task: &Task<A>, progress: &mut Progress) -> Result {
    let after = progress.after()?;
    if after.wanted == Wanted::Running && task.spec().is_some() {
        task.engine.hold(after)?;
    }
    Ok(())
}

/// Writes the specification that was asked for.
pub(super) fn want<A>(task: &Task<A>, progress: &mut Progress) -> Result {
    Ok(task.engine.registry.put(&task.engine.volume, progress.after()?)?)
}

/// Writes the former specification.
pub(super) fn unwant<A>(task: &Task<A>, progress: &mut Progress) -> Result {
    if task.spec().is_none() {
        return Ok(());
    }
    Ok(task.engine.registry.put(&task.engine.volume, progress.before()?)?)
}

/// Keeps a copy of the data, from which a failure of this operation takes it back, and a person later.
pub(super) fn keep<A>(task: &Task<A>, progress: &mut Progress, reason: SnapshotReason, keep_seconds: u64) -> Result {
    let name = format!("{}-{}", word(reason), task.id);
    let now = task.engine.clock.now();
    let record = SnapshotRecord {
        reason,
        backup: None,
        spec: progress.before()?.clone(),
        taken_at: now,
        expires_at: Some(now.saturating_add(keep_seconds.saturating_mul(1000))),
    };
    record_copy(task, &name, &record)?;
    progress.snapshot = Some(name);
    Ok(())
}

/// Makes a copy of the data with its record. A record without a copy counts for nothing.
pub(super) fn record_copy<A>(task: &Task<A>, name: &str, record: &SnapshotRecord) -> Result {
    let (volume, id) = (&task.engine.volume, task.installation);
    if !volume.has_snapshot(id, name) {
        let path = volume.make_snapshot_dir(id, name)?.join("snapshot.json");
        // Making the copy brings its name to disk as well.
        files::write_content(&path, record)?;
        volume.snapshot(id, name)?;
    }
    Ok(())
}

/// Deletes that copy.
pub(super) fn unkeep<A>(task: &Task<A>, reason: SnapshotReason) -> Result {
    if task.spec().is_none() {
        return Ok(());
    }
    // By the name it would have: a step that was cut short has not noted it.
    Ok(task.engine.volume.delete_snapshot(task.installation, &format!("{}-{}", word(reason), task.id))?)
}

/// Puts specification, quota and data back to what they were.
pub(super) fn unswitch<A>(task: &Task<A>, progress: &mut Progress) -> Result {
    let before = progress.before()?;
    if task.spec().is_none() {
        return Ok(());
    }
    let (volume, id) = (&task.engine.volume, task.installation);
    if let Some(snapshot) = &progress.snapshot {
        volume.put_back(id, snapshot)?;
        volume.drop_replaced(id)?;
    }
    volume.set_quota(id, before.version.manifest.limits.disk)?;
    unwant(task, progress)
}

/// Whether this server can run that version at all.
pub(super) fn runnable<A>(task: &Task<A>, version: &VersionSpec) -> Result {
    if version.manifest.engine == AppEngine::Cirrus {
        let missing = |error: LayersError| {
            StepError::new(format!("version {} of {} cannot run here: {error}", version.number, version.app))
        };
        task.engine.layers.cirrus().map_err(missing)?;
    }
    if !task.engine.layers.has_artifact(&version.artifact) && task.engine.layers.app(&version.artifact).is_err() {
        return Err(StepError::new(format!(
            "the archive {} of version {} of {} is not on this server: send it with PUT /artifacts/{} first",
            version.artifact, version.number, version.app, version.artifact
        )));
    }
    task.engine.registry.claim(task.installation, version).map_err(StepError::new)
}

/// Whether there is room for that version's data and for new copies on this server's disk.
pub(super) fn room<A>(task: &Task<A>, version: &VersionSpec) -> Result {
    let (limit, volume) = (version.manifest.limits.disk, task.engine.volume.usage().total);
    if volume > 0 && limit > volume {
        return Err(StepError::new(format!(
            "version {} of {} may use {} of disk (limits.disk), but the data volume of this server has only {}: lower \
             the limit in the manifest, or take another server",
            version.number,
            version.app,
            spoken(limit),
            spoken(volume)
        )));
    }
    task.engine.room(Level::Low).map_err(StepError::new)
}

/// The same for going back to what there is already.
pub(super) fn room_to_go_back<A>(task: &Task<A>) -> Result {
    task.engine.room(Level::Emergency).map_err(StepError::new)
}

/// Checks public ports: each belongs to a port of the manifest, and to nobody else.
pub(super) fn free_ports<A>(task: &Task<A>, version: &VersionSpec, ports: &BTreeMap<String, u16>) -> Result {
    for (name, port) in ports {
        if !version.manifest.ports.iter().any(|known| known.name == *name) {
            return Err(StepError::new(format!(
                "version {} of {} has no TCP port named \"{name}\"; its manifest names: {}",
                version.number,
                version.app,
                version.manifest.ports.iter().map(|port| port.name.as_str()).collect::<Vec<_>>().join(", ")
            )));
        }
        if *port == 0 || ports.values().filter(|other| *other == port).count() > 1 {
            return Err(StepError::new(format!("port {port} for \"{name}\" cannot be used: choose one of its own")));
        }
        let others = task.engine.registry.all();
        if let Some(owner) = others.iter().find(|o| o.id != task.installation && o.ports.values().any(|p| p == port)) {
            return Err(StepError::new(format!("port {port} is already taken by {}; choose another one", owner.name)));
        }
    }
    Ok(())
}

/// The specification with another version.
pub(super) fn with_version(
    spec: &InstallationSpec,
    version: &VersionSpec,
    ports: &BTreeMap<String, u16>,
) -> InstallationSpec {
    InstallationSpec { version: version.clone(), ports: ports.clone(), ..spec.clone() }
}

/// The reason as it stands in a copy's name.
fn word(reason: SnapshotReason) -> &'static str {
    match reason {
        SnapshotReason::BeforeSwitch => "before-switch",
        SnapshotReason::BeforeRollback => "before-rollback",
        SnapshotReason::BeforeRestore => "before-restore",
        SnapshotReason::Backup => "backup",
    }
}

/// The name of a backup's copy.
pub(super) fn backup_name(backup: domain::BackupId) -> String {
    format!("{}-{backup}", word(SnapshotReason::Backup))
}
