//! The client of Nimbus's HTTP API over a Unix socket.
//!
//! | path | what |
//! | --- | --- |
//! | `PUT /operations/{id}` | asks for an operation |
//! | `GET /operations/{id}?wait=SECONDS&seen=STEPS` | how far it is |
//! | `POST /operations/{id}/retry` | takes up a stuck one again |
//! | `GET /operations/{id}/log?lines=N` | what the application wrote that made it fail |
//! | `GET /operations?installation=ID` | the newest ones |
//! | `GET /installations`, `GET /installations/{id}` | installations as they are |
//! | `GET /installations/{id}/history?range=hour|day|month` | what one used |
//! | `GET /installations/{id}/usage` | what one used each day |
//! | `GET /installations/{id}/archive` | its data of now, as an archive |
//! | `GET /installations/{id}/copies/{name}/archive` | the data of a kept copy |
//! | `GET /installations/{id}/logs?lines=N&follow=BOOL` | log lines |
//! | `POST /installations/{id}/exec` | runs a program inside |
//! | `HEAD`, `PUT`, `DELETE /artifacts/{hash}` | archives of versions |
//! | `GET /server` | the server |
//! | `GET /events?after=SEQUENCE` | what happens |
//!
//! Each request has a connection of its own: on a Unix socket that costs microseconds, and a stream never stands in
//! the way of a question.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use domain::{ArtifactHash, InstallationId, OperationId};
use futures_util::{Stream, StreamExt};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, Limited, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::UnixStream;

use crate::frames::{BadFrame, ExecFrame};
use crate::history::{DayUsage, HistoryRange, HistoryReport};
use crate::patient::Patient;
use crate::types::{
    ExecRequest, InstallationReport, LogLine, NimbusEvent, OperationReport, OperationRequest, Problem, ServerReport,
};

/// The most bytes of an answer that is not a stream.
const MAX_ANSWER: usize = 64 << 20;
/// The most bytes of one line of a stream.
const MAX_LINE: usize = 1 << 20;
/// How long Nimbus may take to begin its answer, beyond what it was asked to wait.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take to store an archive.
const STORE_PATIENCE: Duration = Duration::from_secs(600);

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type RequestBody = UnsyncBoxBody<Bytes, BoxError>;

/// Why Nimbus could not be asked, or what it had against it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers on its socket.
    #[error("Nimbus cannot be reached on {path}: {source}; is it running?")]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The connection broke, or what came is not HTTP.
    #[error("the connection to Nimbus broke: {0}")]
    Http(#[from] hyper::Error),
    /// It refuses.
    #[error("{}", problem.message)]
    Problem {
        /// The HTTP status.
        status: u16,
        /// Why.
        problem: Problem,
    },
    /// The answer is not what this client understands.
    #[error("Nimbus answered something that cannot be understood: {0}; do both have the same version?")]
    Answer(String),
    /// It took too long.
    #[error("Nimbus did not answer within {} seconds", .0.as_secs())]
    Timeout(Duration),
    /// A file to send cannot be read.
    #[error("{path} cannot be read: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A program's output is garbled.
    #[error(transparent)]
    Frame(#[from] BadFrame),
}

impl ClientError {
    /// The code of Nimbus's problem, if it has one: `unknown-operation`, for example.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Problem { problem, .. } => Some(&problem.code),
            _ => None,
        }
    }
}

