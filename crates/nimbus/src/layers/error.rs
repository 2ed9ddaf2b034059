//! What can go wrong with layers.

use std::io;
use std::path::{Path, PathBuf};

use archive::ArchiveError;
use domain::ArtifactHash;

use crate::tools::ToolError;

/// What went wrong with layers.
#[derive(Debug, thiserror::Error)]
pub enum LayersError {
    /// A tool is missing or failed.
    #[error(transparent)]
    Tool(#[from] ToolError),
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
    /// The artifact was never put to this server, or was pruned.
    #[error("the package {0} is not on this server: it has to be sent again")]
    NoArtifact(ArtifactHash),
    /// The artifact cannot be unpacked.
    #[error("the package {hash} cannot be unpacked: {source}")]
    Archive {
        /// Which.
        hash: ArtifactHash,
        /// Why not.
        source: ArchiveError,
    },
    /// The base could not be built.
    #[error(
        "the base debian-12 could not be built: {0}. It is made once from Debian's archive: check that this server \
         reaches it, or name a mirror in VCLOUDEN_DEBIAN_MIRROR"
    )]
    Base(#[source] ToolError),
    /// Debian has no such packages.
    #[error(
        "Debian 12 has no package {}; look at https://packages.debian.org/bookworm/ for the right name",
        quoted(.0)
    )]
    UnknownPackages(Vec<String>),
    /// The dependencies could not be installed.
    #[error("the dependencies {} could not be installed: {source}", quoted(packages))]
    Dependencies {
        /// Which.
        packages: Vec<String>,
        /// Why not.
        source: ToolError,
    },
    /// Cirrus is not on this server.
    #[error(
        "this server has no engine \"cirrus\": {} is missing. Put the program of Cirrus there (`make packages` builds it), \
         or publish a version with engine = \"command\"",
        .0.display()
    )]
    NoCirrus(PathBuf),
    /// Cirrus would need libraries, and there are none in its sandboxes.
    #[error("{} is not linked statically, so it cannot run where there is nothing else: build it with `make packages`", .0.display())]
    DynamicCirrus(PathBuf),
    /// The empty base has no package manager.
    #[error("dependencies need a base to be installed on: set base = \"debian-12\"")]
    EmptyBase,
    /// No such user.
    #[error("there is no user \"{name}\" in the base with its dependencies; it has {}", known.join(", "))]
    NoUser {
        /// Which was asked for.
        name: String,
        /// Those that could be.
        known: Vec<String>,
    },
    /// Root, or an id out of range.
    #[error("the program cannot run as user id {0}: use 1 to 65533")]
    BadUser(u32),
    /// The data directory cannot be a mount point.
    #[error("the data directory \"{directory}\" cannot be used: {why}")]
    BadDirectory {
        /// Which.
        directory: String,
        /// Why not.
        why: String,
    },
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

/// Says what was tried on which path.
pub(super) fn io<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> LayersError + 'a {
    move |source| LayersError::Io { what, path: path.to_owned(), source }
}
