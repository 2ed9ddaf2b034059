//! Takes connections in, never more than the limit: at the limit it stops accepting and the kernel queues the rest.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;

use crate::Edge;
use crate::client::{Client, ClientIo};
use crate::forward;
use crate::limits::Limits;

/// After an error that may repeat at once, such as too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// The next connection. At the limit it is taken from the kernel and waits here, and no other with it.
pub(crate) async fn next(edge: &Edge, listener: &TcpListener) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let ready = stream.set_nodelay(true);
                // Clients that vanish without a word are noticed even on connections that carry nothing for hours.
                let alive = rustix::net::sockopt::set_socket_keepalive(&stream, true);
                if ready.is_ok() && alive.is_ok() {
                    let permit = edge.connections.clone().acquire_owned().await.expect("it is never closed");
                    return (stream, peer, permit);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Accepts HTTP connections until it is dropped.
pub(crate) async fn run(edge: Arc<Edge>, listener: TcpListener) {
    let http = builder(&edge.limits);
    loop {
        let (stream, peer, permit) = next(&edge, &listener).await;
        tokio::spawn(connection(edge.clone(), http.clone(), stream, Client::new(peer.ip(), permit)));
    }
}

/// hyper's own limit of header fields; not being told another one, it keeps them on its stack.
const HYPER_HEADERS: usize = 100;

/// Without hyper's header timeout: [`ClientIo`] keeps the time.
fn builder(limits: &Limits) -> Builder {
    let mut http = Builder::new();
    // An incomplete header may fill the buffer before its length is known to be too much.
    http.max_buf_size(limits.header_bytes.max(32 << 10) * 2).max_header_size(limits.header_bytes).half_close(false);
    if limits.headers != HYPER_HEADERS {
        http.max_headers(limits.headers);
    }
    http
}

async fn connection(edge: Arc<Edge>, http: Builder, stream: TcpStream, client: Arc<Client>) {
    let closed = edge.closed();
    let io = TokioIo::new(ClientIo::new(stream, client.clone(), &edge.limits));
    let service = service_fn(move |request| {
        let (edge, client) = (edge.clone(), client.clone());
        async move { Ok::<_, Infallible>(forward::respond(&edge, &client, request).await) }
    });
    let mut connection = std::pin::pin!(http.serve_connection(io, service).with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closed => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client's connection ended");
    }
}
