//! What the edge allows of the outside, of applications and of itself. Every wait ends and every count has a bound.

use std::time::Duration;

/// Bounds of the edge; [`Limits::default`] holds the values for a server.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections from clients at one time, HTTP and TCP together. At the bound each listener takes one more, which
    /// waits, and then stops accepting: further ones queue in the kernel; none is dropped. Lowered at the start when
    /// the process may not open enough files.
    pub connections: usize,
    /// Bytes of a request's line and header fields together (431 beyond).
    pub header_bytes: usize,
    /// Header fields of a request (431 beyond).
    pub headers: usize,
    /// From the first byte of a request to the end of its header (408), and from a new connection to its first byte.
    pub header_time: Duration,
    /// How long a connection between two requests is kept.
    pub idle: Duration,
    /// How long a client may pause within a request's body (408).
    pub body_pause: Duration,
    /// How long a client may leave bytes of an answer untaken.
    pub write_pause: Duration,
    /// How long one attempt to connect to an application may take.
    pub connect: Duration,
    /// From the last byte of a request to the header of the application's answer (504).
    pub answer: Duration,
    /// How long a request waits while its installation is held (503 beyond).
    pub hold: Duration,
    /// Requests and TCP connections of one installation that wait at one time (503 beyond).
    pub held_max: usize,
    /// How long a request waits for an application that does not accept connections (502 beyond).
    pub restart: Duration,
    /// Times that a request without a body and with an idempotent method is sent in all, when the connection to the
    /// application ends before the first byte of an answer. All others are sent once.
    pub sends: u32,
    /// Connections to one application that are kept for the next request.
    pub pooled: usize,
    /// How long they are kept; shorter than the five seconds after which many applications close them.
    pub pooled_idle: Duration,
    /// How old a kept connection may be for a request that cannot be sent twice.
    pub pooled_once: Duration,
    /// How long requests in flight may go on when the edge is asked to end.
    pub grace: Duration,
    /// Bytes of one line from Nimbus.
    pub line: usize,
    /// How often Nimbus is told what was served.
    pub served_every: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connections: 10_000,
            header_bytes: 32 << 10,
            headers: 100,
            header_time: seconds(15),
            idle: seconds(75),
            body_pause: seconds(60),
            write_pause: seconds(60),
            connect: seconds(1),
            answer: seconds(120),
            hold: seconds(60),
            held_max: 1_000,
            restart: seconds(15),
            sends: 3,
            pooled: 256,
            pooled_idle: seconds(4),
            pooled_once: seconds(1),
            grace: seconds(10),
            line: 16 << 20,
            served_every: nimbus_api::edge::SERVED_EVERY,
        }
    }
}

/// Files that the process needs besides its connections: listeners, link, status, logs, the runtime's own.
const OTHER_FILES: u64 = 64;

impl Limits {
    /// Raises the number of files that the process may open as far as it is allowed to, and lowers `connections` to
    /// what that number carries: each client may need a second connection, to its application.
    pub(crate) fn fit_files(&mut self) {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let had = getrlimit(Resource::Nofile);
        if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: had.maximum, maximum: had.maximum }) {
            tracing::warn!(%error, "cannot raise the number of files that the edge may open");
        }
        let Some(files) = getrlimit(Resource::Nofile).current else { return };
        let carried = usize::try_from(files.saturating_sub(OTHER_FILES) / 2).unwrap_or(usize::MAX).max(16);
        if carried < self.connections {
            tracing::warn!(
                files,
                connections = carried,
                "fewer connections than wished: the process may open few files"
            );
            self.connections = carried;
        }
    }
}
