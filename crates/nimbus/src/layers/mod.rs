//! What sandboxes are layered from: unpacked packages, bases, dependencies. All of it is a cache that can be lost at
//! any time and may be shared by several servers on one machine.
//!
//! ```text
//! artifacts/<sha256>.tar.gz      as the control plane sent them
//! apps/<sha256>/                 unpacked
//! skeleton/<hash>/               base "empty"
//! cirrus/<hash>/                 the same with Cirrus, for what it runs
//! bases/debian-12/               base "debian-12"
//! dependencies/<hash>/           Debian packages on top of it
//! mountpoints/<hash>/            a directory that the other layers lack
//! files/                         small files of this server
//! users/<id>.json                what each server needs of it
//! locks/
//! ```

mod cirrus;
mod debian;
mod error;
mod files;
mod leases;
mod merged;
mod once;
mod skeleton;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use domain::ArtifactHash;
use domain::manifest::{Base, Engine, Manifest, User};
use nimbus_api::Millis;

use self::error::io;
use self::leases::Leases;

pub use self::cirrus::PROGRAM as CIRRUS;
pub use self::error::LayersError;
pub use self::leases::GRACE;

/// The kinds of items that go when nobody needs them. Bases and the like are few and stay.
const KINDS: [&str; 3] = ["apps", "artifacts", "dependencies"];

/// An archive of which no byte came for so long is not coming any more.
const ARRIVES_WITHIN: Duration = Duration::from_secs(3600);

/// The cache of layers.
pub struct Layers {
    cache: PathBuf,
    files: Vec<(PathBuf, String)>,
    leases: Option<Leases>,
    /// The program of Cirrus, and its root once it was made.
    cirrus: PathBuf,
    cirrus_root: OnceLock<PathBuf>,
}

impl Layers {
    /// Opens the cache for the server with that id and data directory: what it uses stays until it no longer needs it,
    /// and [`Layers::prune`] deletes what nobody does.
    pub fn open_for(cache: &Path, id: &str, data: &Path, cirrus: &Path) -> Result<Layers, LayersError> {
        let mut layers = Layers::open(cache)?;
        layers.cirrus = cirrus.to_owned();
        layers.leases = Some(Leases::open(&layers.cache, id, data)?);
        Ok(layers)
    }

    /// Opens the cache, making it when it is not there. What is made then is nobody's: it goes after [`GRACE`] unless a
    /// server uses it.
    pub fn open(cache: &Path) -> Result<Layers, LayersError> {
        for name in ["artifacts", "apps", "dependencies", "locks"] {
            let directory = cache.join(name);
            fs::create_dir_all(&directory).map_err(io("make", &directory))?;
        }
        let cache = cache.canonicalize().map_err(io("find", cache))?;
        let files = files::write(&cache)?;
        Ok(Layers { cache, files, leases: None, cirrus: PathBuf::new(), cirrus_root: OnceLock::new() })
    }

    /// Where a package's archive is, or would be.
    pub fn artifact(&self, hash: &ArtifactHash) -> PathBuf {
        self.cache.join("artifacts").join(format!("{hash}.tar.gz"))
    }

    /// Whether it is there.
    pub fn has_artifact(&self, hash: &ArtifactHash) -> bool {
        self.artifact(hash).is_file()
    }

