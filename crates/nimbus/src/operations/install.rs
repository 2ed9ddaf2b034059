//! Install: makes an installation, its data from the package's initial data, and starts it.
//!
//! When it does not become healthy, nothing of it is left.

use journal::{Step, StepError};
use nimbus_api::Wanted;
use nimbus_api::edge::RouteMode;

use super::{Install, Progress, Steps, Task, steps};
use crate::spec::InstallationSpec;

pub(super) const STEPS: &Steps<Install> = &[
    Step::pure("admit", admit),
    Step::pure("prepare", steps::prepare),
    Step::new("place", place, displace),
    Step::pure("fill", fill),
    Step::new("route", route, unroute),
    Step::new("start", steps::start, steps::unstart),
    Step::pure("check", steps::check),
    Step::pure("release", steps::release),
];

fn admit(task: &Task<Install>, progress: &mut Progress) -> Result<(), StepError> {
    let ask = &task.ask;
    task.alone()?;
    if let Some(spec) = task.spec() {
        return Err(StepError::new(if ask.epoch < spec.epoch {
            format!(
                "{} was placed here with epoch {}, and this request has the older epoch {}: it must not start",
                spec.name, spec.epoch, ask.epoch
            )
        } else {
            format!("{} is installed here already", spec.name)
        }));
    }
    if let Some(other) = task.engine.registry.all().iter().find(|other| other.name == ask.name) {
        return Err(StepError::new(format!(
            "the name {} is taken on this server by installation {}; choose another name",
            ask.name, other.id
        )));
    }
    steps::room(task, &ask.version)?;
    steps::runnable(task, &ask.version)?;
    steps::free_ports(task, &ask.version, &ask.ports)?;
    progress.after = Some(InstallationSpec {
        id: task.installation,
        name: ask.name.clone(),
        epoch: ask.epoch,
        wanted: Wanted::Running,
        version: ask.version.clone(),
        ports: ask.ports.clone(),
        uid: 0,
        gid: 0,
    });
    Ok(())
}

/// Makes its directories and writes its specification.
fn place(task: &Task<Install>, progress: &mut Progress) -> Result<(), StepError> {
    let (engine, after) = (&task.engine, progress.after()?);
    engine.server.slot(after.id)?;
    engine.volume.create(after.id, after.version.manifest.limits.disk)?;
    steps::want(task, progress)
}

/// Leaves nothing of it.
fn displace(task: &Task<Install>, progress: &mut Progress) -> Result<(), StepError> {
    let (engine, id) = (&task.engine, task.installation);
    engine.volume.remove(id)?;
    engine.keepers.erase(id)?;
    engine.forget_egress(id, progress.after.as_ref())?;
    engine.server.free(id)?;
    engine.forget(id);
    Ok(())
}

fn fill(task: &Task<Install>, progress: &mut Progress) -> Result<(), StepError> {
    let (engine, after) = (&task.engine, progress.after()?);
    let app = engine.layers.app(&after.version.artifact)?;
    let initial = after.version.manifest.data.initial.as_ref().map(|directory| app.join(directory));
    Ok(engine.volume.fill(after.id, initial.as_deref(), after.uid, after.gid)?)
}

/// Its first requests wait until it is healthy.
fn route(task: &Task<Install>, progress: &mut Progress) -> Result<(), StepError> {
    task.engine.set_route(progress.after()?, RouteMode::Hold { drain_ms: 0 })?;
    Ok(())
}

fn unroute(task: &Task<Install>, _: &mut Progress) -> Result<(), StepError> {
    task.engine.routes.drop_route(task.installation);
    Ok(())
}
