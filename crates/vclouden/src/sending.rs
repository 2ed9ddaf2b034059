//! Requests whose body streams: a program's input, an archive. Their answer is read even when the control plane takes
//! no more of the body, which the ordinary client of `api` does not do.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use http_body_util::{BodyExt, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use nimbus_api::Patient;
use reqwest::Url;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::bytes::Bytes;

use crate::api::{Api, Query, not_safe, tls_error};
use crate::failure::{Failure, Outcome};
use crate::tls;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// The most bytes of an answer that does not stream.
const MAX_ANSWER: usize = 16 << 20;

/// What to send.
pub struct Sending<B> {
    /// Path under `/api/v1`.
    pub path: String,
    /// Media type of the body.
    pub content_type: &'static str,
    /// Bytes of the body, if known.
    pub length: Option<u64>,
    /// Whether it is to be done once, even if something on the way repeats it.
    pub once: bool,
    /// The body.
    pub body: B,
}

impl<B> Sending<B>
where
    B: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
{
    /// `POST`s it; the answer, which may stream too, if it is a success.
    pub async fn post(self, api: &Api, query: Query<'_>) -> Outcome<Response<Incoming>> {
        let url = api.url(&self.path, query)?;
        let connecting = tokio::time::timeout(CONNECT, connect(api, &url)).await;
        let stream = connecting.unwrap_or_else(|_| Err(api.cannot_reach(&"it does not answer")))?;
        let lost = |error: hyper::Error| api.cannot_reach(&error);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(Patient::new(stream))).await.map_err(lost)?;
        // What goes wrong with the connection is reported by the answer that is being read.
        tokio::spawn(async move { drop(connection.await) });
        let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let mut request = Request::post(target)
            .header(HOST, url.authority())
            .header(USER_AGENT, concat!("vclouden/", env!("CARGO_PKG_VERSION")))
            .header(AUTHORIZATION, format!("Bearer {}", api.token()))
            .header(CONTENT_TYPE, self.content_type);
        if let Some(length) = self.length {
            request = request.header(CONTENT_LENGTH, length);
        }
        if self.once {
            request = request.header("Idempotency-Key", uuid::Uuid::now_v7().to_string());
        }
        let body = StreamBody::new(self.body.map(|part| part.map(Frame::data)));
        let request = request.body(body.boxed_unsync());
        let request = request.map_err(|error| Failure::usage(format!("this cannot be asked: {error}")))?;
        let response = sender.send_request(request).await.map_err(lost)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let text = whole(response).await.unwrap_or_default();
        Err(api.problem(status, &text))
    }
}

/// A connection on which requests can be sent.
trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Connection for S {}

async fn connect(api: &Api, url: &Url) -> Outcome<Box<dyn Connection>> {
    // A host that is an IPv6 address is written in brackets in a URL, and without them here.
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or(80);
    let stream = TcpStream::connect((host, port)).await.map_err(|error| api.cannot_reach(&error))?;
    // Input that is typed should not wait for more of it.
    let _ = stream.set_nodelay(true);
    if url.scheme() != "https" {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|error| api.cannot_reach(&error))?;
    let connector = TlsConnector::from(Arc::new(tls::client(true)?));
    let secured = connector.connect(name, stream).await;
    let secured = secured.map_err(|error| match tls_error(&error) {
        Some(error) => not_safe(api.base(), error),
        None => api.cannot_reach(&error),
    })?;
    Ok(Box::new(secured))
}

/// An answer that does not stream, and its status.
pub async fn answer<T: serde::de::DeserializeOwned>(
    api: &Api,
    response: Response<Incoming>,
) -> Outcome<(StatusCode, T)> {
    let status = response.status();
    let bytes = whole(response).await?;
    Ok((status, api.parse(&bytes)?))
}

async fn whole(response: Response<Incoming>) -> Outcome<Bytes> {
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
    Ok(body.map_err(|error| Failure::Unreachable(format!("the answer broke off: {error}. Try again")))?.to_bytes())
}
