//! The data volume: a file system that describes itself, so that every installation on it can come back on another
//! server.
//!
//! ```text
//! volume.json                                   what it is
//! installations/<id>/data/                      a tree: subvolume with quota
//! installations/<id>/snapshots/<name>/data/     read-only copies of it
//! installations/<id>/logs/
//! removed/<id>/                                 being deleted
//! reading/<uuid>/                               copies made for reading
//! ```
//!
//! Every call can be repeated after a kill at any point of it and then ends as if it had run once. Operations of one
//! installation must not overlap; those of different ones may.

mod btrfs;
mod error;
mod fill;
mod footing;
mod mounts;
mod plain;
mod storage;

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use domain::InstallationId;
use nimbus_api::types::{LayerReport, Share, VolumeReport};
use rustix::fs::{CWD, RenameFlags};
use serde::{Deserialize, Serialize};

use self::btrfs::{Btrfs, Found};
use self::error::{errno, io};
use self::plain::Plain;
use self::storage::Trees;
use crate::tools;

pub use self::error::VolumeError;
pub use self::storage::Storage;

/// The newest format of a volume that this code knows.
const FORMAT: u32 = 1;
/// What stands behind a quota in its file while it is being set.
const UNSURE: &str = "being set";

/// Where a volume is.
#[derive(Clone, Debug)]
pub struct VolumeConfig {
    /// The image's file; made when it is not there.
    pub image: PathBuf,
    /// The directory at which its content is seen.
    pub mount: PathBuf,
    /// Size of a new image in bytes; by default 80 % of what is free, at least 1 GiB. The file is sparse: it takes no
    /// more than what is stored.
    pub bytes: Option<u64>,
    /// Insists on a kind of storage; by default the best that works.
    pub storage: Option<Storage>,
}

/// `volume.json`: what a volume says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Description {
    /// Never changes, wherever the volume goes.
    id: uuid::Uuid,
    /// Milliseconds since 1970.
    created: u64,
    /// Version of the layout described at the top of this file.
    format: u32,
    /// The kind of storage.
    storage: Storage,
}

/// An open volume.
pub struct Volume {
    mount: PathBuf,
    image: PathBuf,
    storage: Storage,
    description: Description,
    trees: Box<dyn Trees>,
}

impl Volume {
    /// Opens the volume, making it when there is none and taking it up when it is already mounted. Whatever is there
    /// and is not a volume is refused and left as it is.
    pub fn open(config: &VolumeConfig) -> Result<Volume, VolumeError> {
        make_directory(&config.mount, 0o700)?;
        let mount = config.mount.canonicalize().map_err(io("find", &config.mount))?;
        let image = absolute(&config.image)?;
        let mut found = btrfs::look(&image, &mount)?;
        if let Found::HalfMade = found {
            btrfs::detach(&mount)?;
            found = btrfs::look(&image, &mount)?;
        }
        let (storage, trees): (Storage, Box<dyn Trees>) = match found {
            Found::Mounted(device) => {
                wanted(config, Storage::Btrfs, &image)?;
                described(&mount, &image)?;
                (Storage::Btrfs, Box::new(Btrfs::adopt(device, &mount)?))
            }
            Found::Image => {
                wanted(config, Storage::Btrfs, &image)?;
                (Storage::Btrfs, Box::new(Btrfs::mount(&image, &mount, || described(&mount, &image).map(drop))?))
            }
            Found::Nothing | Found::HalfMade => open_directory_or_new(config, &image, &mount)?,
        };
        let description = described(&mount, &mount)?;
        let volume = Volume { mount, image, storage, description, trees };
        volume.tidy()?;
        Ok(volume)
    }

    /// Every installation on it, in the order of their ids. What is no installation's id is passed over.
    pub fn installations(&self) -> Result<Vec<InstallationId>, VolumeError> {
        let mut ids: Vec<InstallationId> =
            names(&self.mount.join("installations"))?.iter().filter_map(|name| name.parse().ok()).collect();
        ids.sort();
        Ok(ids)
    }

    /// The directory of an installation.
    pub fn dir(&self, id: InstallationId) -> PathBuf {
        self.mount.join("installations").join(id.to_string())
    }

    /// Its data, as shown inside its sandbox; on disk it belongs to ids from 0.
    pub fn data(&self, id: InstallationId) -> PathBuf {
        self.dir(id).join("data")
    }

    /// Its logs.
    pub fn logs(&self, id: InstallationId) -> PathBuf {
        self.dir(id).join("logs")
    }

