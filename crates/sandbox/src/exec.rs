//! Running one more program in a sandbox, confined exactly as its application is.
//!
//! A helper joins the sandbox's cgroups and namespaces, starts the program and stays its parent, because a process
//! enters a pid namespace only by being born there. The helper, and not the keeper, must reap the program: the kernel
//! lets a sandbox's first process end only when every process in it is reaped. For the same reason it is never killed
//! while it has a program: that would be left to the server's first process, which takes its time.

use std::convert::Infallible;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::channel::{Channel, failure};
use crate::confine::{Io, Measures};
use crate::error::Step;
use crate::namespaces::{self, Cloned};
use crate::sandbox::{self, Exit, Sandbox};
use crate::start::say;
use crate::stdio::{self, Stdio};
use crate::{SandboxError, SandboxSpec, TerminalSize};
use crate::{cgroup, check, confine, signals, title};

/// A program that was started by [`Sandbox::exec`]. When it is dropped before it was waited for, it is killed.
pub struct Executed {
    pid: u32,
    helper: OwnedFd,
    program: OwnedFd,
    end: Option<Exit>,
}

impl Sandbox {
    /// Runs a program in the sandbox; returns when it runs. `spec` is the one that the sandbox was started with. A
    /// terminal as standard input becomes its controlling terminal. The program ends with the sandbox, with the
    /// caller, or by itself, in its own time.
    ///
    /// The caller must be single-threaded, as for [`crate::start`].
    ///
    /// # Errors
    /// Like those of [`crate::start`]; [`SandboxError::Ended`] when the sandbox is not running any more.
    pub fn exec(&self, spec: &SandboxSpec, command: &[String], stdio: Stdio) -> Result<Executed, SandboxError> {
        let stdio = stdio.prepare(spec).step("prepare standard input and output")?;
        Ok(self.launch(spec, command, Io::Given(&stdio))?.0)
    }

    /// The same in a new terminal of the sandbox, which is the program's standard input, output and error and its
    /// controlling terminal. Whoever closes its master side, the second of the answer, hangs up.
    ///
    /// # Errors
    /// Like those of [`Sandbox::exec`].
    pub fn exec_in_terminal(
        &self,
        spec: &SandboxSpec,
        command: &[String],
        size: TerminalSize,
    ) -> Result<(Executed, OwnedFd), SandboxError> {
        let (executed, master) = self.launch(spec, command, Io::Terminal(size))?;
        Ok((executed, master.ok_or(SandboxError::Ended)?))
    }

    /// With the master side of its terminal, if it gets one.
    fn launch(
        &self,
        spec: &SandboxSpec,
        command: &[String],
        io: Io<'_>,
    ) -> Result<(Executed, Option<OwnedFd>), SandboxError> {
        check::check_command(command)?;
        let (ours, theirs) = Channel::pair()?;
        let mut spaces = namespaces::OWN | libc::CLONE_NEWCGROUP;
        if self.own_network {
            spaces |= libc::CLONE_NEWNET;
        }
        let plan =
            Plan { spec, command, io, measures: Measures::now(), channel: &theirs, sandbox: self.pidfd(), spaces };
        let Cloned { pid, pidfd: helper } =
            namespaces::spawn(0, self.groups.v2(), &theirs, || plan.run()).step("make a process")?;
        drop(theirs);
        let started = self.admit(&ours).and_then(|()| started(&ours));
        match started {
            Ok((program, master)) => Ok((Executed { pid, helper, program, end: None }, master)),
            Err(error) => {
                // It sees the line closed, reaps its program if it has one, and ends.
                drop(ours);
                await_helper(&helper)?;
                Err(error)
            }
        }
    }

    /// Lets the helper into the sandbox's cgroups.
    fn admit(&self, channel: &Channel) -> Result<(), SandboxError> {
        let doors = self.groups.doors()?;
        let passed: Vec<BorrowedFd<'_>> = doors.iter().map(AsFd::as_fd).collect();
        say(channel, b"groups", &passed)
    }
}

/// The program's descriptor and the master side of its terminal, if it has one, come up the line, in any order, then the
/// line's end; or a failure comes.
fn started(channel: &Channel) -> Result<(OwnedFd, Option<OwnedFd>), SandboxError> {
    let (mut program, mut master) = (None, None);
    loop {
        let (message, mut descriptors) = channel.receive().step("hear from the program's parent")?;
        match (message.as_slice(), descriptors.pop()) {
            ([], _) => return program.map(|program| (program, master)).ok_or(SandboxError::Ended),
            (Io::MASTER, descriptor @ Some(_)) => master = descriptor,
            (_, descriptor @ Some(_)) => program = descriptor,
            (message, None) => return Err(failure(message)),
        }
    }
}

fn await_helper(helper: &OwnedFd) -> Result<Exit, SandboxError> {
    loop {
        if let Some(exit) = sandbox::reap(helper.as_fd(), WaitIdOptions::EXITED)? {
            return Ok(exit);
        }
    }
}

