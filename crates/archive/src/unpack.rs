//! Lays out an archive in a directory, as root, without trusting a single name of it.
//!
//! Two layers keep every write inside: `tree` refuses names and links that could lead out, and each file is opened
//! relative to its parent's descriptor, which the kernel opens with `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::process::{Gid, Uid};

use crate::contents::Contents;
use crate::error::ArchiveError;
use crate::limits::Limits;
use crate::scan::{Sink, What, scan};
use crate::tree::parent;

/// Lays out an archive in the directory `into`, which must exist and be empty.
///
/// Directories and executable files get mode 0755, other files 0644; all belong to root when the caller is root.
/// Nothing is synced to disk. After an error `into` is partially filled: the caller deletes it.
///
/// # Errors
/// As [`crate::inspect`], and [`ArchiveError::Write`] when the file system refuses.
pub fn unpack(reader: impl Read, into: &Path, limits: &Limits) -> Result<Contents, ArchiveError> {
    lay_out(reader, into, limits, What::Package)
}

/// Lays out the data of an installation in the directory `into`, which must exist and be empty. Files and directories
/// get the modes that they had, without setuid, setgid and sticky; all belong to root when the caller is root. Links may
/// point anywhere, and are not followed. Otherwise as [`unpack`].
///
/// # Errors
/// Those of [`unpack`].
pub fn unpack_data(reader: impl Read, into: &Path, limits: &Limits) -> Result<(), ArchiveError> {
    lay_out(reader, into, limits, What::Data).map(drop)
}

fn lay_out(reader: impl Read, into: &Path, limits: &Limits, what: What) -> Result<Contents, ArchiveError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let write = |source| ArchiveError::Write { path: into.to_owned(), source };
    let root = rustix::fs::open(into, flags, Mode::empty()).map_err(|error| write(error.into()))?;
    let mut entries = rustix::fs::Dir::read_from(&root).map_err(|error| write(error.into()))?;
    if entries.any(|entry| entry.map_or(true, |entry| !matches!(entry.file_name().to_bytes(), b"." | b".."))) {
        return Err(ArchiveError::Occupied(into.to_owned()));
    }
    let mut disk = Disk { root, near: None, file: None, root_owns: rustix::process::geteuid().is_root() };
    scan(reader, limits, what, &mut disk)
}

/// A directory that entries are written to.
struct Disk {
    root: OwnedFd,
    /// The directory written to last, by its path: entries of one directory mostly follow each other.
    near: Option<(String, OwnedFd)>,
    /// The file being written, and its path.
    file: Option<(String, File)>,
    root_owns: bool,
}

impl Disk {
    /// Runs `make` with the directory of `path` and the last part of `path`.
    fn make<T>(&mut self, path: &str, make: impl FnOnce(&OwnedFd, &str) -> io::Result<T>) -> Result<T, ArchiveError> {
        let above = parent(path);
        let made = self.open(above).and_then(|directory| make(directory, path[above.len()..].trim_start_matches('/')));
        made.map_err(|source| ArchiveError::Write { path: path.into(), source })
    }

    /// A directory below the root, reached through no link.
    fn open(&mut self, path: &str) -> io::Result<&OwnedFd> {
        if path.is_empty() {
            return Ok(&self.root);
        }
        if self.near.as_ref().is_none_or(|(near, _)| near != path) {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let directory = rustix::fs::openat2(&self.root, path, flags, Mode::empty(), inside())?;
            self.near = Some((path.to_owned(), directory));
        }
        Ok(&self.near.as_ref().expect("it was just put there").1)
    }
}

/// How the kernel may resolve a path: below the directory only, through no link and no mount.
fn inside() -> ResolveFlags {
    ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV
}

/// Gives something to root, and the mode that the process's mask took away.
fn settle(fd: impl AsFd, mode: u32, root_owns: bool) -> io::Result<()> {
    if root_owns {
        rustix::fs::fchown(&fd, Some(Uid::ROOT), Some(Gid::ROOT))?;
    }
    Ok(rustix::fs::fchmod(&fd, Mode::from_raw_mode(mode))?)
}

impl Sink for Disk {
    fn directory(&mut self, path: &str, mode: u32) -> Result<(), ArchiveError> {
        let root_owns = self.root_owns;
        self.make(path, |above, name| {
            rustix::fs::mkdirat(above, name, Mode::from_raw_mode(0o700))?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            settle(rustix::fs::openat2(above, name, flags, Mode::empty(), inside())?, mode, root_owns)
        })
    }

    fn file(&mut self, path: &str, mode: u32) -> Result<(), ArchiveError> {
        let root_owns = self.root_owns;
        let file = self.make(path, |above, name| {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let fd = rustix::fs::openat2(above, name, flags, Mode::from_raw_mode(0o600), inside())?;
            settle(&fd, mode, root_owns)?;
            Ok(File::from(fd))
        })?;
        self.file = Some((path.to_owned(), file));
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        let (path, file) = self.file.as_mut().expect("content follows its file");
        file.write_all(bytes).map_err(|source| ArchiveError::Write { path: path.as_str().into(), source })
    }

    fn link(&mut self, path: &str, target: &str) -> Result<(), ArchiveError> {
        let root_owns = self.root_owns;
        self.make(path, |above, name| {
            rustix::fs::symlinkat(target, above, name)?;
            if root_owns {
                rustix::fs::chownat(above, name, Some(Uid::ROOT), Some(Gid::ROOT), AtFlags::SYMLINK_NOFOLLOW)?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second layer by itself: names that the first would have refused, handed straight to the disk.
    #[test]
    fn the_kernel_refuses_what_names_could_reach() {
        let parent = tempfile::tempdir().expect("a temporary directory");
        let into = parent.path().join("into");
        std::fs::create_dir(&into).expect("a directory");
        let root = rustix::fs::open(&into, OFlags::DIRECTORY, Mode::empty()).expect("it opens");
        let mut disk = Disk { root, near: None, file: None, root_owns: false };
        disk.link("up", "..").expect("a link may be written, if never followed");
        disk.link("file", "../evil").expect("a link");
        disk.directory("d", 0o755).expect("a directory");
        for path in ["up/evil", "../evil", "d/../../evil", "up/../evil", "file", "..", "d"] {
            disk.file(path, 0o644).expect_err(path);
        }
        for path in ["up/evil", "../evil", "file", "up"] {
            disk.directory(path, 0o755).expect_err(path);
            disk.link(path, "x").expect_err(path);
        }
        assert_eq!(std::fs::read_dir(parent.path()).expect("it is there").count(), 1);
    }
}
