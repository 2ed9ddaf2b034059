//! The wire types between control plane and Nimbus.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use domain::state::OperationState;
use domain::{ArtifactHash, BackupId, InstallationId, InstallationName, Manifest, OperationId, ServerId, Slug};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::environment::Environment;

/// A time in milliseconds since 1970-01-01 UTC.
pub type Millis = u64;

/// A version of an application as a server needs to know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionSpec {
    /// The application.
    pub app: Slug,
    /// Its consecutive number.
    pub number: u32,
    /// The content of its archive; must have been put to the server before (`PUT /artifacts/{hash}`).
    pub artifact: ArtifactHash,
    /// The manifest of that archive.
    pub manifest: Manifest,
}

/// `PUT /operations/{id}`: what to do. The same id twice is the same operation: the second request returns the
/// report of the first, and is refused (409) when its body differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationRequest {
    /// The installation it concerns; operations of one installation never overlap and run in order of arrival.
    pub installation: InstallationId,
    /// What to do.
    pub work: Work,
}

/// The verbs of a server. Each is a file in `nimbus/src/operations/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Work {
    /// Makes the installation, its data from the package's initial data, and starts it; finished when healthy.
    Install {
        /// Its name, the first label of its host name.
        name: InstallationName,
        /// Grows each time the installation is placed on a server.
        epoch: u64,
        /// What to install.
        version: Box<VersionSpec>,
        /// Public TCP ports, by the name of the manifest's port.
        ports: BTreeMap<String, u16>,
        /// Variables of its own, which go before those of the manifest.
        #[serde(default, skip_serializing_if = "Environment::is_empty")]
        environment: Environment,
        /// The data that it begins with; without it the package's initial data.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<DataSource>,
    },
    /// Starts a stopped installation; finished when healthy.
    Start,
    /// Stops it; it stays stopped across restarts of the server.
    Stop,
    /// Stops and starts it, requests held in between.
    Restart,
    /// Gives it these variables of its own instead of those that it has, and restarts it if it runs. When it does not
    /// become healthy with them, it gets the former ones back.
    Configure {
        /// All of them.
        environment: Environment,
    },
    /// Brings another version: hold, stop, snapshot, switch, start, check, release. When that version does not become
    /// healthy in time, code and data go back to what they were.
    Switch {
        /// What to switch to.
        version: Box<VersionSpec>,
        /// Seconds to keep the snapshot that makes a rollback possible.
        keep_seconds: u64,
        /// Public TCP ports, by the name of the manifest's port.
        ports: BTreeMap<String, u16>,
    },
    /// Puts code and data back to what they were before the last switch. The data it replaces is kept as a snapshot
    /// for as long.
    Rollback {
        /// Seconds to keep what is replaced.
        keep_seconds: u64,
    },
    /// Keeps a copy of the data until it is forgotten.
    Backup {
        /// The copy's id.
        backup: BackupId,
    },
    /// Puts the data back to any copy that is still kept, by its name: a backup, or what a switch, a rollback or a
    /// restore replaced. The copy stays. What it replaces is kept as a snapshot.
    Restore {
        /// [`SnapshotReport::name`].
        snapshot: String,
        /// Whether the code goes back as well, to the version of which the copy is; otherwise the version of now gets
        /// the data.
        code: bool,
        /// Seconds to keep what is replaced.
        keep_seconds: u64,
    },
    /// Deletes that copy.
    ForgetBackup {
        /// The copy's id.
        backup: BackupId,
    },
    /// Stops it and deletes it with data, snapshots, backups and logs.
    Remove,
}

impl Work {
    /// The verb as text, as on the wire.
    pub fn verb(&self) -> &'static str {
        match self {
            Work::Install { .. } => "install",
            Work::Start => "start",
            Work::Stop => "stop",
            Work::Restart => "restart",
            Work::Configure { .. } => "configure",
            Work::Switch { .. } => "switch",
            Work::Rollback { .. } => "rollback",
            Work::Backup { .. } => "backup",
            Work::Restore { .. } => "restore",
            Work::ForgetBackup { .. } => "forget-backup",
            Work::Remove => "remove",
        }
    }
}

/// The data that a new installation begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum DataSource {
    /// A kept copy of an installation of the same application on the same server.
    Copy {
        /// Whose.
        installation: InstallationId,
        /// [`SnapshotReport::name`].
        snapshot: String,
    },
    /// An archive of data, as `GET /installations/{id}/archive` gives it; must have been put to the server before
    /// (`PUT /artifacts/{hash}`).
    Archive {
        /// Its SHA-256.
        hash: ArtifactHash,
    },
}

