//! A network namespace with an edge in it, a fake Nimbus, and clients.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use domain::InstallationId;
use edge::{Config, EdgeError, Limits, PlaneAddress, Status};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use nimbus_api::edge::{FromEdge, Route, RouteMode, TcpRoute, ToEdge};
use nimbus_api::proxies::Proxy;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A bound for what should happen at once, generous enough for a busy machine.
pub const SOON: Duration = Duration::from_secs(20);

/// Runs a test in a network namespace of its own.
pub fn alone(test: impl Future<Output = ()>) {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET)
        .expect("this test needs root to make a network namespace");
    let up = std::process::Command::new("ip").args(["link", "set", "lo", "up"]).status();
    assert!(up.expect("this test needs the program `ip` of the Debian package iproute2").success());
    // Its threads are made here, so they are in the namespace too.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { timeout(Duration::from_secs(120), test).await.expect("the test hangs") });
}

/// An edge.
pub struct Edge {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), EdgeError>>,
}

/// The place where edges are started, one after the other.
pub struct World {
    pub dir: tempfile::TempDir,
    pub limits: Limits,
    pub plane: Option<SocketAddr>,
    pub trusted: Vec<Proxy>,
}

impl World {
    pub fn new() -> Self {
        // Told often only where that is what is tested.
        let limits = Limits { served_every: Duration::from_secs(3600), ..Limits::default() };
        Self { dir: tempfile::tempdir().unwrap(), limits, plane: None, trusted: Vec::new() }
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("edge.sock")
    }

    pub fn edge(&self) -> Edge {
        let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listen.local_addr().unwrap();
        let config = Config {
            listen,
            nimbus_socket: self.socket(),
            state_dir: self.dir.path().to_owned(),
            domain: "localhost".into(),
            plane: self.plane.map(|address| PlaneAddress { address, secret: HeaderValue::from_static("of-both") }),
            trusted_proxies: self.trusted.clone(),
            limits: self.limits.clone(),
        };
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(edge::serve(config, async move { stopped.await.unwrap_or(()) }));
        Edge { address, stop, task }
    }

    /// An edge and its Nimbus, once the edge has confirmed every route.
    pub async fn start(&self, routes: Vec<Route>) -> (Edge, Nimbus) {
        let count = routes.len();
        let mut nimbus = Nimbus::start(self.socket(), routes);
        let edge = self.edge();
        for _ in 0..count {
            assert!(matches!(nimbus.hear().await, FromEdge::Applied { .. }));
        }
        (edge, nimbus)
    }

    pub async fn status(&self) -> Status {
        let mut stream = UnixStream::connect(self.dir.path().join("status.sock")).await.unwrap();
        let mut text = Vec::new();
        stream.read_to_end(&mut text).await.unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// Waits until the edge's status is as wished.
    pub async fn until(&self, what: &str, wish: impl Fn(&Status) -> bool) {
        let wait = async {
            while !wish(&self.status().await) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        if timeout(SOON, wait).await.is_err() {
            panic!("never came to be: {what}; it is {:?}", self.status().await);
        }
    }
}

impl Edge {
    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        timeout(SOON, self.task).await.expect("the edge does not end").unwrap().unwrap();
    }

    /// A connection of a client.
    pub async fn client(&self) -> Client {
        self.client_from("127.0.0.1").await
    }

    /// The same from an address of this machine.
    pub async fn client_from(&self, address: &str) -> Client {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
        let stream = socket.connect(self.address).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Client { sender }
    }

    /// One GET over a connection of its own.
    pub async fn get(&self, host: &str, path: &str) -> Answer {
        self.client().await.get(host, path).await
    }

    /// Sends bytes and returns everything that comes back until the edge closes.
    pub async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        timeout(SOON, stream.read_to_end(&mut answer)).await.expect("the edge does not close").unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// What a client got.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Status and body, to compare in one go.
    pub fn brief(&self) -> (u16, &str) {
        (self.status.as_u16(), self.text())
    }
}

pub type Body = BoxBody<Bytes, std::io::Error>;

pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

/// A connection of a client.
pub struct Client {
    pub sender: SendRequest<Body>,
}

impl Client {
    pub async fn send(&mut self, request: Request<Body>) -> Result<Answer, hyper::Error> {
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        let body = body.collect().await?;
        let trailers = body.trailers().cloned();
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes(), trailers })
    }

    pub async fn get(&mut self, host: &str, path: &str) -> Answer {
        self.send(get(host, path)).await.unwrap()
    }
}

