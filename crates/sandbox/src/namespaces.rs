//! Layer: namespaces. One `clone3` moves a new process into all of them at once, and into its cgroup.
//!
//! The caller must be single-threaded: the new process goes on in a copy of the caller's memory, and a lock that another
//! thread held (the allocator's, say) would stay locked there for ever.
#![allow(unsafe_code)]

use std::convert::Infallible;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::SandboxError;
use crate::channel::Channel;
use crate::error::checked;

/// The namespaces that every sandbox has of its own. The cgroup namespace follows when it is in its cgroups; the
/// network namespace is its keeper's, see [`crate::network`].
pub(crate) const OWN: libc::c_int =
    libc::CLONE_NEWUSER | libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;

/// From linux/sched.h; not in the C library.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// A process that was cloned, as its parent sees it.
pub(crate) struct Cloned {
    /// Its process id, valid until it is reaped.
    pub(crate) pid: u32,
    /// Refers to it for ever, unlike the process id.
    pub(crate) pidfd: OwnedFd,
}

/// Clones a process that runs `body` and never returns from it; a failure, or a panic, goes to `channel`.
/// With `cgroup` it starts its life in that group of cgroup v2.
pub(crate) fn spawn(
    flags: libc::c_int,
    cgroup: Option<BorrowedFd<'_>>,
    channel: &Channel,
    body: impl FnOnce() -> Result<Infallible, SandboxError>,
) -> io::Result<Cloned> {
    let mut pidfd: libc::c_int = -1;
    // SAFETY: all zero is a valid clone_args; it is plain integers.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    let bits = (flags | libc::CLONE_PIDFD) as u32;
    arguments.flags = u64::from(bits);
    arguments.exit_signal = libc::SIGCHLD as u64;
    arguments.pidfd = &raw mut pidfd as u64;
    if let Some(group) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = group.as_raw_fd() as u64;
    }
    // SAFETY: without CLONE_VM the child gets a copy of this single-threaded process; `pidfd` outlives the call.
    let pid = checked(unsafe { libc::syscall(libc::SYS_clone3, &raw mut arguments, size_of::<libc::clone_args>()) })?;
    if pid == 0 {
        // A panic must not unwind into the caller's code, of which there would then be two.
        match catch_unwind(AssertUnwindSafe(body)) {
            Ok(Ok(never)) => match never {},
            Ok(Err(failure)) => channel.report(&failure),
            Err(_) => channel.report(&SandboxError::Command("a panic while preparing the sandbox".to_owned())),
        }
        leave(127);
    }
    // SAFETY: the kernel stored a new descriptor there, which nobody else knows.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Cloned { pid: u32::try_from(pid).unwrap_or(0), pidfd })
}

/// Ends this process at once, without running anything that was registered for the exit of the program it is a copy of.
pub(crate) fn leave(status: i32) -> ! {
    // SAFETY: _exit has no preconditions and does not return.
    unsafe { libc::_exit(status) }
}

/// Moves into a namespace of its own of the given kind.
pub(crate) fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: none of the flags used shares or unshares memory or descriptors.
    checked(libc::c_long::from(unsafe { libc::unshare(flags) })).map(drop)
}

/// Moves into the given namespaces of the process behind `pidfd`.
pub(crate) fn enter(pidfd: BorrowedFd<'_>, flags: libc::c_int) -> io::Result<()> {
    // SAFETY: changes only what this process belongs to.
    checked(libc::c_long::from(unsafe { libc::setns(pidfd.as_raw_fd(), flags) })).map(drop)
}
