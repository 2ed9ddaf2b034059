//! The edge of a server: HTTP by host name and TCP by port, from the network to the sandboxes.
//!
//! It runs as its own unprivileged process, learns its routes from Nimbus and serves what it knows when Nimbus is
//! gone. While an installation switches version or restarts it holds requests, so that a deployment costs time and
//! not errors. One file per phase of a request:
//!
//! `accept` (connections) -> `client` (their time) -> `forward` (a request's way: `headers`, `route`, `hold`, `pool`,
//! `body`) -> `upgrade` (WebSocket) or back; `tcp` for ports; `learn` and `remember` for the routes; `pages` for what
//! the edge says itself.

mod accept;
mod body;
mod client;
mod forward;
mod headers;
mod hold;
mod learn;
mod limits;
mod pages;
mod pass;
mod plane;
mod pool;
mod remember;
mod route;
mod status;
mod tcp;
mod traffic;
mod upgrade;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use nimbus_api::edge::ToEdge;
use nimbus_api::proxies::Proxy;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

pub use limits::Limits;
pub use plane::PlaneAddress;
pub use status::Status;

/// What an edge needs to know.
#[derive(Debug)]
pub struct Config {
    /// Where HTTP comes in; already bound and listening. TCP ports are opened on its address.
    pub listen: std::net::TcpListener,
    /// Nimbus's `edge.sock`.
    pub nimbus_socket: PathBuf,
    /// A directory of its own: `routes.json`, `status.sock`.
    pub state_dir: PathBuf,
    /// The domain under which installations have their names; the edge greets who asks for the domain itself.
    pub domain: String,
    /// The control plane, whose passes let people in. Without one nobody is.
    pub plane: Option<PlaneAddress>,
    /// Proxies that are believed about whom they bring, and whether by HTTPS.
    pub trusted_proxies: Vec<Proxy>,
    /// What it allows.
    pub limits: Limits,
}

/// Why an edge cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// The socket that was passed on is of no use.
    #[error("the edge cannot serve HTTP on the socket it was given: {0}; pass it a TCP socket that listens")]
    Listen(#[source] io::Error),
    /// Its directory cannot be read or written.
    #[error("the edge cannot use {path}: {source}; its directory must belong to the user that it runs as")]
    State {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The link to Nimbus broke.
    #[error("the link to Nimbus broke: {0}")]
    Link(#[source] io::Error),
    /// The link to Nimbus takes no more lines.
    #[error("Nimbus takes no more lines")]
    LinkWrite,
    /// Nimbus sent a line that is too long.
    #[error("Nimbus sent a line of more than {limit} bytes")]
    LongLine {
        /// Bytes that a line may have.
        limit: usize,
    },
}

/// What all parts share.
pub(crate) struct Edge {
    limits: Limits,
    routes: route::Routes,
    stats: status::Stats,
    connections: Arc<Semaphore>,
    /// Becomes true when the edge is asked to end.
    closing: watch::Receiver<bool>,
    domain: String,
    plane: Option<plane::Plane>,
    passes: pass::Passes,
    trusted_proxies: Vec<Proxy>,
}

impl Edge {
    /// Ready when the edge is asked to end.
    fn closed(&self) -> impl Future<Output = ()> + use<> {
        let mut closing = self.closing.clone();
        async move {
            // An error means that `serve` itself is gone, which ends everything too.
            let _ = closing.wait_for(|closing| *closing).await;
        }
    }
}

/// Serves until `shutdown` is ready; then accepts no more, lets requests in flight end within the limit, and returns.
/// Runs on a multi-threaded tokio runtime with time and I/O.
pub async fn serve(config: Config, shutdown: impl Future<Output = ()>) -> Result<(), EdgeError> {
    let Config { listen, nimbus_socket, state_dir, domain, plane, trusted_proxies, mut limits } = config;
    limits.fit_files();
    let address = listen.local_addr().map_err(EdgeError::Listen)?.ip();
    listen.set_nonblocking(true).map_err(EdgeError::Listen)?;
    let listener = TcpListener::from_std(listen).map_err(EdgeError::Listen)?;

    let (close, closing) = watch::channel(false);
    let connections = Arc::new(Semaphore::new(limits.connections));
    let (routes, stats) = (route::Routes::new(), status::Stats::default());
    let (plane, passes) = (plane.map(|at| plane::Plane::new(at, &limits)), pass::Passes::new());
    let edge = Arc::new(Edge { limits, routes, stats, connections, closing, domain, plane, passes, trusted_proxies });

    let memory = state_dir.join("routes.json");
    if let Some(routes) = remember::load(&memory)? {
        tracing::info!(routes = routes.len(), "serving the routes that were written down");
        edge.routes.apply(ToEdge::Table { routes }, &edge.limits);
    }
    let status_path = state_dir.join("status.sock");
    let status = status::bind(&status_path).map_err(|source| EdgeError::State { path: status_path, source })?;

    let mut parts = JoinSet::new();
    parts.spawn(accept::run(edge.clone(), listener));
    parts.spawn(learn::run(edge.clone(), nimbus_socket, tcp::Ports::new(edge.clone(), address)));
    parts.spawn(remember::run(edge.clone(), memory.clone()));
    parts.spawn(status::run(edge.clone(), status));
    shutdown.await;

    parts.shutdown().await;
    close.send_replace(true);
    let all = u32::try_from(edge.limits.connections).unwrap_or(u32::MAX);
    if timeout(edge.limits.grace, edge.connections.acquire_many(all)).await.is_err() {
        tracing::warn!("ending with requests in flight: their time is over");
    }
    if edge.routes.known() {
        let routes = remember::routes(&edge);
        remember::save(&memory, routes).map_err(|source| EdgeError::State { path: memory, source })?;
    }
    Ok(())
}
