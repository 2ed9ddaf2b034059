//! Signals of the processes that are copies of the caller: they must not inherit what the caller does with signals.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd};

use crate::error::checked;

/// Gives every signal its default action. An ignored one would stay ignored in the program.
pub(crate) fn reset_actions() {
    // The kernel's own sigaction is handler, flags, restorer and mask; all zero is the default action.
    let default = [0_u64; 4];
    for signal in 1..=64 {
        // SAFETY: the kernel reads the 32 bytes; the default action runs no code of ours. The C library's function
        // would leave out two signals that it uses itself. It fails for those that cannot be changed, as it should.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), std::ptr::null::<u64>(), 8) };
    }
}

/// Blocks all signals, or none.
pub(crate) fn block_all(block: bool) -> io::Result<()> {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the set is filled before it is used.
    let result = unsafe {
        if block {
            libc::sigfillset(set.as_mut_ptr())
        } else {
            libc::sigemptyset(set.as_mut_ptr())
        };
        libc::sigprocmask(libc::SIG_SETMASK, set.as_ptr(), std::ptr::null_mut())
    };
    checked(libc::c_long::from(result)).map(drop)
}

/// A descriptor that yields all blocked signals.
pub(crate) fn descriptor() -> io::Result<OwnedFd> {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the set is filled before it is used; the new descriptor is nobody else's.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        let descriptor = libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC);
        checked(libc::c_long::from(descriptor))?;
        Ok(OwnedFd::from_raw_fd(descriptor))
    }
}

/// Waits for the next signal from such a descriptor: its number.
pub(crate) fn next(descriptor: &OwnedFd) -> io::Result<i32> {
    let mut buffer = [0; size_of::<libc::signalfd_siginfo>()];
    loop {
        match rustix::io::read(descriptor, &mut buffer) {
            // The number is the first field.
            Ok(got) if got >= 4 => return Ok(i32::from_ne_bytes([buffer[0], buffer[1], buffer[2], buffer[3]])),
            Ok(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Asks the kernel to kill this process when its parent dies. Changing ids undoes it.
pub(crate) fn die_with_parent() -> io::Result<()> {
    // SAFETY: plain integers.
    checked(unsafe { libc::syscall(libc::SYS_prctl, libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) }).map(drop)
}

/// Keeps processes of the same user from looking into this one, which is a copy of the keeper.
pub(crate) fn hide_memory() -> io::Result<()> {
    // SAFETY: plain integers.
    checked(unsafe { libc::syscall(libc::SYS_prctl, libc::PR_SET_DUMPABLE, 0, 0, 0, 0) }).map(drop)
}
