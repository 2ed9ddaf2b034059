//! The volume proper: a sparse btrfs image on a loop device. Trees are subvolumes, copies are snapshots, limits are
//! qgroups.
//!
//! The qgroups are the classic ones, although they cost more than "simple quotas": simple quotas count an extent for
//! the subvolume that first wrote it, so data that was put back from a snapshot would count as nothing.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, IFlags, StatxFlags};
use rustix::mount::UnmountFlags;

use super::error::{errno, io};
use super::storage::Trees;
use super::{VolumeError, footing, mounts};
use crate::tools;

/// The least that `mkfs.btrfs` makes a useful file system of, in bytes.
pub(super) const LEAST_BYTES: u64 = 256 << 20;
/// Where the superblock's magic number is in an image, and what it is (btrfs on-disk format).
const MAGIC: (u64, &[u8; 8]) = (0x1_0040, b"_BHRfS_M");
/// `nosuid,nodev`: what a program wrote has no power on the server.
const OPTIONS: &str = "noatime,nosuid,nodev";
/// Deleted data leaves the image's file.
const AT_FIRST: &str = "loop,discard=async";

/// A mounted btrfs.
pub(super) struct Btrfs {
    device: PathBuf,
    /// Its directory in sysfs, where usage is read without running a tool.
    sysfs: Option<PathBuf>,
}

/// What is there before a volume is opened.
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// An image that is not mounted.
    Image,
    /// The image, mounted where it belongs.
    Mounted(PathBuf),
    /// A half-made image, mounted: its maker was killed.
    HalfMade,
}

/// The image's name until it is complete.
fn half_made(image: &Path) -> PathBuf {
    let mut name = image.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    image.with_file_name(name)
}

/// Looks what is there.
pub(super) fn look(image: &Path, mount: &Path) -> Result<Found, VolumeError> {
    let Some(found) = mounts::at(mount)? else {
        return Ok(if super::exists(image) { Found::Image } else { Found::Nothing });
    };
    let behind = mounts::backing_file(&found.source);
    match behind {
        Some(file) if found.kind == "btrfs" && file == image => Ok(Found::Mounted(found.source)),
        Some(file) if found.kind == "btrfs" && file == half_made(image) => Ok(Found::HalfMade),
        _ => {
            let by = format!("{} ({})", found.source.display(), found.kind);
            Err(VolumeError::Occupied { mount: mount.to_owned(), by })
        }
    }
}

impl Btrfs {
    /// Takes up a file system that is mounted: Nimbus was started again.
    pub fn adopt(device: PathBuf, mount: &Path) -> Result<Btrfs, VolumeError> {
        let sysfs = sysfs(&device);
        let btrfs = Btrfs { device, sysfs };
        btrfs.ready(mount)?;
        Ok(btrfs)
    }

    /// Mounts an image that exists; `check` looks at the mounted volume before anything is written to it.
    pub fn mount(
        image: &Path,
        mount: &Path,
        check: impl FnOnce() -> Result<(), VolumeError>,
    ) -> Result<Btrfs, VolumeError> {
        let mut magic = [0; 8];
        let file = fs::File::open(image).map_err(io("open", image))?;
        if file.read_exact_at(&mut magic, MAGIC.0).is_err() || &magic != MAGIC.1 {
            let why = "it is not an image of btrfs".to_owned();
            return Err(VolumeError::Foreign { path: image.to_owned(), why });
        }
        let device = attach(image, mount)?;
        let ready = check().and_then(|()| Btrfs::adopt(device, mount));
        if ready.is_err() {
            detach(mount)?;
        }
        ready
    }

    /// Makes an image under another name, mounts it, lets `fill` write what must be there from the beginning, and
    /// only then gives it its name.
    pub fn create(
        image: &Path,
        mount: &Path,
        bytes: u64,
        fill: impl FnOnce() -> Result<(), VolumeError>,
    ) -> Result<Btrfs, VolumeError> {
        if bytes < LEAST_BYTES {
            return Err(VolumeError::TooSmall { bytes, least: LEAST_BYTES });
        }
        let new = half_made(image);
        discard(&new)?;
        let made = make_image(&new, bytes).and_then(|()| attach(&new, mount)).and_then(|device| {
            let filled = Btrfs::adopt(device, mount).and_then(|btrfs| {
                fill()?;
                super::sync_all(mount)?;
                fs::rename(&new, image).map_err(io("rename", &new))?;
                Ok(btrfs)
            });
            if filled.is_err() {
                detach(mount)?;
            }
            filled
        });
        match made {
            Ok(btrfs) => {
                super::sync_directory(image.parent().unwrap_or(Path::new("/")))?;
                Ok(btrfs)
            }
            Err(error) => {
                discard(&new)?;
                Err(error)
            }
        }
    }

