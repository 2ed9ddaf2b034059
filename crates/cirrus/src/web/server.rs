//! Connections: accept, read requests within their limits, hand them to the `Site`, send what it answers, stop with
//! grace. One thread; a connection that sends nothing costs a socket and a small task.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    path::Path,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use http_body_util::{BodyDataStream, BodyExt};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, SemaphorePermit, watch},
    time::timeout,
};

use super::{
    Request, RequestId, Response, error_page,
    form::{self, Form},
    problem, send,
    site::Site,
    wire::{Impatient, WireBody},
};
use crate::config::{Limits, Proxy};

/// Serves one site at a time; a reload puts another in its place while requests of the old one go on.
pub struct Server {
    site: RefCell<Rc<Site>>,
    // Why the author's last change could not be loaded.
    problem: RefCell<Option<String>>,
    next_id: Cell<u64>,
    places: Arc<Semaphore>,
    bodies: Bodies,
    limits: Limits,
}

impl Server {
    /// A server of this site. The limits are those of its configuration now; a reload does not change them.
    pub fn new(site: Rc<Site>) -> Rc<Self> {
        let limits = site.app().config.limits.clone();
        Rc::new(Self {
            site: RefCell::new(site),
            problem: RefCell::default(),
            next_id: Cell::new(1),
            places: Arc::new(Semaphore::new(limits.connections)),
            bodies: Bodies::new(limits.bodies),
            limits,
        })
    }

    /// Answers from now on with this one; yields the old one.
    pub fn replace(&self, site: Rc<Site>) -> Rc<Site> {
        self.problem.replace(None);
        self.site.replace(site)
    }

    /// From now on, pages show this problem of the author's last change; everything else goes on as it was.
    pub fn show_problem(&self, problem: String) {
        self.problem.replace(Some(problem));
    }

    /// The site of now.
    pub fn site(&self) -> Rc<Site> {
        self.site.borrow().clone()
    }

