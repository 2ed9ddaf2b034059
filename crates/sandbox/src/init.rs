//! The first process of a sandbox. It builds the sandbox from inside, starts the application, and stays as its parent:
//! it passes signals on (a first process that is the application itself would ignore those it has no handler for),
//! reaps orphans, and ends with the application, whereupon the kernel kills the rest.
//!
//! It is a copy of the keeper that never executes anything, so it costs next to no memory, and it ends up as confined
//! as the application.

use std::convert::Infallible;
use std::os::fd::{AsFd, OwnedFd};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, setsid, wait};

use crate::channel::Channel;
use crate::confine::{Io, Measures};
use crate::error::Step;
use crate::stdio::{self, Stdio};
use crate::{Exit, SandboxError, SandboxSpec};
use crate::{cgroup, confine, ids, namespaces, network, root, signals, title};

/// What it needs to know.
pub(crate) struct Plan<'a> {
    pub(crate) spec: &'a SandboxSpec,
    pub(crate) stdio: &'a Stdio,
    pub(crate) measures: Measures,
    /// The line to the parent.
    pub(crate) channel: &'a Channel,
    /// Where the application's end is written.
    pub(crate) exit: &'a OwnedFd,
    /// Whether it has a network namespace of its own instead of its parent's.
    pub(crate) own_network: bool,
}

/// Runs as the first process.
pub(crate) fn run(plan: &Plan<'_>) -> Result<Infallible, SandboxError> {
    signals::reset_actions();
    signals::block_all(true).step("block signals")?;
    signals::hide_memory().step("hide memory")?;
    title::replace().step("hide the keeper's command line")?;
    let (_, trees) = hear(plan.channel)?;
    ids::become_user(0, 0).step("become the sandbox's root")?;
    setsid().step("begin a session")?;
    if plan.own_network {
        network::bring_up_loopback()?;
    }
    root::build(plan.spec, trees)?;
    rustix::system::sethostname(plan.spec.hostname.as_bytes()).step("set the host name")?;
    let (_, doors) = hear(plan.channel)?;
    cgroup::enter(doors)?;
    // Its cgroups become the root of what it can see of them.
    namespaces::unshare(libc::CLONE_NEWCGROUP).step("make a cgroup namespace")?;

    let signals = signals::descriptor().step("receive signals")?;
    let program =
        || confine::program(plan.spec, &plan.spec.command, Io::Given(plan.stdio), plan.channel, plan.measures, false);
    let application = namespaces::spawn(0, None, plan.channel, program).step("make the application's process")?;
    stdio::close_all_but(&[signals.as_fd(), plan.exit.as_fd(), plan.channel.as_fd()]).step("close descriptors")?;
    // Its descriptor is closed already, and must not be closed again.
    std::mem::forget(application.pidfd);
    confine::guardian(plan.spec, plan.measures, plan.measures.door()?)?;
    if plan.channel.is_closed() {
        // The parent died before this process asked to die with it.
        namespaces::leave(1);
    }
    // The line stays open until the application's copy of it is closed by its execution.
    stdio::close_all_but(&[signals.as_fd(), plan.exit.as_fd()]).step("close descriptors")?;
    let end = guard(application.pid, &signals);
    let _ = rustix::io::write(plan.exit, &end.encode());
    namespaces::leave(0)
}

/// Waits for the application's end.
fn guard(application: u32, signals: &OwnedFd) -> Exit {
    let application = i32::try_from(application).ok().and_then(Pid::from_raw);
    loop {
        let signal = match signals::next(signals) {
            Ok(signal) => signal,
            // Cannot happen; the sandbox cannot be looked after any more.
            Err(_) => return Exit::Signal(libc::SIGKILL),
        };
        if signal == libc::SIGCHLD {
            while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
                if Some(pid) == application {
                    return Exit::of(status.exit_status(), status.terminating_signal());
                }
            }
        } else if let (Some(pid), Some(signal)) = (application, Signal::from_named_raw(signal)) {
            // It may have ended; then SIGCHLD comes next.
            let _ = kill_process(pid, signal);
        }
    }
}

/// The next message of the parent, which may be gone.
fn hear(channel: &Channel) -> Result<(Vec<u8>, Vec<OwnedFd>), SandboxError> {
    let message = channel.receive().step("hear from the keeper")?;
    if message.0.is_empty() { Err(SandboxError::Ended) } else { Ok(message) }
}
