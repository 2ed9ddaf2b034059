//! The client of the control plane's HTTP API: one token, one base URL, and errors that say what to do.

use std::error::Error;
use std::net::TcpStream;
use std::time::Duration;

use plane::wire::{EVENT_STREAM, Page, Problem};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::Access;
use crate::failure::{Failure, Outcome};
use crate::tls;

/// The longest the API may take to begin an answer; it may keep a request waiting for 60 seconds on purpose.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);
/// The longest that one address is tried before saying that a token is missing.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// Tries of a request whose connection broke: the control plane may be restarting.
const TRIES: u32 = 6;
/// The most bytes of one line of a stream.
const LINE_LIMIT: usize = 4 << 20;
/// The most entries in one part of a list.
const PAGE: usize = 500;

/// A client of one control plane.
#[derive(Clone)]
pub struct Api {
    base: String,
    token: String,
    http: reqwest::Client,
}

/// A query string's names and values.
pub type Query<'a> = &'a [(&'a str, String)];

impl Api {
    /// A client that has not connected yet.
    pub fn new(access: &Access) -> Outcome<Self> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", access.token))
            .map_err(|_| Failure::usage("the token holds characters that no token has: copy it again"))?;
        bearer.set_sensitive(true);
        // Whoever logs in has none yet.
        let shown = (!access.token.is_empty()).then_some((AUTHORIZATION, bearer));
        let headers = HeaderMap::from_iter(shown);
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .connect_timeout(Duration::from_secs(5))
            .user_agent(concat!("vclouden/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .tls_backend_preconfigured(tls::client(access.api.starts_with("https:"))?)
            .no_proxy()
            .build()
            .map_err(|error| Failure::refused(format!("cannot make an HTTP client: {error}")))?;
        Ok(Api { base: access.api.clone(), token: access.token.clone(), http })
    }

    /// The base URL.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The whole URL of a path under `/api/v1`.
    pub fn url(&self, path: &str, query: Query<'_>) -> Outcome<reqwest::Url> {
        let request = self.request(Method::GET, path).query(query).build();
        Ok(request.map_err(|error| Failure::usage(format!("this cannot be asked: {error}")))?.url().clone())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/api/v1{path}", self.base))
    }

    /// `GET`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: Query<'_>) -> Outcome<T> {
        let response = self.repeat(|| self.request(Method::GET, path).query(query)).await?;
        self.body(self.accept(response).await?).await
    }

    /// `GET` of something that may not exist.
    pub async fn find<T: DeserializeOwned>(&self, path: &str) -> Outcome<Option<T>> {
        let response = self.repeat(|| self.request(Method::GET, path)).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.body(self.accept(response).await?).await.map(Some)
    }

    /// Every entry of a list, in as many requests as it takes.
    pub async fn list<T: DeserializeOwned>(&self, path: &str, query: Query<'_>) -> Outcome<Vec<T>> {
        self.first(path, query, usize::MAX).await
    }

    /// The first `count` entries of a list.
    pub async fn first<T: DeserializeOwned>(&self, path: &str, query: Query<'_>, count: usize) -> Outcome<Vec<T>> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = query.to_vec();
            let limit = PAGE.min(count.saturating_sub(items.len()).max(1));
            query.push(("limit", limit.to_string()));
            query.extend(cursor.take().map(|next| ("cursor", next)));
            let page: Page<T> = self.get(path, &query).await?;
            items.extend(page.items);
            match page.next {
                Some(next) if items.len() < count => cursor = Some(next),
                _ => {
                    items.truncate(count);
                    return Ok(items);
                }
            }
        }
    }

    /// `POST`, once, however often the connection breaks: the API knows a repetition by its key.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Outcome<T> {
        let key = uuid::Uuid::now_v7().to_string();
        let make = || self.request(Method::POST, path).header("Idempotency-Key", &key).json(body);
        let response = self.repeat(make).await?;
        self.body(self.accept(response).await?).await
    }

    /// `DELETE`, once; `None` when there is nothing more to say about it.
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Outcome<Option<T>> {
        let key = uuid::Uuid::now_v7().to_string();
        let make = || self.request(Method::DELETE, path).header("Idempotency-Key", &key);
        let response = self.accept(self.repeat(make).await?).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        self.body(response).await.map(Some)
    }

    /// `GET` of something that streams.
    pub async fn stream(&self, path: &str, query: Query<'_>) -> Outcome<Response> {
        let response = self.repeat(|| self.request(Method::GET, path).query(query)).await?;
        self.accept(response).await
    }

    /// Lines of JSON that the API sends until one side has enough.
    pub async fn lines(&self, path: &str, query: Query<'_>) -> Outcome<Lines> {
        Ok(Lines::of(self.stream(path, query).await?, self.base.clone()))
    }

    /// Events that the API sends without end, after the one with that id or as the query says.
    pub async fn events(&self, path: &str, query: Query<'_>, last: Option<&str>) -> Outcome<Events> {
        let make = || {
            let request = self.request(Method::GET, path).query(query).header(ACCEPT, EVENT_STREAM);
            last.into_iter().fold(request, |request, id| request.header("Last-Event-ID", id))
        };
        let response = self.accept(self.repeat(make).await?).await?;
        Ok(Events { lines: Lines::of(response, self.base.clone()), last: last.map(str::to_owned) })
    }

    /// Sends what `make` makes, again when the connection breaks after it was made.
    async fn repeat(&self, make: impl Fn() -> RequestBuilder) -> Outcome<Response> {
        for attempt in 1.. {
            match tokio::time::timeout(ANSWER_TIMEOUT, make().send()).await {
                Ok(Err(error)) if attempt < TRIES && !error.is_connect() && error.is_request() => {
                    tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
                }
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) => return Err(unreachable(&self.base, &error)),
                Err(_) => break,
            }
        }
        Err(Failure::Unreachable(format!(
            "the API at {} did not answer within {} s. Look at plane.log in its data directory",
            self.base,
            ANSWER_TIMEOUT.as_secs()
        )))
    }

    async fn accept(&self, response: Response) -> Outcome<Response> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        // A token is only sent to where somebody said.
        if let Some(elsewhere) = status.is_redirection().then(|| response.headers().get(LOCATION)).flatten() {
            return Err(Failure::refused(format!(
                "{} sends on to {}: give that address with --api or VCLOUDEN_API",
                self.base,
                String::from_utf8_lossy(elsewhere.as_bytes())
            )));
        }
        let text = response.bytes().await.unwrap_or_default();
        Err(self.problem(status, &text))
    }

    /// The failure that an answer tells of.
    pub fn problem(&self, status: StatusCode, text: &[u8]) -> Failure {
        let problem: Option<Problem> = serde_json::from_slice(text).ok();
        let mut message = match &problem {
            Some(problem) => {
                let list = problem.errors.iter().map(|error| format!("\n  {error}"));
                std::iter::once(problem.detail.clone()).chain(list).collect::<String>()
            }
            None => format!(
                "{} answered {status}, and not as vClouden's API does. Is it another program? Give the right address \
                 with --api",
                self.base
            ),
        };
        if status == StatusCode::UNAUTHORIZED {
            message.push_str(
                "\nThe token is given by --token, by VCLOUDEN_TOKEN, or saved by `vclouden up`, in that order",
            );
        }
        match problem {
            Some(problem) => Failure::Problem { message, problem: Box::new(problem) },
            None => Failure::Refused(message),
        }
    }

    async fn body<T: DeserializeOwned>(&self, response: Response) -> Outcome<T> {
        let bytes = response.bytes().await.map_err(|error| unreachable(&self.base, &error))?;
        self.parse(&bytes)
    }

    /// What an answer says.
    pub fn parse<T: DeserializeOwned>(&self, bytes: &[u8]) -> Outcome<T> {
        serde_json::from_slice(bytes).map_err(|error| {
            Failure::refused(format!(
                "cannot read the answer of {}: {error}. Is its version this program's, {}?",
                self.base,
                env!("CARGO_PKG_VERSION")
            ))
        })
    }

    /// The API is not there.
    pub fn cannot_reach(&self, reason: &dyn std::fmt::Display) -> Failure {
        cannot_reach("cannot reach the API", &self.base, reason)
    }
}

