//! The order in which a process gives up what it can do, for the application's programs and for the guardians (the
//! first process of a sandbox, the parent of a program run in it).

use std::convert::Infallible;
use std::io::IsTerminal;

use rustix::fs::Mode;
use rustix::process::{chdir, ioctl_tiocsctty, setsid, umask};

use crate::error::Step;
use crate::seccomp::Filter;
use crate::stdio::Stdio;
use crate::{SandboxError, SandboxSpec};
use crate::{capabilities, command, ids, landlock, limits, signals};

/// Becomes the program, with nothing but what a program in a sandbox may have. When it is `tied` it dies with the
/// process that started it.
pub(crate) fn program(
    spec: &SandboxSpec,
    words: &[String],
    stdio: &Stdio,
    filter: &Filter,
    tied: bool,
) -> Result<Infallible, SandboxError> {
    stdio.install().step("pass on standard input and output")?;
    umask(Mode::from_raw_mode(0o022));
    setsid().step("begin a session")?;
    if stdio.stdin.is_terminal() {
        match ioctl_tiocsctty(&stdio.stdin) {
            // It is another session's; the program can use it, without job control.
            Err(rustix::io::Errno::PERM) => {}
            other => other.step("take over the terminal")?,
        }
    }
    limits::apply().step("limit the process")?;
    let rules = landlock::Rules::new(spec.data.as_ref().map(|(_, at)| at.as_str())).step("make Landlock's rules")?;
    capabilities::drop_bounding().step("give up capabilities")?;
    ids::become_user(spec.uid, spec.gid).step("become the application's user")?;
    capabilities::drop_all().step("give up capabilities")?;
    if tied {
        // After the change of user, which undoes it.
        signals::die_with_parent().step("tie the program to its parent")?;
    }
    let environment = command::environment(spec)?;
    let candidates = command::candidates(words, spec)?;
    chdir(&spec.directory).map_err(|error| {
        SandboxError::Command(format!(
            "the working directory `{}` cannot be entered: {}",
            spec.directory,
            std::io::Error::from(error)
        ))
    })?;
    rules.apply().step("put Landlock in force")?;
    signals::block_all(false).step("unblock signals")?;
    filter.apply().step("put the system call filter in force")?;
    Err(command::execute(&candidates, words, &environment)?)
}

/// Keeps nothing but what it takes to wait for processes and to signal them.
pub(crate) fn guardian(spec: &SandboxSpec, filter: &Filter) -> Result<(), SandboxError> {
    capabilities::drop_bounding().step("give up capabilities")?;
    ids::become_user(spec.uid, spec.gid).step("become the application's user")?;
    capabilities::drop_all().step("give up capabilities")?;
    signals::hide_memory().step("hide memory")?;
    // After the change of user, which undoes it.
    signals::die_with_parent().step("tie the process to its parent")?;
    filter.apply().step("put the system call filter in force")
}
