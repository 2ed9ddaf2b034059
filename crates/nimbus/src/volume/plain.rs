//! The fallbacks where btrfs is missing: trees are directories, copied file by file with blocks shared (`reflink`) or
//! not (`copy`). No quotas, and copying takes its time; both are said in the volume's report.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::io;
use super::storage::{Storage, Trees};
use super::{VolumeError, exists};
use crate::tools;

/// A plain directory.
pub(super) struct Plain {
    storage: Storage,
    why: String,
}

impl Plain {
    /// The fallback of that kind; `why` it came to that is part of its note.
    pub fn new(storage: Storage, why: String) -> Plain {
        Plain { storage, why }
    }

    /// The better fallback that works in this directory.
    pub fn choose(directory: &Path) -> Result<Storage, VolumeError> {
        let (one, two) = (directory.join(".reflink-1"), directory.join(".reflink-2"));
        fs::write(&one, [1; 4096]).map_err(io("write", &one))?;
        let from = fs::File::open(&one).map_err(io("open", &one))?;
        let to = fs::File::create(&two).map_err(io("make", &two))?;
        let shared = rustix::fs::ioctl_ficlone(&to, &from).is_ok();
        for file in [&one, &two] {
            fs::remove_file(file).map_err(io("delete", file))?;
        }
        Ok(if shared { Storage::Reflink } else { Storage::Copy })
    }
}

/// The tree's name while it is unfinished: the final name must only ever show a whole tree.
fn unfinished(tree: &Path) -> PathBuf {
    tree.with_extension("part")
}

/// The tree's name while it is being deleted.
fn discarded(tree: &Path) -> PathBuf {
    tree.with_extension("gone")
}

fn erase(tree: &Path) -> Result<(), VolumeError> {
    // `rm` copes with directories nested deeper than any path may be long, which a hostile program can make.
    tools::run("rm", &["-rf".as_ref(), "--one-file-system".as_ref(), "--".as_ref(), tree.as_os_str()])?;
    Ok(())
}

impl Trees for Plain {
    fn make(&self, tree: &Path) -> Result<(), VolumeError> {
        match fs::create_dir(tree) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            other => other.map_err(io("make", tree)),
        }
    }

    fn copy(&self, from: &Path, to: &Path, _writable: bool) -> Result<(), VolumeError> {
        let part = unfinished(to);
        erase(&part)?;
        let share = if self.storage == Storage::Reflink { "--reflink=always" } else { "--reflink=never" };
        let words = ["-a".as_ref(), share.as_ref(), "-T".as_ref(), "--".as_ref(), from.as_os_str(), part.as_os_str()];
        tools::run("cp", &words)?;
        // Unlike a btrfs snapshot a copy is not on disk when it is there.
        super::sync_all(&part)?;
        fs::rename(&part, to).map_err(io("rename", &part))?;
        super::sync_directory(to.parent().unwrap_or(Path::new("/")))
    }

    fn delete(&self, trees: &[&Path]) -> Result<(), VolumeError> {
        for tree in trees {
            let (part, gone) = (unfinished(tree), discarded(tree));
            erase(&part)?;
            erase(&gone)?;
            if exists(tree) {
                fs::rename(tree, &gone).map_err(io("rename", tree))?;
                erase(&gone)?;
            }
        }
        Ok(())
    }

    fn limit(&self, _tree: &Path, _bytes: u64) -> Result<(), VolumeError> {
        Ok(())
    }

    fn number(&self, tree: &Path) -> Option<u64> {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(tree).ok().map(|found| found.ino())
    }

    fn used(&self, _tree: &Path) -> Option<u64> {
        None
    }

    fn note(&self) -> String {
        let slow = match self.storage {
            Storage::Reflink => "snapshots share blocks but take about a second per 20,000 files",
            _ => "snapshots are whole copies",
        };
        format!("a plain directory: no disk quotas, {slow} ({})", self.why)
    }

    fn close(&self, _mount: &Path) -> Result<(), VolumeError> {
        Ok(())
    }
}
