//! Rollback: code and data as they were before the last switch. What is replaced is kept as a copy.

use domain::manifest::Egress;
use journal::{Step, StepError};
use nimbus_api::SnapshotReason;

use super::{Progress, Rollback, Steps, Task, steps};
use crate::registry;

pub(super) const STEPS: &Steps<Rollback> = &[
    Step::pure("find", find),
    Step::pure("prepare", steps::prepare_as_it_was),
    Step::new("hold", steps::hold, steps::unhold),
    Step::new("stop", steps::stop, steps::unstop),
    Step::new("snapshot", snapshot, unsnapshot),
    Step::new("switch", switch, steps::unswitch),
    Step::new("start", steps::start, steps::unstart),
    Step::pure("check", steps::check),
    Step::new("release", steps::release, steps::unrelease),
    Step::last_way("forget", forget),
];

fn find(task: &Task<Rollback>, progress: &mut Progress) -> Result<(), StepError> {
    let before = task.present()?;
    steps::room_to_go_back(task)?;
    let copies = registry::snapshots(&task.engine.volume, before.id)?;
    let newest = copies.into_iter().rev().find(|(_, record)| record.reason == SnapshotReason::BeforeSwitch);
    let Some((name, record)) = newest else {
        return Err(StepError::new(format!(
            "{} cannot be rolled back: no copy from before a switch is left. It was never switched, has been rolled \
             back already, or the time to roll back is over",
            before.name
        )));
    };
    if record.is_expired(task.engine.clock.now()) {
        return Err(StepError::new(format!(
            "{} cannot be rolled back: the copy from before its last switch was kept until its time was over; restore \
             a backup instead",
            before.name
        )));
    }
    steps::runnable(task, &record.spec.version)?;
    steps::free_ports(task, &record.spec.version, &record.spec.ports)?;
    progress.target = Some(name);
    progress.after = Some(crate::spec::InstallationSpec {
        uid: record.spec.uid,
        gid: record.spec.gid,
        ..steps::with_version(&before, &record.spec.version, &record.spec.ports)
    });
    progress.before = Some(before);
    Ok(())
}

fn snapshot(task: &Task<Rollback>, progress: &mut Progress) -> Result<(), StepError> {
    steps::keep(task, progress, SnapshotReason::BeforeRollback, task.ask.keep_seconds)
}

fn unsnapshot(task: &Task<Rollback>, _: &mut Progress) -> Result<(), StepError> {
    steps::unkeep(task, SnapshotReason::BeforeRollback)
}

fn switch(task: &Task<Rollback>, progress: &mut Progress) -> Result<(), StepError> {
    let (volume, before, after) = (&task.engine.volume, progress.before()?, progress.after()?);
    volume.put_back(after.id, steps::target(progress)?)?;
    if !matches!(after.version.manifest.egress, Egress::Only(_)) {
        task.engine.forget_egress(after.id, Some(before))?;
    }
    volume.set_quota(after.id, after.version.manifest.limits.disk)?;
    steps::want(task, progress)
}

/// The copy has served: a further rollback goes to the switch before. Together with it the data goes that it replaced.
fn forget(task: &Task<Rollback>, progress: &mut Progress) -> Result<(), StepError> {
    if task.spec().is_none() {
        return Ok(());
    }
    Ok(task.engine.volume.delete_snapshot(task.installation, steps::target(progress)?)?)
}