    /// Accepts until `stop` says true, then lets running requests end. Must run in a `LocalSet`.
    pub async fn run(self: &Rc<Self>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        loop {
            let accepted = tokio::select! {
                accepted = self.accept(&listener) => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let Some((stream, peer, place)) = accepted else { continue };
            let (server, stop) = (self.clone(), stop.clone());
            tokio::task::spawn_local(async move {
                server.connection(stream, peer, stop).await;
                drop(place);
            });
        }
        drop(listener);
        self.site().stop();
        let all = u32::try_from(self.limits.connections).unwrap_or(u32::MAX);
        // Whoever has not ended by then is cut off by the end of the process.
        let _ = timeout(Duration::from_secs(self.limits.stop_seconds), self.places.acquire_many(all)).await;
        self.site().finish(Duration::from_secs(1));
    }

    async fn accept(
        &self,
        listener: &TcpListener,
    ) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
        let place = self.places.clone().acquire_owned().await.ok()?;
        match listener.accept().await {
            Ok((stream, peer)) => Some((stream, peer, place)),
            Err(error) => {
                // Out of descriptors or memory: those that end will give some back.
                if error.kind() != io::ErrorKind::ConnectionAborted {
                    eprintln!("cirrus: cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                None
            }
        }
    }

    async fn connection(self: Rc<Self>, stream: TcpStream, peer: SocketAddr, mut stop: watch::Receiver<bool>) {
        let patience = Duration::from_secs(self.limits.header_seconds);
        // No buffers before the first byte: whoever only connects costs nearly nothing.
        let ready = tokio::select! {
            ready = timeout(patience, stream.readable()) => matches!(ready, Ok(Ok(()))),
            _ = stop.wait_for(|stop| *stop) => false,
        };
        if !ready || stream.set_nodelay(true).is_err() {
            return;
        }
        let io = TokioIo::new(Impatient::new(stream, Duration::from_secs(self.limits.write_seconds)));
        let service = {
            let server = self.clone();
            service_fn(move |request| {
                let server = server.clone();
                async move { Ok::<_, Infallible>(server.answer(request, peer.ip()).await) }
            })
        };
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience)
            .max_buf_size(self.limits.header)
            .max_headers(self.limits.headers)
            .serve_connection(io, service);
        tokio::pin!(connection);
        tokio::select! {
            // An error here is the other side's: it went away or does not speak HTTP, and hyper has told it so.
            _ = connection.as_mut() => return,
            _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }

    async fn answer(&self, request: hyper::Request<Incoming>, peer: IpAddr) -> hyper::Response<WireBody> {
        let started = Instant::now();
        let id = RequestId(self.next_id.get());
        self.next_id.set(id.0.wrapping_add(1));
        let site = self.site();
        let (parts, body) = request.into_parts();
        let addressed = is_addressed(parts.version, &parts.headers);
        let sender = believe(&site.app().config.proxy, peer, &parts.headers);
        let peer = sender.address;
        let mut request = Request {
            id,
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body: Bytes::new(),
            form: None,
            peer,
            secure: sender.secure,
            visitor: Arc::default(),
        };
        if let Some(host) = sender.host {
            request.headers.insert(header::HOST, host);
        }
        let body = match addressed {
            true => self.body(&request.headers, body, &site.app().uploads()).await,
            false => {
                Err(close(problem::plain(StatusCode::BAD_REQUEST, "a request names one host, in one header `Host`")))
            }
        };
        let arrived = body.map(|(bytes, form)| (request.body, request.form) = (bytes, form));
        let mut request = Arc::new(request);
        let response = match (arrived, self.problem_for(&request)) {
            (Err(response), _) | (Ok(()), Some(response)) => response,
            (Ok(()), None) => site.answer(&mut request).await,
        };
        if site.app().config.log.requests {
            let (method, path, status) = (&request.method, request.uri.path(), response.status.as_u16());
            eprintln!("{id} {peer} {method} {path} {status} {:.1} ms", started.elapsed().as_secs_f64() * 1e3);
        }
        send::finish(site.app(), site.cors(request.uri.path()), &request, response)
    }

    fn problem_for(&self, request: &Request) -> Option<Response> {
        let problem = self.problem.borrow();
        let problem = problem.as_ref().filter(|_| error_page::wants_html(&request.headers))?;
        let detail = format!("The application was not loaded again; the former one goes on.\n\n{problem}");
        Some(problem::plain(StatusCode::INTERNAL_SERVER_ERROR, &detail))
    }

    /// Reads the body, a multipart form part by part, or says why not.
    async fn body(&self, headers: &HeaderMap, body: Incoming, uploads: &Path) -> Result<Arrived, Response> {
        use hyper::body::Body;
        if body.is_end_stream() {
            return Ok((Bytes::new(), None));
        }
        let limits = &self.limits;
        let in_parts = form::kind(headers) == form::Kind::Multipart;
        let (most, limit) = if in_parts { (limits.upload, "upload") } else { (limits.body, "body") };
        let announced =
            headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        let length = announced.unwrap_or(most);
        if length > most {
            return Err(too_large(most, limit));
        }
        let mut room = self.bodies.room();
        let arrival = async {
            if in_parts {
                let form = form::receive(headers, BodyDataStream::new(body), limits, uploads, &mut room).await;
                return match form {
                    Ok(form) => Ok((Bytes::new(), Some(Arc::new(form)))),
                    Err(form::Refusal(status, detail)) => Err(close(problem::plain(status, &detail))),
                };
            }
            Ok((collect(body, announced, most, &mut room).await?, None))
        };
        // What is longer than other bodies may be gets the time of several.
        let seconds = limits.request_seconds.saturating_mul(1 + (length / limits.body) as u64);
        match timeout(Duration::from_secs(seconds), arrival).await {
            Ok(outcome) => outcome,
            Err(_) => Err(close(problem::plain(StatusCode::REQUEST_TIMEOUT, "the body came too slowly"))),
        }
    }
}

/// What whoever finds no room is told.
pub const NO_ROOM: &str = "too many large bodies are being sent at this moment";

/// The memory for all bodies that come in at the same time.
pub struct Bodies(Semaphore);

impl Bodies {
    /// So many bytes.
    pub fn new(bytes: usize) -> Self {
        Self(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS)))
    }