    /// The directory of one of its snapshots; the data is in `data` under it.
    pub fn snapshot_dir(&self, id: InstallationId, name: &str) -> PathBuf {
        self.dir(id).join("snapshots").join(name)
    }

    /// Makes room for an installation: its directories, and empty data of at most `disk_bytes`. A power cut may take
    /// them away until the caller brings [`Volume::dir`] to disk, with what it writes there itself.
    pub fn create(&self, id: InstallationId, disk_bytes: u64) -> Result<(), VolumeError> {
        let dir = self.dir(id);
        for directory in [&dir, &dir.join("logs"), &dir.join("snapshots")] {
            make_directory(directory, 0o700)?;
        }
        self.trees.make(&self.data(id))?;
        self.set_quota(id, disk_bytes)
    }

    /// Makes a read-only copy of a kept copy, or of the data of now, that nothing changes or deletes until
    /// [`Volume::end_reading`].
    pub fn begin_reading(&self, id: InstallationId, name: Option<&str>) -> Result<PathBuf, VolumeError> {
        let from = name.map_or_else(|| Ok(self.data(id)), |name| self.copy_of(id, name))?;
        if !exists(&from) {
            return Err(VolumeError::Absent(from));
        }
        let path = self.mount.join("reading").join(uuid::Uuid::now_v7().to_string());
        self.trees.copy(&from, &path, false)?;
        Ok(path)
    }

    /// Deletes such a copy.
    pub fn end_reading(&self, path: &Path) -> Result<(), VolumeError> {
        self.trees.delete(&[path])
    }

    /// Changes the most that the data may take on disk, in bytes. Less than what is there is possible: then nothing
    /// more can be written.
    pub fn set_quota(&self, id: InstallationId, bytes: u64) -> Result<(), VolumeError> {
        let file = self.dir(id).join("quota");
        let (before, text) = (fs::read_to_string(&file).ok(), bytes.to_string());
        if before.as_ref() == Some(&text) {
            return Ok(());
        }
        if before.is_some() {
            // Until it is in force, neither the old one nor the new one is.
            write_file(&file, format!("{text} {UNSURE}").as_bytes())?;
        }
        self.trees.limit(&self.data(id), bytes)?;
        write_file(&file, text.as_bytes())
    }

    /// Gives all of the data to another user.
    pub fn chown_data(&self, id: InstallationId, uid: u32, gid: u32) -> Result<(), VolumeError> {
        let data = self.data(id);
        own(&data, uid, gid)?;
        sync_all(&data)
    }

    /// Whether there is a copy of that name.
    pub fn has_snapshot(&self, id: InstallationId, name: &str) -> bool {
        exists(&self.snapshot_dir(id, name).join("data"))
    }

    /// Makes the directory of a copy to come, for what is to be known of it.
    pub fn make_snapshot_dir(&self, id: InstallationId, name: &str) -> Result<PathBuf, VolumeError> {
        self.copy_of(id, name)?;
        let dir = self.snapshot_dir(id, name);
        make_directory(&dir, 0o700)?;
        Ok(dir)
    }

    /// Keeps a copy of the data as it is now, unless there is one of that name. With it everything in its directory is
    /// on disk.
    pub fn snapshot(&self, id: InstallationId, name: &str) -> Result<(), VolumeError> {
        let copy = self.copy_of(id, name)?;
        if exists(&copy) {
            return Ok(());
        }
        let data = self.data(id);
        if !exists(&data) {
            return Err(VolumeError::Absent(data));
        }
        self.make_snapshot_dir(id, name)?;
        self.trees.copy(&data, &copy, false)
    }

    /// Deletes that copy, if it is there, with everything else in its directory; and what [`Volume::put_back`] has
    /// replaced.
    pub fn delete_snapshot(&self, id: InstallationId, name: &str) -> Result<(), VolumeError> {
        let copy = self.copy_of(id, name)?;
        self.trees.delete(&[&copy, &self.dir(id).join("data.new")])?;
        erase(&self.snapshot_dir(id, name))
    }

    /// The names of its copies, sorted.
    pub fn snapshots(&self, id: InstallationId) -> Result<Vec<String>, VolumeError> {
        let directory = self.dir(id).join("snapshots");
        let mut names = names(&directory)?;
        names.retain(|name| exists(&directory.join(name).join("data")));
        names.sort();
        Ok(names)
    }