impl Executed {
    /// Process id, on the server, of the caller's child that stands for it.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The program's own process id on the server, while it runs: see proc(5), `/proc/pid/fdinfo`.
    #[must_use]
    pub fn program_pid(&self) -> Option<u32> {
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", self.program.as_raw_fd())).ok()?;
        info.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok())
    }

    /// Becomes readable when the program has ended.
    #[must_use]
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.helper.as_fd()
    }

    /// Sends a signal to the program.
    ///
    /// # Errors
    /// [`SandboxError::Ended`] when it has ended, or a signal that does not exist.
    pub fn signal(&self, signal: i32) -> Result<(), SandboxError> {
        sandbox::send(self.program.as_fd(), signal)
    }

    /// Kills it.
    ///
    /// # Errors
    /// When the kernel refuses. That it has ended already is none.
    pub fn kill(&self) -> Result<(), SandboxError> {
        match self.signal(libc::SIGKILL) {
            Err(SandboxError::Ended) => Ok(()),
            other => other,
        }
    }

    /// Waits until it has ended and says how; again and again if asked.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn wait(&mut self) -> Result<Exit, SandboxError> {
        match self.end {
            Some(exit) => Ok(exit),
            None => Ok(*self.end.insert(await_helper(&self.helper)?)),
        }
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn try_wait(&mut self) -> Result<Option<Exit>, SandboxError> {
        if self.end.is_none() {
            self.end = sandbox::reap(self.helper.as_fd(), WaitIdOptions::EXITED | WaitIdOptions::NOHANG)?;
        }
        Ok(self.end)
    }
}

impl Drop for Executed {
    fn drop(&mut self) {
        if self.end.is_none() {
            // Nobody is left to be told. The helper is not killed but follows: it must reap its program.
            let _ = self.kill().and_then(|()| self.wait());
        }
    }
}

/// What the helper needs to know.
struct Plan<'a> {
    spec: &'a SandboxSpec,
    command: &'a [String],
    io: Io<'a>,
    measures: Measures,
    channel: &'a Channel,
    /// The sandbox's first process.
    sandbox: BorrowedFd<'a>,
    /// The namespaces to join.
    spaces: libc::c_int,
}

impl Plan<'_> {
    /// Runs as the helper.
    fn run(&self) -> Result<Infallible, SandboxError> {
        signals::reset_actions();
        signals::block_all(true).step("block signals")?;
        signals::hide_memory().step("hide memory")?;
        title::replace().step("hide the keeper's command line")?;
        let (message, doors) = self.channel.receive().step("hear from the keeper")?;
        if message.is_empty() {
            return Err(SandboxError::Ended);
        }
        cgroup::enter(doors)?;
        let door = self.measures.door()?;
        match namespaces::enter(self.sandbox, self.spaces) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Err(SandboxError::Ended),
            other => other.step("join the sandbox's namespaces")?,
        }
        let program = namespaces::spawn(0, None, self.channel, || {
            confine::program(self.spec, self.command, self.io, self.channel, self.measures, true)
        })
        .map_err(ended_meanwhile)?;
        if let Err(error) = self.watch(&program.pidfd, door) {
            let _ = sandbox::send(program.pidfd.as_fd(), libc::SIGKILL);
            await_end(&program.pidfd);
            return Err(error);
        }
        pass_on(await_end(&program.pidfd))
    }

    /// Becomes nothing but the program's parent.
    fn watch(&self, program: &OwnedFd, door: Option<File>) -> Result<(), SandboxError> {
        self.channel.send(b"program", &[program.as_fd()]).step("report the program")?;
        let kept: Vec<_> =
            [program.as_fd(), self.channel.as_fd()].into_iter().chain(door.as_ref().map(AsFd::as_fd)).collect();
        stdio::close_all_but(&kept).step("close descriptors")?;
        confine::guardian(self.spec, self.measures, door)?;
        if self.channel.is_closed() {
            return Err(SandboxError::Ended);
        }
        stdio::close_all_but(&[program.as_fd()]).step("close descriptors")
    }
}

/// The kernel makes no process in a pid namespace whose first process has died.
fn ended_meanwhile(error: std::io::Error) -> SandboxError {
    match error.raw_os_error() {
        Some(libc::ENOMEM) => SandboxError::Ended,
        _ => SandboxError::System { step: "make the program's process".to_owned(), source: error },
    }
}

fn await_end(program: &OwnedFd) -> Exit {
    loop {
        match waitid(WaitId::PidFd(program.as_fd()), WaitIdOptions::EXITED) {
            Ok(Some(status)) => return Exit::of(status.exit_status(), status.terminating_signal()),
            Ok(None) | Err(Errno::INTR) => {}
            Err(_) => return Exit::Signal(libc::SIGKILL),
        }
    }
}

/// Ends the way the program ended, so that whoever reaps the helper learns it.
fn pass_on(end: Exit) -> ! {
    match end {
        Exit::Code(code) => namespaces::leave(code),
        Exit::Signal(signal) => {
            let _ = signals::block_all(false);
            if let Some(signal) = Signal::from_named_raw(signal) {
                let _ = kill_process(rustix::process::getpid(), signal);
            }
            namespaces::leave(128 + signal)
        }
    }
}
