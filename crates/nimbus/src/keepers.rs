//! The keepers of this server: starts them, adopts those that outlived a former Nimbus, watches all.
//!
//! A keeper is an independent process. What is known of it here is only what it says on its socket.

use std::collections::HashMap;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use domain::InstallationId;
use keeper::protocol::{Spec, Status};
use keeper::{Client, KeeperError, Watch};

use crate::error::{NimbusError, io};
use crate::files;

/// How long a new keeper may take until it answers.
const BIRTH: Duration = Duration::from_secs(15);
/// What ending takes beyond the application's own time.
const STOP_MARGIN: Duration = Duration::from_secs(15);
/// How long a stopped keeper may take to let go of its lock.
const DEATH: Duration = Duration::from_secs(5);
/// Stack of a watching thread: it only reads lines of JSON.
const STACK: usize = 128 * 1024;

/// Hears of every change; `None` when the keeper is gone.
pub(crate) type Listener = Box<dyn Fn(InstallationId, Option<&Status>) + Send + Sync>;

#[derive(Default)]
struct Known {
    statuses: HashMap<InstallationId, (u64, Status)>,
    /// Tells the watchers of successive keepers of one installation apart.
    generation: u64,
}

/// All keepers.
pub struct Keepers {
    me: Weak<Keepers>,
    dir: PathBuf,
    program: Vec<String>,
    known: Mutex<Known>,
    changed: Condvar,
    listener: Listener,
}

