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
    #[error("cannot {what} {}: {source}{}", path.display(), remedy(is_volume_full(path, source)))]
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

/// What to do about it when the data volume is full.
pub(crate) fn remedy(is_full: bool) -> &'static str {
    if is_full { "; free space on the data volume, or remove snapshots and installations" } else { "" }
}

/// Whether it is the data volume that is full, and not another disk.
fn is_volume_full(path: &Path, source: &io::Error) -> bool {
    let is_there = || path.ancestors().any(|ancestor| ancestor.ends_with("volume/installations"));
    source.kind() == io::ErrorKind::StorageFull && is_there()
}

/// Says what was tried on which path.
pub(crate) fn io<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> NimbusError + 'a {
    move |source| NimbusError::Io { what, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::ToolError;

    #[test]
    fn a_full_volume_is_said_with_what_to_do() {
        let remedy = "No space left on device (os error 28); free space on the data volume, or remove snapshots and \
                      installations";
        let full = |path: &str| io("write", Path::new(path))(io::Error::from_raw_os_error(28)).to_string();
        assert!(full("/data/volume/installations/1/spec.json").ends_with(remedy));
        assert!(full("/data/nimbus/server.json").ends_with("(os error 28)"), "another disk");
        let source = io::Error::from_raw_os_error(28);
        let error = VolumeError::Io { what: "make", path: "/v".into(), source };
        assert!(error.to_string().ends_with(remedy));
        let failed = |said: &str| {
            let (command, status) = ("cp a b".to_owned(), "exit status: 1".to_owned());
            VolumeError::from(ToolError::Failed { command, status, said: said.to_owned() })
        };
        // As a step's report has it: with each cause once.
        let step =
            journal::StepError::from(NimbusError::from(failed("cp: error writing 'b': No space left on device")));
        assert!(
            step.to_string().ends_with("device; free space on the data volume, or remove snapshots and installations")
        );
        assert!(failed("cp: not permitted").to_string().ends_with("not permitted"));
    }
}
