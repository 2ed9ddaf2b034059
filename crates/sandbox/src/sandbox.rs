//! A running sandbox, as its parent sees it.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};

use crate::SandboxError;
use crate::cgroup::Groups;
use crate::error::Step;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this exit status.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Exit {
    pub(crate) fn of(code: Option<i32>, signal: Option<i32>) -> Exit {
        match (code, signal) {
            (Some(code), _) => Exit::Code(code),
            (None, signal) => Exit::Signal(signal.unwrap_or(libc::SIGKILL)),
        }
    }

    pub(crate) fn encode(self) -> [u8; 5] {
        let (kind, value) = match self {
            Exit::Code(code) => (b'c', code),
            Exit::Signal(signal) => (b's', signal),
        };
        let [a, b, c, d] = value.to_ne_bytes();
        [kind, a, b, c, d]
    }

    fn decode(bytes: [u8; 5]) -> Exit {
        let [kind, a, b, c, d] = bytes;
        let value = i32::from_ne_bytes([a, b, c, d]);
        if kind == b'c' { Exit::Code(value) } else { Exit::Signal(value) }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exit status {code}"),
            Exit::Signal(number) => match signal_name(*number) {
                Some(name) => write!(f, "killed by {name}"),
                None => write!(f, "killed by signal {number}"),
            },
        }
    }
}

fn signal_name(number: i32) -> Option<&'static str> {
    Some(match number {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        libc::SIGSYS => "SIGSYS",
        _ => return None,
    })
}

/// A running sandbox. It must be waited for and then removed; when it is dropped instead it is killed and removed.
pub struct Sandbox {
    pub(crate) pid: u32,
    pub(crate) pidfd: OwnedFd,
    /// Where its first process writes how the application ended.
    pub(crate) report: OwnedFd,
    pub(crate) groups: Groups,
    /// Whether it has a network namespace that its parent is not in.
    pub(crate) own_network: bool,
    pub(crate) end: Option<Exit>,
    pub(crate) removed: bool,
}

impl Sandbox {
    /// Process id of its first process, as the server sees it.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Becomes readable when it has ended.
    #[must_use]
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Sends a signal to the application; SIGKILL to everything in the sandbox. SIGSTOP and SIGCHLD cannot be passed on.
    ///
    /// # Errors
    /// [`SandboxError::Ended`], or a signal that does not exist or cannot be passed on.
    pub fn signal(&self, signal: i32) -> Result<(), SandboxError> {
        if matches!(signal, libc::SIGSTOP | libc::SIGCHLD) {
            return Err(SandboxError::Specification(format!("signal {signal} cannot be passed on into a sandbox")));
        }
        send(self.pidfd(), signal)
    }

    /// Kills everything in it at once.
    ///
    /// # Errors
    /// When the kernel refuses. That it has ended already is none.
    pub fn kill(&self) -> Result<(), SandboxError> {
        match send(self.pidfd(), libc::SIGKILL) {
            Ok(()) | Err(SandboxError::Ended) => self.groups.kill(),
            other => other,
        }
    }

    /// Waits until it has ended and says how the application did; again and again if asked.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn wait(&mut self) -> Result<Exit, SandboxError> {
        loop {
            if let Some(exit) = self.reap(WaitIdOptions::EXITED)? {
                return Ok(exit);
            }
        }
    }

    /// How the application ended, if it has.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn try_wait(&mut self) -> Result<Option<Exit>, SandboxError> {
        self.reap(WaitIdOptions::EXITED | WaitIdOptions::NOHANG)
    }

    /// Bytes of memory it uses.
    #[must_use]
    pub fn memory_used(&self) -> Option<u64> {
        self.groups.memory_used()
    }

    /// Whether the kernel killed something in it for want of memory. Not known any more after [`Sandbox::remove`].
    #[must_use]
    pub fn was_oom_killed(&self) -> bool {
        self.groups.was_oom_killed()
    }

    /// Kills what is left of it and removes its cgroups.
    ///
    /// # Errors
    /// When a process cannot be killed within ten seconds, or a group cannot be removed.
    pub fn remove(mut self) -> Result<(), SandboxError> {
        self.clear()
    }

    pub(crate) fn clear(&mut self) -> Result<(), SandboxError> {
        self.removed = true;
        if self.end.is_none() {
            self.kill()?;
            self.wait()?;
        }
        self.groups.remove()
    }

    fn reap(&mut self, options: WaitIdOptions) -> Result<Option<Exit>, SandboxError> {
        if self.end.is_none()
            && let Some(of_first) = reap(self.pidfd(), options)?
        {
            let mut bytes = [0; 5];
            // It ended without a word only if it was killed, or for a reason of its own.
            let told = rustix::io::read(&self.report, &mut bytes).is_ok_and(|got| got == bytes.len());
            self.end = Some(if told { Exit::decode(bytes) } else { of_first });
        }
        Ok(self.end)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if !self.removed {
            // Nobody is left to be told.
            let _ = self.clear();
        }
    }
}

/// Sends a signal to the process behind a descriptor.
pub(crate) fn send(pidfd: BorrowedFd<'_>, signal: i32) -> Result<(), SandboxError> {
    let Some(signal) = Signal::from_named_raw(signal) else {
        return Err(SandboxError::Specification(format!("there is no signal {signal}")));
    };
    match pidfd_send_signal(pidfd, signal) {
        Err(Errno::SRCH) => Err(SandboxError::Ended),
        other => other.step("signal the sandbox"),
    }
}

/// Reaps the child behind a descriptor if it has ended.
pub(crate) fn reap(pidfd: BorrowedFd<'_>, options: WaitIdOptions) -> Result<Option<Exit>, SandboxError> {
    match waitid(WaitId::PidFd(pidfd), options) {
        Ok(status) => Ok(status.map(|status| Exit::of(status.exit_status(), status.terminating_signal()))),
        Err(Errno::INTR) => Ok(None),
        // Something else of the caller's reaped it.
        Err(Errno::CHILD) => Ok(Some(Exit::Signal(libc::SIGKILL))),
        Err(error) => Err(io::Error::from(error)).step("wait for the sandbox"),
    }
}
