//! Restore: the data as a backup has it, with the code of now. What is replaced is kept as a copy.

use journal::{Step, StepError};
use nimbus_api::SnapshotReason;

use super::{Progress, Restore, Steps, Task, steps};
use crate::registry;

pub(super) const STEPS: &Steps<Restore> = &[
    Step::pure("find", find),
    Step::pure("prepare", steps::prepare),
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
    let name = steps::backup_name(task.ask.backup);
    if registry::snapshot(&task.engine.volume, before.id, &name)?.is_none() {
        return Err(StepError::new(format!("{} has no backup {} on this server", before.name, task.ask.backup)));
    }
    steps::runnable(task, &before.version)?;
    progress.target = Some(name);
    progress.after = Some(before.clone());
    progress.before = Some(before);
    Ok(())
}

fn snapshot(task: &Task<Restore>, progress: &mut Progress) -> Result<(), StepError> {
    steps::keep(task, progress, SnapshotReason::BeforeRestore, task.ask.keep_seconds)
}

fn unsnapshot(task: &Task<Restore>, _: &mut Progress) -> Result<(), StepError> {
    steps::unkeep(task, SnapshotReason::BeforeRestore)
}

fn restore(task: &Task<Restore>, progress: &mut Progress) -> Result<(), StepError> {
    let (volume, after) = (&task.engine.volume, progress.after()?);
    let name = steps::backup_name(task.ask.backup);
    volume.put_back(after.id, &name)?;
    volume.drop_replaced(after.id)?;
    let record = registry::snapshot(volume, after.id, &name)?;
    if record.is_some_and(|record| (record.spec.uid, record.spec.gid) != (after.uid, after.gid)) {
        volume.chown_data(after.id, after.uid, after.gid)?;
    }
    Ok(())
}
