//! A keeper's directory: its lock, its specification, its socket.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::error::{KeeperError, Result};
use crate::protocol::Spec;

/// Bytes that a specification may have.
const SPEC_BYTES: u64 = 1024 * 1024;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 64;

/// Whether a keeper keeps `dir`. A directory that is not there has none.
pub fn is_alive(dir: &Path) -> bool {
    let Ok(lock) = open_lock(dir, OFlags::empty()) else { return false };
    // Shared, so that two who ask at once do not take each other for a keeper; released when `lock` is closed.
    matches!(flock(&lock, FlockOperation::NonBlockingLockShared), Err(error) if error == rustix::io::Errno::WOULDBLOCK)
}

/// Takes the lock for as long as the returned descriptor is open.
pub(crate) fn lock(dir: &Path) -> Result<OwnedFd> {
    let failed = |error: rustix::io::Errno| KeeperError::Io {
        what: format!("cannot lock {}", dir.join("lock").display()),
        source: error.into(),
    };
    let lock = open_lock(dir, OFlags::CREATE).map_err(failed)?;
    // Somebody who asks with `is_alive` holds it for a moment.
    for _ in 0..10 {
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(lock),
            Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(failed(error)),
        }
    }
    Err(KeeperError::Locked { dir: dir.to_owned() })
}

fn open_lock(dir: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    open(dir.join("lock"), OFlags::RDWR | OFlags::CLOEXEC | flags, Mode::RUSR | Mode::WUSR)
}

/// Reads and checks `spec.json`.
pub(crate) fn read_spec(dir: &Path) -> Result<Spec> {
    let path = dir.join("spec.json");
    let unreadable = |source: io::Error| KeeperError::Io { what: format!("cannot read {}", path.display()), source };
    let mut text = Vec::new();
    File::open(&path).and_then(|file| file.take(SPEC_BYTES + 1).read_to_end(&mut text)).map_err(unreadable)?;
    let wrong = |why: String| KeeperError::Spec { path: path.clone(), why };
    if text.len() as u64 > SPEC_BYTES {
        return Err(wrong(format!("it is larger than {SPEC_BYTES} bytes")));
    }
    let spec: Spec = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    check(&spec).map_err(wrong)?;
    Ok(spec)
}

fn check(spec: &Spec) -> std::result::Result<(), String> {
    if spec.sandbox.command.is_empty() {
        return Err("sandbox.command is empty".to_owned());
    }
    if !spec.logs.is_absolute() {
        return Err(format!("logs is \"{}\"; an absolute path is needed", spec.logs.display()));
    }
    if !(1..=64).contains(&spec.stop_signal) {
        return Err(format!("stop_signal is {}; signals have the numbers 1 to 64", spec.stop_signal));
    }
    let Some(health) = &spec.health else { return Ok(()) };
    let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    match &health.path {
        Some(path) if !path.starts_with('/') || !visible(path) => {
            Err(format!("health.path is {path:?}; it begins with / and has neither spaces nor control characters"))
        }
        _ if !visible(&health.host) => Err(format!("health.host is {:?}; a host name is needed", health.host)),
        _ => Ok(()),
    }
}

/// Opens the socket under a temporary name and renames it, so that whoever sees it can connect.
pub(crate) fn listen(dir: &Path) -> Result<OwnedFd> {
    let listen = || -> io::Result<OwnedFd> {
        let half_made = dir.join("socket.new");
        match std::fs::remove_file(&half_made) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let (_held, address) = address(dir, "socket.new")?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        net::bind(&socket, &address)?;
        rustix::fs::chmod(&half_made, Mode::RUSR | Mode::WUSR)?;
        net::listen(&socket, BACKLOG)?;
        std::fs::rename(&half_made, path(dir))?;
        Ok(socket)
    };
    listen().map_err(|source| KeeperError::Io { what: format!("cannot listen on {}", path(dir).display()), source })
}

/// Connects to the keeper of `dir`.
pub(crate) fn connect(dir: &Path) -> Result<OwnedFd> {
    let connect = || -> io::Result<OwnedFd> {
        let (_held, address) = address(dir, "socket")?;
        let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        net::connect(&socket, &address)?;
        Ok(socket)
    };
    connect().map_err(|source| KeeperError::NoKeeper { dir: dir.to_owned(), source })
}

/// Removes the socket's name.
pub(crate) fn unlink(dir: &Path) -> io::Result<()> {
    std::fs::remove_file(path(dir))
}

fn path(dir: &Path) -> PathBuf {
    dir.join("socket")
}

/// The address of `dir/name`, valid while the descriptor is open. A socket's path may have 107 bytes only, and nobody
/// promises that the data directory's is short: so it goes through the directory's descriptor.
fn address(dir: &Path, name: &str) -> io::Result<(OwnedFd, SocketAddrUnix)> {
    use std::os::fd::AsRawFd;
    let held = open(dir, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let address = SocketAddrUnix::new(format!("/proc/self/fd/{}/{name}", held.as_raw_fd()))?;
    Ok((held, address))
}
