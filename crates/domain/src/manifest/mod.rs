//! What a package says of itself in its `vclouden.toml`.
//!
//! The types are here; `file` reads them from TOML, `check` holds every limit, `package` compares them with the
//! package's files. `docs/package.md` is the same for people: a change here is a change there.

mod check;
pub mod duration;
mod file;
mod near;
mod network;
mod package;
mod problems;
mod read;
pub mod size;

pub use package::{CIRRUS_DATABASE, EntryKind};
pub use problems::{ManifestErrors, ManifestProblem};

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::Slug;

/// A package's manifest after validation: units resolved, defaults filled in, every limit checked.
///
/// This is also its wire form (JSON) between control plane and servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The application's name for people.
    pub name: String,
    /// The application's short name.
    pub slug: Slug,
    /// What it is for, in one sentence, for those who may want it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Path of a picture inside the package.
    pub logo: Option<String>,
    /// What runs the application.
    pub engine: Engine,
    /// What its root file system begins with.
    pub base: Base,
    /// Debian packages to put on top of the base; sorted, without repeats.
    pub dependencies: Vec<String>,
    /// Program and arguments; the program is an absolute path, or a name looked up in `PATH`.
    pub command: Vec<String>,
    /// Who the program runs as; never root.
    pub user: User,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// Memory, processor, disk and processes.
    pub limits: Limits,
    /// Where it serves HTTP, if it does.
    pub http: Option<Http>,
    /// Further TCP ports that it serves.
    pub ports: Vec<TcpPort>,
    /// Its data.
    pub data: Data,
    /// How it is asked to end.
    pub stop: Stop,
    /// Where it may connect to.
    pub egress: Egress,
}

impl Manifest {
    /// Reads a manifest from the text of a `vclouden.toml`: units resolved, defaults filled in, every limit checked.
    ///
    /// # Errors
    /// Everything that is wrong with it, with line numbers.
    pub fn parse(text: &str) -> Result<Self, ManifestErrors> {
        file::parse(text)
    }

    /// Checks every limit of a manifest that did not come from [`Manifest::parse`] but over the wire.
    ///
    /// # Errors
    /// Everything that is wrong with it, without line numbers.
    pub fn check(&self) -> Result<(), ManifestErrors> {
        let mut problems = problems::Problems::default();
        check::check(self, &mut problems);
        problems.result(None)
    }

    /// Checks that what the manifest names exists in the package: its logo, its initial data, and its program when that
    /// is a file of the package. `at` says what is at a path relative to the package's top, links followed.
    ///
    /// # Errors
    /// Everything that is missing or of the wrong kind; [`ManifestErrors::with_lines`] adds line numbers.
    pub fn check_package(&self, at: impl Fn(&str) -> Option<EntryKind>) -> Result<(), ManifestErrors> {
        package::check(self, at)
    }
}

/// The user and group id that the name `app` stands for, and that a program runs as by default.
pub const APP_ID: u32 = 1000;

/// Where the package's content is inside the sandbox.
pub const APP_DIRECTORY: &str = "/app";

/// The port on which Cirrus serves unless the manifest says another.
pub const DEFAULT_PORT: u16 = 8080;

/// What runs the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// Any program.
    Command,
    /// The application server Cirrus.
    Cirrus,
}

/// What the root file system begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// Nothing but mount points and a handful of files in `/etc`.
    Empty,
    /// A minimal Debian 12.
    #[serde(rename = "debian-12")]
    Debian12,
}

/// Who the program runs as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum User {
    /// A user and group id inside the sandbox, 1 to 65533.
    Id(u32),
    /// A name in the `/etc/passwd` of the base with its dependencies.
    Name(String),
}

/// Fixed limits of one sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bytes of memory, swap excluded.
    pub memory: u64,
    /// Thousandths of a processor.
    pub cpus_milli: u32,
    /// Bytes of data on disk.
    pub disk: u64,
    /// Processes and threads.
    pub processes: u32,
}

/// Where and how an application serves HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// TCP port inside the sandbox.
    pub port: u16,
    /// Path that answers 200 to 399 when healthy; without one a TCP connection is enough.
    pub health: Option<String>,
    /// Milliseconds it may take from its start to its first healthy answer.
    pub start_timeout_ms: u64,
    /// Milliseconds between two checks once it is healthy.
    pub interval_ms: u64,
    /// Milliseconds one check may take.
    pub timeout_ms: u64,
    /// Bytes that one request's body may have.
    pub max_body: u64,
    /// Whether it takes people whom the portal sends, at `nimbus_api::pass::PATH`.
    #[serde(default)]
    pub single_sign_on: bool,
}

/// A further TCP port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TcpPort {
    /// What the port is for: a label.
    pub name: String,
    /// TCP port inside the sandbox.
    pub port: u16,
}

/// Where the data is and what it begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Absolute path inside the sandbox at which the data is writable.
    pub directory: String,
    /// Directory of the package that is copied there at the first installation.
    pub initial: Option<String>,
}

/// How a program is asked to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// The signal that asks.
    pub signal: StopSignal,
    /// Milliseconds until it is killed.
    pub grace_ms: u64,
}

/// A signal that asks a program to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "the names are POSIX's")]
pub enum StopSignal {
    Term,
    Int,
    Quit,
    Hup,
    Usr1,
    Usr2,
}

/// Where a sandbox may connect to. Whatever it says, private networks, the host and the cloud's metadata address
/// stay closed unless a destination names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Egress {
    /// Nowhere.
    None,
    /// Any public address.
    Internet,
    /// These only.
    Only(Vec<Destination>),
}

/// An IPv4 network and perhaps one TCP port of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// Network in CIDR notation, such as `203.0.113.0/24`.
    pub network: String,
    /// TCP port; any when absent.
    pub port: Option<u16>,
}
