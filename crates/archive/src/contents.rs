//! What an archive holds.

use std::collections::BTreeMap;

use crate::tree;

/// What an archive holds, found by reading all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// SHA-256 of the compressed bytes, 64 lower-case hexadecimal digits.
    pub hash: String,
    /// Bytes of the compressed archive.
    pub archive_bytes: u64,
    /// Bytes of all its files together.
    pub unpacked_bytes: u64,
    /// Files, directories and links, counting directories that are only named as part of a path.
    pub entries: u64,
    /// Text of `vclouden.toml`.
    pub manifest: String,
    /// Everything in it by its path, which is relative, without `.`, `..` or a slash at its end.
    pub files: BTreeMap<String, Node>,
}

impl Contents {
    /// What is at `path` once links are followed; nothing when it is absent or leads out of the package.
    pub fn find(&self, path: &str) -> Option<&Node> {
        let end = tree::follow(&self.files, "", path, &mut tree::steps()).ok()?;
        self.files.get(&end)
    }
}

/// One thing in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Bytes of a file, otherwise 0.
    pub size: u64,
    /// A directory that no entry is about, only paths of others: its own entry may still come.
    pub(crate) implied: bool,
}

/// What something in an archive is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File {
        /// Whether anybody may execute it.
        executable: bool,
    },
    /// A directory.
    Directory,
    /// A symbolic link that stays inside the package.
    Link {
        /// Where it points, relative to its own directory.
        target: String,
    },
}
