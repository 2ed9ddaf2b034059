//! The HTTP side: each handler parses, calls an operation or the store, renders. No rule lives here.

use std::fmt::Display;
use std::str::FromStr;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::Stream;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::operations::Actor;
use crate::problem::{Answer, Refusal};
use crate::strangers::Peer;
use crate::wire::{NDJSON, Page};

pub mod announcements;
pub mod api;
pub mod console;
pub mod design;
pub mod documents;
pub mod entry;
pub mod follow;
pub mod logs;
pub mod markdown;
pub mod months;
pub mod openapi;
pub mod people;
pub mod places;
pub mod portal;
pub mod receive;
pub mod steps;
pub mod terminal;
pub mod usage;
pub mod view;
pub mod visit;

impl<S: Send + Sync> FromRequestParts<S> for Actor {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        // The guard of every route puts it there.
        parts.extensions.get::<Actor>().cloned().ok_or_else(|| Refusal::internal("a request without an actor"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        // Whoever accepts connections puts it there.
        parts.extensions.get::<Peer>().copied().ok_or_else(|| Refusal::internal("a request from nowhere"))
    }
}

/// The parts of the path that the route names, as text.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value)).map_err(|error| {
            Refusal::new(StatusCode::BAD_REQUEST, "bad-path", format!("the path cannot be read: {error}"))
        })
    }
}

/// The query. Which keys there may be is checked before, by the table of access.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        let query = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        query.map(|axum::extract::Query(value)| Self(value)).map_err(|error| {
            let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Refusal::invalid("bad-query", format!("the query cannot be read: {why}"))
        })
    }
}

/// A JSON body; an empty one is `{}`.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Refusal;
    async fn from_request(request: Request, state: &S) -> Answer<Self> {
        // The guard has limited it.
        let bytes = Bytes::from_request(request, state).await.map_err(Refusal::internal)?;
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        object(bytes).map(Self).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => {
                Refusal::invalid("bad-body", format!("the body cannot be accepted: {error}"))
            }
            _ => {
                let detail = format!("the body is not JSON: {error}");
                Refusal::new(StatusCode::BAD_REQUEST, "bad-json", detail)
            }
        })
    }
}

/// Reads a JSON object. An array would do for serde, but its values would be taken by their place, unseen.
pub fn object<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|first| *first != b'{') {
        serde_json::from_slice::<serde::de::IgnoredAny>(bytes)?;
        return Err(serde::de::Error::custom("an object is expected, such as {\"key\":\"value\"}"));
    }
    serde_json::from_slice(bytes)
}

/// An answer with a JSON body.
pub fn json(status: StatusCode, value: &impl serde::Serialize) -> Answer<Response> {
    let body = serde_json::to_vec(value).map_err(Refusal::internal)?;
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// An answer that goes on.
pub fn stream<S>(media_type: &'static str, stream: S) -> Response
where
    S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
{
    let mut response = Body::from_stream(stream).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A value as a line of JSON.
pub fn line(value: &impl serde::Serialize) -> std::io::Result<Bytes> {
    let mut text = serde_json::to_vec(value)?;
    text.push(b'\n');
    Ok(Bytes::from(text))
}

/// Lines of JSON that go on.
pub fn lines<S>(lines: S) -> Response
where
    S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
{
    stream(NDJSON, lines)
}

/// Which part of a list.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct Paging {
    /// Most entries of this part; 100 when absent.
    #[serde(default, deserialize_with = "from_text")]
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u64>,
    /// The `next` of the part before.
    cursor: Option<String>,
}

/// Which part of a list, and of which names.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct Named {
    /// Only those whose short name or name has this in it.
    q: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

impl Named {
    /// What the names have in them.
    pub fn wanted(&self) -> Option<&str> {
        self.q.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }
}

/// A number in a query that is read together with others: there all values are text.
pub fn from_text<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| {
        let shown: String = text.chars().take(80).collect();
        text.parse().map_err(|error| serde::de::Error::custom(format!("\"{shown}\": {error}")))
    })
    .transpose()
}

impl Paging {
    /// Entries wanted.
    pub fn limit(&self) -> Answer<u64> {
        let limit = self.limit.unwrap_or(100);
        if (1..=500).contains(&limit) {
            return Ok(limit);
        }
        Err(Refusal::invalid("bad-limit", format!("limit is {limit}; it must be 1 to 500")))
    }

    /// The key of the last entry of the page before.
    pub fn after<T: FromStr>(&self) -> Answer<Option<T>> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let key = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).and_then(|text| text.parse().ok());
        key.map(Some).ok_or_else(|| {
            Refusal::invalid("bad-cursor", "cursor is not one that this list gave; use the \"next\" of the page before")
        })
    }
}

/// A page of a list of which one more entry than `limit` was asked for.
pub fn page<T>(mut items: Vec<T>, limit: u64, key: impl Fn(&T) -> String) -> Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(key(last)));
    Page { items, next }
}

/// A page of a short list that is at hand as a whole.
pub fn page_of<T>(all: Vec<T>, paging: &Paging) -> Answer<Page<T>> {
    let limit = paging.limit()?;
    let from: usize = paging.after()?.unwrap_or(0);
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let total = all.len();
    let items: Vec<T> = all.into_iter().skip(from).take(wanted).collect();
    let end = from.saturating_add(items.len());
    let next = (end < total).then(|| URL_SAFE_NO_PAD.encode(end.to_string()));
    Ok(Page { items, next })
}
