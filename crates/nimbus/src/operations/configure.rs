//! Configure: the installation gets other variables of its own, and is restarted with them, requests held in between.
//! When it does not become healthy with them, it gets the former ones back.

use journal::{Step, StepError};

use super::{Configure, Progress, Steps, Task, steps};
use crate::spec::InstallationSpec;

pub(super) const STEPS: &Steps<Configure> = &[
    Step::pure("admit", admit),
    Step::pure("prepare", steps::prepare),
    Step::new("hold", steps::hold, steps::unhold),
    Step::new("stop", steps::stop, steps::unstop),
    Step::new("write", steps::want, steps::unwant),
    Step::new("start", steps::start, steps::unstart),
    Step::pure("check", steps::check),
    Step::new("release", steps::release, steps::unrelease),
];

fn admit(task: &Task<Configure>, progress: &mut Progress) -> Result<(), StepError> {
    let before = task.present()?;
    task.ask.environment.check().map_err(StepError::new)?;
    progress.after = Some(InstallationSpec { environment: task.ask.environment.clone(), ..before.clone() });
    progress.before = Some(before);
    Ok(())
}
