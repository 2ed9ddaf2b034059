//! Start: a stopped installation runs again, also one whose keeper has given up or waits before it tries again. What a
//! person asks for is done now, with a clean record.

use journal::{Step, StepError};
use nimbus_api::Wanted;
use nimbus_api::edge::RouteMode;

use super::{Progress, Steps, Task, steps};

pub(super) const STEPS: &Steps<()> = &[
    Step::pure("admit", admit),
    Step::pure("prepare", steps::prepare),
    Step::new("want", want, steps::unwant),
    Step::new("start", start, unstart),
    Step::pure("check", check),
    Step::new("release", steps::release, steps::unhold),
];

fn admit(task: &Task<()>, progress: &mut Progress) -> Result<(), StepError> {
    let before = task.present()?;
    steps::runnable(task, &before.version)?;
    progress.is_so_already = before.wanted == Wanted::Running
        && task.engine.keepers.status(before.id).is_some_and(|s| s.phase == keeper::protocol::Phase::Healthy);
    progress.after = Some(crate::spec::InstallationSpec { wanted: Wanted::Running, ..before.clone() });
    progress.before = Some(before);
    Ok(())
}

/// Requests that come from now on wait until it is healthy.
fn want(task: &Task<()>, progress: &mut Progress) -> Result<(), StepError> {
    steps::want(task, progress)?;
    if !progress.is_so_already {
        task.engine.set_route(progress.after()?, RouteMode::Hold { drain_ms: 0 })?;
    }
    Ok(())
}

fn start(task: &Task<()>, progress: &mut Progress) -> Result<(), StepError> {
    if progress.is_so_already { Ok(()) } else { steps::start_now(task, progress) }
}

/// One that was meant to run before is left to its keeper.
fn unstart(task: &Task<()>, progress: &mut Progress) -> Result<(), StepError> {
    if progress.before()?.wanted == Wanted::Running { Ok(()) } else { steps::unstart(task, progress) }
}

fn check(task: &Task<()>, progress: &mut Progress) -> Result<(), StepError> {
    if progress.is_so_already { Ok(()) } else { steps::check(task, progress) }
}
