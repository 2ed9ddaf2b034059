//! Forget a backup: its copy is deleted. One that is not there is forgotten already.

use journal::{Step, StepError};

use super::{Backup, Progress, Steps, Task, steps};

pub(super) const STEPS: &Steps<Backup> = &[Step::pure("admit", admit), Step::last_way("delete", delete)];

fn admit(task: &Task<Backup>, progress: &mut Progress) -> Result<(), StepError> {
    progress.before = Some(task.present()?);
    Ok(())
}

fn delete(task: &Task<Backup>, _: &mut Progress) -> Result<(), StepError> {
    Ok(task.engine.volume.delete_snapshot(task.installation, &steps::backup_name(task.ask.backup))?)
}
