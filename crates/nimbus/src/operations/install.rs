//! Install: makes an installation and starts it. Its data is the package's initial data, or that of a copy of another
//! installation, or of an archive.
//!
//! When it does not become healthy, nothing of it is left.

use journal::{Step, StepError};
use nimbus_api::edge::RouteMode;
use nimbus_api::{DataSource, Wanted};

use super::{Install, Progress, Steps, Task, steps};
use crate::registry;
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
    ask.environment.check().map_err(StepError::new)?;
    source(task)?;
    progress.after = Some(InstallationSpec {
        id: task.installation,
        name: ask.name.clone(),
        epoch: ask.epoch,
        wanted: Wanted::Running,
        version: ask.version.clone(),
        ports: ask.ports.clone(),
        environment: ask.environment.clone(),
        uid: 0,
        gid: 0,
    });
    Ok(())
}

/// Whether the data that it is to begin with is here.
fn source(task: &Task<Install>) -> Result<(), StepError> {
    let engine = &task.engine;
    match &task.ask.from {
        None => Ok(()),
        Some(DataSource::Archive { hash }) if engine.layers.claim_artifact(hash)? => Ok(()),
        Some(DataSource::Archive { hash }) => Err(StepError::new(format!(
            "the archive {hash} of the data is not on this server: send it with PUT /artifacts/{hash} first"
        ))),
        Some(DataSource::Copy { installation, snapshot }) => {
            // Looked up in the list: a name from outside is never a path.
            let record = match engine.volume.snapshots(*installation)?.contains(snapshot) {
                true => registry::snapshot(&engine.volume, *installation, snapshot)?,
                false => None,
            };
            match record.filter(|record| !record.is_expired(engine.clock.now())) {
                Some(record) if record.spec.version.app == task.ask.version.app => Ok(()),
                Some(record) => Err(StepError::new(format!(
                    "the copy is of {}, and its data is of no use to {}: choose a copy of the same application",
                    record.spec.version.app, task.ask.version.app
                ))),
                None => Err(StepError::new(format!(
                    "installation {installation} has no such copy on this server: its time may be over; list the copies \
                     that are left"
                ))),
            }
        }
    }
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
    let owner = (after.uid, after.gid);
    match &task.ask.from {
        None => {
            let app = engine.layers.app(&after.version.artifact)?;
            let initial = after.version.manifest.data.initial.as_ref().map(|directory| app.join(directory));
            Ok(engine.volume.fill(after.id, initial.as_deref(), after.uid, after.gid)?)
        }
        Some(DataSource::Copy { installation, snapshot }) => {
            Ok(engine.volume.fill_from_copy(after.id, *installation, snapshot, owner)?)
        }
        Some(DataSource::Archive { hash }) => {
            let limits = archive::Limits::of_data(after.version.manifest.limits.disk);
            Ok(engine.volume.fill_from_archive(after.id, &engine.layers.artifact(hash), &limits, owner)?)
        }
    }
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
