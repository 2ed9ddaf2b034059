//! Switch: another version, without losing a request, and back by itself when it does not become healthy.

use domain::manifest::Egress;
use journal::{Step, StepError};
use nimbus_api::SnapshotReason;

use super::{Progress, Steps, Switch, Task, steps};

pub(super) const STEPS: &Steps<Switch> = &[
    Step::pure("fetch", fetch),
    Step::pure("prepare", steps::prepare),
    Step::new("hold", steps::hold, steps::unhold),
    Step::new("stop", steps::stop, steps::unstop),
    Step::new("snapshot", snapshot, unsnapshot),
    Step::new("switch", switch, steps::unswitch),
    Step::new("start", steps::start, steps::unstart),
    Step::pure("check", steps::check),
    Step::new("release", steps::release, steps::unrelease),
];

/// Sees to it that everything needed is here before anything is touched.
fn fetch(task: &Task<Switch>, progress: &mut Progress) -> Result<(), StepError> {
    let before = task.present()?;
    steps::room(task, &task.ask.version)?;
    steps::runnable(task, &task.ask.version)?;
    steps::free_ports(task, &task.ask.version, &task.ask.ports)?;
    progress.after = Some(steps::with_version(&before, &task.ask.version, &task.ask.ports));
    progress.before = Some(before);
    Ok(())
}

fn snapshot(task: &Task<Switch>, progress: &mut Progress) -> Result<(), StepError> {
    steps::keep(task, progress, SnapshotReason::BeforeSwitch, task.ask.keep_seconds)
}

fn unsnapshot(task: &Task<Switch>, _: &mut Progress) -> Result<(), StepError> {
    steps::unkeep(task, SnapshotReason::BeforeSwitch)
}

fn switch(task: &Task<Switch>, progress: &mut Progress) -> Result<(), StepError> {
    let (volume, before, after) = (&task.engine.volume, progress.before()?, progress.after()?);
    volume.set_quota(after.id, after.version.manifest.limits.disk)?;
    if (before.uid, before.gid) != (after.uid, after.gid) {
        volume.chown_data(after.id, after.uid, after.gid)?;
    }
    if !matches!(after.version.manifest.egress, Egress::Only(_)) {
        task.engine.forget_egress(after.id, Some(before))?;
    }
    steps::want(task, progress)
}
