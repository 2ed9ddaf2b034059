//! What can go wrong while an application is loaded or a command runs, told to its author: what, where, what to do.

use std::{io, path::PathBuf};

/// Why an application could not be loaded or served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The directory is not there.
    #[error("there is no application in {}: `cirrus new NAME` makes one", .0.display())]
    NoApplication(PathBuf),
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A TOML file does not parse, or has a key that does not exist.
    #[error("{}: {source}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// With line and column.
        source: toml::de::Error,
    },
    /// A value of the configuration makes no sense.
    #[error("{}: {problem}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What and why.
        problem: String,
    },
    /// A template does not parse.
    #[error("{problem}")]
    Template {
        /// File, line and problem.
        problem: String,
    },
    /// More or larger files than an application may have.
    #[error("{}: {problem}", path.display())]
    TooMuch {
        /// The file or directory.
        path: PathBuf,
        /// Which limit, and how far over.
        problem: String,
    },
    /// The secret of sessions cannot be used.
    #[error("{}: {problem}", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: is another program there? Choose another with --listen")]
    Listen {
        /// As given.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// The tables cannot be opened.
    #[error("{problem}")]
    Data {
        /// What the data layer says, every problem on its line.
        problem: String,
    },
    /// `app.js` does not load, or declares what cannot be.
    #[error("{problem}")]
    Script {
        /// File, line and problem.
        problem: String,
    },
}

// As text: what a trigger threw belongs to its thread.
impl From<crate::data::Error> for Error {
    fn from(error: crate::data::Error) -> Self {
        Self::Data { problem: error.to_string() }
    }
}
