//! Everything that crosses the control plane's HTTP API, shared with the command line so that the two cannot differ.
//!
//! Which request answers what is in `web/openapi/answers.rs`. Requests refuse unknown keys; answers may gain keys. Times
//! are milliseconds since 1970-01-01 UTC.

use std::collections::BTreeMap;

use domain::manifest::Limits;
use domain::state::{InstallationState, OperationState};
use domain::{BackupId, DeploymentId, InstallationId, InstallationName, OperationId, ServerId, Slug};
use nimbus_api::{InstallationReport, Millis, Phase, ServerReport, SnapshotReport, StepReport, Warning};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod branding;
mod catalogue;
mod deployments;
mod documents;
mod hosting;
mod people;
mod platform;
mod support;
mod usage;
mod variables;
mod webhooks;

pub use branding::*;
pub use catalogue::*;
pub use deployments::*;
pub use documents::*;
pub use hosting::*;
pub use people::*;
pub use platform::*;
pub use support::*;
pub use usage::*;
pub use variables::*;
pub use webhooks::*;

/// Lines of JSON, each ended by a newline: the media type of everything that streams.
pub const NDJSON: &str = "application/x-ndjson";

/// The media type of events that go on, each with an id.
pub const EVENT_STREAM: &str = "text/event-stream";

/// The media type of a [`Problem`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What an answer says that is not a success (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// `about:blank`; a page about it once there are such pages.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// For people: what happened, why, and what to do.
    pub detail: String,
    /// A stable word for programs, such as `unknown-app`.
    pub code: String,
    /// Every single mistake, where there can be several (a manifest's); each names its key or file, and its line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

/// What a line for people is: no control characters, and something else than space.
const LINE: &str = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";

/// What a mail address is.
const MAIL: &str = r#"^[^\s<>,;"\\()\u0000-\u001f\u007f-\u009f]+@([^\s<>,;"\\()@]*\.[^\s<>,;"\\()@]*|localhost)$"#;

/// The word that stands for a value on the wire and in the store, such as `before-switch`. The value has no content.
pub fn word(value: &impl Serialize) -> String {
    let word = serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned));
    word.expect("a value without content is written as a word")
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Give this as `cursor` for the next part; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The body of a request that says nothing more: `{}` or empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// `POST /installations`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateInstallation {
    /// What to install: an application's slug, or `publisher:slug`.
    pub app: String,
    /// For whom: a customer's slug at the application's publisher.
    pub customer: Slug,
    /// Its name, the first label of its host name. When absent `<app>-<customer>`, with `-2`, `-3`... if that is taken;
    /// a name that is given and taken is refused (409).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<InstallationName>,
    /// The version's number; the newest that is not withdrawn when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The data that it begins with: a kept copy of another installation of the same application and customer. Its
    /// variables come with it, and, unless `version` says otherwise, the version that the copy was taken of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<FromCopy>,
}

/// A kept copy of an installation's data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FromCopy {
    /// The installation's name or id.
    pub installation: String,
    /// The name of the copy, or the id of the backup.
    pub copy: String,
}

/// One customer's copy of an application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Installation {
    /// Its id.
    pub id: InstallationId,
    /// Its name.
    pub name: InstallationName,
    /// Whose application it is.
    pub publisher: Slug,
    /// The application.
    pub app: Slug,
    /// The customer.
    pub customer: Slug,
    /// The number of the version it runs; while it is being installed, of the one it is to run.
    pub version: u32,
    /// What it is for its owner; `live` tells what its processes do.
    pub state: InstallationState,
    /// What its processes do at this moment; only in `GET /installations` and `GET /installations/{i}`, absent when its
    /// server does not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Bytes of memory in use at this moment, under the same conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Bytes of data on disk, under the same conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<u64>,
    /// The server it is on.
    pub server: ServerId,
    /// That server's host name when it was last seen; only in `GET /installations` and `GET /installations/{i}`, and not
    /// for customers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Where it answers, if its application serves HTTP.
    pub url: Option<String>,
    /// Its public TCP ports.
    pub ports: Vec<PublicPort>,
    /// When it was asked for.
    pub created_at: Millis,
    /// The operation under way.
    pub operation: Option<OperationId>,
    /// The deployment it is waiting for or part of.
    pub deployment: Option<DeploymentId>,
    /// What a rollback would return to.
    pub rollback: Option<RollbackTarget>,
    /// Why its last operation failed, until the next succeeds.
    pub error: Option<String>,
    /// What it may use; only in `GET /installations/{i}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// What its server says of it; only in `GET /installations/{i}`, absent when the server does not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<InstallationReport>,
    /// Why `live` is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_error: Option<String>,
}

