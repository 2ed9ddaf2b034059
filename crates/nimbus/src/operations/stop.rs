//! Stop: the installation has no process until somebody starts it.

use journal::{Step, StepError};
use nimbus_api::Wanted;

use super::{Progress, Steps, Task, steps};
use crate::spec::InstallationSpec;

pub(super) const STEPS: &Steps<()> = &[
    Step::pure("admit", admit),
    Step::new("hold", steps::hold, steps::unhold),
    Step::new("want", steps::want, steps::unwant),
    Step::new("stop", steps::stop, steps::unstop),
    Step::new("release", steps::release, steps::unhold),
];

fn admit(task: &Task<()>, progress: &mut Progress) -> Result<(), StepError> {
    let before = task.present()?;
    progress.after = Some(InstallationSpec { wanted: Wanted::Stopped, ..before.clone() });
    progress.before = Some(before);
    Ok(())
}