/// A client of one Nimbus.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// Of the Nimbus that listens on that Unix socket. Nothing is connected yet.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    /// Asks for an operation. Asking again with the same id and content returns the report of the first.
    pub async fn submit(&self, id: OperationId, request: &OperationRequest) -> Result<OperationReport, ClientError> {
        self.ask(Method::PUT, &format!("/operations/{id}"), json(request)?).await
    }

    /// How far an operation is.
    pub async fn operation(&self, id: OperationId) -> Result<OperationReport, ClientError> {
        self.get(&format!("/operations/{id}")).await
    }

    /// How far it is, as soon as it has ended or has more than `seen` steps, at the latest after `wait` (at most 60 s).
    pub async fn wait(&self, id: OperationId, seen: usize, wait: Duration) -> Result<OperationReport, ClientError> {
        let path = format!("/operations/{id}?wait={}&seen={seen}", wait.as_secs_f64());
        let response = self.send(Method::GET, &path, empty(), PATIENCE + wait).await?;
        whole(response).await
    }

    /// Takes up a stuck operation again.
    pub async fn retry(&self, id: OperationId) -> Result<OperationReport, ClientError> {
        self.ask(Method::POST, &format!("/operations/{id}/retry"), empty()).await
    }

    /// The last lines that the application wrote during an operation that was undone because of it; kept for 48 hours.
    /// A problem with code `no-log` when there are none.
    pub async fn operation_log(&self, id: OperationId, lines: u32) -> Result<Lines<LogLine>, ClientError> {
        self.stream(&format!("/operations/{id}/log?lines={lines}")).await
    }

    /// The newest operations, newest first, of one installation or of all.
    pub async fn operations(&self, installation: Option<InstallationId>) -> Result<Vec<OperationReport>, ClientError> {
        let query = installation.map_or(String::new(), |id| format!("?installation={id}"));
        self.get(&format!("/operations{query}")).await
    }

    /// Every installation as it is.
    pub async fn installations(&self) -> Result<Vec<InstallationReport>, ClientError> {
        self.get("/installations").await
    }

    /// One installation as it is.
    pub async fn installation(&self, id: InstallationId) -> Result<InstallationReport, ClientError> {
        self.get(&format!("/installations/{id}")).await
    }

    /// What it used in the last hour, day or month.
    pub async fn history(&self, id: InstallationId, range: HistoryRange) -> Result<HistoryReport, ClientError> {
        self.get(&format!("/installations/{id}/history?range={}", range.as_str())).await
    }

    /// What it used each day.
    pub async fn usage(&self, id: InstallationId) -> Result<Vec<DayUsage>, ClientError> {
        self.get(&format!("/installations/{id}/usage")).await
    }

    /// The data of a kept copy, or of now, as a `tar.gz`; what breaks off is an error.
    pub async fn archive(
        &self,
        id: InstallationId,
        copy: Option<&str>,
    ) -> Result<impl Stream<Item = Result<Bytes, ClientError>> + Send + use<>, ClientError> {
        let path = match copy {
            None => format!("/installations/{id}/archive"),
            // A name of a copy needs no escaping, and what does is none.
            Some(name) if name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c)) => {
                format!("/installations/{id}/copies/{name}/archive")
            }
            Some(_) => format!("/installations/{id}/copies/-/archive"),
        };
        let response = self.send(Method::GET, &path, empty(), PATIENCE).await?;
        let body = http_body_util::BodyDataStream::new(good(response).await?);
        Ok(body.map(|piece| Ok(piece?)))
    }

    /// The last lines of its log; with `follow` also every further one until the stream is dropped.
    pub async fn logs(&self, id: InstallationId, lines: u32, follow: bool) -> Result<Lines<LogLine>, ClientError> {
        self.stream(&format!("/installations/{id}/logs?lines={lines}&follow={follow}")).await
    }

    /// Runs a program inside, with that standard input. Dropping the answer kills it.
    pub async fn exec(
        &self,
        id: InstallationId,
        request: &ExecRequest,
        input: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<Exec, ClientError> {
        let mut line = serde_json::to_vec(request).map_err(|error| ClientError::Answer(error.to_string()))?;
        line.push(b'\n');
        let all = futures_util::stream::iter([Bytes::from(line)]).chain(input);
        let body = StreamBody::new(all.map(|bytes| Ok::<_, BoxError>(Frame::data(bytes)))).boxed_unsync();
        let response = self.send(Method::POST, &format!("/installations/{id}/exec"), body, PATIENCE).await?;
        Ok(Exec { body: good(response).await?, buffer: BytesMut::new() })
    }

    /// Whether the server has an archive.
    pub async fn has_artifact(&self, hash: &ArtifactHash) -> Result<bool, ClientError> {
        let response = self.send(Method::HEAD, &format!("/artifacts/{hash}"), empty(), PATIENCE).await?;
        match response.status() {
            status if status.is_success() => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(refusal(response).await),
        }
    }

    /// Brings an archive to the server, which verifies its hash.
    pub async fn put_artifact(&self, hash: &ArtifactHash, file: &Path) -> Result<(), ClientError> {
        let failed = |source| ClientError::File { path: file.to_owned(), source };
        let opened = tokio::fs::File::open(file).await.map_err(failed)?;
        let length = opened.metadata().await.map_err(failed)?.len();
        let chunks = chunks(opened).map(|chunk| Ok::<_, BoxError>(Frame::data(chunk?)));
        let body = StreamBody::new(chunks).boxed_unsync();
        let request = request(Method::PUT, &format!("/artifacts/{hash}"))
            .header(http::header::CONTENT_LENGTH, length)
            .body(body)
            .map_err(|error| ClientError::Answer(error.to_string()))?;
        good(self.exchange(request, STORE_PATIENCE).await?).await.map(drop)
    }

    /// Deletes an archive that no installation needs.
    pub async fn delete_artifact(&self, hash: &ArtifactHash) -> Result<(), ClientError> {
        let response = self.send(Method::DELETE, &format!("/artifacts/{hash}"), empty(), PATIENCE).await?;
        good(response).await.map(drop)
    }

    /// The server.
    pub async fn server(&self) -> Result<ServerReport, ClientError> {
        self.get("/server").await
    }

    /// Every event after that one, and then each as it happens, until the stream is dropped.
    pub async fn events(&self, after: u64) -> Result<Lines<NimbusEvent>, ClientError> {
        self.stream(&format!("/events?after={after}")).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask(Method::GET, path, empty()).await
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: RequestBody) -> Result<T, ClientError> {
        whole(self.send(method, path, body, PATIENCE).await?).await
    }

    async fn stream<T>(&self, path: &str) -> Result<Lines<T>, ClientError> {
        let response = self.send(Method::GET, path, empty(), PATIENCE).await?;
        Ok(Lines { body: good(response).await?, buffer: BytesMut::new(), searched: 0, of: PhantomData })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: RequestBody,
        patience: Duration,
    ) -> Result<Response<Incoming>, ClientError> {
        let request = request(method, path).header(http::header::CONTENT_TYPE, "application/json").body(body);
        let request = request.map_err(|error| ClientError::Answer(error.to_string()))?;
        self.exchange(request, patience).await
    }

    async fn exchange(
        &self,
        request: Request<RequestBody>,
        patience: Duration,
    ) -> Result<Response<Incoming>, ClientError> {
        let exchange = async {
            let failed = |source| ClientError::Connect { path: self.socket.clone(), source };
            let stream = UnixStream::connect(&self.socket).await.map_err(failed)?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(Patient::new(stream))).await?;
            // It ends with the exchange; what goes wrong with it is reported by the body that is being read.
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection to Nimbus ended");
                }
            });
            Ok(sender.send_request(request).await?)
        };
        tokio::time::timeout(patience, exchange).await.map_err(|_| ClientError::Timeout(patience))?
    }
}