    /// The same for whoever is going to use it: if it is there, it stays.
    pub fn claim_artifact(&self, hash: &ArtifactHash) -> Result<bool, LayersError> {
        self.claim("artifacts", hash.as_str())?;
        Ok(self.has_artifact(hash))
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
        self.claim("apps", hash.as_str())?;
        self.claim("artifacts", hash.as_str())?;
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

    /// The layers of the root in which a version runs, topmost first, with a mount point for its data.
    pub fn of(&self, manifest: &Manifest) -> Result<Vec<PathBuf>, LayersError> {
        match manifest.engine {
            Engine::Command => self.root(manifest.base, &manifest.dependencies, &manifest.data.directory),
            Engine::Cirrus => self.mounted(vec![self.cirrus()?], &manifest.data.directory),
        }
    }

    /// The root of what Cirrus runs.
    pub fn cirrus(&self) -> Result<PathBuf, LayersError> {
        if let Some(root) = self.cirrus_root.get() {
            return Ok(root.clone());
        }
        let root = cirrus::root(&self.cache, &self.cirrus)?;
        Ok(self.cirrus_root.get_or_init(|| root).clone())
    }

    /// The layers of a sandbox's root, topmost first, with a mount point for its data. Bases and dependencies are built
    /// on first use, which takes a minute and needs Debian's archive.
    pub fn root(&self, base: Base, dependencies: &[String], data_directory: &str) -> Result<Vec<PathBuf>, LayersError> {
        let layers = match base {
            Base::Empty if !dependencies.is_empty() => return Err(LayersError::EmptyBase),
            Base::Empty => vec![skeleton::skeleton(&self.cache)?],
            Base::Debian12 => {
                let base = debian::base(&self.cache)?;
                match dependencies {
                    [] => vec![base],
                    some => {
                        let claim = |name: &str| self.claim("dependencies", name);
                        vec![debian::dependencies(&self.cache, &base, some, claim)?, base]
                    }
                }
            }
        };
        self.mounted(layers, data_directory)
    }

    fn mounted(&self, mut layers: Vec<PathBuf>, data_directory: &str) -> Result<Vec<PathBuf>, LayersError> {
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

    /// The items that a sandbox of this version needs, as [`Layers::prune`] wants to know them.
    pub fn items(&self, hash: &ArtifactHash, base: Base, dependencies: &[String]) -> Vec<String> {
        let mut items = vec![format!("apps/{hash}"), format!("artifacts/{hash}")];
        if base == Base::Debian12 && !dependencies.is_empty() {
            // Without a base there are none on top of it.
            let layer = debian::layer_name(&self.cache.join(debian::BASE), dependencies);
            items.extend(layer.ok().map(|(name, _)| format!("dependencies/{name}")));
        }
        items
    }

    /// The item in which a path is, if it is in one.
    pub fn item_of(&self, path: &Path) -> Option<String> {
        let mut parts = path.strip_prefix(&self.cache).ok()?.iter().filter_map(|part| part.to_str());
        let (kind, name) = (parts.next()?, parts.next()?);
        KINDS.contains(&kind).then(|| format!("{kind}/{name}"))
    }

    /// Notes what this server needs at `now`, and deletes what no server that shares the cache has needed for
    /// [`GRACE`]. What is being prepared was claimed and stays. Returns what was deleted.
    pub fn prune(&self, needed: &BTreeSet<String>, now: Millis) -> Result<Vec<String>, LayersError> {
        let Some(leases) = &self.leases else { return Ok(Vec::new()) };
        leases.surplus(needed, &self.all()?, now, |item| {
            let (kind, name) = item.split_once('/').unwrap_or((item, ""));
            if kind != "artifacts" {
                return once::delete(&self.cache, kind, name);
            }
            for file in names(&self.cache.join(kind))?.into_iter().filter(|file| artifact_of(file) == name) {
                let path = self.cache.join(kind).join(&file);
                if !once::item(&file).1 || is_abandoned(&path) {
                    remove(&path)?;
                }
            }
            Ok(())
        })
    }

    /// Deletes an archive, unless another server needs it.
    pub fn forget_artifact(&self, hash: &ArtifactHash) -> Result<(), LayersError> {
        let needed = match &self.leases {
            Some(leases) => leases.is_needed_by_others(&format!("artifacts/{hash}"))?,
            None => false,
        };
        if needed { Ok(()) } else { remove(&self.artifact(hash)) }
    }

    /// Every item that is there, those that are only being made or have been left half made included.
    fn all(&self) -> Result<BTreeSet<String>, LayersError> {
        let mut all = BTreeSet::new();
        for kind in KINDS {
            all.extend(names(&self.cache.join(kind))?.iter().map(|file| format!("{kind}/{}", artifact_of(file))));
        }
        Ok(all)
    }

    fn claim(&self, kind: &str, name: &str) -> Result<(), LayersError> {
        self.leases.as_ref().map_or(Ok(()), |leases| leases.claim(&format!("{kind}/{name}")))
    }
}

/// The item to which a file of the cache belongs.
fn artifact_of(file: &str) -> &str {
    once::item(file).0.trim_end_matches(".tar.gz")
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
