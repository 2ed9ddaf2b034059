//! Remove: nothing of the installation is left. There is no way back once its data is being deleted. One that is not
//! here is removed already.

use journal::{Step, StepError};
use nimbus_api::edge::RouteMode;

use super::{Progress, Steps, Task, steps};

pub(super) const STEPS: &Steps<()> = &[
    Step::pure("admit", admit),
    Step::new("close", close, steps::unhold),
    Step::new("stop", stop, unstop),
    Step::last_way("delete", delete),
    Step::pure("forget", forget),
];

fn admit(task: &Task<()>, progress: &mut Progress) -> Result<(), StepError> {
    progress.before = task.spec();
    Ok(())
}

fn close(task: &Task<()>, progress: &mut Progress) -> Result<(), StepError> {
    if let Some(before) = &progress.before {
        task.engine.set_route(before, RouteMode::Stopped)?;
    }
    Ok(())
}

fn stop(task: &Task<()>, progress: &mut Progress) -> Result<(), StepError> {
    if let Some(before) = &progress.before {
        task.engine.take_down(before)?;
    }
    Ok(())
}

fn unstop(task: &Task<()>, progress: &mut Progress) -> Result<(), StepError> {
    if progress.before.is_some() { steps::unstop(task, progress) } else { Ok(()) }
}

fn delete(task: &Task<()>, _: &mut Progress) -> Result<(), StepError> {
    Ok(task.engine.volume.remove(task.installation)?)
}

fn forget(task: &Task<()>, progress: &mut Progress) -> Result<(), StepError> {
    let (engine, id) = (&task.engine, task.installation);
    engine.forget_egress(id, progress.before.as_ref())?;
    engine.keepers.erase(id)?;
    engine.server.free(id)?;
    engine.forget(id);
    Ok(())
}
