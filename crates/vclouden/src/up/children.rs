//! The three children: started, watched, brought back, ended.

use std::ffi::OsString;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{interval, sleep, timeout};

use super::directory::DataDirectory;
use super::logs::Log;
use super::{EDGE_USER, PLANE_USER, sockets};
use crate::output::note;
use crate::parts::SECRET;

/// Pauses before a child is started again, by how often it ended shortly after its start.
const PAUSES: [u64; 7] = [0, 100, 250, 500, 1000, 2000, 5000];
/// A child that lived this long was started well.
const LIVED: Duration = Duration::from_secs(1);
/// Until everything serves for the first time, a child that ended this often cannot be started.
const TRIES: u32 = 5;
/// From SIGTERM to SIGKILL.
const GRACE: Duration = Duration::from_secs(6);

/// How everything is set up.
#[derive(Debug)]
pub struct Setup {
    /// This program.
    pub program: PathBuf,
    /// The keeper's program, which lies beside it.
    pub keeper: PathBuf,
    /// The program of Cirrus, which may be missing.
    pub cirrus: PathBuf,
    /// The data directory.
    pub directory: DataDirectory,
    /// The cache.
    pub cache: PathBuf,
    /// SHA-256 of the operator's token.
    pub token_hash: String,
    /// By which the control plane knows that the edge speaks.
    pub edge_secret: String,
    /// Where installations answer, with `{name}` in it.
    pub edge_url: String,
    /// Where people find the console.
    pub console_url: String,
    /// Proxies whose word is taken for whom a request comes from.
    pub trusted_proxies: Vec<nimbus_api::proxies::Proxy>,
    /// Where they find publishers' portals.
    pub portal_url: String,
    /// PostgreSQL of the control plane, if it is not to use a file.
    pub database: Option<String>,
    /// Their domain.
    pub domain: String,
    /// Bytes of a new volume.
    pub volume_size: Option<u64>,
    /// The API's socket.
    pub api: TcpListener,
    /// The edge's socket.
    pub edge: TcpListener,
    /// Show logs here.
    pub verbose: bool,
}

/// How to start one child.
struct Part {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<OsString>,
    /// What nobody who lists processes is to see.
    environment: Vec<(&'static str, String)>,
    socket: Option<TcpListener>,
    /// Where its standard error goes; `None` for here.
    log: Option<Log>,
}

/// A child that is watched.
struct Watched {
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// All three.
pub struct Children {
    parts: Vec<Part>,
    /// In the order in which they are ended: control plane, edge, Nimbus.
    watched: [Option<Watched>; 3],
    deaths: mpsc::UnboundedSender<Death>,
    died: mpsc::UnboundedReceiver<Death>,
}

/// A child ended although nobody asked it to.
struct Death {
    name: &'static str,
    status: String,
    /// How often in a row.
    times: u32,
    last_lines: String,
}

impl Children {
    /// Nothing is started yet.
    pub fn new(setup: &Setup) -> Result<Self> {
        let (deaths, died) = mpsc::unbounded_channel();
        let parts = vec![plane(setup)?, edge(setup)?, nimbus(setup)?];
        Ok(Children { parts, watched: [None, None, None], deaths, died })
    }

    /// Starts the control plane.
    pub fn start_plane(&mut self) {
        self.start("plane", 0);
    }

    /// Starts the edge.
    pub fn start_edge(&mut self) {
        self.start("edge", 1);
    }

    /// Starts Nimbus.
    pub fn start_nimbus(&mut self) {
        self.start("nimbus", 2);
    }

    fn start(&mut self, name: &str, place: usize) {
        let at = self.parts.iter().position(|part| part.name == name).expect("each part is started once");
        let part = self.parts.swap_remove(at);
        let (end, ended) = watch::channel(false);
        let task = tokio::spawn(keep(part, ended, self.deaths.clone()));
        self.watched[place] = Some(Watched { end, task });
    }

    /// Waits for `work`, unless one of the children turns out to be unable to start.
    pub async fn unless_one_cannot_start<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let hopeless = async {
            loop {
                match self.died.recv().await {
                    Some(death) if death.times >= TRIES => return death,
                    Some(_) => {}
                    None => std::future::pending().await,
                }
            }
        };
        tokio::select! {
            result = work => result,
            death = hopeless => {
                bail!("{} cannot be started: it ended with {}{}", death.name, death.status, death.last_lines)
            }
        }
    }

