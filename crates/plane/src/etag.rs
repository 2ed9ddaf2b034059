//! Validators: what is read has a tag that changes with every byte of it, what is changed can be made to depend on it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tower::ServiceExt;

use crate::access;
use crate::problem::Refusal;
use crate::secret::hex;
use crate::strangers::Peer;

/// Whether one of the tags of a header is this one, or any will do.
fn names(header: &HeaderValue, tag: &str) -> bool {
    let text = header.to_str().unwrap_or("");
    text.split(',').map(str::trim).any(|one| one == tag || one == "*")
}

/// Whether a header of tags names this one, weakly compared: what was sent before, perhaps by way of a cache.
pub fn known(headers: &HeaderMap, tag: &str) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        let text = value.to_str().unwrap_or("");
        text.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == tag || one == "*")
    })
}

/// Gives a successful answer that is at hand as a whole its tag; 304 for who has it already.
pub async fn tagged(asked: &HeaderMap, response: Response) -> Response {
    let whole = response.body().size_hint().exact().is_some();
    if response.status() != StatusCode::OK || !whole || response.headers().contains_key(header::ETAG) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => return Refusal::internal(error).into_response(),
    };
    let tag = format!("\"{}\"", hex(&Sha256::digest(&bytes)[..16]));
    let same = known(asked, &tag);
    let tag = HeaderValue::from_str(&tag).expect("digits are a header");
    parts.headers.insert(header::ETAG, tag);
    parts.headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-cache"));
    if same {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// The API without this, for looking at a thing before it is changed; and whose turn it is: of two changes that depend on
/// the same tag one comes second, and fails.
#[derive(Clone)]
pub struct Things {
    api: Router,
    /// By the path that is changed: who sends one slowly holds nobody else back.
    turns: Arc<[Mutex<()>; 64]>,
}

impl Things {
    /// What `api` answers.
    pub fn new(api: Router) -> Self {
        Self { api, turns: Arc::new(std::array::from_fn(|_| Mutex::default())) }
    }
}

/// Refuses a change with `If-Match` unless what `GET` answers at the same path has such a tag.
pub async fn only_if_unchanged(State(things): State<Things>, request: Request, next: Next) -> Response {
    let changes =
        request.extensions().get::<MatchedPath>().and_then(|path| access::find(request.method(), path.as_str()));
    let changes = changes.is_some_and(|row| row.method != Method::GET);
    let Some(wanted) = request.headers().get(header::IF_MATCH).filter(|_| changes).cloned() else {
        return next.run(request).await;
    };
    let mut hash = DefaultHasher::new();
    request.uri().path().hash(&mut hash);
    let turn = usize::try_from(hash.finish() % 64).unwrap_or(0);
    let _turn = things.turns[turn].lock().await;
    let mut look = Request::new(Body::empty());
    *look.uri_mut() = request.uri().path().parse().expect("the path of a request is one");
    if let Some(peer) = request.extensions().get::<Peer>() {
        look.extensions_mut().insert(*peer);
    }
    if let Some(token) = request.headers().get(header::AUTHORIZATION) {
        look.headers_mut().insert(header::AUTHORIZATION, token.clone());
    }
    let now = match things.api.clone().oneshot(look).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    match now.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()) {
        Some(tag) if names(&wanted, tag) => next.run(request).await,
        Some(tag) => {
            let detail = format!("it was changed meanwhile: its ETag is {tag} by now; read it again, then decide");
            Refusal::new(StatusCode::PRECONDITION_FAILED, "changed", detail).into_response()
        }
        None if now.status() == StatusCode::METHOD_NOT_ALLOWED || now.status().is_success() => {
            let detail = "what is at this path has no ETag: send the request without If-Match";
            Refusal::new(StatusCode::PRECONDITION_FAILED, "no-etag", detail).into_response()
        }
        None => now,
    }
}
