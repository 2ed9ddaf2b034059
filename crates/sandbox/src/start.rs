//! Starting a sandbox: what its parent does, while [`crate::init`] does the rest from inside.

use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::pipe::{PipeFlags, pipe_with};

use crate::cgroup::Groups;
use crate::channel::{Channel, failure};
use crate::confine::Measures;
use crate::error::Step;
use crate::namespaces::{self, Cloned};
use crate::sandbox::Sandbox;
use crate::stdio::Stdio;
use crate::{SandboxError, SandboxSpec};
use crate::{check, detect, ids, init, network, root};

/// Starts a sandbox; returns when its program runs.
///
/// The caller must be single-threaded, for the sandbox's first process goes on in a copy of its memory. For a
/// specification with a network it must be in the namespace that [`network::enter`] made. When the caller dies,
/// everything in the sandbox is killed.
///
/// # Errors
/// What cannot be done, and why; nothing of the sandbox is left then.
pub fn start(spec: &SandboxSpec, stdio: Stdio) -> Result<Sandbox, SandboxError> {
    check::check(spec)?;
    let own_network = network::is_needed(spec)?;
    let stdio = stdio.prepare(spec).step("prepare standard input and output")?;
    let (ours, theirs) = Channel::pair()?;
    let (report, exit) = pipe_with(PipeFlags::CLOEXEC).step("make a pipe")?;
    let plan =
        init::Plan { spec, stdio: &stdio, measures: Measures::now(), channel: &theirs, exit: &exit, own_network };
    let groups = Groups::create(spec)?;
    let flags = namespaces::OWN | if own_network { libc::CLONE_NEWNET } else { 0 };
    let cloned = match namespaces::spawn(flags, groups.v2(), &theirs, || init::run(&plan)) {
        Ok(cloned) => cloned,
        Err(error) => {
            groups.remove()?;
            return Err(error).step("make a process in namespaces of its own").map_err(detect::explain);
        }
    };
    let Cloned { pid, pidfd } = cloned;
    let mut sandbox = Sandbox { pid, pidfd, report, groups, own_network, end: None, removed: false };
    drop((theirs, exit));
    match furnish(spec, &sandbox, &ours).and_then(|()| hear_out(&ours)) {
        Ok(()) => Ok(sandbox),
        Err(error) => {
            sandbox.clear()?;
            Err(detect::explain(error))
        }
    }
}

/// Gives the new process its ids, its mounts and its cgroups.
fn furnish(spec: &SandboxSpec, sandbox: &Sandbox, channel: &Channel) -> Result<(), SandboxError> {
    ids::map(sandbox.pid, spec.first_id).step("map the sandbox's ids")?;
    let users = File::open(format!("/proc/{}/ns/user", sandbox.pid)).step("open the sandbox's user namespace")?;
    let trees = root::trees(spec, users.as_fd())?;
    let passed: Vec<BorrowedFd<'_>> = trees.iter().map(AsFd::as_fd).collect();
    say(channel, b"mounts", &passed)?;
    // Meanwhile the new process puts its root together.
    sandbox.groups.complete(spec)?;
    let doors = sandbox.groups.doors()?;
    let passed: Vec<BorrowedFd<'_>> = doors.iter().map(AsFd::as_fd).collect();
    say(channel, b"groups", &passed)
}

/// Sends a message; when the process is gone, what it had to say about that is the error.
pub(crate) fn say(channel: &Channel, message: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<(), SandboxError> {
    match channel.send(message, descriptors) {
        Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
            hear_out(channel)?;
            Err(SandboxError::Ended)
        }
        other => other.step("talk to the sandbox's first process"),
    }
}

/// Waits until the line is closed; a message is a failure.
pub(crate) fn hear_out(channel: &Channel) -> Result<(), SandboxError> {
    let (message, _) = channel.receive().step("hear from the sandbox's first process")?;
    if message.is_empty() { Ok(()) } else { Err(failure(&message)) }
}
