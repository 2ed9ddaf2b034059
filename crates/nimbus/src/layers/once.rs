//! Builds an item of the cache once, whoever asks and however often: several threads, several servers that share the
//! cache, again after a kill.
//!
//! An item is built under a temporary name and renamed when it is complete and on disk, so whatever bears its final
//! name can be used without asking. A file lock per item keeps two from building the same one.

use std::fs::{self, File};
use std::io::{ErrorKind, Result as IoResult};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::LayersError;
use super::error::io;

/// Up to this many files are brought to disk one by one; beyond it writing out the whole file system is quicker.
const FEW: usize = 64;
/// Separates an item's name from what makes its temporary name unique.
const TEMPORARY: &str = ".tmp-";

/// The directory `cache/kind/name`, filled by `build` when it is not there. `build` gets an empty directory of mode
/// 0755; what it leaves beside it under a name that begins with that directory's is cleaned up after a kill.
pub(super) fn once(
    cache: &Path,
    kind: &str,
    name: &str,
    build: impl FnOnce(&Path) -> Result<(), LayersError>,
) -> Result<PathBuf, LayersError> {
    let (all, done) = (cache.join(kind), cache.join(kind).join(name));
    if done.is_dir() {
        return Ok(done);
    }
    let _lock = lock(cache, kind, name)?;
    if done.is_dir() {
        return Ok(done);
    }
    sweep(&all, name)?;
    let new = temporary(&all, name);
    fs::create_dir_all(&new).map_err(io("make", &new))?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).map_err(io("open up", &new))?;
    let built = build(&new).and_then(|()| {
        to_disk(&new).map_err(io("write to disk", &new))?;
        fs::rename(&new, &done).map_err(io("rename", &new))?;
        File::open(&all).and_then(|directory| directory.sync_all()).map_err(io("write to disk", &all))
    });
    if let Err(error) = built {
        // The error that matters is the first one; what is left is swept at the next attempt.
        if let Err(also) = sweep(&all, name) {
            tracing::warn!(error = %also, "cannot clean up");
        }
        return Err(error);
    }
    Ok(done)
}

/// Deletes an item, first its name and then its content, so that nobody takes half of it for the whole.
pub(super) fn delete(cache: &Path, kind: &str, name: &str) -> Result<(), LayersError> {
    let all = cache.join(kind);
    let _lock = lock(cache, kind, name)?;
    let item = all.join(name);
    match fs::rename(&item, temporary(&all, name)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io("rename", &item)(error)),
        _ => sweep(&all, name),
    }
}

/// A name that nobody else uses.
pub(super) fn temporary(directory: &Path, name: &str) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    directory.join(format!("{name}{TEMPORARY}{}-{number}", std::process::id()))
}

/// Waits until nobody else works on that item; the lock ends with the value, or with the process.
fn lock(cache: &Path, kind: &str, name: &str) -> Result<File, LayersError> {
    let locks = cache.join("locks");
    fs::create_dir_all(&locks).map_err(io("make", &locks))?;
    // A bounded number of files: locks cannot be deleted safely. Sharing one only means waiting for each other.
    let beginning: String = name.chars().take(2).collect();
    let path = locks.join(format!("{kind}-{beginning}"));
    let file = File::create(&path).map_err(io("make", &path))?;
    file.lock().map_err(io("lock", &path))?;
    Ok(file)
}

/// Deletes what attempts that were killed left of an item; its lock must be held.
fn sweep(all: &Path, name: &str) -> Result<(), LayersError> {
    let prefix = format!("{name}{TEMPORARY}");
    let entries = match fs::read_dir(all) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other.map_err(io("read", all))?,
    };
    for entry in entries {
        let path = entry.map_err(io("read", all))?.path();
        if path.file_name().is_some_and(|found| found.as_encoded_bytes().starts_with(prefix.as_bytes())) {
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(io("delete", &path))?;
        }
    }
    Ok(())
}

/// The item's name in a file's name, and whether that is a temporary one.
pub(super) fn item(file: &str) -> (&str, bool) {
    file.split_once(TEMPORARY).map_or((file, false), |(name, _)| (name, true))
}

/// Brings a tree to disk.
fn to_disk(tree: &Path) -> IoResult<()> {
    let mut paths = vec![tree.to_owned()];
    let mut next = 0;
    while let Some(path) = paths.get(next).cloned() {
        next += 1;
        if !fs::symlink_metadata(&path)?.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&path)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() || kind.is_file() {
                paths.push(entry.path());
            }
        }
        if paths.len() > FEW {
            return Ok(rustix::fs::syncfs(File::open(tree)?)?);
        }
    }
    paths.iter().rev().try_for_each(|path| File::open(path)?.sync_all())
}
