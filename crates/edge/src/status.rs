//! What the edge counts, and `status.sock` in its state directory, which answers every connection with it as JSON.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tokio::time::{sleep, timeout};

use crate::Edge;

/// Counters since the start.
#[derive(Default)]
pub(crate) struct Stats {
    pub requests: AtomicU64,
    pub errors: AtomicU64,
    pub linked: AtomicBool,
}

/// The edge at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Requests since the start.
    pub requests: u64,
    /// Requests since the start that the edge answered with a failure: held too long, application down or broken.
    pub errors: u64,
    /// Connections from clients that are open.
    pub connections: u64,
    /// Installations with a route.
    pub installations: u64,
    /// Requests passed on and not yet answered in full.
    pub in_flight: u64,
    /// Requests and TCP connections that wait for their installation.
    pub held: u64,
    /// Whether there is a link to Nimbus.
    pub linked: bool,
}

impl Edge {
    /// The edge at this moment.
    pub(crate) fn status(&self) -> Status {
        let table = self.routes.table();
        let sum = |of: fn(&crate::route::Site) -> u64| table.sites().map(|(_, site)| of(site)).sum();
        Status {
            requests: self.stats.requests.load(Ordering::Relaxed),
            errors: self.stats.errors.load(Ordering::Relaxed),
            connections: (self.limits.connections - self.connections.available_permits()) as u64,
            installations: table.sites().count() as u64,
            in_flight: sum(|site| u64::from(site.in_flight())),
            held: sum(|site| site.held.load(Ordering::Relaxed) as u64),
            linked: self.stats.linked.load(Ordering::Relaxed),
        }
    }
}

/// Binds `path`, in place of what a predecessor left there.
pub(crate) fn bind(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => UnixListener::bind(path),
    }
}

/// Answers until it is dropped.
pub(crate) async fn run(edge: Arc<Edge>, listener: UnixListener) {
    loop {
        let told = async {
            let (mut stream, _) = listener.accept().await?;
            let text = serde_json::to_vec(&edge.status()).expect("counters are plain data");
            timeout(Duration::from_secs(1), stream.write_all(&text)).await?
        };
        if let Err(error) = told.await {
            tracing::debug!(%error, "the status was not told");
            sleep(Duration::from_millis(10)).await;
        }
    }
}
