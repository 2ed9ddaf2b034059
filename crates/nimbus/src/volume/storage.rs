//! What a volume asks of the file system under it: trees that can be copied at once and limited.

use std::path::Path;

use super::VolumeError;

/// The kinds of storage, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Storage {
    /// A btrfs image on a loop device: instant snapshots, disk quotas.
    Btrfs,
    /// A directory of a file system that shares blocks between copies: slow snapshots, no quotas.
    Reflink,
    /// Any directory: very slow snapshots, no quotas.
    Copy,
}

impl Storage {
    /// Its name, as reported and as written in `volume.json`.
    pub fn name(self) -> &'static str {
        match self {
            Storage::Btrfs => "btrfs",
            Storage::Reflink => "reflink",
            Storage::Copy => "copy",
        }
    }
}

/// Trees: directories that are made, copied and deleted as a whole. Each call leaves, when killed at any point, either
/// nothing under the final name or the whole tree.
pub(super) trait Trees: Send + Sync {
    /// Makes an empty tree, when it is not there.
    fn make(&self, tree: &Path) -> Result<(), VolumeError>;
    /// Copies a tree to a name that does not exist yet. It is on disk then, with everything beside it.
    fn copy(&self, from: &Path, to: &Path, writable: bool) -> Result<(), VolumeError>;
    /// Deletes those trees, as far as they exist.
    fn delete(&self, trees: &[&Path]) -> Result<(), VolumeError>;
    /// Limits the bytes of a tree, where that is possible.
    fn limit(&self, tree: &Path, bytes: u64) -> Result<(), VolumeError>;
    /// Keeps a tree from growing by more than so many bytes, where that is possible, whatever its limit; or no longer.
    fn curb(&self, _tree: &Path, _slack: Option<u64>) -> Result<(), VolumeError> {
        Ok(())
    }
    /// Gives the file system's bookkeeping room of its own in the image, as long as the second allows; whether it has
    /// all that it needs.
    fn secure(&self, _image: &Path, _may_go_on: &dyn Fn() -> bool) -> Result<bool, VolumeError> {
        Ok(true)
    }
    /// Has deleted data leave the image, or not.
    fn discard(&self, _mount: &Path, _is_on: bool) -> Result<(), VolumeError> {
        Ok(())
    }
    /// What tells a tree from others that had its name.
    fn number(&self, tree: &Path) -> Option<u64>;
    /// The bytes of a tree, where that can be told at once.
    fn used(&self, tree: &Path) -> Option<u64>;
    /// What there is to say about it.
    fn note(&self) -> String;
    /// Gives back what the volume took from the machine.
    fn close(&self, mount: &Path) -> Result<(), VolumeError>;
}
