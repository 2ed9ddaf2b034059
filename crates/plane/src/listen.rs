//! Accepts connections, within limits: their number, and the time a client may take to say what it wants.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};

use crate::strangers::Peer;

/// Connections at the same time; more wait in the kernel's queue.
const CONNECTIONS: usize = 1024;

/// Time to send a request's headers.
const HEADER_TIME: Duration = Duration::from_secs(20);

/// Time for requests under way at the end.
const GRACE: Duration = Duration::from_secs(5);

/// Serves `app` on `listen` until `shutdown` is ready; then lets requests under way end for a moment.
pub async fn serve(
    listen: TcpListener,
    app: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    listen.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listen)?;
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let (ending, _) = watch::channel(false);
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            let slot = slots.clone().acquire_owned().await.expect("the semaphore is never closed");
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            () = &mut shutdown => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, from)) => {
                let (app, ending) = (app.clone(), ending.subscribe());
                tokio::spawn(async move {
                    connection(stream, Peer(from.ip()), app, ending).await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    ending.send_replace(true);
    let all = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
    // Streams without end are cut at the end of this.
    let _ = tokio::time::timeout(GRACE, slots.acquire_many(all)).await;
    Ok(())
}

async fn connection(stream: TcpStream, peer: Peer, app: Router, mut ending: watch::Receiver<bool>) {
    // Answers are small and written whole: waiting to fill a segment only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection stays slow");
    }
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).max_headers(64);
    let app = TowerToHyperService::new(app);
    let app = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        app.call(request)
    });
    let mut serving = pin!(http.serve_connection(TokioIo::new(stream), app).with_upgrades());
    let result = tokio::select! {
        result = &mut serving => result,
        _ = ending.changed() => {
            serving.as_mut().graceful_shutdown();
            tokio::time::timeout(GRACE, serving).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended");
    }
}
