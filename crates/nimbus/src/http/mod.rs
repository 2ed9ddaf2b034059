//! The HTTP API: one file per noun. Handlers parse, ask the engine and render; what happens is in `operations`.

mod archives;
mod artifacts;
mod events;
mod exec;
mod history;
mod installations;
mod logs;
mod operations;
mod server;
mod terminal;

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use journal::JournalError;
use nimbus_api::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use crate::engine::Engine;
use crate::error::NimbusError;
use crate::sockets::Guarded;

/// Bytes of a request that is not an archive.
const MAX_REQUEST: usize = 1 << 20;
/// Pieces of an answer that wait for a slow reader.
const BACKLOG: usize = 16;

type App = axum::extract::State<Arc<Engine>>;

/// Serves until the listener fails, which it does not.
pub(crate) async fn serve(engine: Arc<Engine>, listener: Guarded) {
    let router = Router::new()
        .route("/operations", get(operations::list))
        .route("/operations/{id}", get(operations::show).put(operations::submit))
        .route("/operations/{id}/retry", post(operations::retry))
        .route("/operations/{id}/log", get(logs::of_operation))
        .route("/installations", get(installations::list))
        .route("/installations/{id}", get(installations::show))
        .route("/installations/{id}/history", get(history::show))
        .route("/installations/{id}/usage", get(history::usage))
        .route("/installations/{id}/archive", get(archives::of_now))
        .route("/installations/{id}/copies/{name}/archive", get(archives::of_copy))
        .route("/installations/{id}/logs", get(logs::show))
        .route("/installations/{id}/exec", post(exec::run).layer(DefaultBodyLimit::disable()))
        .route(
            "/artifacts/{hash}",
            get(artifacts::show).put(artifacts::store).delete(artifacts::delete).layer(DefaultBodyLimit::disable()),
        )
        .route("/server", get(server::show))
        .route("/events", get(events::follow))
        .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "unknown-path", "there is no such path") })
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(engine);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the API ended");
    }
}

/// An answer that is a refusal.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    problem: Problem,
}

type Answer<T> = Result<T, Refusal>;

impl Refusal {
    fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, problem: Problem { code: code.to_owned(), message: message.into() } }
    }

    fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.problem)).into_response()
    }
}

impl From<NimbusError> for Refusal {
    fn from(error: NimbusError) -> Self {
        let (status, code) = match &error {
            NimbusError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                (StatusCode::INSUFFICIENT_STORAGE, "disk-full")
            }
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "server-error"),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<JournalError> for Refusal {
    fn from(error: JournalError) -> Self {
        let (status, code) = match &error {
            JournalError::Unknown(_) => (StatusCode::NOT_FOUND, "unknown-operation"),
            JournalError::Differs(_) => (StatusCode::CONFLICT, "operation-differs"),
            JournalError::Halted | JournalError::Closed => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "journal-error"),
        };
        Self::new(status, code, error.to_string())
    }
}

macro_rules! rejection {
    ($($rejection:ty),+) => {$(
        impl From<$rejection> for Refusal {
            fn from(rejection: $rejection) -> Self {
                Self::new(rejection.status(), "bad-request", rejection.body_text())
            }
        }
    )+};
}
rejection!(JsonRejection, PathRejection, QueryRejection);

/// Part of a path.
pub(crate) struct Path<T>(T);

/// The query.
pub(crate) struct Query<T>(T);

/// A body of JSON.
pub(crate) struct Body<T>(T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        Ok(Self(axum::extract::Path::from_request_parts(parts, state).await?.0))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        Ok(Self(axum::extract::Query::from_request_parts(parts, state).await?.0))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;
    async fn from_request(request: Request, state: &S) -> Answer<Self> {
        Ok(Self(Json::from_request(request, state).await?.0))
    }
}

/// Does something that takes its time outside of the threads that serve.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "server-error", error.to_string()))
}

/// One value as a line of JSON.
fn line(value: &impl Serialize) -> Result<Bytes, serde_json::Error> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line.into())
}

/// An answer that goes on as long as somebody sends into it.
fn stream(kind: &'static str) -> (mpsc::Sender<Bytes>, Response) {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(BACKLOG);
    let pieces = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
    let pieces = futures_util::StreamExt::map(pieces, Ok::<_, std::convert::Infallible>);
    let body = axum::body::Body::from_stream(pieces);
    (sender, ([(axum::http::header::CONTENT_TYPE, kind)], body).into_response())
}
