//! Load by wrk, from a processor of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::servers::Server;

/// What to ask of which server.
pub struct Load<'a> {
    url: String,
    connections: usize,
    time: Duration,
    script: Option<PathBuf>,
    watched: Option<&'a Server>,
}

/// What came back.
pub struct Outcome {
    pub requests: u64,
    pub seconds: f64,
    /// Answers other than 2xx and 3xx, and broken connections.
    pub errors: u64,
    /// The most private memory that the watched server had, in KiB.
    pub most_private_kib: f64,
}

impl<'a> Load<'a> {
    pub fn new(server: &Server, path: &str, connections: usize, time: Duration) -> Self {
        Self { url: server.url(path), connections, time, script: None, watched: None }
    }

    /// Says how each request looks (wrk's Lua).
    pub fn script(mut self, path: &Path) -> Self {
        self.script = Some(path.to_owned());
        self
    }

    /// Watches the memory of a server meanwhile.
    pub fn watching(mut self, server: &'a Server) -> Self {
        self.watched = Some(server);
        self
    }
}

/// Runs it.
pub fn wrk(load: &Load) -> Result<Outcome> {
    let mut command = Command::new("taskset");
    command.args(["-c", "1", "wrk", "-t1", "--timeout", "10s"]);
    command.arg(format!("-c{}", load.connections)).arg(format!("-d{}s", load.time.as_secs()));
    if let Some(script) = &load.script {
        command.arg("-s").arg(script);
    }
    let child = command.arg(&load.url).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = child.context("wrk and taskset are needed (scripts/need bench)")?;
    let mut most = 0.0f64;
    while child.try_wait()?.is_none() {
        if let Some(server) = load.watched {
            most = most.max(server.private_kib()?);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk {}: {text}", load.url);
    let mut outcome = Outcome { requests: 0, seconds: load.time.as_secs_f64(), errors: 0, most_private_kib: most };
    for line in text.lines().map(str::trim) {
        let numbers = || line.split([' ', ',']).filter_map(|word| word.parse::<u64>().ok());
        if line.contains(" requests in ") {
            outcome.requests = numbers().next().context("the format of wrk")?;
        } else if line.starts_with("Socket errors") || line.starts_with("Non-2xx") {
            outcome.errors += numbers().sum::<u64>();
        }
    }
    ensure!(outcome.requests > 0, "wrk got no answer from {}: {text}", load.url);
    Ok(outcome)
}
