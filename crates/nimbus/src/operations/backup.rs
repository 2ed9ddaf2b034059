//! Backup: keeps a copy of the data until it is forgotten. The application goes on meanwhile: the copy is what a power
//! cut at that moment would have left.

use journal::{Step, StepError};
use nimbus_api::SnapshotReason;

use super::{Backup, Progress, Steps, Task, steps};
use crate::disk::Level;
use crate::spec::SnapshotRecord;

pub(super) const STEPS: &Steps<Backup> = &[Step::pure("admit", admit), Step::new("snapshot", snapshot, unsnapshot)];

fn admit(task: &Task<Backup>, progress: &mut Progress) -> Result<(), StepError> {
    let before = task.present()?;
    if task.engine.volume.snapshots(before.id)?.contains(&steps::backup_name(task.ask.backup)) {
        return Err(StepError::new(format!("backup {} of {} exists already", task.ask.backup, before.name)));
    }
    task.engine.room(Level::Low).map_err(StepError::new)?;
    progress.before = Some(before);
    Ok(())
}

fn snapshot(task: &Task<Backup>, progress: &mut Progress) -> Result<(), StepError> {
    let record = SnapshotRecord {
        reason: SnapshotReason::Backup,
        backup: Some(task.ask.backup),
        spec: progress.before()?.clone(),
        taken_at: task.engine.clock.now(),
        expires_at: None,
    };
    steps::record_copy(task, &steps::backup_name(task.ask.backup), &record)
}

fn unsnapshot(task: &Task<Backup>, _: &mut Progress) -> Result<(), StepError> {
    if task.spec().is_none() {
        return Ok(());
    }
    Ok(task.engine.volume.delete_snapshot(task.installation, &steps::backup_name(task.ask.backup))?)
}
