//! A keeper's directory, its specification, and what is said on its socket.
//!
//! The directory (`RUN/keepers/<installation>/`) holds
//! - `spec.json`: a [`Spec`], written before the keeper is started;
//! - `lock`: held by `flock` for as long as the keeper lives, so that two can never keep the same installation;
//! - `socket`: a Unix stream socket; each connection carries one [`Request`] as a JSON line, then answers as JSON lines.

use std::path::PathBuf;

use sandbox::{SandboxSpec, TerminalSize};
use serde::{Deserialize, Serialize};

/// What to keep, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The installation's id, as text.
    pub installation: String,
    /// What to run.
    pub sandbox: SandboxSpec,
    /// How to tell that it is healthy; without a check it is healthy as soon as it runs.
    pub health: Option<HealthSpec>,
    /// Number of the signal that asks it to end.
    pub stop_signal: i32,
    /// Milliseconds from that signal to SIGKILL.
    pub stop_grace_ms: u64,
    /// Directory of its logs.
    pub logs: PathBuf,
    /// Bytes of one log file before it is rotated.
    pub log_bytes: u64,
    /// Rotated files to keep.
    pub log_files: u32,
    /// Whether it is on trial: it is started once, and when it ends or is not healthy in time it is given up, until
    /// [`Request::Accept`] says that it is supervised as always from then on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trial: bool,
}

/// A health check from inside the sandbox's network namespace, against its own address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthSpec {
    /// TCP port.
    pub port: u16,
    /// Path to GET, healthy when it answers 200 to 399; a TCP connection is enough when absent.
    pub path: Option<String>,
    /// The Host header to send.
    pub host: String,
    /// Milliseconds it may take until it is healthy for the first time; then it is killed and counts as a failed start.
    pub start_timeout_ms: u64,
    /// Milliseconds between checks once healthy (while starting it is asked every few milliseconds).
    pub interval_ms: u64,
    /// Milliseconds that one check may take.
    pub timeout_ms: u64,
}

/// What [`Status::last_exit`] says of an application that was killed because its time to become healthy was over; the
/// time and the last check's reason follow.
pub const TOO_LATE: &str = "not healthy within ";

/// What may be asked of a keeper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Request {
    /// Answers one [`Status`].
    Status,
    /// Answers a [`Status`] now and after every change, until the connection ends.
    Watch,
    /// Ends its trial, unless it has failed it; answers one [`Status`], whose phase is `failed` if it has. One that is
    /// not on trial is asked in vain.
    Accept,
    /// Ends the application (signal, grace, SIGKILL) and the keeper with everything it made; answers a last
    /// [`Status`] with phase `stopped` when nothing of it is left, then the keeper exits.
    Stop,
    /// Runs a program in the sandbox. Its standard input, output and error are the three descriptors that come with
    /// this line by `SCM_RIGHTS`. Answers one [`ExecEnded`]. When the connection ends first, the program is killed.
    /// With `terminal` no descriptors come; a line [`Terminal`] with the master side of the program's new terminal is
    /// answered first. When it has ended, or the connection has, every program of the terminal's session is sent SIGHUP,
    /// and killed a second later.
    Exec {
        /// Program and arguments.
        command: Vec<String>,
        /// The size of the terminal that it gets instead of the three descriptors.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terminal: Option<TerminalSize>,
    },
}

/// Comes with the master side of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terminal {
    /// How large it was made.
    pub terminal: TerminalSize,
}

/// The end of a program that was run by `exec`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecEnded {
    /// Exit status; 128 + signal number when killed; 127 when it could not be started.
    pub status: i32,
    /// Why it could not be started.
    pub error: Option<String>,
}

/// How the application is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// What it does.
    pub phase: Phase,
    /// Since when, in milliseconds since 1970.
    pub since: u64,
    /// Process id of the sandbox's first process, as the server sees it.
    pub pid: Option<u32>,
    /// The keeper's own process id.
    pub keeper: u32,
    /// Times it was brought back since the keeper began.
    pub restarts: u32,
    /// How it last ended, such as `exit status 1` or `killed by SIGKILL: out of memory`.
    pub last_exit: Option<String>,
    /// Why the health check last failed.
    pub last_check: Option<String>,
}

/// What the application does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Started, not yet healthy.
    Starting,
    /// Healthy.
    Healthy,
    /// Was healthy, fails its check; after three failures in a row it is killed and started again.
    Unhealthy,
    /// Dead; started again in a moment.
    Restarting,
    /// Dead too often in a row, or once while on trial; not started again.
    Failed,
    /// It was stopped; the keeper is about to exit.
    Stopped,
}
