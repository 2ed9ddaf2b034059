//! What sandboxes are layered from: unpacked packages, bases, dependencies. All of it is a cache that can be lost at
//! any time and may be shared by several servers on one machine.
//!
//! ```text
//! artifacts/<sha256>.tar.gz      as the control plane sent them
//! apps/<sha256>/                 unpacked
//! skeleton/<hash>/               base "empty"
//! bases/debian-12/               base "debian-12"
//! dependencies/<hash>/           Debian packages on top of it
//! mountpoints/<hash>/            a directory that the other layers lack
//! files/                         small files of this server
//! locks/
//! ```

mod debian;
mod error;
mod files;
mod merged;
mod once;
mod skeleton;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use domain::ArtifactHash;
use domain::manifest::{Base, User};

use self::error::io;

pub use self::error::LayersError;

/// An archive of which no byte came for so long is not coming any more.
const ARRIVES_WITHIN: Duration = Duration::from_secs(3600);

/// The cache of layers.
pub struct Layers {
    cache: PathBuf,
    files: Vec<(PathBuf, String)>,
}

impl Layers {
    /// Opens the cache, making it when it is not there.
    pub fn open(cache: &Path) -> Result<Layers, LayersError> {
        for name in ["artifacts", "apps", "locks"] {
            let directory = cache.join(name);
            fs::create_dir_all(&directory).map_err(io("make", &directory))?;
        }
        let cache = cache.canonicalize().map_err(io("find", cache))?;
        let files = files::write(&cache)?;
        Ok(Layers { cache, files })
    }

    /// Where a package's archive is, or would be.
    pub fn artifact(&self, hash: &ArtifactHash) -> PathBuf {
        self.cache.join("artifacts").join(format!("{hash}.tar.gz"))
    }

    /// Whether it is there.
    pub fn has_artifact(&self, hash: &ArtifactHash) -> bool {
        self.artifact(hash).is_file()
    }

    /// A file name for an archive while it arrives, on the cache's file system; no other call returns it again.
    pub fn incoming(&self, hash: &ArtifactHash) -> PathBuf {
        once::temporary(&self.cache.join("artifacts"), hash.as_str())
    }

    /// Takes over an archive whose hash the caller has checked. The file `tmp` is gone afterwards.
    pub fn adopt_artifact(&self, tmp: &Path, hash: &ArtifactHash) -> Result<(), LayersError> {
        let artifact = self.artifact(hash);
        let file = File::open(tmp).map_err(io("open", tmp))?;
        file.sync_all().map_err(io("write to disk", tmp))?;
        match fs::rename(tmp, &artifact) {
            Err(error) if error.kind() == ErrorKind::CrossesDevices => {
                let near = self.incoming(hash);
                fs::copy(tmp, &near).map_err(io("copy", tmp))?;
                self.adopt_artifact(&near, hash)?;
                fs::remove_file(tmp).map_err(io("delete", tmp))
            }
            other => other.map_err(io("rename", tmp)),
        }
    }

    /// The directory of a package's content, unpacked on first use; shown read-only at `/app`.
    pub fn app(&self, hash: &ArtifactHash) -> Result<PathBuf, LayersError> {
        once::once(&self.cache, "apps", hash.as_str(), |root| {
            let artifact = self.artifact(hash);
            let file = match File::open(&artifact) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Err(LayersError::NoArtifact(hash.clone())),
                other => other.map_err(io("open", &artifact))?,
            };
            archive::unpack(file, root, &archive::Limits::default())
                .map_err(|source| LayersError::Archive { hash: hash.clone(), source })?;
            Ok(())
        })
    }

    /// The layers of a sandbox's root, topmost first, with a mount point for its data. Bases and dependencies are built
    /// on first use, which takes a minute and needs Debian's archive.
    pub fn root(&self, base: Base, dependencies: &[String], data_directory: &str) -> Result<Vec<PathBuf>, LayersError> {
        let mut layers = match base {
            Base::Empty if !dependencies.is_empty() => return Err(LayersError::EmptyBase),
            Base::Empty => vec![skeleton::skeleton(&self.cache)?],
            Base::Debian12 => {
                let base = debian::base(&self.cache)?;
                match dependencies {
                    [] => vec![base],
                    some => vec![debian::dependencies(&self.cache, &base, some)?, base],
                }
            }
        };
        if let Some(layer) = merged::mount_point(&self.cache, &layers, data_directory)? {
            layers.insert(0, layer);
        }
        Ok(layers)
    }

    /// Builds what [`Layers::root`] would need, ahead of time.
    pub fn prepare(&self, base: Base, dependencies: &[String]) -> Result<(), LayersError> {
        self.root(base, dependencies, "/data").map(drop)
    }

    /// Files of this server that sandboxes see read-only in place of their layers' own, with their paths inside.
    pub fn files(&self) -> Vec<(PathBuf, String)> {
        self.files.clone()
    }

    /// The user and group ids that a manifest's user has in a root.
    pub fn resolve_user(&self, layers: &[PathBuf], user: &User) -> Result<(u32, u32), LayersError> {
        merged::resolve_user(layers, user)
    }

    /// Deletes the packages that are not to be kept, packed and unpacked. Whoever shares the cache must name what the
    /// others use as well.
    pub fn prune(&self, keep: &HashSet<ArtifactHash>) -> Result<(), LayersError> {
        let surplus = |name: &str| ArtifactHash::from_str(name).is_ok_and(|hash| !keep.contains(&hash));
        let apps = self.cache.join("apps");
        for name in names(&apps)? {
            let (name, _) = once::item(&name);
            if surplus(name) {
                once::delete(&self.cache, "apps", name)?;
            }
        }
        let artifacts = self.cache.join("artifacts");
        for file in names(&artifacts)? {
            let path = artifacts.join(&file);
            let (name, temporary) = once::item(&file);
            if surplus(name.trim_end_matches(".tar.gz")) && (!temporary || is_abandoned(&path)) {
                remove(&path)?;
            }
        }
        Ok(())
    }
}

/// Whether an archive that was arriving no longer does.
fn is_abandoned(path: &Path) -> bool {
    let changed = fs::symlink_metadata(path).and_then(|found| found.modified());
    changed.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > ARRIVES_WITHIN))
}

fn remove(file: &Path) -> Result<(), LayersError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io("delete", file)(error)),
        _ => Ok(()),
    }
}

fn names(directory: &Path) -> Result<Vec<String>, LayersError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(io("read", directory))? {
        names.extend(entry.map_err(io("read", directory))?.file_name().into_string());
    }
    Ok(names)
}

/// Lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
