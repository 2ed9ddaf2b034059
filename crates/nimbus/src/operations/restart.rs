//! Restart: stops and starts it, requests held in between.
//!
//! There is no version to go back to: one that does not become healthy is left to its keeper, and the failure is told.

use journal::{Step, StepError};
use nimbus_api::Wanted;

use super::{Progress, Steps, Task, steps};

pub(super) const STEPS: &Steps<()> = &[
    Step::pure("admit", admit),
    Step::pure("prepare", steps::prepare),
    Step::new("hold", steps::hold, steps::unhold),
    Step::new("stop", steps::stop, unstop),
    Step::new("start", steps::start_now, unstop),
    Step::pure("check", steps::check),
    Step::new("release", steps::release, steps::unrelease),
];

fn admit(task: &Task<()>, progress: &mut Progress) -> Result<(), StepError> {
    let before = task.present()?;
    if before.wanted == Wanted::Stopped {
        return Err(StepError::new(format!("{} is stopped: start it instead", before.name)));
    }
    progress.after = Some(before.clone());
    progress.before = Some(before);
    Ok(())
}

fn unstop(task: &Task<()>, progress: &mut Progress) -> Result<(), StepError> {
    if task.spec().is_none() || task.engine.keepers.status(task.installation).is_some() {
        return Ok(());
    }
    Ok(task.engine.bring_up(progress.before()?)?)
}
