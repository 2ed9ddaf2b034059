//! A response as routes make it: sent by `server`, whoever made it.

use std::path::PathBuf;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

/// One response. `server` adds what every response has: length, date, compression, security headers.
#[derive(Debug)]
pub struct Response {
    /// The status line's code.
    pub status: StatusCode,
    /// All headers that the route wants to say.
    pub headers: HeaderMap,
    /// What follows them.
    pub body: Body,
}

/// The body of a response.
#[derive(Debug)]
pub enum Body {
    /// Nothing.
    Empty,
    /// These bytes.
    Bytes(Bytes),
    /// A file of the application or of its data, streamed; ranges and validators are the server's business.
    File(PathBuf),
    /// The changes of this table from now on; only a worker says so, and the thread of connections begins to tell.
    Events(String),
    /// Parts as they come, until the sender is dropped: server-sent events, exports.
    Stream(tokio::sync::mpsc::Receiver<Bytes>),
}

impl Response {
    /// A response without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Body::Empty }
    }

    /// A response of these bytes and this type of content.
    pub fn bytes(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
        Self { status, headers, body: Body::Bytes(body.into()) }
    }
}
