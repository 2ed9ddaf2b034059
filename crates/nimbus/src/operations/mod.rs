//! The verbs of a server: one file each, its steps listed first. What several verbs have in common is in `steps`.

mod backup;
mod configure;
mod forget_backup;
mod install;
mod remove;
mod restart;
mod restore;
mod rollback;
mod start;
mod steps;
mod stop;
mod switch;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use domain::state::OperationState;
use domain::{InstallationId, OperationId};
use journal::{JournalError, Step, StepError};
use nimbus_api::{DataSource, Environment, OperationRequest, VersionSpec, Work};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::spec::InstallationSpec;

/// One operation: on whose behalf a step works, and what was asked for.
pub(crate) struct Task<A> {
    engine: Arc<Engine>,
    id: OperationId,
    installation: InstallationId,
    ask: A,
}

/// What an operation remembers from step to step, and across restarts.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The installation as it was.
    before: Option<InstallationSpec>,
    /// The installation as it is asked for.
    after: Option<InstallationSpec>,
    /// Whether it was healthy; if not, going back does not wait for its health.
    was_healthy: bool,
    /// Whether there is nothing to do.
    is_so_already: bool,
    /// The copy to go back to when this operation fails.
    snapshot: Option<String>,
    /// The copy that was asked for.
    target: Option<String>,
}

/// A verb's steps.
type Steps<A> = [Step<Task<A>, Progress>];

impl<A> Task<A> {
    /// The installation as it is on the volume; none when it is gone, or not there yet.
    fn spec(&self) -> Option<InstallationSpec> {
        self.engine.registry.get(self.installation)
    }

    /// The installation as it is, for verbs that need one.
    fn present(&self) -> Result<InstallationSpec, StepError> {
        self.alone()?;
        self.spec().ok_or_else(|| StepError::new(format!("there is no installation {} here", self.installation)))
    }

    /// Refuses to go on where another operation is stuck.
    fn alone(&self) -> Result<(), StepError> {
        if let Some(stuck) = self.engine.stuck(self.installation)
            && stuck != self.id
        {
            return Err(StepError::new(format!(
                "operation {stuck} of this installation is stuck; look at its error, mend the cause and retry it, or \
                 remove the installation"
            )));
        }
        Ok(())
    }
}

impl Progress {
    fn before(&self) -> Result<&InstallationSpec, StepError> {
        self.before.as_ref().ok_or_else(|| StepError::new("the former state is not recorded: this is a bug"))
    }

    fn after(&self) -> Result<&InstallationSpec, StepError> {
        self.after.as_ref().ok_or_else(|| StepError::new("the wanted state is not recorded: this is a bug"))
    }
}

/// What `install` is asked.
pub(crate) struct Install {
    name: domain::InstallationName,
    epoch: u64,
    version: VersionSpec,
    ports: BTreeMap<String, u16>,
    environment: Environment,
    from: Option<DataSource>,
}

/// What `configure` is asked.
pub(crate) struct Configure {
    environment: Environment,
}

/// What `switch` is asked.
pub(crate) struct Switch {
    version: VersionSpec,
    keep_seconds: u64,
    ports: BTreeMap<String, u16>,
}

/// What `rollback` is asked.
pub(crate) struct Rollback {
    keep_seconds: u64,
}

/// What `restore` is asked.
pub(crate) struct Restore {
    /// The copy's name.
    snapshot: String,
    /// Whether the code goes back as well.
    code: bool,
    keep_seconds: u64,
}

/// Which backup.
pub(crate) struct Backup {
    backup: domain::BackupId,
}

/// Runs an operation from where it is to its end.
pub(crate) fn run(
    engine: &Arc<Engine>,
    id: OperationId,
    request: OperationRequest,
) -> Result<OperationState, JournalError> {
    let installation = request.installation;
    match request.work {
        Work::Install { name, epoch, version, ports, environment, from } => {
            let ask = Install { name, epoch, version: *version, ports, environment, from };
            go(engine, id, installation, ask, install::STEPS)
        }
        Work::Start => go(engine, id, installation, (), start::STEPS),
        Work::Stop => go(engine, id, installation, (), stop::STEPS),
        Work::Restart => go(engine, id, installation, (), restart::STEPS),
        Work::Configure { environment } => go(engine, id, installation, Configure { environment }, configure::STEPS),
        Work::Switch { version, keep_seconds, ports } => {
            go(engine, id, installation, Switch { version: *version, keep_seconds, ports }, switch::STEPS)
        }
        Work::Rollback { keep_seconds } => go(engine, id, installation, Rollback { keep_seconds }, rollback::STEPS),
        Work::Backup { backup } => go(engine, id, installation, Backup { backup }, backup::STEPS),
        Work::Restore { snapshot, code, keep_seconds } => {
            go(engine, id, installation, Restore { snapshot, code, keep_seconds }, restore::STEPS)
        }
        Work::ForgetBackup { backup } => go(engine, id, installation, Backup { backup }, forget_backup::STEPS),
        Work::Remove => go(engine, id, installation, (), remove::STEPS),
    }
}

fn go<A>(
    engine: &Arc<Engine>,
    id: OperationId,
    installation: InstallationId,
    ask: A,
    steps: &Steps<A>,
) -> Result<OperationState, JournalError> {
    let task = Task { engine: engine.clone(), id, installation, ask };
    engine.journal.run(id.0, steps, &task, Progress::default(), engine.faults.as_ref())
}

/// The names of a verb's steps, in their order; none for a verb that there is not. For tests that go through all.
pub fn steps(verb: &str) -> &'static [&'static str] {
    static ALL: LazyLock<BTreeMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
        BTreeMap::from([
            ("install", names(install::STEPS)),
            ("start", names(start::STEPS)),
            ("stop", names(stop::STEPS)),
            ("restart", names(restart::STEPS)),
            ("configure", names(configure::STEPS)),
            ("switch", names(switch::STEPS)),
            ("rollback", names(rollback::STEPS)),
            ("backup", names(backup::STEPS)),
            ("restore", names(restore::STEPS)),
            ("forget-backup", names(forget_backup::STEPS)),
            ("remove", names(remove::STEPS)),
        ])
    });
    ALL.get(verb).map_or(&[], Vec::as_slice)
}

fn names<A>(steps: &Steps<A>) -> Vec<&'static str> {
    steps.iter().map(|step| step.name).collect()
}
