//! Cross-origin requests: nobody may unless `cirrus.toml`, or `app.cors` for a path, names the origin.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value};

use super::{Request, Response, send};
use crate::config::Cors;

/// The rules of `app.cors(path, options)`, in the words of `cirrus.toml` or of Express: `origin` (a text, a list,
/// `true` for everybody, `false` for nobody), `credentials`, `headers`, `expose`, `maxAge`. The error is for the
/// author.
pub fn declared(options: &Map<String, Value>) -> Result<Cors, String> {
    let texts = |name: &str, value: &Value| match value {
        Value::String(text) => Ok(text.split(',').map(|item| item.trim().to_owned()).collect()),
        Value::Array(list) => list
            .iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(|| format!("`{name}` is a list of texts")))
            .collect(),
        _ => Err(format!("`{name}` is a text or a list of texts")),
    };
    let mut cors = Cors { origins: vec!["*".to_owned()], ..Cors::default() };
    for (name, value) in options {
        match (name.as_str(), value) {
            ("origin" | "origins", Value::Bool(true)) => {}
            ("origin" | "origins", Value::Bool(false)) => cors.origins = Vec::new(),
            ("origin" | "origins", _) => cors.origins = texts(name, value)?,
            ("credentials", Value::Bool(wanted)) => cors.credentials = *wanted,
            ("headers" | "allowedHeaders", _) => cors.headers = texts(name, value)?,
            ("expose" | "exposedHeaders", _) => cors.expose = texts(name, value)?,
            ("maxAge" | "max_age_seconds", Value::Number(seconds)) => {
                let seconds = seconds.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
                cors.max_age_seconds = Some(seconds.ok_or("`maxAge` is a number of seconds")?);
            }
            // Whoever may call may use every method that the address has.
            ("methods", _) => {}
            _ => return Err(format!("`{name}` cannot be {value}: see the reference of app.cors")),
        }
    }
    cors.validate()?;
    Ok(cors)
}

fn allowed(config: &Cors, request: &Request) -> Option<HeaderValue> {
    let origin = request.headers.get(header::ORIGIN)?;
    if config.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) {
        return Some(origin.clone());
    }
    config.origins.iter().any(|allowed| allowed == "*").then(|| HeaderValue::from_static("*"))
}

/// Adds what the browser must hear to let the page read the answer.
pub fn answer(config: &Cors, request: &Request, headers: &mut HeaderMap) {
    if config.origins.is_empty() || headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        return;
    }
    send::vary(headers, "origin");
    let Some(origin) = allowed(config, request) else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if config.credentials {
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    if let Some(exposed) = list(&config.expose) {
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

fn list(names: &[String]) -> Option<HeaderValue> {
    if names.is_empty() { None } else { HeaderValue::from_str(&names.join(", ")).ok() }
}

/// The answer to a browser that asks before it sends; `None` when this is another kind of request.
pub fn preflight(config: &Cors, request: &Request) -> Option<Response> {
    if request.method != Method::OPTIONS || !request.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    allowed(config, request)?;
    let mut response = Response::empty(StatusCode::NO_CONTENT);
    let headers = &mut response.headers;
    let methods = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    let mut names = config.headers.clone();
    names.extend(["content-type", "if-match", "if-none-match", "x-csrf-token", "idempotency-key"].map(str::to_owned));
    if let Some(names) = list(&names) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
    let age = config.max_age_seconds.unwrap_or(600);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(age));
    Some(response)
}