    /// Makes the data what it was when that copy was made; the copy stays. What the data was before is of no more use,
    /// but takes up room until [`Volume::drop_replaced`], which takes its time.
    pub fn put_back(&self, id: InstallationId, name: &str) -> Result<(), VolumeError> {
        let copy = self.copy_of(id, name)?;
        if !exists(&copy) {
            return Err(VolumeError::Absent(copy));
        }
        let new = self.dir(id).join("data.new");
        // Whatever bears that name is of no use: a copy that was not finished, or the data that was replaced.
        self.trees.delete(&[&new])?;
        self.trees.copy(&copy, &new, true)?;
        self.limit_like(id, &new)?;
        self.exchange(id)
    }

    /// Deletes what [`Volume::put_back`] has replaced.
    pub fn drop_replaced(&self, id: InstallationId) -> Result<(), VolumeError> {
        self.trees.delete(&[&self.dir(id).join("data.new")])
    }

    /// Deletes everything of an installation.
    pub fn remove(&self, id: InstallationId) -> Result<(), VolumeError> {
        let (dir, gone) = (self.dir(id), self.mount.join("removed").join(id.to_string()));
        if exists(&dir) {
            self.erase_removed(&gone)?;
            // First it stops being an installation, at once; then it is taken apart.
            fs::rename(&dir, &gone).map_err(io("rename", &dir))?;
            sync_directory(&self.mount.join("installations"))?;
        }
        self.erase_removed(&gone)
    }

    /// Keeps the data from growing by more than so many bytes beyond what it is, whatever its quota; or no longer.
    pub fn curb(&self, id: InstallationId, slack: Option<u64>) -> Result<(), VolumeError> {
        self.trees.curb(&self.data(id), slack)
    }

    /// Gives the file system's bookkeeping room of its own on the disk, as long as `may_go_on` allows: then a full disk
    /// does not hurt it. Whether it has all that it needs now.
    pub fn secure(&self, may_go_on: &dyn Fn() -> bool) -> Result<bool, VolumeError> {
        self.trees.secure(&self.image, may_go_on)
    }

    /// Has deleted data leave the file that the volume is in, or not: room that is given back may be gone.
    pub fn discard(&self, is_on: bool) -> Result<(), VolumeError> {
        self.trees.discard(&self.mount, is_on)
    }

    /// What tells the data of an installation from what was in its place before; `None` when there is none.
    pub fn tree(&self, id: InstallationId) -> Option<u64> {
        self.trees.number(&self.data(id))
    }

    /// The directory at which it is seen.
    pub fn mount(&self) -> &Path {
        &self.mount
    }

    /// By how many bytes the file that it is in may still grow; 0 when it is in none.
    pub fn growth(&self) -> u64 {
        use std::os::unix::fs::MetadataExt;
        /// Bytes of the unit in which stat(2) counts.
        const BLOCK: u64 = 512;
        match fs::metadata(&self.image) {
            Ok(found) if self.storage == Storage::Btrfs => found.len().saturating_sub(found.blocks() * BLOCK),
            _ => 0,
        }
    }

    /// What it used, over time.
    pub fn history(&self, id: InstallationId) -> PathBuf {
        self.dir(id).join("history")
    }

    /// Bytes of data on disk, where the storage can tell. Up to half a minute old.
    pub fn used(&self, id: InstallationId) -> Option<u64> {
        self.trees.used(&self.data(id))
    }

    /// Bytes of the whole volume.
    pub fn usage(&self) -> Share {
        match rustix::fs::statvfs(&self.mount) {
            Ok(found) => {
                let total = found.f_blocks * found.f_frsize;
                Share { total, taken: total.saturating_sub(found.f_bavail * found.f_frsize) }
            }
            Err(error) => {
                tracing::warn!(%error, mount = %self.mount.display(), "cannot tell how full the volume is");
                Share::default()
            }
        }
    }

    /// Which volume it is, and where.
    pub fn about(&self) -> VolumeReport {
        let image = (self.storage == Storage::Btrfs).then(|| self.image.display().to_string());
        VolumeReport {
            id: self.description.id.to_string(),
            path: self.mount.display().to_string(),
            image,
            created_at: self.description.created,
        }
    }

    /// The kind of storage: `btrfs`, or the fallback in use.
    pub fn storage(&self) -> &str {
        self.storage.name()
    }

    /// What there is to say about the storage.
    pub fn report(&self) -> LayerReport {
        LayerReport { name: "volume".to_owned(), active: self.storage == Storage::Btrfs, note: self.trees.note() }
    }

