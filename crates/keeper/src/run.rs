//! The keeper's process: what it does before its loop, and the status with which it ends.

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use sandbox::{SandboxError, network};

use crate::application::signals;
use crate::directory;
use crate::error::{KeeperError, Result};
use crate::executions::Executions;
use crate::health::Health;
use crate::keep::{Keeper, first_status};
use crate::logs::Logs;
use crate::policy::Policy;
use crate::server::Server;

/// Exit status when something failed that the operating system should not have refused (`EX_OSERR`).
pub const EXIT_FAILED: u8 = 71;
/// Exit status when another keeper has the directory (`EX_TEMPFAIL`).
pub const EXIT_LOCKED: u8 = 75;
/// Exit status when the specification cannot be used (`EX_CONFIG`).
pub const EXIT_SPEC: u8 = 78;

/// Keeps the installation whose keeper's directory is `dir`, until it is stopped. Call it first thing in `main`: the
/// process must be single-threaded and is not good for anything else afterwards.
///
/// What goes wrong before the socket is there is said on standard error and by the exit status. From then on standard
/// input, output and error are closed, and everything is said in the log and on the socket.
pub fn run(dir: &Path) -> ExitCode {
    let Err(error) = keep(dir) else { return ExitCode::SUCCESS };
    eprintln!("keeper: {error}");
    ExitCode::from(match error {
        KeeperError::Locked { .. } => EXIT_LOCKED,
        KeeperError::Spec { .. } => EXIT_SPEC,
        _ => EXIT_FAILED,
    })
}

fn keep(dir: &Path) -> Result<()> {
    let dir = dir.canonicalize().map_err(KeeperError::io(&format!("cannot find {}", dir.display())))?;
    // Refused to the leader of a process group, who stays in its session: Ctrl-C and hang-up are ignored anyway.
    let _ = rustix::process::setsid();
    let lock = directory::lock(&dir)?;
    let spec = directory::read_spec(&dir)?;
    let signals = signals()?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(KeeperError::io("cannot adopt orphans"))?;
    let server = Server::listen(&dir)?;
    detach()?;
    let address = spec.sandbox.network.as_ref().map_or(Ipv4Addr::LOCALHOST, |network| network.address);
    let home =
        File::open("/proc/self/ns/net").map_err(KeeperError::io("cannot open the server's network namespace"))?;
    let mut keeper = Keeper {
        lock,
        home: home.into(),
        signals,
        server,
        logs: Logs::open(spec.logs.clone(), spec.log_bytes, spec.log_files),
        policy: Policy::new(
            spec.health.as_ref().map(|health| Duration::from_millis(health.start_timeout_ms)),
            spec.trial,
        ),
        health: spec.health.as_ref().map(|health| Health::new(health, address)),
        begin: Instant::now(),
        application: None,
        executions: Executions::default(),
        ending: None,
        ran: false,
        killed_for: None,
        status: first_status(),
        dir,
        spec,
    };
    if let Err((what, error)) = prepare(&keeper) {
        // It stays and says so: whoever waits for the application learns why it does not come.
        let last_exit = format!("could not be started: {what}: {error}");
        keeper.remark(&last_exit);
        keeper.status.last_exit = Some(last_exit);
        keeper.policy.give_up();
    }
    keeper.run()
}

/// Removes what a former keeper of this installation may have left, and makes the network.
fn prepare(keeper: &Keeper) -> Result<(), (&'static str, SandboxError)> {
    let spec = &keeper.spec.sandbox;
    sandbox::sweep(&spec.name).map_err(|error| ("a former sandbox cannot be removed", error))?;
    match &spec.network {
        Some(spec) => {
            network::remove(&spec.interface).map_err(|error| ("a former network cannot be removed", error))?;
            network::enter(spec)
        }
        None => network::enter_loopback_only(),
    }
    .map_err(|error| ("its network cannot be made", error))
}

/// Lets go of whatever the caller gave: a terminal, a pipe that somebody reads to its end, a directory on a volume.
fn detach() -> Result<()> {
    let detach = || -> std::io::Result<()> {
        let null = File::options().read(true).write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdin(&null)?;
        rustix::stdio::dup2_stdout(&null)?;
        rustix::stdio::dup2_stderr(&null)?;
        std::env::set_current_dir("/")
    };
    detach().map_err(KeeperError::io("cannot detach from the caller"))
}
