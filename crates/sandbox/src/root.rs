//! Layer: the file system. The sandbox sees a read-only root made of its layers, its package, its data, and fresh
//! pseudo file systems; nothing of the server's.
//!
//! Every tree of the server is shown through an idmapped mount, so that on disk its files belong to ids from 0 and can
//! be moved to another server, or to another range of ids, without touching them. The parent makes these mounts
//! (detached: they are nowhere in the server's tree); the new process puts them together.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::CWD;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags,
    UnmountFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount, mount_change,
    move_mount, open_tree, unmount,
};
use rustix::process::{chdir, pivot_root};

use crate::devices;
use crate::error::Step;
use crate::idmap;
use crate::proc;
use crate::{SandboxError, SandboxSpec};

/// Where the new root is put together: a directory that any user may enter and that exists wherever cgroups do. Only
/// the new process's own tree of mounts is touched.
const STAGE: &str = "/sys";

/// Makes the detached mounts, in the order in which [`build`] takes them. `users` is the sandbox's user namespace.
pub(crate) fn trees(spec: &SandboxSpec, users: BorrowedFd<'_>) -> Result<Vec<OwnedFd>, SandboxError> {
    let mut trees = Vec::new();
    for path in spec.layers.iter().chain([&spec.app]) {
        trees.push(show(path, Some(users), false)?);
    }
    if let Some((path, _)) = &spec.data {
        trees.push(show(path, Some(users), true)?);
    }
    for (path, _) in &spec.files {
        // These belong to the server's root and are readable by all.
        trees.push(show(path, None, false)?);
    }
    Ok(trees)
}

fn show(path: &Path, users: Option<BorrowedFd<'_>>, writable: bool) -> Result<OwnedFd, SandboxError> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let tree = open_tree(CWD, path, flags).step(format_args!("show {} in the sandbox", path.display()))?;
    idmap::harden(tree.as_fd(), users, writable)
        .step(format_args!("show {} with the sandbox's own ids (its file system must allow it)", path.display()))?;
    Ok(tree)
}

/// Puts the root together and moves into it for good. For the new process, while it has its user namespace's powers.
pub(crate) fn build(spec: &SandboxSpec, trees: Vec<OwnedFd>) -> Result<(), SandboxError> {
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)
        .step("detach from the server's mounts")?;
    let mut trees = trees.into_iter();
    let mut next = || trees.next().ok_or(io::Error::from(io::ErrorKind::UnexpectedEof)).step("receive the mounts");
    let mut layers = Vec::new();
    for _ in &spec.layers {
        layers.push(next()?);
    }
    let root = stack(layers)?;
    // These two need what is only visible before the move; where they belong is only known after it, when no link in
    // a layer can lead out of the sandbox any more.
    let processes = proc::detached()?;
    let devices = devices::detached()?;
    attach(root.as_fd(), STAGE)?;
    chdir(STAGE).step("enter the new root")?;
    pivot_root(".", ".").step("make it the root")?;
    unmount(".", UnmountFlags::DETACH).step("leave the server's file system")?;
    chdir("/").step("enter the new root")?;

    proc::attach(processes.as_fd())?;
    devices::attach(devices, spec.memory)?;
    proc::hide_files("/dev/null")?;
    let half = spec.memory / 2;
    temporary("/tmp", "mode=1777", half)?;
    temporary("/run", &format!("mode=755,uid={},gid={}", spec.uid, spec.gid), half)?;
    attach(next()?.as_fd(), "/app")?;
    if let Some((_, at)) = &spec.data {
        attach(next()?.as_fd(), at)?;
    }
    for (_, at) in &spec.files {
        let file = next()?;
        if fs::symlink_metadata(at).is_ok_and(|there| there.is_file()) {
            attach(file.as_fd(), at)?;
        }
    }
    Ok(())
}

/// One tree of all layers, topmost first.
fn stack(mut layers: Vec<OwnedFd>) -> Result<OwnedFd, SandboxError> {
    if layers.len() == 1 {
        return layers.pop().ok_or(SandboxError::Ended);
    }
    // Overlay takes its layers by path.
    mount("tmpfs", STAGE, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"size=64k,mode=755")
        .step("mount a place for the layers")?;
    let mut paths = Vec::new();
    for (number, layer) in layers.iter().enumerate() {
        let path = format!("{STAGE}/{number}");
        fs::create_dir(&path).step("make a place for a layer")?;
        attach(layer.as_fd(), &path)?;
        paths.push(path);
    }
    let overlay = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).step("use overlay file systems")?;
    fsconfig_set_string(&overlay, "lowerdir", paths.join(":"))
        .and_then(|()| fsconfig_set_flag(&overlay, "userxattr"))
        .and_then(|()| fsconfig_create(&overlay))
        .step("put the layers on top of each other")?;
    let flags =
        MountAttrFlags::MOUNT_ATTR_RDONLY | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOSUID;
    fsmount(&overlay, FsMountFlags::FSMOUNT_CLOEXEC, flags).step("mount the layers")
}

/// Puts a detached mount somewhere.
pub(crate) fn attach(tree: BorrowedFd<'_>, at: &str) -> Result<(), SandboxError> {
    match move_mount(tree, "", CWD, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH) {
        Err(error) => Err(mount_point(at, error)),
        Ok(()) => Ok(()),
    }
}

/// Mounts a file system in memory.
pub(crate) fn temporary(at: &str, options: &str, bytes: u64) -> Result<(), SandboxError> {
    // Empty files cost memory, too: one per 4 KiB is as many as one could fill.
    let options = format!("{options},size={bytes},nr_inodes={}", (bytes / 4096).clamp(64, 1_000_000));
    let options = CString::new(options).map_err(io::Error::other).step("mount in memory")?;
    match mount("tmpfs", at, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str()) {
        Err(error) => Err(mount_point(at, error)),
        Ok(()) => Ok(()),
    }
}

/// Why nothing could be mounted there.
pub(crate) fn mount_point(at: &str, error: rustix::io::Errno) -> SandboxError {
    match error {
        rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR => SandboxError::Specification(format!(
            "the layers have no `{at}` of the right kind (directory or file) to mount at"
        )),
        error => SandboxError::System { step: format!("mount {at}"), source: error.into() },
    }
}
