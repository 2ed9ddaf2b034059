//! What Nimbus and the edge of its server say to each other: JSON lines in both directions over a Unix socket.
//!
//! The edge connects to `edge.sock`; Nimbus checks by `SO_PEERCRED` that it is the edge's user. Nimbus first sends
//! [`ToEdge::Table`], then changes. The edge answers each `Hold` once its requests in flight have ended or the drain
//! time is over. It keeps the last table on disk and serves it when Nimbus is gone, or before Nimbus is there.

use std::net::SocketAddr;

use domain::InstallationId;
use serde::{Deserialize, Serialize};

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