/// Lines of JSON as they come.
#[derive(Debug)]
pub struct Lines<T> {
    body: Incoming,
    buffer: BytesMut,
    /// Bytes of the buffer that are known to hold no end of line.
    searched: usize,
    of: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Stream for Lines<T> {
    type Item = Result<T, ClientError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(end) = this.buffer[this.searched..].iter().position(|byte| *byte == b'\n') {
                let line = this.buffer.split_to(this.searched + end);
                this.buffer.advance(1);
                this.searched = 0;
                return Poll::Ready(Some(parse(&line)));
            }
            this.searched = this.buffer.len();
            if this.searched > MAX_LINE {
                return Poll::Ready(Some(Err(ClientError::Answer("a line of more than 1 MiB".into()))));
            }
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        this.buffer.extend_from_slice(&data);
                    }
                }
            }
        }
    }
}

/// A program that runs in a sandbox.
#[derive(Debug)]
pub struct Exec {
    body: Incoming,
    buffer: BytesMut,
}

impl Stream for Exec {
    type Item = Result<ExecFrame, ClientError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            match ExecFrame::decode(&mut this.buffer) {
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
                Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(None) => {}
            }
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        this.buffer.extend_from_slice(&data);
                    }
                }
            }
        }
    }
}

/// What a reader has to say, in chunks.
fn chunks(reader: impl AsyncRead + Unpin + Send + 'static) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    futures_util::stream::try_unfold(reader, |mut reader| async move {
        let mut chunk = BytesMut::with_capacity(256 * 1024);
        let read = reader.read_buf(&mut chunk).await?;
        Ok((read > 0).then(|| (chunk.freeze(), reader)))
    })
}

fn request(method: Method, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path).header(http::header::HOST, "nimbus")
}

fn empty() -> RequestBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

fn json(value: &impl serde::Serialize) -> Result<RequestBody, ClientError> {
    let bytes = serde_json::to_vec(value).map_err(|error| ClientError::Answer(error.to_string()))?;
    Ok(Full::from(bytes).map_err(|never| match never {}).boxed_unsync())
}

async fn good(response: Response<Incoming>) -> Result<Incoming, ClientError> {
    if response.status().is_success() { Ok(response.into_body()) } else { Err(refusal(response).await) }
}

async fn whole<T: DeserializeOwned>(response: Response<Incoming>) -> Result<T, ClientError> {
    parse(&collect(good(response).await?).await?)
}

async fn collect(body: Incoming) -> Result<Bytes, ClientError> {
    let collected = Limited::new(body, MAX_ANSWER).collect().await;
    Ok(collected.map_err(|error| ClientError::Answer(error.to_string()))?.to_bytes())
}

async fn refusal(response: Response<Incoming>) -> ClientError {
    let status = response.status();
    let body = match collect(response.into_body()).await {
        Ok(body) => body,
        Err(error) => return error,
    };
    let problem = serde_json::from_slice(&body).unwrap_or_else(|_| Problem {
        code: "unknown".into(),
        message: format!("Nimbus refused with {status}: {}", String::from_utf8_lossy(&body[..body.len().min(500)])),
    });
    ClientError::Problem { status: status.as_u16(), problem }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(bytes).map_err(|error| ClientError::Answer(error.to_string()))
}
