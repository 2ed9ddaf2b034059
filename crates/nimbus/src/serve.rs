//! Starts Nimbus, and ends it.

use std::fs::{self, DirBuilder, File};
use std::future::Future;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::state::OperationState;
use domain::{InstallationId, OperationId};
use journal::{Clock, Faults, JournalError, SystemClock};
use nimbus_api::{NimbusEventKind, OperationRequest, Work};
use rustix::fs::{FlockOperation, flock};

use crate::engine::Engine;
use crate::error::{NimbusError, io};
use crate::queue::Job;
use crate::{disk, edge, history, http, operations, recover, sockets, upkeep};

/// Pause before an operation is run again whose journal could not be written.
const JOURNAL_PAUSE: Duration = Duration::from_secs(2);
/// How long workers may take to come to a stop at the end.
const FAREWELL: Duration = Duration::from_secs(3);

/// What Nimbus is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data directory.
    pub data: PathBuf,
    /// The cache of archives and layers; may be shared by several.
    pub cache: PathBuf,
    /// Installations are `<name>.<domain>`.
    pub domain: String,
    /// The user that the control plane runs as; may connect to `run/nimbus.sock`, as root may.
    pub plane_uid: u32,
    /// The user that the edge runs as; may connect to `run/edge.sock`, as root may.
    pub edge_uid: u32,
    /// Program and first arguments of a keeper; its directory is appended.
    pub keeper: Vec<String>,
    /// The program of Cirrus, linked statically. Without it versions that need it are refused.
    pub cirrus: PathBuf,
    /// Bytes of a new data volume; by default a part of what is free.
    pub volume_bytes: Option<u64>,
    /// Operations at a time; each waits most of its time.
    pub workers: usize,
}

impl Config {
    /// Operations at a time unless somebody says otherwise.
    pub const WORKERS: usize = 32;
}

/// Serves until `shutdown` comes. Operations under way then are taken up at the next start.
pub async fn serve(
    config: Config,
    faults: Box<dyn Faults>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), NimbusError> {
    serve_with(config, faults, Arc::new(SystemClock), shutdown).await
}

/// The same with a clock of the caller's.
async fn serve_with(
    config: Config,
    faults: Box<dyn Faults>,
    clock: Arc<dyn Clock>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), NimbusError> {
    let _lock = prepare(&config)?;
    let workers = config.workers.max(1);
    let opened = move || {
        let engine = Engine::open(config, faults, clock)?;
        recover::recover(&engine)?;
        Ok::<_, NimbusError>(engine)
    };
    let engine = tokio::task::spawn_blocking(opened).await.expect("opening does not panic")?;
    let run = engine.config.data.join("run");
    let api = sockets::bind(&run.join("nimbus.sock"), engine.config.plane_uid)?;
    let edges = sockets::bind(&run.join("edge.sock"), engine.config.edge_uid)?;
    let threads = (0..workers).map(|_| worker(&engine)).collect::<Result<Vec<_>, _>>()?;
    tracing::info!(socket = %run.join("nimbus.sock").display(), workers, "Nimbus serves");

    let server = http::serve(engine.clone(), api);
    let upkeep = upkeep::forever(engine.clone());
    tokio::select! {
        () = shutdown => {}
        () = server => {}
        () = edge::serve(engine.clone(), edges) => {}
        () = upkeep => {}
        () = disk::forever(engine.clone()) => {}
        () = history::forever(engine.clone()) => {}
    }
    history::write(&engine);
    engine.journal.halt();
    engine.queue.close();
    let joined = tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join())));
    if tokio::time::timeout(FAREWELL, joined).await.is_err() {
        tracing::info!("an operation is left in the middle of a step; it is taken up at the next start");
    }
    Ok(())
}

/// Makes the directories, and sees to it that no other Nimbus uses them for as long as the lock is held.
fn prepare(config: &Config) -> Result<File, NimbusError> {
    let make = |path: &Path, mode| DirBuilder::new().recursive(true).mode(mode).create(path).map_err(io("make", path));
    make(&config.data, 0o755)?;
    make(&config.data.join("nimbus"), 0o700)?;
    make(&config.data.join("run"), 0o755)?;
    make(&config.data.join("run/keepers"), 0o700)?;
    let path = config.data.join("nimbus/lock");
    let lock = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let lock = lock.map_err(io("open", &path))?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(NimbusError::InUse(config.data.clone())),
        Err(error) => Err(io("lock", &path)(error.into())),
    }
}

/// A thread that does one job after another until the queue is closed.
fn worker(engine: &Arc<Engine>) -> Result<std::thread::JoinHandle<()>, NimbusError> {
    let engine = engine.clone();
    let work = move || {
        while let Some((installation, job)) = engine.queue.next() {
            let run = || match job {
                Job::Operation(id) => operate(&engine, installation, id),
                Job::Tend => engine.tend(installation),
            };
            // A bug in one operation must not take a worker away from all others; the journal knows how far it was.
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err() {
                tracing::error!(%installation, ?job, "a job panicked; it is taken up at the next start");
            }
            engine.settle(installation);
            engine.queue.done(installation);
            engine.look_after(installation);
        }
    };
    let thread = std::thread::Builder::new().name("worker".into()).spawn(work);
    thread.map_err(io("start a thread for", Path::new("operations")))
}

/// Runs one operation to its end.
fn operate(engine: &Arc<Engine>, installation: InstallationId, id: OperationId) {
    let state = loop {
        let ended = requested(engine, id).and_then(|asked| match asked {
            Asked::Over(state) => Ok(state),
            Asked::For(request) => operations::run(engine, id, request),
        });
        match ended {
            Ok(state) => break state,
            Err(JournalError::Halted) => return,
            Err(error @ (JournalError::Write(_) | JournalError::Read(_))) if !engine.journal.is_halted() => {
                tracing::error!(%id, %error, "an operation waits for its journal");
                engine.clock.sleep(JOURNAL_PAUSE);
            }
            Err(error) => {
                tracing::error!(%id, %error, "an operation cannot be run");
                return;
            }
        }
    };
    engine.registry.release(installation);
    engine.set_stuck(installation, id, state == OperationState::Stuck);
    engine.events.push(Some(installation), NimbusEventKind::OperationEnded { operation: id, state });
    // What was stuck about an installation that is gone has nothing left to put back.
    if engine.registry.get(installation).is_none()
        && let Some(stuck) = engine.stuck(installation)
        && stuck != id
    {
        engine.queue.push(installation, Job::Operation(stuck));
    }
}

/// What an operation wants.
enum Asked {
    /// Nothing more: it has ended so.
    Over(OperationState),
    /// This.
    For(OperationRequest),
}

/// What was asked for.
fn requested(engine: &Engine, id: OperationId) -> Result<Asked, JournalError> {
    let operation = engine.journal.find(id.0)?.ok_or(JournalError::Unknown(id.0))?;
    if operation.state.is_final() {
        return Ok(Asked::Over(operation.state));
    }
    let work: Work =
        serde_json::from_str(&operation.request).map_err(|source| JournalError::State { id: id.0, source })?;
    Ok(Asked::For(OperationRequest { installation: InstallationId(operation.subject), work }))
}
