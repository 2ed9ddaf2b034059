//! Standard input, output and error of a program in a sandbox.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Gid, Uid, fchown, fstat};
use rustix::io::fcntl_dupfd_cloexec;

use crate::SandboxSpec;
use crate::error::checked;

/// The three descriptors that a program begins with.
#[derive(Debug)]
pub struct Stdio {
    /// Descriptor 0.
    pub stdin: OwnedFd,
    /// Descriptor 1.
    pub stdout: OwnedFd,
    /// Descriptor 2.
    pub stderr: OwnedFd,
}

impl Stdio {
    /// Moves them out of the way of each other, and lets the application open pipes among them again by name
    /// (`/dev/stdout`, where many programs are told to log), which only their owner may.
    pub(crate) fn prepare(self, spec: &SandboxSpec) -> io::Result<Stdio> {
        let owner = (Uid::from_raw(spec.first_id + spec.uid), Gid::from_raw(spec.first_id + spec.gid));
        let take = |descriptor: OwnedFd| -> io::Result<OwnedFd> {
            if FileType::from_raw_mode(fstat(&descriptor)?.st_mode) == FileType::Fifo {
                fchown(&descriptor, Some(owner.0), Some(owner.1))?;
            }
            Ok(if descriptor.as_raw_fd() > 2 { descriptor } else { fcntl_dupfd_cloexec(&descriptor, 3)? })
        };
        Ok(Stdio { stdin: take(self.stdin)?, stdout: take(self.stdout)?, stderr: take(self.stderr)? })
    }

    /// Makes them 0, 1 and 2 of this process, and every other descriptor to be closed on exec.
    pub(crate) fn install(&self) -> io::Result<()> {
        for (number, descriptor) in [&self.stdin, &self.stdout, &self.stderr].into_iter().enumerate() {
            // SAFETY: 0, 1 and 2 of this copy of the process are not used by anything else any more.
            checked(unsafe { libc::syscall(libc::SYS_dup3, descriptor.as_raw_fd(), number, 0) })?;
        }
        close_from(3, libc::CLOSE_RANGE_CLOEXEC)
    }
}

/// Closes every descriptor but those, for a process that goes on in a copy of another's memory and does not own what
/// the other had open.
pub(crate) fn close_all_but(kept: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut kept: Vec<u32> = kept.iter().map(|kept| kept.as_fd().as_raw_fd().unsigned_abs()).collect();
    kept.sort_unstable();
    let mut first = 0;
    for number in kept {
        if number > first {
            close_range(first, number - 1, 0)?;
        }
        first = number + 1;
    }
    close_from(first, 0)
}

fn close_from(first: u32, flags: libc::c_uint) -> io::Result<()> {
    close_range(first, u32::MAX, flags)
}

fn close_range(first: u32, last: u32, flags: libc::c_uint) -> io::Result<()> {
    // SAFETY: the caller is a process that is about to become another program, or uses none of these any more.
    checked(unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) }).map(drop)
}
