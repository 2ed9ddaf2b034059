//! What can go wrong in a keeper and in asking one.

use std::io;
use std::path::PathBuf;

/// Why a keeper cannot do its work, or cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// Another keeper has the directory.
    #[error("{dir} is kept already: another keeper holds its lock; stop that one first", dir = dir.display())]
    Locked {
        /// The keeper's directory.
        dir: PathBuf,
    },
    /// The specification cannot be used.
    #[error("{path} is not a keeper's specification: {why}", path = path.display())]
    Spec {
        /// Its path.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The operating system refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// The sandbox or its network made trouble.
    #[error("{what}: {source}")]
    Sandbox {
        /// What was tried.
        what: String,
        /// Why not.
        source: sandbox::SandboxError,
    },
    /// Nobody answers on the keeper's socket.
    #[error("no keeper answers in {dir}: {source}; it has ended or was never started", dir = dir.display())]
    NoKeeper {
        /// The keeper's directory.
        dir: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The keeper ended or closed the connection before it answered.
    #[error("the keeper in {dir} ended before it answered", dir = dir.display())]
    Gone {
        /// The keeper's directory.
        dir: PathBuf,
    },
    /// The keeper did not answer in time.
    #[error("the keeper in {dir} did not answer in time", dir = dir.display())]
    Timeout {
        /// The keeper's directory.
        dir: PathBuf,
    },
    /// The keeper's answer makes no sense.
    #[error("the keeper answered \"{answer}\", which is no answer to the question: {source}")]
    Answer {
        /// The beginning of what it said.
        answer: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl KeeperError {
    pub(crate) fn io<E: Into<io::Error>>(what: &str) -> impl FnOnce(E) -> Self {
        let what = what.to_owned();
        move |source| Self::Io { what, source: source.into() }
    }
}

/// A result whose error is a [`KeeperError`].
pub type Result<T, E = KeeperError> = std::result::Result<T, E>;
