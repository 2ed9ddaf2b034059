//! Public TCP ports: listens where routes ask for it and carries bytes to the application.
//!
//! A port stays open while any installation wants it, and passes from one to the next without being closed.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use domain::InstallationId;
use nimbus_api::edge::FromEdge;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinHandle;

use crate::hold::Wait;
use crate::route::Site;
use crate::{Edge, accept, pool};

/// Connections that the kernel queues on a port.
const BACKLOG: u32 = 1024;

struct Open {
    owner: watch::Sender<(InstallationId, Arc<Site>)>,
    task: JoinHandle<()>,
}

/// The open ports. Owned by the link to Nimbus, the only one that changes them.
pub(crate) struct Ports {
    edge: Arc<Edge>,
    address: IpAddr,
    open: HashMap<u16, Open>,
}

impl Ports {
    /// Opens ports on the address that HTTP is served on too.
    pub fn new(edge: Arc<Edge>, address: IpAddr) -> Self {
        Self { edge, address, open: HashMap::new() }
    }

    /// Opens, hands over and closes ports until they fit the routes; returns what could not be done.
    pub async fn fit(&mut self) -> Vec<FromEdge> {
        let mut wanted: BTreeMap<u16, BTreeMap<InstallationId, Arc<Site>>> = BTreeMap::new();
        for (id, site) in self.edge.routes.table().sites() {
            for tcp in &site.live().route.tcp {
                wanted.entry(tcp.listen).or_default().insert(*id, site.clone());
            }
        }
        let unwanted: Vec<u16> = self.open.keys().filter(|port| !wanted.contains_key(port)).copied().collect();
        for open in unwanted.iter().filter_map(|port| self.open.remove(port)) {
            open.task.abort();
            // Its listener is closed when the task is gone. It was cancelled, so there is no result to look at.
            let _ = open.task.await;
        }
        let mut failed = Vec::new();
        for (port, claims) in wanted {
            let owner = self.open.get(&port).map(|open| open.owner.borrow().0).filter(|id| claims.contains_key(id));
            let mut claims = claims.into_iter().collect::<Vec<_>>();
            claims.sort_by_key(|(id, _)| Some(*id) != owner);
            let mut claims = claims.into_iter();
            let Some(first) = claims.next() else { continue };
            if let Err(error) = self.give(port, first.clone()) {
                failed.push(unavailable(first.0, port, format!("port {port} cannot be opened: {error}")));
            }
            let taken = |(id, _)| unavailable(id, port, format!("port {port} belongs to installation {}", first.0));
            failed.extend(claims.map(taken));
        }
        failed
    }

    fn give(&mut self, port: u16, owner: (InstallationId, Arc<Site>)) -> io::Result<()> {
        if let Some(open) = self.open.get(&port) {
            open.owner.send_replace(owner);
            return Ok(());
        }
        let listener = listen(SocketAddr::new(self.address, port))?;
        let (owner, owned) = watch::channel(owner);
        let task = tokio::spawn(run(self.edge.clone(), listener, port, owned));
        self.open.insert(port, Open { owner, task });
        Ok(())
    }
}

impl Drop for Ports {
    fn drop(&mut self) {
        self.open.values().for_each(|open| open.task.abort());
    }
}

fn unavailable(installation: InstallationId, port: u16, why: String) -> FromEdge {
    tracing::warn!(%installation, port, %why, "a TCP port is not served");
    FromEdge::PortUnavailable { installation, port, why }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn run(edge: Arc<Edge>, listener: TcpListener, port: u16, owner: watch::Receiver<(InstallationId, Arc<Site>)>) {
    loop {
        let (stream, peer, permit) = accept::next(&edge, &listener).await;
        let site = owner.borrow().1.clone();
        tracing::trace!(%peer, port, "a connection");
        tokio::spawn(connection(edge.clone(), site, port, stream, permit));
    }
}

async fn connection(edge: Arc<Edge>, site: Arc<Site>, port: u16, near: TcpStream, _permit: OwnedSemaphorePermit) {
    let closed = edge.closed();
    tokio::select! {
        () = carry(&edge, &site, port, near) => {}
        () = closed => {}
    }
}

/// Connects, waiting out holds and restarts as requests do, and copies until one side ends or the route changes.
async fn carry(edge: &Edge, site: &Arc<Site>, port: u16, mut near: TcpStream) {
    let Some((address, mut far)) = reach(edge, site, port).await else { return };
    tokio::select! {
        copied = copy_bidirectional(&mut near, &mut far) => {
            if let Err(error) = copied {
                tracing::debug!(%error, port, "a TCP connection ended");
            }
        }
        () = site.until(|live| live.port(port) != Some(address)) => {}
    }
}

async fn reach(edge: &Edge, site: &Arc<Site>, port: u16) -> Option<(SocketAddr, TcpStream)> {
    let mut wait = Wait::new(site, &edge.limits);
    loop {
        let pass = wait.enter().await.ok()?;
        let live = pass.live.clone();
        let address = live.port(port)?;
        match pool::connect(address, edge.limits.connect).await {
            Ok(far) => return Some((address, far)),
            Err(error) => tracing::debug!(%error, %address, "an application cannot be reached"),
        }
        drop(pass);
        wait.pause(&live).await.ok()?;
    }
}