/// A public TCP port of an installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicPort {
    /// The name of the manifest's port.
    pub name: String,
    /// The port on the server, 20000 to 29999.
    pub port: u16,
}

/// What a rollback would return to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RollbackTarget {
    /// The version's number.
    pub version: u32,
    /// Until when it is possible.
    pub until: Option<Millis>,
}

/// Something was accepted and goes on; follow it at `GET /operations/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    /// The operation that does it.
    pub operation: OperationId,
    /// The installation it concerns, as it was recorded.
    pub installation: Installation,
    /// The backup being made, restored or deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupId>,
}

/// `POST /installations/{id}/open`: where the person who asked comes in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Opened {
    /// The address to open in a browser.
    pub url: String,
    /// Whether it lets them in without a further password: once, until `expires_at`.
    pub single_sign_on: bool,
    /// When that is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Millis>,
}

/// `GET /operations/{id}`: work on one installation. With `wait` (seconds, at most 60) the answer comes as soon as it
/// has ended or has more than `seen` entries in `steps`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Operation {
    /// Its id, the same on the server.
    pub id: OperationId,
    /// `install`, `start`, `stop`, `restart`, `switch`, `rollback`, `backup`, `restore`, `forget-backup` or
    /// `remove`.
    pub verb: String,
    /// The installation it concerns.
    pub installation: InstallationId,
    /// That installation's name.
    pub name: InstallationName,
    /// The deployment it is part of.
    pub deployment: Option<DeploymentId>,
    /// Who asked for it.
    pub requested_by: String,
    /// Its state; `running` also while it waits for its server.
    pub state: OperationState,
    /// What it waits for, when its server has not begun it.
    pub waiting_for: Option<String>,
    /// Everything done and undone so far, in order.
    pub steps: Vec<StepReport>,
    /// Why it was undone or is stuck.
    pub error: Option<String>,
    /// When it was asked for.
    pub requested_at: Millis,
    /// When it ended.
    pub ended_at: Option<Millis>,
}

/// `POST /installations/{i}/backups`; an empty body is `{}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateBackup {
    /// What to call it: one line of at most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100), regex(pattern = LINE))]
    pub label: Option<String>,
}

/// `POST /installations/{i}/snapshots/{name}/restore` and `POST /installations/{i}/backups/{b}/restore`; an empty body is
/// `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreSnapshot {
    /// Whether the code goes back, too, to the version that the copy was taken of; otherwise the version of now gets the
    /// data. When absent: `true` for what was kept by itself, as a rollback does, and `false` for a backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<bool>,
}

/// A kept copy of an installation's data: a backup, or what a deployment, a rollback or a restore replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// What its server says of it: its name, why it is kept, of which version it is, when it was taken and until when it is
    /// kept.
    #[serde(flatten)]
    pub report: SnapshotReport,
    /// What a person calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A copy of an installation's data that a person asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Backup {
    /// Its id.
    pub id: BackupId,
    /// The installation.
    pub installation: InstallationId,
    /// The version that was running.
    pub version: u32,
    /// When it was taken.
    pub taken_at: Millis,
    /// What a person calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Server {
    /// Its id.
    pub id: ServerId,
    /// Its host name.
    pub host: String,
    /// Whether its Nimbus answers.
    pub reachable: bool,
    /// What its Nimbus says, if it answers.
    pub report: Option<ServerReport>,
    /// Why there is no report.
    pub error: Option<String>,
    /// Installations the control plane has placed there.
    pub installations: u64,
}

