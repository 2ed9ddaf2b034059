//! What a sandbox is made from.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Everything needed to make one sandbox. Paths are the server's unless said otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxSpec {
    /// Unique on the server: names its cgroups.
    pub name: String,
    /// Host name inside.
    pub hostname: String,
    /// Read-only directories that make up the root, topmost first; at least one. On disk they belong to ids from 0.
    pub layers: Vec<PathBuf>,
    /// The package's content, shown read-only at `/app`.
    pub app: PathBuf,
    /// The writable data directory and the absolute path inside at which it is shown. On disk it belongs to ids from 0.
    pub data: Option<(PathBuf, String)>,
    /// Small files shown read-only at absolute paths inside (`/etc/resolv.conf`, `/etc/hosts`) where the layers have a
    /// file of that name.
    pub files: Vec<(PathBuf, String)>,
    /// Program and arguments; the program is an absolute path inside, or a name looked up in the environment's PATH.
    pub command: Vec<String>,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
    /// Working directory inside.
    pub directory: String,
    /// User id inside; never 0.
    pub uid: u32,
    /// Group id inside; never 0.
    pub gid: u32,
    /// First of the 65,536 ids of the server that are ids 0 to 65,535 inside.
    pub first_id: u32,
    /// Bytes of memory, swap excluded; what is written to `/tmp`, `/run` and `/dev/shm` counts.
    pub memory: u64,
    /// Thousandths of a processor.
    pub cpus_milli: u32,
    /// Processes and threads.
    pub processes: u32,
    /// Its network; without one it has a loopback interface and nothing else.
    pub network: Option<NetworkSpec>,
}

/// A routed point-to-point link into the sandbox: no bridge, no other tenant on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// Name of the server's end, at most 15 characters; unique on the server.
    pub interface: String,
    /// The sandbox's address, a /32.
    pub address: Ipv4Addr,
    /// The server's address on this link, the sandbox's default gateway; the same for all.
    pub gateway: Ipv4Addr,
}

/// One layer of defence as found on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Its name, such as `seccomp`.
    pub name: String,
    /// Whether it is in force.
    pub active: bool,
    /// How it is in force, or why it is not.
    pub note: String,
}
