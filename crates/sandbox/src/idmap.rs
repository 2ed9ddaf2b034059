//! Layer: idmapped, restricted mounts. Since Linux 5.12.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::error::checked;

/// Makes a detached mount harmless: no set-user-id programs, no devices, private, read-only unless `writable`; with
/// `users` its files' ids are those of that user namespace.
pub(crate) fn harden(tree: BorrowedFd<'_>, users: Option<BorrowedFd<'_>>, writable: bool) -> io::Result<()> {
    let mut set = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
    if !writable {
        set |= libc::MOUNT_ATTR_RDONLY;
    }
    if users.is_some() {
        set |= libc::MOUNT_ATTR_IDMAP;
    }
    let attributes = libc::mount_attr {
        attr_set: set,
        attr_clr: 0,
        // A clone of a shared mount would show what is mounted on it to the server, too.
        propagation: libc::MS_PRIVATE,
        userns_fd: users.map_or(0, |users| u64::from(users.as_raw_fd().unsigned_abs())),
    };
    set_attributes(tree.as_raw_fd(), &attributes)
}

/// Whether the kernel has the call.
pub(crate) fn is_available() -> bool {
    let nothing = libc::mount_attr { attr_set: 0, attr_clr: 0, propagation: 0, userns_fd: 0 };
    !matches!(set_attributes(-1, &nothing), Err(error) if error.raw_os_error() == Some(libc::ENOSYS))
}

fn set_attributes(tree: libc::c_int, attributes: &libc::mount_attr) -> io::Result<()> {
    // SAFETY: the kernel reads the attributes, whose size it is told.
    checked(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree,
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const *attributes,
            size_of::<libc::mount_attr>(),
        )
    })
    .map(drop)
}
