//! What can be wrong with an archive, said so that its maker knows what to change.

use std::io;
use std::path::PathBuf;

/// Why an archive was refused, or could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The bytes did not arrive.
    #[error("the archive could not be read: {0}")]
    Read(#[source] io::Error),
    /// It does not begin like gzip.
    #[error("this is not a gzip archive; make one with `tar czf package.tar.gz -C DIRECTORY .`")]
    NotGzip,
    /// Its end is missing.
    #[error("the archive is truncated: it ends {0}; send it again, whole")]
    Truncated(String),
    /// Decompression failed.
    #[error("the archive is damaged: {0}; make it again")]
    Damaged(String),
    /// There is something after the end.
    #[error("there is more data after the end of {0}; make the archive as one gzip of one tar")]
    Trailing(&'static str),
    /// An entry breaks a rule.
    #[error("entry \"{name}\": {problem}")]
    Entry {
        /// The entry's name as it is in the archive, unprintable characters escaped.
        name: String,
        /// Which rule, and what to do.
        problem: String,
    },
    /// The archive as a whole exceeds a limit.
    #[error("the archive has more than {limit} {what}; make it smaller")]
    Limit {
        /// The limit.
        limit: u64,
        /// Of what.
        what: &'static str,
    },
    /// There is no manifest anywhere.
    #[error("vclouden.toml is missing; put one at the top of the package")]
    NoManifest,
    /// The package was packed with its directory instead of from inside of it.
    #[error("vclouden.toml is not at the top of the archive; it is at {0}: pack the directory's content")]
    ManifestElsewhere(String),
    /// The manifest is not a text.
    #[error("vclouden.toml is not UTF-8 text; save it as UTF-8")]
    ManifestNotText,
    /// The directory to unpack into is in use.
    #[error("{0} is not empty; an archive is unpacked into an empty directory only")]
    Occupied(PathBuf),
    /// A file could not be written.
    #[error("{path} could not be written: {source}")]
    Write {
        /// The file, inside the package.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the directory to pack could not be read.
    #[error("{path} could not be packed: {source}")]
    Pack {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ArchiveError {
    /// Whether the archive is to blame, so that its sender must change it; otherwise this machine or the connection is.
    pub fn is_refusal(&self) -> bool {
        use ArchiveError::{Occupied, Pack, Read, Write};
        !matches!(self, Read(_) | Occupied(_) | Write { .. } | Pack { .. })
    }

    /// The entry `name` breaks a rule.
    pub(crate) fn entry(name: impl AsRef<[u8]>, problem: impl Into<String>) -> Self {
        Self::Entry { name: printable(name.as_ref()), problem: problem.into() }
    }
}

/// An error of the layers below: our own errors travel through `Read` inside an `io::Error`, all else is the decoder's.
impl From<io::Error> for ArchiveError {
    fn from(error: io::Error) -> Self {
        match error.downcast::<ArchiveError>() {
            Ok(own) => own,
            Err(other) if other.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Truncated("in the middle of the compressed data".into())
            }
            Err(other) => Self::Damaged(other.to_string()),
        }
    }
}

/// A name fit for a terminal: at most 200 characters, none of them a control character.
fn printable(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    let mut short: String = text.chars().take(200).flat_map(char::escape_debug).collect();
    if text.chars().nth(200).is_some() {
        short.push_str("...");
    }
    short
}