/// `GET /operations/{id}?wait=SECONDS&seen=STEPS`: how far an operation is. With `wait` the answer comes as soon as it
/// has ended or has more than `seen` entries in `steps`, at the latest after that many seconds (at most 60).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationReport {
    /// Its id.
    pub id: OperationId,
    /// The installation it concerns.
    pub installation: InstallationId,
    /// Its verb.
    pub verb: String,
    /// Its state.
    pub state: OperationState,
    /// Everything done and undone so far, in order.
    pub steps: Vec<StepReport>,
    /// Why it was undone or is stuck: what happened, why and what to do; and the application's last lines of log when
    /// it did not become healthy.
    pub error: Option<String>,
    /// When it was asked for.
    pub requested_at: Millis,
    /// When it ended.
    pub ended_at: Option<Millis>,
}

/// One step of an operation, done or undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepReport {
    /// The step's name, such as `snapshot`.
    pub name: String,
    /// Whether it was being done or undone.
    pub direction: Direction,
    /// When it began.
    pub began_at: Millis,
    /// When it ended; absent while it is under way.
    pub ended_at: Option<Millis>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// Whether a step is done or undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Forward.
    Do,
    /// Back.
    Undo,
}

/// `GET /server`: the server itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerReport {
    /// Its id, made at its first start.
    pub id: ServerId,
    /// Its host name.
    pub host: String,
    /// Version of Nimbus.
    pub version: String,
    /// Thousandths of a processor, in all and promised to installations.
    pub cpus_milli: Share,
    /// Bytes of memory, in all and promised to installations.
    pub memory: Share,
    /// Bytes of the data volume, in all and used.
    pub disk: Share,
    /// File system of the data volume: `btrfs`, or the fallback in use.
    pub storage: String,
    /// Every layer of defence and feature, active or not.
    pub layers: Vec<LayerReport>,
    /// Installations placed here.
    pub installations: u32,
    /// Whether an edge is connected.
    pub edge_connected: bool,
    /// Bytes of disk that installations may use in all. It may be more than there is: a limit is not set apart.
    #[serde(default)]
    pub disk_promised: u64,
    /// The file system under the data volume; absent when it cannot be looked at.
    #[serde(default)]
    pub host_disk: Option<HostDisk>,
    /// What needs a person's attention, the most pressing first.
    #[serde(default)]
    pub warnings: Vec<Warning>,
    /// Where the data volume is; absent when its Nimbus does not say it yet.
    #[serde(default)]
    pub volume: Option<VolumeReport>,
}

/// The data volume of a server. How large and how full it is, and of what kind, [`ServerReport`] has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VolumeReport {
    /// Its id, which never changes, wherever the volume goes.
    pub id: String,
    /// The directory at which it is mounted.
    pub path: String,
    /// The file that holds it; absent when it is a plain directory.
    pub image: Option<String>,
    /// When it was made.
    pub created_at: Millis,
}

/// The file system of the server that carries the data volume. All in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostDisk {
    /// Its size.
    pub total: u64,
    /// What is free.
    pub free: u64,
    /// By how much the volume's file may still grow; 0 for a volume that is no file of its own.
    pub growth: u64,
    /// With less than this free, nothing is installed, deployed or backed up.
    pub reserve: u64,
}

/// Something about a server that needs a person's attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// A stable word for programs: `host-disk-low`, `host-disk-emergency`, `host-disk-overcommitted`, `volume-filling`
    /// or `volume-read-only`.
    pub code: String,
    /// For people: what is the matter, what follows, and what to do.
    pub message: String,
}

/// A quantity and how much of it is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// All there is.
    pub total: u64,
    /// What is taken.
    pub taken: u64,
}

/// One layer of defence, or a feature that depends on the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LayerReport {
    /// Its name, such as `seccomp`.
    pub name: String,
    /// Whether it is in force.
    pub active: bool,
    /// How it is in force, or why it is not.
    pub note: String,
}

/// `GET /installations`, `GET /installations/{id}`: an installation as it is at this moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InstallationReport {
    /// Its id.
    pub id: InstallationId,
    /// Its name.
    pub name: InstallationName,
    /// Its application.
    pub app: Slug,
    /// The number of the version it runs.
    pub version: u32,
    /// Whether it is meant to run.
    pub wanted: Wanted,
    /// What its processes do.
    pub phase: Phase,
    /// Since when.
    pub since: Millis,
    /// Address of the sandbox, while it has one.
    pub address: Option<Ipv4Addr>,
    /// Process id of the sandbox's first process, seen from the server.
    pub pid: Option<u32>,
    /// Times its keeper brought it back since it was last started.
    pub restarts: u32,
    /// How it last ended, such as `exit status 1` or `killed by SIGKILL (out of memory)`.
    pub last_exit: Option<String>,
    /// Bytes of memory in use.
    pub memory: Option<u64>,
    /// Bytes of data on disk.
    pub disk: Option<u64>,
    /// Copies of its data.
    pub snapshots: Vec<SnapshotReport>,
}

