//! Why Nimbus cannot start or go on; what goes wrong in an operation is told in the operation's report.

use std::io;
use std::path::{Path, PathBuf};

use crate::layers::LayersError;
use crate::network::NetworkError;
use crate::volume::VolumeError;

/// An error of Nimbus.
#[derive(Debug, thiserror::Error)]
pub enum NimbusError {
    /// Another Nimbus uses the data directory.
    #[error("{} is in use by another Nimbus: stop that one, or choose another data directory", .0.display())]
    InUse(PathBuf),
    /// The system refused something.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file of Nimbus cannot be understood.
    #[error("{} cannot be understood: {source}; it was written by another version, or damaged", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal::JournalError),
    /// The data volume.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// The cache of layers.
    #[error(transparent)]
    Layers(#[from] LayersError),
    /// The network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The record of events.
    #[error("the record of events cannot be used: {0}; it can be deleted without harm")]
    Events(#[from] rusqlite::Error),
    /// A keeper.
    #[error(transparent)]
    Keeper(#[from] keeper::KeeperError),
    /// A keeper ended before it served.
    #[error("the keeper could not start: {0}")]
    KeeperEnded(String),
    /// Every slot is taken.
    #[error("this server has no free address: {0} installations are placed on it; place this one on another server")]
    NoSlot(usize),
}

/// Says what was tried on which path.
pub(crate) fn io<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> NimbusError + 'a {
    move |source| NimbusError::Io { what, path: path.to_owned(), source }
}
