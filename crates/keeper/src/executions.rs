//! Programs that clients run in the sandbox beside the application.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use sandbox::{Executed, Sandbox, SandboxSpec, Stdio};

use crate::application::status;
use crate::protocol::ExecEnded;
use crate::server::ClientId;

/// Programs at once.
const PROGRAMS: usize = 16;
/// Arguments of one; their bytes are limited with the request.
const ARGUMENTS: usize = 1024;

/// The programs that run.
#[derive(Default)]
pub(crate) struct Executions {
    running: Vec<Execution>,
}

struct Execution {
    /// Who waits for it, if it still does.
    client: ClientId,
    /// The keeper's child that stands for it.
    pid: Option<u32>,
    executed: Executed,
}

impl Executions {
    /// Starts `command` for `client` in `sandbox`; an error for people when that cannot be.
    pub(crate) fn begin(
        &mut self,
        client: ClientId,
        sandbox: Option<&Sandbox>,
        spec: &SandboxSpec,
        command: &[String],
        descriptors: Vec<OwnedFd>,
    ) -> Result<(), String> {
        let sandbox = sandbox.ok_or("the application is not running, so nothing can be run beside it")?;
        let [stdin, stdout, stderr] = <[OwnedFd; 3]>::try_from(descriptors)
            .map_err(|got| format!("three descriptors must come with the request; {} came", got.len()))?;
        if command.is_empty() || command.len() > ARGUMENTS {
            return Err(format!("a command has 1 to {ARGUMENTS} words"));
        }
        if self.running.len() >= PROGRAMS {
            return Err(format!("{PROGRAMS} programs are being run already; try again when one has ended"));
        }
        let executed = sandbox.exec(spec, command, Stdio { stdin, stdout, stderr }).map_err(|e| e.to_string())?;
        self.running.push(Execution { client, pid: pid_of(executed.pidfd()), executed });
        Ok(())
    }

    /// What to wait for.
    pub(crate) fn interests(&self) -> impl Iterator<Item = (ClientId, BorrowedFd<'_>)> {
        self.running.iter().map(|one| (one.client, one.executed.pidfd()))
    }

    /// Whether the keeper's child `pid` is one of them, as far as is known.
    pub(crate) fn has(&self, pid: u32) -> bool {
        self.running.iter().any(|one| one.pid.is_none_or(|its| its == pid))
    }

    /// The program of `client` ended: reaps it.
    pub(crate) fn ended(&mut self, client: ClientId) -> Option<ExecEnded> {
        let index = self.running.iter().position(|one| one.client == client)?;
        Some(reap(self.running.swap_remove(index).executed))
    }

    /// `client` is gone: its program, if it has one, is killed, and reaped when it is dead.
    pub(crate) fn abandon(&mut self, client: ClientId) {
        for one in self.running.iter().filter(|one| one.client == client) {
            // One that cannot be killed has ended, and is reaped when its turn comes.
            let _ = one.executed.kill();
        }
    }

    /// The sandbox died, and all of them with it.
    pub(crate) fn end_all(&mut self) -> Vec<(ClientId, ExecEnded)> {
        self.running.drain(..).map(|one| (one.client, reap(one.executed))).collect()
    }
}

/// The process behind a pidfd: proc(5), `/proc/pid/fdinfo`.
fn pid_of(pidfd: BorrowedFd<'_>) -> Option<u32> {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd())).ok()?;
    info.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok())
}

fn reap(mut executed: Executed) -> ExecEnded {
    match executed.wait() {
        Ok(exit) => ExecEnded { status: status(exit), error: None },
        Err(error) => ExecEnded { status: 127, error: Some(error.to_string()) },
    }
}