    /// Unmounts it and frees its loop device; refused by the kernel while a sandbox uses it.
    pub fn close(self) -> Result<(), VolumeError> {
        self.trees.close(&self.mount)
    }

    /// The data in a snapshot, of a name that is one.
    fn copy_of(&self, id: InstallationId, name: &str) -> Result<PathBuf, VolumeError> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
        if !(1..=100).contains(&name.len()) || name.starts_with('.') || !name.bytes().all(plain) {
            return Err(VolumeError::BadName(name.chars().take(120).collect()));
        }
        Ok(self.snapshot_dir(id, name).join("data"))
    }

    /// Limits a tree like the installation's data: a copy does not inherit its limit.
    fn limit_like(&self, id: InstallationId, tree: &Path) -> Result<(), VolumeError> {
        let file = self.dir(id).join("quota");
        let text = fs::read_to_string(&file).map_err(io("read", &file))?;
        let bytes = text
            .trim_end_matches(UNSURE)
            .trim()
            .parse()
            .map_err(|_| VolumeError::Foreign { path: file, why: format!("\"{text}\" is no quota") })?;
        self.trees.limit(tree, bytes)
    }

    /// Makes `data.new` the data, in one step, and the data `data.new`.
    fn exchange(&self, id: InstallationId) -> Result<(), VolumeError> {
        let (data, new) = (self.data(id), self.dir(id).join("data.new"));
        if exists(&data) {
            rustix::fs::renameat_with(CWD, &new, CWD, &data, RenameFlags::EXCHANGE)
                .map_err(errno("exchange", &data))?;
        } else {
            fs::rename(&new, &data).map_err(io("rename", &new))?;
        }
        sync_directory(&self.dir(id))
    }

    /// Takes a removed installation apart.
    fn erase_removed(&self, gone: &Path) -> Result<(), VolumeError> {
        if !exists(gone) {
            return Ok(());
        }
        let snapshots = gone.join("snapshots");
        let mut trees = vec![gone.join("data"), gone.join("data.new")];
        trees.extend(names(&snapshots)?.iter().map(|name| snapshots.join(name).join("data")));
        self.trees.delete(&trees.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
        erase(gone)
    }

    /// Makes the directories that every volume has, and finishes the removals that a kill interrupted.
    fn tidy(&self) -> Result<(), VolumeError> {
        make_directory(&self.mount.join("installations"), 0o700)?;
        let removed = self.mount.join("removed");
        make_directory(&removed, 0o700)?;
        for name in names(&removed)? {
            self.erase_removed(&removed.join(name))?;
        }
        let reading = self.mount.join("reading");
        make_directory(&reading, 0o700)?;
        for name in names(&reading)? {
            self.end_reading(&reading.join(name))?;
        }
        Ok(())
    }
}

/// Opens a volume in a plain directory, or makes a new one of the best kind that works.
fn open_directory_or_new(
    config: &VolumeConfig,
    image: &Path,
    mount: &Path,
) -> Result<(Storage, Box<dyn Trees>), VolumeError> {
    let plain =
        |storage, why: &str| -> (Storage, Box<dyn Trees>) { (storage, Box::new(Plain::new(storage, why.into()))) };
    if exists(&mount.join("volume.json")) {
        let found = described(mount, mount)?.storage;
        if config.storage == Some(Storage::Btrfs) {
            wanted(config, found, mount)?;
        }
        return Ok(plain(config.storage.unwrap_or(found), "as it was made"));
    }
    let ours = ["volume.new", "lost+found", ".reflink-1", ".reflink-2"];
    if let Some(entry) = names(mount)?.iter().find(|name| !ours.contains(&name.as_str())) {
        let why = format!("the directory is not empty: it has \"{entry}\", but no volume.json");
        return Err(VolumeError::Foreign { path: mount.to_owned(), why });
    }
    let why = match config.storage {
        None | Some(Storage::Btrfs) => {
            let bytes = config.bytes.map_or_else(|| default_size(image), Ok)?;
            match Btrfs::create(image, mount, bytes, || describe(mount, Storage::Btrfs)) {
                Ok(btrfs) => return Ok((Storage::Btrfs, Box::new(btrfs))),
                Err(VolumeError::Tool(error)) if config.storage.is_none() => error.to_string(),
                Err(error) => return Err(error),
            }
        }
        Some(_) => "asked for".to_owned(),
    };
    let storage = config.storage.map_or_else(|| Plain::choose(mount), Ok)?;
    tracing::warn!(storage = storage.name(), why, "the volume is a plain directory, without quotas");
    describe(mount, storage)?;
    Ok(plain(storage, &why))
}