/// `GET /status`: everything at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Version of the control plane.
    pub version: String,
    /// When the control plane was started.
    pub started_at: Millis,
    /// Applications.
    pub apps: u64,
    /// Customers.
    pub customers: u64,
    /// Installations by state, such as `running`; removed ones are not counted.
    pub installations: BTreeMap<String, u64>,
    /// Installations by what their processes do, such as `healthy`, as far as servers answer.
    pub phases: BTreeMap<String, u64>,
    /// Deployments under way.
    pub deployments: u64,
    /// Operations under way.
    pub operations: u64,
    /// Operations and deployment steps that a person must look at.
    pub stuck: u64,
    /// Every server.
    pub servers: Vec<ServerStatus>,
    /// Installations that need somebody, the newest first; at most 100.
    #[serde(default)]
    pub attention: Vec<Attention>,
}

/// Why an installation needs somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// It ends by itself or fails its health check.
    Crashing,
    /// It has two backups or more, and the newest is older than seven days.
    BackupLate,
    /// Its data takes 90 % of what it may.
    DiskNearlyFull,
}

/// An installation that needs somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attention {
    /// Its name.
    pub installation: InstallationName,
    /// Whose application it is.
    pub publisher: Slug,
    /// The application.
    pub app: Slug,
    /// The customer.
    pub customer: Slug,
    /// Why.
    pub need: Need,
    /// Since when.
    pub since: Millis,
}

/// A server at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerStatus {
    /// Its id, once it has been seen.
    pub id: Option<ServerId>,
    /// Its host name, once it has been seen.
    pub host: Option<String>,
    /// Whether its Nimbus answers.
    pub nimbus: bool,
    /// Version of its Nimbus.
    pub nimbus_version: Option<String>,
    /// Whether its edge is connected.
    pub edge: bool,
    /// What about it needs a person's attention, the most pressing first.
    #[serde(default)]
    pub warnings: Vec<Warning>,
    /// Why its Nimbus does not answer.
    pub error: Option<String>,
}

/// Who did what to which thing and when; also what servers report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Grows by one with each event.
    pub sequence: u64,
    /// When it happened.
    pub at: Millis,
    /// Who: `operator`, `plane`, or `nimbus` for what a server reports.
    pub actor: String,
    /// From which address they asked; absent for what nobody asked over a network, and where the reader may not know.
    pub address: Option<String>,
    /// What, as noun and verb: `app.create`, `version.publish`, `installation.phase`...
    pub verb: String,
    /// Kind of thing: `app`, `version`, `customer`, `installation`, `deployment`, `backup`, `server`.
    pub kind: String,
    /// Its id; for apps and customers the slug, for versions `<app>/<number>`. Of what was refused as far as is known.
    pub id: String,
    /// Its name at that time.
    pub name: Option<String>,
    /// Whose it is; absent where it concerns no publisher.
    pub publisher: Option<Slug>,
    /// The customer it concerns.
    pub customer: Option<Slug>,
    /// The application it concerns.
    pub app: Option<Slug>,
    /// The installation it concerns.
    pub installation: Option<InstallationId>,
    /// How it went.
    pub outcome: Outcome,
    /// More about it; its keys depend on `verb`.
    pub detail: serde_json::Value,
}

/// How something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Done.
    Done,
    /// Accepted; another event tells its end.
    Accepted,
    /// Refused; nothing changed.
    Refused,
    /// Tried and not done; what it had changed was put back, or the detail says what was not.
    Failed,
}
