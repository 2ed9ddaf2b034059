//! What can go wrong with a volume.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::remedy;
use crate::tools::ToolError;

/// What went wrong with a volume.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// A tool is missing or failed.
    #[error("{_0}{}", remedy(_0.is_full()))]
    Tool(#[from] ToolError),
    /// An archive of data cannot be laid out.
    #[error("the data cannot be laid out: {0}")]
    Archive(#[from] archive::ArchiveError),
    /// The system refused something.
    #[error("cannot {what} {}: {source}{}", path.display(), remedy(source.kind() == io::ErrorKind::StorageFull))]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is something, but not a volume.
    #[error(
        "{} is not a volume of vClouden: {why}. It was left as it is; move it away or choose another place",
        path.display()
    )]
    Foreign {
        /// Where.
        path: PathBuf,
        /// What it looks like.
        why: String,
    },
    /// A later vClouden made it.
    #[error(
        "{} has format {found}, this vClouden knows formats up to {known}: install a newer vClouden",
        path.display()
    )]
    Newer {
        /// Where.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest known format.
        known: u32,
    },
    /// Something else is mounted where the volume belongs.
    #[error("{} is already the mount point of {by}: unmount it, or choose another directory", mount.display())]
    Occupied {
        /// The mount point.
        mount: PathBuf,
        /// What is mounted there.
        by: String,
    },
    /// It is of another kind than the one asked for.
    #[error(
        "{} holds a volume of kind {found}, but {wanted} was asked for: leave the choice out to use it as it is",
        path.display()
    )]
    OtherStorage {
        /// Where.
        path: PathBuf,
        /// Its kind.
        found: &'static str,
        /// The kind asked for.
        wanted: &'static str,
    },
    /// There is no such installation, or no such snapshot.
    #[error("{} does not exist on this volume", .0.display())]
    Absent(PathBuf),
    /// Not usable as the name of a snapshot.
    #[error("\"{0}\" cannot name a snapshot: use 1 to 100 letters, digits, '-', '_' and '.', not beginning with '.'")]
    BadName(String),
    /// The initial data is not a directory.
    #[error("the initial data {} is not a directory of the package", .0.display())]
    NoDirectory(PathBuf),
    /// Too small.
    #[error("a volume of {bytes} bytes is too small: at least {least} bytes are needed")]
    TooSmall {
        /// Size asked for.
        bytes: u64,
        /// The least that works.
        least: u64,
    },
}

/// Says what was tried on which path.
pub(super) fn io<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> VolumeError + 'a {
    move |source| VolumeError::Io { what, path: path.to_owned(), source }
}

/// The same for calls through rustix.
pub(super) fn errno<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(rustix::io::Errno) -> VolumeError + 'a {
    move |source| VolumeError::Io { what, path: path.to_owned(), source: source.into() }
}
