//! A request as routes see it: read from the wire, bounded, its body complete.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};

use super::{csrf::Visitor, form::Form};

/// One request, complete. What a route needs decoded (query, form, session) is decoded when it asks.
#[derive(Clone, Debug)]
pub struct Request {
    /// Names the request in the log and in the page of an error.
    pub id: RequestId,
    /// The method, after `_method` of a form was applied.
    pub method: Method,
    /// Path and query as they came, still percent-encoded.
    pub uri: Uri,
    /// All headers as they came.
    pub headers: HeaderMap,
    /// At most `limits.body` bytes; none of a multipart form.
    pub body: Bytes,
    /// A multipart form, taken apart as it came in.
    pub form: Option<Arc<Form>>,
    /// Who connected, or whom a trusted proxy says it forwards.
    pub peer: IpAddr,
    /// It came by https, by the word of a trusted proxy.
    pub secure: bool,
    /// Who fills in the forms of the page that answers it; shared by its copies.
    pub visitor: Arc<Visitor>,
}

/// Names one request: unique within a process, short enough to be read over the telephone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub u64);

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}