/// Lines of JSON from a stream.
#[derive(Debug)]
pub struct Lines {
    response: Response,
    buffer: Vec<u8>,
    searched: usize,
    base: String,
}

impl Lines {
    fn of(response: Response, base: String) -> Self {
        Self { response, buffer: Vec::new(), searched: 0, base }
    }

    /// The next line; `None` at the stream's proper end.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Outcome<Option<T>> {
        while let Some(line) = self.line().await? {
            // An empty one is sent only to keep the connection alive.
            if !line.trim_ascii().is_empty() {
                return self.parse(&line).map(Some);
            }
        }
        Ok(None)
    }

    fn parse<T: DeserializeOwned>(&self, line: &[u8]) -> Outcome<T> {
        serde_json::from_slice(line)
            .map_err(|error| Failure::refused(format!("cannot read a line of the answer of {}: {error}", self.base)))
    }

    async fn line(&mut self) -> Outcome<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.buffer[self.searched..].iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=self.searched + end).collect();
                self.searched = 0;
                return Ok(Some(line));
            }
            self.searched = self.buffer.len();
            if self.buffer.len() > LINE_LIMIT {
                return Err(Failure::refused(format!("{} sent a line of more than {LINE_LIMIT} bytes", self.base)));
            }
            match self.response.chunk().await {
                Ok(Some(chunk)) => self.buffer.extend_from_slice(&chunk),
                Ok(None) => return Ok(None),
                Err(error) => return Err(unreachable(&self.base, &error)),
            }
        }
    }
}