    /// From now on a child is brought back however often it ends.
    pub fn settled(&mut self) {
        self.died.close();
    }

    /// Ends them one after the other.
    pub async fn stop(&mut self) {
        for watched in self.watched.iter_mut().flatten() {
            watched.end.send_replace(true);
            // It was cancelled or it panicked; either way there is nothing left to wait for.
            let _ = (&mut watched.task).await;
        }
        self.watched = [None, None, None];
    }

    /// Ends at once what is still there: a task that is dropped kills its child.
    pub async fn kill(&mut self) {
        for watched in self.watched.iter_mut().flatten() {
            watched.task.abort();
            let _ = (&mut watched.task).await;
        }
    }
}

/// Starts a part again and again, until it is asked to end.
async fn keep(part: Part, mut end: watch::Receiver<bool>, deaths: mpsc::UnboundedSender<Death>) {
    let mut times: u32 = 0;
    while !*end.borrow() {
        let log_from = part.log.as_ref().map_or(0, Log::length);
        let began = Instant::now();
        let status = match part.spawn() {
            Ok(mut child) => match watch_over(&part, &mut child, &mut end).await {
                Some(status) => status,
                None => return,
            },
            Err(error) => format!("{error:#}"),
        };
        times = if began.elapsed() >= LIVED { 1 } else { times + 1 };
        let pause = PAUSES[(times as usize - 1).min(PAUSES.len() - 1)];
        let when = if pause == 0 { "at once".to_owned() } else { format!("in {pause} ms") };
        let see = part.log.as_ref().map(|log| format!("; see {}", log.path().display())).unwrap_or_default();
        note(format!("{} ended unexpectedly ({status}) and is started again {when}{see}", part.name));
        let last_lines = part.log.as_ref().map(|log| log.last_lines(log_from, 10)).unwrap_or_default();
        // Nobody listens once everything has been started.
        let _ = deaths.send(Death { name: part.name, status, times, last_lines });
        tokio::select! {
            () = sleep(Duration::from_millis(pause)) => {}
            _ = end.changed() => {}
        }
    }
}

/// How the child ended; `None` when it was asked to.
async fn watch_over(part: &Part, child: &mut Child, end: &mut watch::Receiver<bool>) -> Option<String> {
    let mut minute = interval(Duration::from_secs(60));
    loop {
        tokio::select! {
            status = child.wait() => return Some(status.map_or_else(|error| error.to_string(), describe)),
            _ = end.changed() => {
                finish(part.name, child).await;
                return None;
            }
            _ = minute.tick() => {
                if let Some(Err(error)) = part.log.as_ref().map(Log::limit) {
                    note(format!("{}'s log cannot be shortened: {error:#}", part.name));
                }
            }
        }
    }
}

fn describe(status: ExitStatus) -> String {
    status.to_string()
}

/// SIGTERM, some time, SIGKILL.
async fn finish(name: &str, child: &mut Child) {
    let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    // None and an error both mean that it has ended by itself.
    if let Some(Err(error)) = id.map(|id| kill_process(id, Signal::TERM)) {
        tracing::debug!(%error, "{name} has ended already");
    }
    if timeout(GRACE, child.wait()).await.is_err() {
        note(format!("{name} does not end and is killed"));
        if let Err(error) = child.kill().await {
            note(format!("{name} cannot be killed: {error}"));
        }
    }
}

impl Part {
    fn spawn(&self) -> Result<Child> {
        let mut command = Command::new(&self.program);
        // A process group of its own, so that Ctrl-C reaches `up` only, which ends its children in order.
        command.arg(self.name).args(&self.arguments).process_group(0).kill_on_drop(true).env_clear();
        let kept = ["PATH", "LANG", "TZ", "TMPDIR", "VCLOUDEN_LOG", "RUST_BACKTRACE", "http_proxy", "https_proxy"];
        command.envs(kept.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.arg("--parent").arg(std::process::id().to_string()).current_dir("/");
        command.stdin(match &self.socket {
            Some(socket) => Stdio::from(OwnedFd::from(socket.try_clone().context("cannot pass the socket on")?)),
            None => Stdio::null(),
        });
        match &self.log {
            Some(log) => {
                let file = log.open()?;
                command.stdout(file.try_clone().context("cannot pass the log on")?).stderr(file);
            }
            None => drop(command.stdout(Stdio::null()).stderr(Stdio::piped())),
        }
        let mut child = command.spawn().with_context(|| format!("cannot run {}", self.program.display()))?;
        if let Some(stderr) = child.stderr.take() {
            let name = self.name;
            tokio::spawn(async move {
                let mut lines = BufReader::new(stderr).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    note(format!("{name:6} | {line}"));
                }
            });
        }
        Ok(child)
    }
}

fn part(setup: &Setup, name: &'static str, socket: Option<&TcpListener>, arguments: Vec<OsString>) -> Result<Part> {
    let log = if setup.verbose { None } else { Some(Log::begin(setup.directory.root(), name)?) };
    let socket = socket.map(TcpListener::try_clone).transpose().context("cannot keep the socket")?;
    Ok(Part { name, program: setup.program.clone(), arguments, environment: Vec::new(), socket, log })
}

/// `--name value`.
fn flag(name: &str, value: impl Into<OsString>) -> [OsString; 2] {
    [format!("--{name}").into(), value.into()]
}

/// Whom both that face the network believe.
fn proxies(setup: &Setup) -> impl Iterator<Item = OsString> {
    setup.trusted_proxies.iter().flat_map(|proxy| flag("trusted-proxy", proxy.to_string()))
}

fn plane(setup: &Setup) -> Result<Part> {
    let arguments = [
        flag("user", PLANE_USER.to_string()),
        flag("listen", "stdin"),
        flag("data", setup.directory.plane()),
        flag("nimbus-socket", setup.directory.nimbus_socket()),
        flag("edge-url", &*setup.edge_url),
        flag("console-url", &*setup.console_url),
        flag("portal-url", &*setup.portal_url),
        flag("operator-token-sha256", &*setup.token_hash),
    ];
    let arguments = arguments.concat().into_iter().chain(proxies(setup)).collect();
    let mut part = part(setup, "plane", Some(&setup.api), arguments)?;
    // It may hold a password.
    part.environment.push((SECRET, setup.edge_secret.clone()));
    part.environment.extend(setup.database.iter().map(|url| ("VCLOUDEN_DATABASE", url.clone())));
    Ok(part)
}

fn edge(setup: &Setup) -> Result<Part> {
    let api = setup.api.local_addr().context("the API's socket has no address")?;
    let arguments = [
        flag("user", EDGE_USER.to_string()),
        flag("listen", "stdin"),
        flag("nimbus-socket", setup.directory.edge_socket()),
        flag("domain", &*setup.domain),
        flag("plane", sockets::reachable(api).to_string()),
        flag("state", setup.directory.edge()),
    ];
    let arguments = arguments.concat().into_iter().chain(proxies(setup)).collect();
    let mut part = part(setup, "edge", Some(&setup.edge), arguments)?;
    part.environment.push((SECRET, setup.edge_secret.clone()));
    Ok(part)
}

fn nimbus(setup: &Setup) -> Result<Part> {
    let mut arguments = [
        flag("data", setup.directory.root()),
        flag("cache", &*setup.cache),
        flag("domain", &*setup.domain),
        flag("plane-uid", PLANE_USER.to_string()),
        flag("edge-uid", EDGE_USER.to_string()),
        flag("keeper-program", &*setup.keeper),
        flag("cirrus", &*setup.cirrus),
    ]
    .concat();
    arguments.extend(setup.volume_size.into_iter().flat_map(|size| flag("volume-bytes", size.to_string())));
    // For tests: a file that says at which steps Nimbus is to misbehave (`journal::FaultFile`).
    #[cfg(debug_assertions)]
    arguments.extend(std::env::var_os("VCLOUDEN_FAULTS").into_iter().flat_map(|file| flag("faults", file)));
    part(setup, "nimbus", None, arguments)
}
