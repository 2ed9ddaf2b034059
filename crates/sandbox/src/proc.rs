//! Layer: `/proc` of the sandbox's own processes, with what concerns the whole machine read-only or hidden.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, fsconfig_create, fsmount, fsopen, mount, mount_bind,
    mount_remount,
};

use crate::SandboxError;
use crate::error::Step;
use crate::root;

/// Settings of the machine and its devices.
const READ_ONLY: [&str; 5] = ["/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/sysrq-trigger"];
/// What tells of the machine's memory, keys and timers.
const HIDDEN_FILES: [&str; 8] = [
    "/proc/kcore",
    "/proc/keys",
    "/proc/key-users",
    "/proc/kallsyms",
    "/proc/kmsg",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/sched_debug",
];
/// What tells of its devices.
const HIDDEN_DIRECTORIES: [&str; 4] = ["/proc/acpi", "/proc/asound", "/proc/scsi", "/proc/driver"];

/// A new one. The kernel gives it only to somebody who can see all of another one, so before the root is changed.
pub(crate) fn detached() -> Result<OwnedFd, SandboxError> {
    let proc = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC).step("use /proc")?;
    fsconfig_create(&proc).step("make /proc")?;
    let flags =
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    fsmount(&proc, FsMountFlags::FSMOUNT_CLOEXEC, flags).step("mount /proc (the server's own must be fully visible)")
}

/// Puts it in its place.
pub(crate) fn attach(proc: BorrowedFd<'_>) -> Result<(), SandboxError> {
    root::attach(proc, "/proc")?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RDONLY;
    for path in READ_ONLY {
        if there(mount_bind(path, path)).step(format_args!("protect {path}"))? {
            mount_remount(path, MountFlags::BIND | flags, c"").step(format_args!("protect {path}"))?;
        }
    }
    for path in HIDDEN_DIRECTORIES {
        there(mount("tmpfs", path, "tmpfs", flags, c"size=4k,mode=555")).step(format_args!("hide {path}"))?;
    }
    Ok(())
}

/// Hides the files under an empty device, which must be there by then.
pub(crate) fn hide_files(null: &str) -> Result<(), SandboxError> {
    for path in HIDDEN_FILES {
        there(mount_bind(null, path)).step(format_args!("hide {path}"))?;
    }
    Ok(())
}

/// Not every kernel has every file.
fn there(result: rustix::io::Result<()>) -> rustix::io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    }
}