/// Events from a stream (`text/event-stream`), each on a line of its own as the API writes them.
#[derive(Debug)]
pub struct Events {
    lines: Lines,
    /// The id after which to go on when the stream is cut off.
    pub last: Option<String>,
}

impl Events {
    /// The next event; `None` where the stream was cut off.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Outcome<Option<T>> {
        let mut id = None;
        let mut event = None;
        while let Some(line) = self.lines.line().await? {
            let line = line.trim_ascii_end();
            if let Some(text) = line.strip_prefix(b"id: ") {
                id = Some(String::from_utf8_lossy(text).into_owned());
            } else if let Some(text) = line.strip_prefix(b"data: ") {
                event = Some(self.lines.parse(text)?);
            } else if line.is_empty() {
                // What did not come whole did not come.
                self.last = id.take().or_else(|| self.last.take());
                if event.is_some() {
                    return Ok(event);
                }
            }
        }
        Ok(None)
    }
}

/// A request that got no answer, or half of one.
fn unreachable(base: &str, error: &reqwest::Error) -> Failure {
    let mut reason: &(dyn Error + 'static) = error;
    let mut tls = None;
    while let Some(source) = reason.source() {
        reason = source;
        tls = tls.or(tls_error(reason));
    }
    let what = if error.is_connect() { "cannot reach the API" } else { "lost the connection to the API" };
    match tls {
        Some(error) => not_safe(base, error),
        None => cannot_reach(what, base, &reason),
    }
}

/// Whether somebody listens there, as far as one without a token can tell; blocks for 3 seconds per address at most.
pub fn probe(base: &str) -> Outcome {
    let failed = |reason: &dyn std::fmt::Display| cannot_reach("cannot reach the API", base, reason);
    let url = reqwest::Url::parse(base).map_err(|error| failed(&error))?;
    let addresses = url.socket_addrs(|| None).map_err(|error| failed(&error))?;
    let mut last = failed(&"it has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, PROBE_TIMEOUT) {
            Ok(_) => return Ok(()),
            Err(error) => last = failed(&error),
        }
    }
    Err(last)
}

/// What TLS says was wrong, however often it was wrapped into an error of input and output.
pub fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    match error.downcast_ref::<std::io::Error>() {
        Some(outer) => tls_error(outer.get_ref()?),
        None => error.downcast_ref(),
    }
}

/// Who answers cannot show to be the API's host.
pub fn not_safe(base: &str, error: &rustls::Error) -> Failure {
    let what = match error {
        rustls::Error::InvalidCertificate(_) => "is not believed to be who it says",
        _ => "cannot be spoken to by TLS",
    };
    let cure = match error {
        rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
            "This machine does not know the authority that signed its certificate: if it is your own, install it, or \
             name its file in SSL_CERT_FILE"
        }
        rustls::Error::InvalidCertificate(_) => "Mend the certificate of the proxy before it",
        _ => "Is it plain HTTP? Then write http://",
    };
    Failure::Unreachable(format!("{base} {what}: {error}. {cure}"))
}

fn cannot_reach(what: &str, base: &str, reason: &dyn std::fmt::Display) -> Failure {
    Failure::Unreachable(format!(
        "{what} at {base}: {reason}. Start it with `sudo vclouden up`, or give another address with --api or \
         VCLOUDEN_API"
    ))
}
