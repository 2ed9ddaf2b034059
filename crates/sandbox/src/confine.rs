//! The order in which a process gives up what it can do, for the application's programs and for the guardians (the
//! first process of a sandbox, the parent of a program run in it).

use std::convert::Infallible;
use std::fs::File;
use std::io::IsTerminal;
use std::os::fd::AsFd;

use rustix::fs::Mode;
use rustix::process::{chdir, ioctl_tiocsctty, setsid, umask};

use crate::channel::Channel;
use crate::error::Step;
use crate::seccomp::{self, Filter};
use crate::stdio::Stdio;
use crate::{SandboxError, SandboxSpec};
use crate::{TerminalSize, apparmor, capabilities, command, ids, landlock, limits, signals, terminal};

/// The variable that says what kind of terminal it is, and what most are like.
const TERM: (&str, &str) = ("TERM", "xterm-256color");

/// What is decided before a process is cloned, since it could not find out by itself.
#[derive(Clone, Copy)]
pub(crate) struct Measures {
    filter: &'static Filter,
    /// Whether there is AppArmor's profile.
    profile: bool,
}

impl Measures {
    /// For the parent.
    pub(crate) fn now() -> Measures {
        Measures { filter: seccomp::filter(), profile: apparmor::is_loaded() }
    }

    /// For a process that will be a guardian, while it sees itself in `/proc`; for [`guardian`].
    pub(crate) fn door(self) -> Result<Option<File>, SandboxError> {
        if self.profile { apparmor::door().step("find AppArmor").map(Some) } else { Ok(None) }
    }
}

/// What a program reads and writes.
#[derive(Clone, Copy)]
pub(crate) enum Io<'a> {
    /// What somebody gave it.
    Given(&'a Stdio),
    /// A new terminal of that size, whose master side goes up the line.
    Terminal(TerminalSize),
}

impl Io<'_> {
    /// What goes up the line with the master side of a terminal.
    pub(crate) const MASTER: &'static [u8] = b"terminal";

    /// Makes it this process's standard input, output and error. A terminal becomes its controlling one.
    fn install(self, channel: &Channel) -> Result<(), SandboxError> {
        let opened;
        let stdio = match self {
            Io::Given(stdio) => stdio,
            Io::Terminal(size) => {
                let (master, stdio) = terminal::open(size)?;
                channel.send(Io::MASTER, &[master.as_fd()]).step("pass on the terminal")?;
                opened = stdio;
                &opened
            }
        };
        stdio.install().step("pass on standard input and output")?;
        if !stdio.stdin.is_terminal() {
            return Ok(());
        }
        match ioctl_tiocsctty(&stdio.stdin) {
            // It is another session's; the program can use it, without job control.
            Err(rustix::io::Errno::PERM) => Ok(()),
            other => other.step("take over the terminal"),
        }
    }
}

/// Becomes the program, with nothing but what a program in a sandbox may have. When it is `tied` it dies with the
/// process that started it.
pub(crate) fn program(
    spec: &SandboxSpec,
    words: &[String],
    io: Io<'_>,
    channel: &Channel,
    measures: Measures,
    tied: bool,
) -> Result<Infallible, SandboxError> {
    umask(Mode::from_raw_mode(0o022));
    setsid().step("begin a session")?;
    limits::apply().step("limit the process")?;
    let rules = landlock::Rules::new(spec.data.as_ref().map(|(_, at)| at.as_str())).step("make Landlock's rules")?;
    capabilities::drop_bounding().step("give up capabilities")?;
    ids::become_user(spec.uid, spec.gid).step("become the application's user")?;
    // As that user, to whom a new terminal then belongs.
    io.install(channel)?;
    capabilities::drop_all().step("give up capabilities")?;
    if tied {
        // After the change of user, which undoes it.
        signals::die_with_parent().step("tie the program to its parent")?;
    }
    let environment = command::environment(spec, matches!(io, Io::Terminal(_)).then_some(TERM))?;
    let candidates = command::candidates(words, spec)?;
    chdir(&spec.directory).map_err(|error| {
        SandboxError::Command(format!(
            "the working directory `{}` cannot be entered: {}",
            spec.directory,
            std::io::Error::from(error)
        ))
    })?;
    if measures.profile {
        apparmor::enter_on_execute().step("put AppArmor's profile in force")?;
    }
    rules.apply().step("put Landlock in force")?;
    signals::block_all(false).step("unblock signals")?;
    measures.filter.apply().step("put the system call filter in force")?;
    Err(command::execute(&candidates, words, &environment)?)
}

/// Keeps nothing but what it takes to wait for processes and to signal them.
pub(crate) fn guardian(spec: &SandboxSpec, measures: Measures, door: Option<File>) -> Result<(), SandboxError> {
    capabilities::drop_bounding().step("give up capabilities")?;
    ids::become_user(spec.uid, spec.gid).step("become the application's user")?;
    capabilities::drop_all().step("give up capabilities")?;
    signals::hide_memory().step("hide memory")?;
    // After the change of user, which undoes it.
    signals::die_with_parent().step("tie the process to its parent")?;
    if let Some(door) = door {
        apparmor::enter(door).step("put AppArmor's profile in force")?;
    }
    measures.filter.apply().step("put the system call filter in force")
}