    /// Quotas on and consistent, and no limits left over from subvolumes that are gone.
    fn ready(&self, mount: &Path) -> Result<(), VolumeError> {
        let state =
            |name: &str| self.sysfs.as_ref().and_then(|at| fs::read_to_string(at.join("qgroups").join(name)).ok());
        if state("enabled").as_deref().map(str::trim) != Some("1") {
            btrfs(&["quota".as_ref(), "enable".as_ref(), mount.as_os_str()])?;
        }
        // Until a rescan has ended limits are not in force.
        if state("inconsistent").as_deref().map(str::trim) != Some("0") {
            btrfs(&["quota".as_ref(), "rescan".as_ref(), "-w".as_ref(), mount.as_os_str()])?;
        }
        let groups = btrfs(&["qgroup".as_ref(), "show".as_ref(), "--raw".as_ref(), mount.as_os_str()])?;
        for stale in groups.lines().filter(|line| line.trim_end().ends_with("<stale>")) {
            let id = stale.split_whitespace().next().unwrap_or_default();
            // Refused while the kernel is still deleting the subvolume: then the next start does it.
            if let Err(error) = btrfs(&["qgroup".as_ref(), "destroy".as_ref(), id.as_ref(), mount.as_os_str()]) {
                tracing::debug!(%error, "a quota group is still in use");
            }
        }
        Ok(())
    }

    /// What the quota group of a tree has counted.
    fn counted(&self, tree: &Path, what: &str) -> Option<u64> {
        let id = subvolume(tree)?;
        let file = self.sysfs.as_ref()?.join(format!("qgroups/0_{id}/{what}"));
        fs::read_to_string(file).ok()?.trim().parse().ok()
    }

    /// Deletes subvolumes made inside `tree`, deepest first: they keep it from being deleted. Programs in sandboxes
    /// are not allowed to make any; a person with a shell on the server is.
    fn delete_nested(&self, tree: &Path) -> Result<(), VolumeError> {
        let list = btrfs(&["subvolume".as_ref(), "list".as_ref(), "-o".as_ref(), tree.as_os_str()])?;
        let top = mounted_root(tree)?;
        let paths = list.lines().filter_map(|line| line.split_once(" path ").map(|(_, path)| top.join(path)));
        for nested in paths {
            self.delete_nested(&nested)?;
            btrfs(&["subvolume".as_ref(), "delete".as_ref(), nested.as_os_str()])?;
        }
        Ok(())
    }
}

/// The directory at which the file system of `tree` is mounted.
fn mounted_root(tree: &Path) -> Result<PathBuf, VolumeError> {
    for directory in tree.ancestors().skip(1) {
        if mounts::at(directory)?.is_some() {
            return Ok(directory.to_owned());
        }
    }
    Err(VolumeError::Absent(tree.to_owned()))
}

impl Trees for Btrfs {
    fn make(&self, tree: &Path) -> Result<(), VolumeError> {
        if !super::exists(tree) {
            btrfs(&["subvolume".as_ref(), "create".as_ref(), tree.as_os_str()])?;
        }
        Ok(())
    }

    fn copy(&self, from: &Path, to: &Path, writable: bool) -> Result<(), VolumeError> {
        // A snapshot is on disk when the call returns: it is a transaction of its own.
        let mut words: Vec<&OsStr> = vec!["subvolume".as_ref(), "snapshot".as_ref()];
        if !writable {
            words.push("-r".as_ref());
        }
        words.extend([from.as_os_str(), to.as_os_str()]);
        btrfs(&words)?;
        Ok(())
    }

    fn delete(&self, trees: &[&Path]) -> Result<(), VolumeError> {
        let there: Vec<&OsStr> = trees.iter().filter(|tree| super::exists(tree)).map(|tree| tree.as_os_str()).collect();
        if there.is_empty() {
            return Ok(());
        }
        let delete = |trees: &[&OsStr]| btrfs(&[&["subvolume".as_ref(), "delete".as_ref()], trees].concat());
        if delete(&there).is_ok() {
            return Ok(());
        }
        for tree in there.into_iter().map(Path::new).filter(|tree| super::exists(tree)) {
            self.delete_nested(tree)?;
            delete(&[tree.as_os_str()])?;
        }
        Ok(())
    }

    fn limit(&self, tree: &Path, bytes: u64) -> Result<(), VolumeError> {
        let bytes = bytes.to_string();
        btrfs(&["qgroup".as_ref(), "limit".as_ref(), bytes.as_ref(), tree.as_os_str()])?;
        Ok(())
    }

