//! What Nimbus and the edge of its server say to each other: JSON lines in both directions over a Unix socket.
//!
//! The edge connects to `edge.sock`; Nimbus checks by `SO_PEERCRED` that it is the edge's user. Nimbus first sends
//! [`ToEdge::Table`], then changes. The edge answers each `Hold` once its requests in flight have ended or the drain
//! time is over. It keeps the last table on disk and serves it when Nimbus is gone, or before Nimbus is there.

use std::net::SocketAddr;
use std::time::Duration;

use domain::InstallationId;
use serde::{Deserialize, Serialize};

/// The header field by which a control plane knows that its edge speaks; the value is a secret of both.
pub const EDGE: &str = "x-vclouden-edge";
/// The header field by which a control plane tells its edge that a host name is none of its own.
pub const NOBODY: &str = "x-vclouden-nobody";

/// A line from Nimbus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case")]
pub enum ToEdge {
    /// All routes; whatever is not among them is gone.
    Table {
        /// Every route of the server.
        routes: Vec<Route>,
    },
    /// This installation's route is now so.
    Set {
        /// The route.
        route: Route,
    },
    /// This installation has no route any more.
    Drop {
        /// Which.
        installation: InstallationId,
    },
}

/// A line from the edge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case")]
pub enum FromEdge {
    /// The route with this serial is in force. For a `Hold` route it is sent when no request is in flight any more,
    /// or the drain time is over.
    Applied {
        /// Which installation.
        installation: InstallationId,
        /// The route's serial.
        serial: u64,
        /// Requests still in flight, when the drain time ended before they did.
        in_flight: u32,
    },
    /// What passed through for this installation since it was last told, which is every [`SERVED_EVERY`].
    Served {
        /// Which installation.
        installation: InstallationId,
        /// What.
        served: Served,
    },
    /// A listening port that a route asks for cannot be opened.
    PortUnavailable {
        /// Which installation.
        installation: InstallationId,
        /// Which port.
        port: u16,
        /// Why.
        why: String,
    },
}

/// How often an edge tells what it served.
pub const SERVED_EVERY: Duration = Duration::from_secs(10);

/// Requests, without those of a changed protocol and of TCP ports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Served {
    /// Answers by the first digit of their status, from 1 to 5; also those that the edge gave itself.
    pub classes: [u64; 5],
    /// Bytes of requests' bodies.
    pub bytes_in: u64,
    /// Bytes of answers' bodies.
    pub bytes_out: u64,
    /// How long it took until answers began, the time that requests were held included: steps of
    /// [`crate::latency`], and how many answers came in each.
    pub latencies: Vec<(u8, u64)>,
}

/// How requests for one installation are treated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The installation.
    pub installation: InstallationId,
    /// Grows with every change of this route.
    pub serial: u64,
    /// Lower-case host names, without port.
    pub hosts: Vec<String>,
    /// What to do with its requests.
    pub mode: RouteMode,
    /// Where its HTTP is; absent when it serves none.
    pub upstream: Option<SocketAddr>,
    /// Bytes that one request's body may have.
    pub max_body: u64,
    /// TCP ports to carry.
    pub tcp: Vec<TcpRoute>,
}

/// What to do with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "kebab-case")]
pub enum RouteMode {
    /// Pass them on. A connection that is refused or unreachable is tried again until the hold limit: the
    /// application may be restarting.
    Serve,
    /// Let requests in flight end, for at most the drain time; keep new ones waiting, at most for the hold limit.
    Hold {
        /// Milliseconds to wait for requests in flight.
        drain_ms: u64,
    },
    /// Answer 503 with a page that says that it is stopped.
    Stopped,
    /// Answer 503 with a page that says that it does not run and has to be started by its operator: it died too often
    /// in a row.
    Failed,
}

/// A TCP port that the edge listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpRoute {
    /// Public port.
    pub listen: u16,
    /// Where connections go.
    pub upstream: SocketAddr,
}
