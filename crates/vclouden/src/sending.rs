//! Requests whose body streams: a program's input, an archive. Their answer is read even when the control plane takes
//! no more of the body, which the ordinary client of `api` does not do.

use std::time::Duration;

use futures_util::{Stream, StreamExt};
use http_body_util::{BodyExt, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use nimbus_api::Patient;
use tokio::net::TcpStream;
use tokio_util::bytes::Bytes;

use crate::api::{Api, Query};
use crate::failure::{Failure, Outcome};

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
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(80));
        // A host that is an IPv6 address is written in brackets in a URL, and without them here.
        let address = (host.trim_matches(['[', ']']), port);
        let stream = match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(api.cannot_reach(&error)),
            Err(_) => return Err(api.cannot_reach(&"it does not answer")),
        };
        // Input that is typed should not wait for more of it.
        let _ = stream.set_nodelay(true);
        let lost = |error: hyper::Error| api.cannot_reach(&error);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(Patient::new(stream))).await.map_err(lost)?;
        // What goes wrong with the connection is reported by the answer that is being read.
        tokio::spawn(async move { drop(connection.await) });
        let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let mut request = Request::post(target)
            .header(HOST, format!("{host}:{port}"))
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