    /// For one body, nothing of it yet.
    pub fn room(&self) -> Room<'_> {
        Room { all: &self.0, mine: None }
    }
}

/// The memory of one body: as much as has come of it, so that who announces much and sends slowly keeps nobody out.
pub struct Room<'s> {
    all: &'s Semaphore,
    mine: Option<SemaphorePermit<'s>>,
}

impl Room<'_> {
    /// Makes room for so many bytes of it; false when there is none.
    pub fn holds(&mut self, bytes: usize) -> bool {
        let held = self.mine.as_ref().map_or(0, SemaphorePermit::num_permits);
        let more = u32::try_from(bytes.saturating_sub(held)).unwrap_or(u32::MAX);
        let Ok(more) = self.all.try_acquire_many(more) else { return false };
        match &mut self.mine {
            Some(mine) => mine.merge(more),
            None => self.mine = Some(more),
        }
        true
    }
}

/// A body, or a form of many parts.
type Arrived = (Bytes, Option<Arc<Form>>);

async fn collect(
    mut body: Incoming,
    announced: Option<usize>,
    most: usize,
    room: &mut Room<'_>,
) -> Result<Bytes, Response> {
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(close(problem::plain(StatusCode::BAD_REQUEST, "the body did not arrive whole")));
        };
        let Ok(part) = frame.into_data() else { continue };
        if all.is_empty() && announced == Some(part.len()) {
            return Ok(part);
        }
        if all.len() + part.len() > most {
            return Err(too_large(most, "body"));
        }
        if !room.holds(all.len() + part.len()) {
            return Err(close(problem::busy(NO_ROOM)));
        }
        all.extend_from_slice(&part);
    }
    Ok(all.freeze())
}

fn too_large(most: usize, limit: &str) -> Response {
    let detail = format!("a body may have {most} bytes (`limits.{limit}`)");
    close(problem::plain(StatusCode::PAYLOAD_TOO_LARGE, &detail))
}

/// Whether a request names one host and no more, as it must (RFC 9112, section 3.2): two servers that read one request
/// for different hosts could be played against each other. HTTP/1.0 knows none.
fn is_addressed(version: Version, headers: &HeaderMap) -> bool {
    let hosts = headers.get_all(header::HOST).iter().count();
    hosts == 1 || (hosts == 0 && version < Version::HTTP_11)
}

/// The rest of the body will not be read, so the connection cannot be used again.
fn close(mut response: Response) -> Response {
    response.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Who is behind a connection.
struct Sender {
    address: IpAddr,
    secure: bool,
    host: Option<HeaderValue>,
}

/// Who sent the request, to which host and whether by https, by the word of a trusted proxy. In `X-Forwarded-For` the
/// last address that is not a trusted proxy counts: whatever is before it, the visitor may have written himself.
fn believe(proxy: &Proxy, peer: IpAddr, headers: &HeaderMap) -> Sender {
    let trusted = |address: IpAddr| proxy.trusted.iter().any(|network| network.contains(address));
    let mut sender = Sender { address: peer, secure: false, host: None };
    if !trusted(peer) {
        return sender;
    }
    sender.secure =
        headers.get("x-forwarded-proto").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"https"));
    let is_host = |value: &&HeaderValue| value.to_str().is_ok_and(|host| host.parse::<http::uri::Authority>().is_ok());
    sender.host = headers.get("x-forwarded-host").filter(is_host).cloned();
    let values: Vec<_> = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    for text in values.iter().rev().flat_map(|value| value.rsplit(',')) {
        let Ok(address) = text.trim().parse::<IpAddr>() else { break };
        sender.address = address;
        if !trusted(address) {
            break;
        }
    }
    sender
}
