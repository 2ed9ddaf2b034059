//! Layer: devices. A `/dev` with the six harmless ones, its own terminals and shared memory.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::symlink;

use rustix::fs::CWD;
use rustix::mount::{MountFlags, OpenTreeFlags, mount, mount_remount, open_tree};

use crate::SandboxError;
use crate::error::Step;
use crate::root;

const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
const LINKS: [(&str, &str); 5] = [
    ("pts/ptmx", "/dev/ptmx"),
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
];

/// The server's device nodes (nobody can make one in a user namespace), before the root is changed.
pub(crate) fn detached() -> Result<Vec<OwnedFd>, SandboxError> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    DEVICES
        .iter()
        .map(|name| open_tree(CWD, format!("/dev/{name}"), flags).step(format_args!("show the device /dev/{name}")))
        .collect()
}

/// Makes `/dev` of them. `memory` is the sandbox's limit in bytes.
pub(crate) fn attach(devices: Vec<OwnedFd>, memory: u64) -> Result<(), SandboxError> {
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount("tmpfs", "/dev", "tmpfs", flags, c"mode=755,size=64k,nr_inodes=64")
        .map_err(|error| root::mount_point("/dev", error))?;
    for (name, device) in DEVICES.iter().zip(devices) {
        let at = format!("/dev/{name}");
        fs::write(&at, "").step(format_args!("make {at}"))?;
        root::attach(device.as_fd(), &at)?;
    }
    fs::create_dir("/dev/pts").and_then(|()| fs::create_dir("/dev/shm")).step("make directories in /dev")?;
    for (to, at) in LINKS {
        symlink(to, at).step(format_args!("make {at}"))?;
    }
    mount("devpts", "/dev/pts", "devpts", flags, c"newinstance,ptmxmode=0666,mode=0620,gid=5")
        .step("mount /dev/pts")?;
    root::temporary("/dev/shm", "mode=1777", memory / 2)?;
    mount_remount("/dev", MountFlags::BIND | MountFlags::RDONLY | flags, c"").step("protect /dev")
}
