//! Layer: seccomp. Which system calls programs in a sandbox may make: those in [`calls::ALLOWED`], some only with
//! harmless arguments. What could reach beyond the sandbox or into rarely tested parts of the kernel is refused with
//! "operation not permitted"; what this list does not know yet is "not implemented", so that libraries fall back on
//! older calls. The filter is compiled once per process: see [`bpf`].
#![allow(unsafe_code)]

mod bpf;
mod calls;

use std::io;
use std::sync::OnceLock;

use crate::error::checked;

/// A compiled filter.
pub(crate) struct Filter(Vec<libc::sock_filter>);

/// The filter; compiled at the first call.
pub(crate) fn filter() -> &'static Filter {
    static FILTER: OnceLock<Filter> = OnceLock::new();
    FILTER.get_or_init(|| Filter(bpf::compile(&calls::rules())))
}

impl Filter {
    /// Puts the calling thread, and what it starts, under the filter for good. Needs no_new_privs.
    pub(crate) fn apply(&self) -> io::Result<()> {
        let program = libc::sock_fprog {
            len: u16::try_from(self.0.len()).map_err(io::Error::other)?,
            filter: self.0.as_ptr().cast_mut(),
        };
        // SAFETY: the kernel copies the program, which lives until the end of the call, and does not write to it.
        checked(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) })?;
        Ok(())
    }
}

/// Whether the kernel has it, and filters can return errors.
pub(crate) fn is_available() -> bool {
    let action = libc::SECCOMP_RET_ERRNO;
    // SAFETY: the kernel reads the integer.
    checked(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, &raw const action) }).is_ok()
}