pub fn get(host: &str, path: &str) -> Request<Body> {
    Request::get(path).header("host", host).body(empty()).unwrap()
}

/// Nimbus's end of the link. It sends its table to everyone who connects, then what it is told to say.
pub struct Nimbus {
    say: mpsc::UnboundedSender<ToEdge>,
    heard: mpsc::UnboundedReceiver<FromEdge>,
    task: JoinHandle<()>,
}

impl Nimbus {
    pub fn start(socket: PathBuf, routes: Vec<Route>) -> Self {
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(socket).unwrap();
        let (say, mut says) = mpsc::unbounded_channel();
        let (hears, heard) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (read, mut write) = stream.into_split();
                write.write_all(&line(&ToEdge::Table { routes: routes.clone() })).await.unwrap();
                let mut lines = BufReader::new(read).lines();
                loop {
                    tokio::select! {
                        said = lines.next_line() => match said {
                            Ok(Some(said)) => hears.send(serde_json::from_str(&said).unwrap()).unwrap(),
                            _ => break,
                        },
                        Some(message) = says.recv() => write.write_all(&line(&message)).await.unwrap(),
                    }
                }
            }
        });
        Self { say, heard, task }
    }

    pub fn say(&self, message: ToEdge) {
        self.say.send(message).unwrap();
    }

    pub fn set(&self, route: &Route) {
        self.say(ToEdge::Set { route: route.clone() });
    }

    pub async fn hear(&mut self) -> FromEdge {
        timeout(SOON, self.heard.recv()).await.expect("the edge says nothing").expect("the link is gone")
    }

    /// Sets a route and waits until it is in force; returns the requests that were still in flight.
    pub async fn applied(&mut self, route: &Route) -> u32 {
        self.set(route);
        match self.hear().await {
            FromEdge::Applied { installation, serial, in_flight } => {
                assert_eq!((installation, serial), (route.installation, route.serial));
                in_flight
            }
            other => panic!("{other:?}"),
        }
    }

    /// Whether the edge has said nothing more so far.
    pub fn is_silent(&mut self) -> bool {
        self.heard.is_empty()
    }

    pub async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

fn line(message: &ToEdge) -> Vec<u8> {
    let mut line = serde_json::to_vec(message).unwrap();
    line.push(b'\n');
    line
}

/// A route of an installation that serves at `upstream`.
pub fn route(host: &str, upstream: SocketAddr) -> Route {
    Route {
        installation: InstallationId::new(),
        serial: 1,
        hosts: vec![host.to_owned()],
        mode: RouteMode::Serve,
        upstream: Some(upstream),
        max_body: 1 << 30,
        tcp: Vec::new(),
    }
}

/// The next change of a route.
pub fn next(route: &Route, mode: RouteMode) -> Route {
    Route { serial: route.serial + 1, mode, ..route.clone() }
}

pub fn hold(route: &Route, drain_ms: u64) -> Route {
    next(route, RouteMode::Hold { drain_ms })
}

pub fn serve(route: &Route, upstream: SocketAddr) -> Route {
    Route { upstream: Some(upstream), ..next(route, RouteMode::Serve) }
}

pub fn with_port(route: Route, listen: u16, upstream: SocketAddr) -> Route {
    Route { tcp: vec![TcpRoute { listen, upstream }], ..route }
}
