//! Programs that clients run in the sandbox beside the application.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::sys::signal::Signal;
use sandbox::{Executed, Sandbox, SandboxError, SandboxSpec, Stdio, TerminalSize};

use crate::application::status;
use crate::protocol::ExecEnded;
use crate::server::ClientId;

/// Programs at once.
const PROGRAMS: usize = 16;
/// Arguments of one; their bytes are limited with the request.
const ARGUMENTS: usize = 1024;
/// How long programs have from the hang-up of their terminal to SIGKILL.
const HANG_UP: Duration = Duration::from_secs(1);

/// The programs that run.
#[derive(Default)]
pub(crate) struct Executions {
    running: Vec<Execution>,
    /// The sessions of terminals that were hung up, and when what is left of them is killed.
    hung_up: Vec<(u32, Duration)>,
}

struct Execution {
    /// Who waits for it, if it still does.
    client: ClientId,
    executed: Executed,
    /// The session that it leads, when it has a terminal.
    session: Option<u32>,
}

impl Executions {
    /// Starts `command` for `client` in `sandbox`; the master side of its terminal, if it is to have one; an error for
    /// people when that cannot be.
    pub(crate) fn begin(
        &mut self,
        client: ClientId,
        (sandbox, spec): (Option<&Sandbox>, &SandboxSpec),
        command: &[String],
        terminal: Option<TerminalSize>,
        descriptors: Vec<OwnedFd>,
    ) -> Result<Option<OwnedFd>, String> {
        let sandbox = sandbox.ok_or("the application is not running, so nothing can be run beside it")?;
        if command.is_empty() || command.len() > ARGUMENTS {
            return Err(format!("a command has 1 to {ARGUMENTS} words"));
        }
        if self.running.len() >= PROGRAMS {
            return Err(format!("{PROGRAMS} programs are being run already; try again when one has ended"));
        }
        let failed = |error: SandboxError| error.to_string();
        if let Some(size) = terminal {
            let (executed, master) = sandbox.exec_in_terminal(spec, command, size).map_err(failed)?;
            self.running.push(Execution { client, session: executed.program_pid(), executed });
            return Ok(Some(master));
        }
        let [stdin, stdout, stderr] = <[OwnedFd; 3]>::try_from(descriptors)
            .map_err(|got| format!("three descriptors must come with the request; {} came", got.len()))?;
        let executed = sandbox.exec(spec, command, Stdio { stdin, stdout, stderr }).map_err(failed)?;
        self.running.push(Execution { client, session: None, executed });
        Ok(None)
    }

    /// What to wait for.
    pub(crate) fn interests(&self) -> impl Iterator<Item = (ClientId, BorrowedFd<'_>)> {
        self.running.iter().map(|one| (one.client, one.executed.pidfd()))
    }

    /// Whether the keeper's child `pid` is one of them.
    pub(crate) fn has(&self, pid: u32) -> bool {
        self.running.iter().any(|one| one.executed.pid() == pid)
    }

    /// The program of `client` ended: reaps it, and hangs its terminal up.
    pub(crate) fn ended(&mut self, client: ClientId, sandbox: Option<&Sandbox>, now: Duration) -> Option<ExecEnded> {
        let index = self.running.iter().position(|one| one.client == client)?;
        let Execution { executed, session, .. } = self.running.swap_remove(index);
        self.hang_up(session, sandbox, now);
        Some(reap(executed))
    }

    /// `client` is gone: its program, if it has one, is killed or its terminal hung up, and reaped when it is dead.
    pub(crate) fn abandon(&mut self, client: ClientId, sandbox: Option<&Sandbox>, now: Duration) {
        let Some(one) = self.running.iter().find(|one| one.client == client) else { return };
        if one.session.is_some() {
            return self.hang_up(one.session, sandbox, now);
        }
        // One that cannot be killed has ended, and is reaped when its turn comes.
        let _ = one.executed.kill();
    }

    /// Tells the programs of a session that their terminal is gone.
    fn hang_up(&mut self, session: Option<u32>, sandbox: Option<&Sandbox>, now: Duration) {
        if let (Some(session), Some(sandbox)) = (session, sandbox)
            && !self.hung_up.iter().any(|(known, _)| *known == session)
        {
            // What cannot be told now is killed in a moment.
            let _ = sandbox.signal_session(session, Signal::SIGHUP as i32);
            // Those that are stopped hear it now.
            let _ = sandbox.signal_session(session, Signal::SIGCONT as i32);
            self.hung_up.push((session, now + HANG_UP));
        }
    }

    /// When [`Executions::act`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.hung_up.iter().map(|(_, kill_at)| *kill_at).min()
    }

    /// Kills what did not go when its terminal did.
    pub(crate) fn act(&mut self, sandbox: Option<&Sandbox>, now: Duration) {
        self.hung_up.retain(|(session, kill_at)| {
            let due = now >= *kill_at;
            if let Some(sandbox) = sandbox.filter(|_| due) {
                // Processes that cannot be listed end with the sandbox.
                let _ = sandbox.signal_session(*session, Signal::SIGKILL as i32);
            }
            !due
        });
    }

    /// The sandbox died, and all of them with it.
    pub(crate) fn end_all(&mut self) -> Vec<(ClientId, ExecEnded)> {
        self.hung_up.clear();
        self.running.drain(..).map(|one| (one.client, reap(one.executed))).collect()
    }
}

fn reap(mut executed: Executed) -> ExecEnded {
    match executed.wait() {
        Ok(exit) => ExecEnded { status: status(exit), error: None },
        Err(error) => ExecEnded { status: 127, error: Some(error.to_string()) },
    }
}
