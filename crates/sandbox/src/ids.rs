//! Layer: ids. Inside there are 65,536 users and groups; on the server they are a range of ids that owns nothing.
#![allow(unsafe_code)]

use std::fs;
use std::io;

use crate::check::IDS;
use crate::error::checked;

/// Maps the ids of the new user namespace of process `pid`.
pub(crate) fn map(pid: u32, first_id: u32) -> io::Result<()> {
    let range = format!("0 {first_id} {IDS}");
    fs::write(format!("/proc/{pid}/gid_map"), &range)?;
    fs::write(format!("/proc/{pid}/uid_map"), &range)
}

/// Becomes the given user and group for good, without supplementary groups.
pub(crate) fn become_user(uid: u32, gid: u32) -> io::Result<()> {
    // SAFETY: these change the ids of the calling thread, which is the only one.
    unsafe {
        checked(libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<libc::gid_t>()))?;
        checked(libc::syscall(libc::SYS_setresgid, gid, gid, gid))?;
        checked(libc::syscall(libc::SYS_setresuid, uid, uid, uid))?;
    }
    Ok(())
}
