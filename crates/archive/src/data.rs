//! Packs the data of an installation as it is: modes, times and links, whatever its application made of it. It is read
//! in the order in which it lies on the disk and written as it is read: how much there is does not matter.
//!
//! The directory must not change meanwhile: a read-only copy of the data is what is meant. Nothing in it is followed.

use std::fs::{self, DirEntry, File, Metadata, ReadDir};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

use crate::error::ArchiveError;
use crate::limits::Limits;

/// Refuses what [`pack_data`] would make too large for [`crate::unpack_data`], before anything is written.
///
/// # Errors
/// [`ArchiveError::Limit`] or [`ArchiveError::Entry`], or [`ArchiveError::Pack`] when something cannot be read.
pub fn measure_data(dir: &Path, limits: &Limits) -> Result<(), ArchiveError> {
    let (mut bytes, mut entries) = (0_u64, 0_u64);
    walk(dir, limits, |path, found| {
        entries += 1;
        let length = if found.is_file() { found.len() } else { 0 };
        // A header and what fills the last block; long names take two more.
        bytes = bytes.saturating_add(length).saturating_add(2048);
        if length > limits.file_bytes {
            let problem = format!("it has {length} bytes, the limit is {}", limits.file_bytes);
            return Err(ArchiveError::entry(path.as_os_str().as_encoded_bytes(), problem));
        }
        Ok(())
    })?;
    for (found, limit, what) in
        [(entries, limits.entries, "entries"), (bytes, limits.unpacked_bytes, "bytes once unpacked")]
    {
        if found > limit {
            return Err(ArchiveError::Limit { limit, what });
        }
    }
    Ok(())
}

/// Writes what is in `dir` as a `tar.gz`. Sockets, named pipes and devices are left out; a file with several names is
/// there several times.
///
/// # Errors
/// [`ArchiveError::Pack`] when something cannot be read, [`ArchiveError::Write`] when `writer` fails.
pub fn pack_data(dir: &Path, limits: &Limits, writer: impl Write) -> Result<(), ArchiveError> {
    let written = |source| ArchiveError::Write { path: "the archive".into(), source };
    let mut tar = tar::Builder::new(GzEncoder::new(writer, Compression::fast()));
    walk(dir, limits, |path, found| {
        let full = dir.join(path);
        let unread = |source| ArchiveError::Pack { path: full.clone(), source };
        let mut header = Header::new_gnu();
        header.set_mode(found.mode() & 0o777);
        header.set_mtime(u64::try_from(found.mtime()).unwrap_or(0));
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        if found.is_dir() {
            header.set_entry_type(EntryType::Directory);
            return tar.append_data(&mut header, path.join(""), io::empty()).map_err(written);
        }
        if found.is_symlink() {
            header.set_entry_type(EntryType::Symlink);
            let target = fs::read_link(&full).map_err(unread)?;
            return tar.append_link(&mut header, path, target).map_err(written);
        }
        if !found.is_file() {
            return Ok(());
        }
        let flags = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
        let file = File::options().read(true).custom_flags(flags).open(&full).map_err(unread)?;
        header.set_size(found.len());
        tar.append_data(&mut header, path, io::Read::take(file, found.len())).map_err(written)
    })?;
    tar.into_inner().and_then(GzEncoder::finish).and_then(|mut writer| writer.flush()).map_err(written)
}

/// Calls `each` with everything below `dir`, by its path in it, a directory before what is in it.
fn walk(
    dir: &Path,
    limits: &Limits,
    mut each: impl FnMut(&Path, &Metadata) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let open = |path: &Path| -> Result<ReadDir, ArchiveError> {
        let full = dir.join(path);
        fs::read_dir(&full).map_err(|source| ArchiveError::Pack { path: full, source })
    };
    // One open directory for each level; the levels are few.
    let mut levels: Vec<(PathBuf, ReadDir)> = vec![(PathBuf::new(), open(Path::new(""))?)];
    while let Some((above, entries)) = levels.last_mut() {
        let Some(entry) = entries.next() else {
            levels.pop();
            continue;
        };
        let look = |entry: DirEntry| Ok((above.join(entry.file_name()), entry.metadata()?));
        let (path, found) =
            entry.and_then(look).map_err(|source| ArchiveError::Pack { path: dir.join(&*above), source })?;
        each(&path, &found)?;
        if found.is_dir() {
            if levels.len() >= limits.depth {
                let problem = format!("it is deeper than {} levels of directories", limits.depth);
                return Err(ArchiveError::entry(path.as_os_str().as_encoded_bytes(), problem));
            }
            let entries = open(&path)?;
            levels.push((path, entries));
        }
    }
    Ok(())
}
