//! Restore: the data as a kept copy has it, with the code of now, or with the code of then when that is asked for. What
//! is replaced is kept as a copy.

use domain::manifest::Egress;
use journal::{Step, StepError};
use nimbus_api::SnapshotReason;

use super::{Progress, Restore, Steps, Task, steps};
use crate::registry;
use crate::spec::{InstallationSpec, SnapshotRecord};

pub(super) const STEPS: &Steps<Restore> = &[
    Step::pure("find", find),
    Step::pure("prepare", prepare),
    Step::new("hold", steps::hold, steps::unhold),
    Step::new("stop", steps::stop, steps::unstop),
    Step::new("snapshot", snapshot, unsnapshot),
    Step::new("restore", restore, steps::unswitch),
    Step::new("start", steps::start, steps::unstart),
    Step::pure("check", steps::check),
    Step::new("release", steps::release, steps::unrelease),
];

fn find(task: &Task<Restore>, progress: &mut Progress) -> Result<(), StepError> {
    let before = task.present()?;
    steps::room_to_go_back(task)?;
    let name = &task.ask.snapshot;
    let volume = &task.engine.volume;
    // Looked up in the list: a name from outside is never a path.
    let record = match volume.snapshots(before.id)?.contains(name) {
        true => registry::snapshot(volume, before.id, name)?,
        false => None,
    };
    let record = record.filter(|record| !record.is_expired(task.engine.clock.now()));
    let Some(record) = record else { return Err(absent(&before, name)) };
    let after = if task.ask.code { with_code(&before, &record) } else { before.clone() };
    steps::runnable(task, &after.version)?;
    steps::free_ports(task, &after.version, &after.ports)?;
    progress.target = Some(name.clone());
    progress.after = Some(after);
    progress.before = Some(before);
    Ok(())
}

fn absent(spec: &InstallationSpec, name: &str) -> StepError {
    StepError::new(format!(
        "{} has no copy \"{}\" on this server: its time may be over; list the copies that are left",
        spec.name,
        name.chars().take(120).collect::<String>()
    ))
}

/// The installation with the version of the copy.
fn with_code(before: &InstallationSpec, record: &SnapshotRecord) -> InstallationSpec {
    InstallationSpec {
        uid: record.spec.uid,
        gid: record.spec.gid,
        ..steps::with_version(before, &record.spec.version, &record.spec.ports)
    }
}

/// With the code the owner comes back as well, whatever the base says now.
fn prepare(task: &Task<Restore>, progress: &mut Progress) -> Result<(), StepError> {
    if task.ask.code { steps::prepare_as_it_was(task, progress) } else { steps::prepare(task, progress) }
}

fn snapshot(task: &Task<Restore>, progress: &mut Progress) -> Result<(), StepError> {
    steps::keep(task, progress, SnapshotReason::BeforeRestore, task.ask.keep_seconds)
}

fn unsnapshot(task: &Task<Restore>, _: &mut Progress) -> Result<(), StepError> {
    steps::unkeep(task, SnapshotReason::BeforeRestore)
}

fn restore(task: &Task<Restore>, progress: &mut Progress) -> Result<(), StepError> {
    let (volume, before, after) = (&task.engine.volume, progress.before()?, progress.after()?);
    let name = steps::target(progress)?;
    volume.put_back(after.id, name)?;
    volume.drop_replaced(after.id)?;
    let record = registry::snapshot(volume, after.id, name)?;
    if record.is_some_and(|record| (record.spec.uid, record.spec.gid) != (after.uid, after.gid)) {
        volume.chown_data(after.id, after.uid, after.gid)?;
    }
    if !task.ask.code {
        return Ok(());
    }
    if !matches!(after.version.manifest.egress, Egress::Only(_)) {
        task.engine.forget_egress(after.id, Some(before))?;
    }
    volume.set_quota(after.id, after.version.manifest.limits.disk)?;
    steps::want(task, progress)
}
