//! Errors as `application/problem+json` (RFC 9457): what happened, which fields, what to do. `send` turns them into a
//! page for those who asked for HTML.

use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::Response;

/// The type of content of a problem.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// A problem of this status with a sentence for people.
pub fn plain(status: StatusCode, detail: &str) -> Response {
    with(status, detail, Value::Null)
}

/// The same with the fields that are wrong: `errors` is an array of `{field, code, message}`.
pub fn fields(status: StatusCode, detail: &str, errors: Value) -> Response {
    with(status, detail, errors)
}

fn with(status: StatusCode, detail: &str, errors: Value) -> Response {
    let mut body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": detail,
    });
    if !errors.is_null() {
        body["errors"] = errors;
    }
    Response::bytes(status, CONTENT_TYPE, body.to_string())
}

/// There is nothing by this name.
pub fn not_found() -> Response {
    plain(StatusCode::NOT_FOUND, "there is nothing at this address")
}

/// Known address, other methods.
pub fn method_not_allowed(allow: &str) -> Response {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, &format!("this address answers to {allow}"));
    response.headers.insert(header::ALLOW, HeaderValue::from_str(allow).unwrap_or(HeaderValue::from_static("GET")));
    response
}

/// No room left on the disk.
pub fn full() -> Response {
    plain(StatusCode::INSUFFICIENT_STORAGE, "there is no room left to store this")
}

/// Too much at once; the same may work a little later.
pub fn busy(detail: &str) -> Response {
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, detail);
    response.headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