    fn curb(&self, tree: &Path, slack: Option<u64>) -> Result<(), VolumeError> {
        // What is its own alone grows with every byte that it writes, also with those in place of what a snapshot has.
        let bytes = match slack {
            Some(slack) => match self.counted(tree, "exclusive") {
                Some(now) => (now + slack).to_string(),
                None => return Ok(()),
            },
            None => "none".to_owned(),
        };
        btrfs(&["qgroup".as_ref(), "limit".as_ref(), "-e".as_ref(), bytes.as_ref(), tree.as_os_str()])?;
        Ok(())
    }

    fn secure(&self, image: &Path, may_go_on: &dyn Fn() -> bool) -> Result<bool, VolumeError> {
        footing::secure(&self.device, image, may_go_on)
    }

    fn discard(&self, mount: &Path, is_on: bool) -> Result<(), VolumeError> {
        footing::discard(mount, OPTIONS, is_on)
    }

    fn number(&self, tree: &Path) -> Option<u64> {
        subvolume(tree)
    }

    fn used(&self, tree: &Path) -> Option<u64> {
        self.counted(tree, "referenced")
    }

    fn note(&self) -> String {
        format!("btrfs on {}: instant snapshots, a disk quota for each installation", self.device.display())
    }

    fn close(&self, mount: &Path) -> Result<(), VolumeError> {
        detach(mount)?;
        // The kernel lets go of the loop device when the last mount of it is gone, in whichever namespace: soon, but
        // not before the call returns.
        let until = Instant::now() + Duration::from_secs(2);
        while mounts::backing_file(&self.device).is_some() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

/// Runs `btrfs`.
fn btrfs(words: &[&OsStr]) -> Result<String, VolumeError> {
    Ok(tools::run("btrfs", words)?)
}

/// The id of a subvolume: from statx (since Linux 6.10), or from the tool.
fn subvolume(tree: &Path) -> Option<u64> {
    /// `STATX_SUBVOL` of linux/stat.h.
    const SUBVOL: u32 = 0x8000;
    let found = rustix::fs::statx(CWD, tree, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::from_bits_retain(SUBVOL)).ok()?;
    if found.stx_mask & SUBVOL != 0 {
        return Some(found.stx_subvol);
    }
    btrfs(&["inspect-internal".as_ref(), "rootid".as_ref(), tree.as_os_str()]).ok()?.trim().parse().ok()
}

/// The directory `/sys/fs/btrfs/<uuid>` of the file system on that device.
fn sysfs(device: &Path) -> Option<PathBuf> {
    let name = device.file_name()?;
    let all = fs::read_dir("/sys/fs/btrfs").ok()?;
    all.filter_map(Result::ok).map(|entry| entry.path()).find(|at| at.join("devices").join(name).exists())
}

/// A sparse file with an empty btrfs.
fn make_image(image: &Path, bytes: u64) -> Result<(), VolumeError> {
    let file = fs::File::create_new(image).map_err(io("make", image))?;
    // On a btrfs of the server copy-on-write under copy-on-write would only scatter the blocks; elsewhere there is no
    // such flag.
    if let Err(error) = rustix::fs::ioctl_setflags(&file, IFlags::NOCOW) {
        tracing::debug!(%error, "the image's file system has no copy-on-write to turn off");
    }
    file.set_len(bytes).map_err(io("give its size to", image))?;
    tools::run("mkfs.btrfs", &["-q".as_ref(), "-L".as_ref(), "vclouden".as_ref(), image.as_os_str()])?;
    file.sync_all().map_err(io("write to disk", image))
}

/// Mounts an image and returns its loop device, which goes when the mount goes.
fn attach(image: &Path, mount: &Path) -> Result<PathBuf, VolumeError> {
    let options = format!("{AT_FIRST},{OPTIONS}");
    let words =
        ["-t".as_ref(), "btrfs".as_ref(), "-o".as_ref(), options.as_ref(), image.as_os_str(), mount.as_os_str()];
    tools::run("mount", &words)?;
    let mounted = mounts::at(mount)?.ok_or_else(|| VolumeError::Absent(mount.to_owned()))?;
    Ok(mounted.source)
}

/// Unmounts.
pub(super) fn detach(mount: &Path) -> Result<(), VolumeError> {
    rustix::mount::unmount(mount, UnmountFlags::NOFOLLOW).map_err(errno("unmount", mount))
}

/// Deletes a half-made image.
fn discard(image: &Path) -> Result<(), VolumeError> {
    match fs::remove_file(image) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io("delete", image)(error)),
        _ => Ok(()),
    }
}