/// Whether an installation is meant to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// It is.
    Running,
    /// It is not.
    Stopped,
}

/// What the processes of an installation do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// There are none.
    Stopped,
    /// Started, not yet healthy.
    Starting,
    /// Healthy.
    Healthy,
    /// Running, but its health check fails.
    Unhealthy,
    /// Dead; its keeper will start it again in a moment.
    Restarting,
    /// Dead too often in a row; its keeper gave up until a person starts it.
    Failed,
}

/// A kept copy of an installation's data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotReport {
    /// Its name, unique among the copies of the installation; see [`Work::Restore`].
    #[serde(default)]
    pub name: String,
    /// Why it is kept.
    pub reason: SnapshotReason,
    /// Its backup id, for a backup.
    pub backup: Option<BackupId>,
    /// The number of the version that was running.
    pub version: u32,
    /// The archive of that version.
    pub artifact: ArtifactHash,
    /// When it was taken.
    pub taken_at: Millis,
    /// When it is deleted; never by itself when absent.
    pub expires_at: Option<Millis>,
}

/// Why a copy is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotReason {
    /// Taken before a switch: what a rollback returns to.
    BeforeSwitch,
    /// What a rollback replaced.
    BeforeRollback,
    /// What a restore replaced.
    BeforeRestore,
    /// A person asked for it.
    Backup,
}

/// One entry of `GET /events?after=SEQUENCE`: newline-delimited JSON that goes on until the client leaves. Nimbus
/// keeps the last 10,000; a client that asks for older ones begins with the oldest kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NimbusEvent {
    /// Grows by one with each event, across restarts of Nimbus.
    pub sequence: u64,
    /// When it happened.
    pub at: Millis,
    /// The installation it concerns.
    pub installation: Option<InstallationId>,
    /// What happened.
    pub what: NimbusEventKind,
}

/// What happened on a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum NimbusEventKind {
    /// The keeper reports another phase.
    PhaseChanged {
        /// The new phase.
        phase: Phase,
        /// How the application ended, if it did.
        exit: Option<String>,
    },
    /// An operation ended.
    OperationEnded {
        /// Which.
        operation: OperationId,
        /// How.
        state: OperationState,
    },
    /// A snapshot reached its end and was deleted.
    SnapshotExpired {
        /// When it had been taken.
        taken_at: Millis,
    },
    /// Something about the server needs attention, or no longer does.
    ServerWarning {
        /// What.
        warning: Warning,
        /// Whether it is over.
        over: bool,
    },
}

/// `GET /installations/{id}/logs?lines=N&follow=true`, `GET /operations/{id}/log?lines=N`: newline-delimited JSON. The
/// first answers for an installation that is gone because its install failed with the log of that failure; the second
/// has what an application wrote during an operation that was undone because of it (404, `no-log`, when nothing is kept;
/// it is kept for 48 hours).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// When it was written.
    pub at: Millis,
    /// `out`, `err`, or `keeper` for what the keeper has to say.
    pub stream: String,
    /// The line, without its end; bytes that are not UTF-8 replaced; at most 16 KiB.
    pub text: String,
}

/// `POST /installations/{id}/exec` begins with one line of this JSON; the rest of the request's body is the
/// program's standard input. The response's body is a series of frames: one byte kind (1 standard output, 2 standard
/// error, 3 exit), four bytes big-endian length, then that many bytes; an exit frame holds the exit status in decimal
/// and is the last.
///
/// With `tty` the program gets a terminal of its own, and all that it shows comes as standard output. What follows the
/// first line are then frames, too: 4 what is typed, 5 the terminal's new size (rows and columns, two bytes big-endian
/// each), 6 the end (empty). The end of the request is the end as well: the terminal is hung up, and whatever was
/// started in it dies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecRequest {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Size of the terminal that it gets; without one it has pipes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<TtySize>,
}

/// How large a terminal is, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TtySize {
    /// Lines.
    pub rows: u16,
    /// Characters of a line.
    pub cols: u16,
}

/// Every error answer's body. The message says what happened, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable word for programs, such as `unknown-installation`.
    pub code: String,
    /// For people.
    pub message: String,
}
