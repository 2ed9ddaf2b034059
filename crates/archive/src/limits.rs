//! How large an archive may be, in every direction in which one can be large.

/// Limits on an archive. Reaching one exactly is fine, exceeding it is an error that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the compressed archive.
    pub archive_bytes: u64,
    /// Bytes of the archive once decompressed, names and padding included: what a size bomb runs into.
    pub unpacked_bytes: u64,
    /// Files, directories and links, counting directories that are only named as part of a path.
    pub entries: u64,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of one path, and of what one link points to.
    pub path_bytes: usize,
    /// Parts of one path.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            archive_bytes: 1 << 30,
            unpacked_bytes: 4 << 30,
            entries: 100_000,
            file_bytes: 2 << 30,
            path_bytes: 512,
            depth: 32,
        }
    }
}

impl Limits {
    /// For the data of an installation that may have so many bytes on disk. Files with holes are longer than that.
    pub fn of_data(disk: u64) -> Self {
        let bytes = disk.saturating_mul(4).max(1 << 30);
        Self {
            archive_bytes: bytes,
            unpacked_bytes: bytes,
            entries: 1_000_000,
            file_bytes: bytes,
            path_bytes: 3000,
            depth: 128,
        }
    }
}

/// Bytes of a manifest.
pub(crate) const MANIFEST_BYTES: u64 = 64 << 10;

/// Bytes of one extended header: the attributes that some programs keep there are ignored, but read.
pub(crate) const EXTENSION_BYTES: u64 = 1 << 20;