impl Keepers {
    /// Keepers live in directories under `dir`; `program` with its arguments and such a directory is one.
    pub(crate) fn new(dir: PathBuf, program: Vec<String>, listener: Listener) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            dir,
            program,
            known: Mutex::default(),
            changed: Condvar::new(),
            listener,
        })
    }

    /// The directory of a keeper.
    pub fn dir(&self, id: InstallationId) -> PathBuf {
        self.dir.join(id.to_string())
    }

    /// The last known status; `None` without a keeper.
    pub fn status(&self, id: InstallationId) -> Option<Status> {
        self.known().statuses.get(&id).map(|(_, status)| status.clone())
    }

    /// The installations that have a directory here.
    pub fn directories(&self) -> Result<Vec<InstallationId>, NimbusError> {
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(io("read", &self.dir))?,
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.filter_map(|name| name.parse().ok()).collect())
    }

    /// Sees to it that a keeper with this specification runs. One that keeps exactly this is left alone.
    pub fn start(&self, id: InstallationId, spec: &Spec) -> Result<(), NimbusError> {
        let dir = self.dir(id);
        if keeper::is_alive(&dir) {
            let kept = files::read::<Spec>(&dir.join("spec.json")).ok().flatten();
            if kept.as_ref() == Some(spec) && self.status(id).is_some_and(|status| !is_given_up(&status)) {
                return Ok(());
            }
            self.stop(id, Duration::from_millis(spec.stop_grace_ms))?;
        }
        make(&dir)?;
        files::write_soon(&dir.join("spec.json"), spec)?;
        let mut child = self.spawn(&dir)?;
        match await_birth(&dir, &mut child) {
            Ok((watch, first)) => {
                self.watch(id, watch, first, Some(child));
                Ok(())
            }
            Err(error) => {
                // It must not come up later, when nobody expects it any more.
                if let Err(error) = child.kill().and_then(|()| child.wait()) {
                    tracing::error!(%id, %error, "a keeper that does not answer cannot be killed");
                }
                sweep(id);
                Err(error)
            }
        }
    }

    /// Ends the trial of what it keeps; how that is then, `None` when it was not on trial. One that has failed it stays
    /// down.
    pub fn accept(&self, id: InstallationId) -> Result<Option<Status>, NimbusError> {
        let dir = self.dir(id);
        let path = dir.join("spec.json");
        let Some(kept) = files::read::<Spec>(&path)?.filter(|kept| kept.trial) else { return Ok(None) };
        let status = Client::connect(&dir).and_then(|client| client.accept())?;
        if status.phase != keeper::protocol::Phase::Failed {
            let began = self.began(id);
            files::write_soon(&path, &Spec { trial: false, ..kept })?;
            if let Some(began) = began {
                let dated = File::options().write(true).open(&path).and_then(|file| file.set_modified(began));
                dated.map_err(io("date", &path))?;
            }
        }
        Ok(Some(status))
    }

    /// When its present or last keeper was started.
    pub fn began(&self, id: InstallationId) -> Option<SystemTime> {
        // Its specification is written right before it.
        fs::metadata(self.dir(id).join("spec.json")).and_then(|found| found.modified()).ok()
    }

    /// The file that a sandbox sees as `/etc/hosts`.
    pub fn hosts(&self, id: InstallationId) -> PathBuf {
        self.dir(id).join("hosts")
    }

    /// Writes it, with the name and the address that the sandbox has: programs that ask for their own full name would
    /// wait for resolvers otherwise.
    pub fn write_hosts(&self, id: InstallationId, text: &str) -> Result<(), NimbusError> {
        let (dir, path) = (self.dir(id), self.hosts(id));
        if fs::read_to_string(&path).is_ok_and(|now| now == text) {
            return Ok(());
        }
        make(&dir)?;
        // Read inside by everybody.
        let write = || fs::write(&path, text).and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o644)));
        write().map_err(io("write", &path))
    }

    /// Takes up the keeper that runs already; whether there is one.
    pub fn adopt(&self, id: InstallationId) -> Result<bool, NimbusError> {
        let dir = self.dir(id);
        if !keeper::is_alive(&dir) {
            return Ok(false);
        }
        let end = Instant::now() + BIRTH;
        loop {
            let connected = Client::connect(&dir).and_then(|client| client.watch()).and_then(first_status);
            match connected {
                Ok((watch, first)) => {
                    self.watch(id, watch, first, None);
                    return Ok(true);
                }
                Err(_) if !keeper::is_alive(&dir) => return Ok(false),
                Err(error) if Instant::now() > end => return Err(error.into()),
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// Ends the keeper with all it keeps; nothing of it is left when this returns. `grace` is what the application is
    /// given.
    pub fn stop(&self, id: InstallationId, grace: Duration) -> Result<(), NimbusError> {
        let dir = self.dir(id);
        let asked = Client::connect(&dir).and_then(|client| client.stop(grace + STOP_MARGIN));
        match asked {
            Ok(_) | Err(KeeperError::Gone { .. } | KeeperError::NoKeeper { .. }) => {}
            Err(ref error) => {
                tracing::error!(%id, %error, "a keeper does not stop and is killed");
                self.kill(id)?;
            }
        }
        let end = Instant::now() + DEATH;
        while keeper::is_alive(&dir) {
            if Instant::now() > end {
                return Err(KeeperError::Timeout { dir }.into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        if asked.is_err() {
            sweep(id);
        }
        let gone = self.known().statuses.remove(&id).is_some();
        self.changed.notify_all();
        if gone {
            (self.listener)(id, None);
        }
        Ok(())
    }

    /// Deletes what is left of a keeper that has ended.
    pub fn erase(&self, id: InstallationId) -> Result<(), NimbusError> {
        let dir = self.dir(id);
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io("delete", &dir)(error)),
            _ => Ok(()),
        }
    }

    /// Waits until the status decides: the answer of `decide`, which sees `None` when the keeper is gone; or `None`
    /// after `timeout`.
    pub fn wait<T>(
        &self,
        id: InstallationId,
        timeout: Duration,
        mut decide: impl FnMut(Option<&Status>) -> Option<T>,
    ) -> Option<T> {
        let end = Instant::now() + timeout;
        let mut known = self.known();
        loop {
            if let Some(decided) = decide(known.statuses.get(&id).map(|(_, status)| status)) {
                return Some(decided);
            }
            let left = end.checked_duration_since(Instant::now())?;
            // At least now and then, so that the one who decides can also look at a clock or a halt.
            let nap = left.min(Duration::from_millis(200));
            known = self.changed.wait_timeout(known, nap).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn spawn(&self, dir: &Path) -> Result<Child, NimbusError> {
        let said = dir.join("stderr");
        let stderr = File::create(&said).map_err(io("make", &said))?;
        let (program, arguments) =
            self.program.split_first().ok_or(NimbusError::KeeperEnded("no program is configured for it".into()))?;
        Command::new(program)
            .args(arguments)
            .arg(dir)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .map_err(io("start", Path::new(program)))
    }

    /// Follows a keeper in a thread of its own, which also reaps it when it is a child.
    fn watch(&self, id: InstallationId, watch: Watch, first: Status, child: Option<Child>) {
        let generation = {
            let mut known = self.known();
            known.generation += 1;
            known.generation
        };
        self.note(id, generation, first);
        let me = self.me.clone();
        let thread = std::thread::Builder::new().name("watch".into()).stack_size(STACK);
        let started = thread.spawn(move || follow(&me, id, generation, watch, child));
        if let Err(error) = started {
            tracing::error!(%id, %error, "a keeper cannot be watched");
        }
    }

    fn note(&self, id: InstallationId, generation: u64, status: Status) {
        {
            let mut known = self.known();
            let current = known.statuses.get(&id).is_none_or(|(newest, _)| *newest <= generation);
            if !current {
                return;
            }
            known.statuses.insert(id, (generation, status.clone()));
            self.changed.notify_all();
        }
        (self.listener)(id, Some(&status));
    }

    fn note_gone(&self, id: InstallationId, generation: u64) {
        {
            let mut known = self.known();
            if known.statuses.get(&id).is_none_or(|(newest, _)| *newest != generation) {
                return;
            }
            known.statuses.remove(&id);
            self.changed.notify_all();
        }
        (self.listener)(id, None);
    }

    fn kill(&self, id: InstallationId) -> Result<(), NimbusError> {
        let pid = self.status(id).and_then(|status| i32::try_from(status.keeper).ok());
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            let killed = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            killed.map_err(|error| io("kill the keeper of", &self.dir(id))(error.into()))?;
        }
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make(dir: &Path) -> Result<(), NimbusError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io("make", dir))
}

/// Removes what a keeper that did not end by itself has left.
fn sweep(id: InstallationId) {
    if let Err(error) = sandbox::sweep(&id.to_string()) {
        tracing::error!(%id, %error, "what a dead keeper has left cannot be removed");
    }
}

/// Whether a keeper only waits to be started anew by a person.
pub(crate) fn is_given_up(status: &Status) -> bool {
    matches!(status.phase, keeper::protocol::Phase::Failed | keeper::protocol::Phase::Stopped)
}

fn first_status(mut watch: Watch) -> Result<(Watch, Status), KeeperError> {
    match watch.next() {
        Some(first) => first.map(|first| (watch, first)),
        None => Err(KeeperError::Gone { dir: PathBuf::new() }),
    }
}

/// Waits until a new keeper answers.
fn await_birth(dir: &Path, child: &mut Child) -> Result<(Watch, Status), NimbusError> {
    let end = Instant::now() + BIRTH;
    loop {
        let connected = Client::connect(dir).and_then(|client| client.watch()).and_then(first_status);
        let error = match connected {
            Ok(born) => return Ok(born),
            Err(error) => error,
        };
        let ended = child.try_wait().map_err(io("wait for the keeper of", dir))?;
        if let Some(status) = ended {
            // One that a former Nimbus started in its last moment came first, with the same specification.
            if status.code() == Some(i32::from(keeper::EXIT_LOCKED)) && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(5));
                continue;
            }
            let said = fs::read_to_string(dir.join("stderr")).unwrap_or_default();
            return Err(NimbusError::KeeperEnded(match said.trim() {
                "" => format!("it ended with {status}"),
                said => said.chars().take(2000).collect(),
            }));
        }
        if Instant::now() > end {
            return Err(error.into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn follow(keepers: &Weak<Keepers>, id: InstallationId, generation: u64, mut watch: Watch, child: Option<Child>) {
    for status in watch.by_ref() {
        let Some(keepers) = keepers.upgrade() else { return };
        match status {
            Ok(status) => keepers.note(id, generation, status),
            Err(error) => {
                tracing::error!(%id, %error, "what a keeper says cannot be understood");
                break;
            }
        }
    }
    if let Some(mut child) = child
        && let Err(error) = child.wait()
    {
        tracing::error!(%id, %error, "a keeper cannot be waited for");
    }
    if let Some(keepers) = keepers.upgrade() {
        keepers.note_gone(id, generation);
    }
}