/// 80 % of what is free where the image will be, at least 1 GiB.
fn default_size(image: &Path) -> Result<u64, VolumeError> {
    let directory = image.parent().unwrap_or(Path::new("/"));
    let found = rustix::fs::statvfs(directory).map_err(errno("look at", directory))?;
    let bytes = (found.f_bavail * found.f_frsize / 10 * 8).max(1 << 30);
    Ok(bytes & !((1 << 20) - 1))
}

/// Refuses a kind of storage that was not asked for.
fn wanted(config: &VolumeConfig, found: Storage, path: &Path) -> Result<(), VolumeError> {
    match config.storage {
        Some(wanted) if wanted != found => {
            Err(VolumeError::OtherStorage { path: path.to_owned(), found: found.name(), wanted: wanted.name() })
        }
        _ => Ok(()),
    }
}

/// What a mounted volume says of itself; `path` is what a person knows it by.
fn described(mount: &Path, path: &Path) -> Result<Description, VolumeError> {
    let foreign = |why: String| VolumeError::Foreign { path: path.to_owned(), why };
    let text = fs::read(mount.join("volume.json")).map_err(|error| foreign(format!("its volume.json: {error}")))?;
    let found: Description =
        serde_json::from_slice(&text).map_err(|error| foreign(format!("its volume.json: {error}")))?;
    if found.format > FORMAT {
        return Err(VolumeError::Newer { path: path.to_owned(), found: found.format, known: FORMAT });
    }
    Ok(found)
}

/// Writes what a new volume says of itself.
fn describe(mount: &Path, storage: Storage) -> Result<(), VolumeError> {
    let created = chrono::Utc::now().timestamp_millis().unsigned_abs();
    let description = Description { id: uuid::Uuid::now_v7(), created, format: FORMAT, storage };
    let text = serde_json::to_vec_pretty(&description).expect("it has no key that is not a text");
    write_file(&mount.join("volume.json"), &text)
}

/// Whether there is something of that name, a dangling link included.
fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// The names in a directory; none when it is not there.
fn names(directory: &Path) -> Result<Vec<String>, VolumeError> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(io("read", directory))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(io("read", directory))?.file_name().into_string());
    }
    Ok(names)
}

fn make_directory(directory: &Path, mode: u32) -> Result<(), VolumeError> {
    fs::DirBuilder::new().recursive(true).mode(mode).create(directory).map_err(io("make", directory))
}

/// Writes a small file so that it is there whole or not at all, and on disk.
fn write_file(path: &Path, content: &[u8]) -> Result<(), VolumeError> {
    let new = path.with_extension("new");
    let mut file = fs::File::create(&new).map_err(io("make", &new))?;
    file.write_all(content).map_err(io("write", &new))?;
    file.sync_all().map_err(io("write to disk", &new))?;
    fs::rename(&new, path).map_err(io("rename", &new))
}

/// Brings the names in a directory to disk.
fn sync_directory(directory: &Path) -> Result<(), VolumeError> {
    let file = fs::File::open(directory).map_err(io("open", directory))?;
    file.sync_all().map_err(io("write to disk", directory))
}

/// Brings everything on the file system to disk, where a tree has too many files to do it one by one.
fn sync_all(directory: &Path) -> Result<(), VolumeError> {
    let file = fs::File::open(directory).map_err(io("open", directory))?;
    rustix::fs::syncfs(&file).map_err(errno("write to disk", directory))
}

/// Gives a tree to a user; links in it are given away themselves, never followed.
fn own(tree: &Path, uid: u32, gid: u32) -> Result<(), VolumeError> {
    let owner = format!("{uid}:{gid}");
    let words = ["-R".as_ref(), "-P".as_ref(), "-h".as_ref(), "--".as_ref(), owner.as_ref(), tree.as_os_str()];
    tools::run("chown", &words)?;
    Ok(())
}

/// Deletes a directory that holds no tree any more.
fn erase(directory: &Path) -> Result<(), VolumeError> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io("delete", directory)(error)),
        _ => Ok(()),
    }
}

/// The path without links in its directory; the file itself need not exist.
fn absolute(file: &Path) -> Result<PathBuf, VolumeError> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_directory(directory, 0o700)?;
    let directory = directory.canonicalize().map_err(io("find", directory))?;
    Ok(directory.join(file.file_name().unwrap_or_default()))
}
