//! An application to have behind the edge.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::world::{Body, empty, full};

/// Counts and gates of an application.
pub struct Shared {
    name: String,
    /// Connections taken.
    pub connections: AtomicUsize,
    /// Requests to `/gate` that arrived.
    pub arrived: AtomicUsize,
    /// Told at each of them.
    pub arrival: Notify,
    /// They are answered as permits are added here.
    pub gate: Semaphore,
}

/// A running application; dropping it ends it with all its connections.
pub struct App {
    pub address: SocketAddr,
    pub shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl App {
    pub async fn start(name: &str) -> Self {
        Self::at(name, "127.0.0.1:0".parse().unwrap()).await
    }

    pub async fn at(name: &str, address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            connections: AtomicUsize::new(0),
            arrived: AtomicUsize::new(0),
            arrival: Notify::new(),
            gate: Semaphore::new(0),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(run(listener, shared.clone()));
        Self { address, shared, _tasks: tasks }
    }

    /// Waits until so many requests to `/gate` are there.
    pub async fn gated(&self, count: usize) {
        loop {
            let arrival = self.shared.arrival.notified();
            if self.shared.arrived.load(Ordering::SeqCst) >= count {
                return;
            }
            arrival.await;
        }
    }

    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

async fn run(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let shared = shared.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let shared = shared.clone();
                async move { Ok::<_, std::io::Error>(answer(&shared, request).await) }
            });
            let _ = Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn headers(request: &Request<Incoming>) -> String {
    let lines = request.headers().iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
    lines.collect()
}

async fn answer(shared: &Shared, request: Request<Incoming>) -> Response<Body> {
    let number = || request.uri().query().and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    let text = |text: String| Response::new(full(text));
    match request.uri().path() {
        "/who" => text(shared.name.clone()),
        "/target" => text(request.uri().to_string()),
        "/headers" => text(headers(&request)),
        nimbus_api::pass::PATH => text(format!("{}\n{}", request.uri(), headers(&request))),
        "/nobody" => {
            let mut response = Response::new(empty());
            response.headers_mut().insert(nimbus_api::edge::NOBODY, HeaderValue::from_static("1"));
            response
        }
        "/status" => {
            let mut response = Response::new(empty());
            *response.status_mut() = StatusCode::from_u16(u16::try_from(number()).unwrap()).unwrap();
            response
        }
        "/gate" => {
            shared.arrived.fetch_add(1, Ordering::SeqCst);
            shared.arrival.notify_waiters();
            shared.gate.acquire().await.unwrap().forget();
            text(shared.name.clone())
        }
        "/count" => {
            let (mut count, mut body) = (0, request.into_body());
            while let Some(frame) = body.frame().await {
                match frame {
                    Ok(frame) => count += frame.data_ref().map_or(0, Bytes::len),
                    Err(_) => return text("broke off".into()),
                }
            }
            text(count.to_string())
        }
        "/echo" => {
            let mut response = Response::new(request.into_body().map_err(std::io::Error::other).boxed());
            response.headers_mut().insert("trailer", HeaderValue::from_static("x-sum"));
            response
        }
        "/pieces" => pieces(number()),
        other => panic!("nobody asks for {other}"),
    }
}

/// So many bytes in chunks of 64 KiB, made as they are wanted, with a trailer.
fn pieces(mut left: usize) -> Response<Body> {
    let (send, mut pieces) = mpsc::channel(2);
    tokio::spawn(async move {
        let piece = Bytes::from(vec![b'x'; 64 << 10]);
        while left > 0 {
            let size = left.min(piece.len());
            left -= size;
            if send.send(Frame::data(piece.slice(..size))).await.is_err() {
                return;
            }
        }
        let _ = send
            .send(Frame::trailers(HeaderMap::from_iter([("x-sum".parse().unwrap(), "all".parse().unwrap())])))
            .await;
    });
    let stream = futures_util::stream::poll_fn(move |cx| pieces.poll_recv(cx).map(|frame| frame.map(Ok)));
    let mut response = Response::new(BodyExt::boxed(StreamBody::new(stream)));
    response.headers_mut().insert("trailer", HeaderValue::from_static("x-sum"));
    response
}
