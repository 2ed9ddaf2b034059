//! Answers that are not a success, as `application/problem+json` (RFC 9457): what happened, why, and what to do.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::server::ServerError;
use crate::store::StoreError;
use crate::wire::{PROBLEM_JSON, Problem};

/// Why a request is not done.
#[derive(Debug)]
pub struct Refusal {
    /// HTTP status.
    pub status: StatusCode,
    /// A stable word for programs.
    pub code: Cow<'static, str>,
    /// For people.
    pub detail: String,
    /// Every single mistake, where there can be several.
    pub errors: Vec<String>,
    /// Seconds after which to try again, when that helps.
    pub retry_after: Option<u64>,
}

/// What every handler and operation answers.
pub type Answer<T> = Result<T, Refusal>;

impl Refusal {
    /// A refusal with that status.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code: code.into(), detail: detail.into(), errors: Vec::new(), retry_after: None }
    }

    /// 404: there is no such thing.
    pub fn missing(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// 409: as things are, it cannot be done.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 422: the request says something impossible.
    pub fn invalid(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 413: the request is larger than `limit` bytes.
    pub fn too_large(what: &str, limit: u64) -> Self {
        let detail = format!("{what} has more than {limit} bytes, the most that is accepted; send a smaller one");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
    }

    /// 429: wrong tokens too often.
    pub fn too_often(seconds: u64) -> Self {
        let detail = format!(
            "this token is not valid, and too many wrong ones have come from your address; wait {seconds} s. \
             `vclouden up` prints the valid one"
        );
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-wrong-tokens", detail) }
    }

    /// 429: wrong passwords too often.
    pub fn too_many_guesses(seconds: u64) -> Self {
        let minutes = seconds.div_ceil(60);
        let detail = format!("too many wrong passwords; wait {minutes} min, or ask for a new password meanwhile");
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-guesses", detail) }
    }

    /// 429: letters to the same address, or from the same, too often.
    pub fn too_many_letters(seconds: u64) -> Self {
        let minutes = seconds.div_ceil(60);
        let detail = format!("enough letters were sent; look into your mail, also among spam, or wait {minutes} min");
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-letters", detail) }
    }

    /// 429: a publisher's invitations, each of which is a letter.
    pub fn too_many_invitations(seconds: u64) -> Self {
        let minutes = seconds.div_ceil(60);
        let detail = format!("enough invitations were sent from here, or to this address; wait {minutes} min");
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-invitations", detail) }
    }

    /// 429: too much at once.
    pub fn slow_down(seconds: u64) -> Self {
        let detail = format!("too much is asked of this at once; wait {seconds} s and try again");
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", detail) }
    }

    /// 500: our own fault. The cause goes to the log, and enough of it to the person to report it.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        let detail = format!("the control plane could not do it: {cause}. This is not your fault; its log says more");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// The same with every single mistake.
    pub fn with_errors(mut self, errors: Vec<String>) -> Self {
        self.errors = errors;
        self
    }

    /// What is sent.
    pub fn problem(&self) -> Problem {
        Problem {
            kind: "about:blank".into(),
            title: self.status.canonical_reason().unwrap_or("Error").into(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            code: self.code.clone().into_owned(),
            errors: self.errors.clone(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.problem()).expect("a problem is made of text");
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Transition(illegal) => Refusal::conflict("not-now", illegal.to_string()),
            other => Refusal::internal(other),
        }
    }
}

impl From<domain::state::IllegalTransition> for Refusal {
    fn from(illegal: domain::state::IllegalTransition) -> Self {
        Refusal::conflict("not-now", illegal.to_string())
    }
}

impl From<ServerError> for Refusal {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Unreachable(why) => Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "server-unreachable",
                format!("the server does not answer ({why}); its applications go on, try again in a moment"),
            ),
            ServerError::Refused { status, code, message } => {
                let status = StatusCode::from_u16(status).ok().filter(StatusCode::is_client_error);
                let status = status.unwrap_or(StatusCode::BAD_GATEWAY);
                Refusal { status, code: code.into(), detail: message, errors: Vec::new(), retry_after: None }
            }
        }
    }
}
