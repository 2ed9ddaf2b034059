//! Forged requests from other sites. Two walls: what a browser says of the sender (`Sec-Fetch-Site`, `Origin`), for
//! every method that changes something; and for forms a token that is bound to a sealed cookie of the visitor.

use std::sync::OnceLock;

use http::{HeaderMap, Method, StatusCode, header};

use super::{Request, Response, cookie, form::Form, problem, seal::Seals, secret::random};
use crate::config::{Config, Cors};

const PURPOSE: &str = "csrf";
const COOKIE_PURPOSE: &str = "csrf cookie";
const COOKIE: &str = "cirrus-form";
/// The form field and, with dashes, the header that carry the token.
pub const FIELD: &str = "_csrf";
const HEADER: &str = "x-csrf-token";

/// What a request knows of its visitor's forms: made when a page first asks for a token.
#[derive(Debug, Default)]
pub struct Visitor {
    fresh: OnceLock<[u8; 16]>,
}

/// A token for a form of the page that answers this request.
pub fn token(seals: &Seals, request: &Request) -> Result<String, String> {
    let id = match known(seals, &request.headers) {
        Some(id) => id,
        None => {
            if request.visitor.fresh.get().is_none() {
                let id = random::<16>().map_err(|error| format!("there is no randomness: {error}"))?;
                // When two threads make one, both go on with the first.
                let _ = request.visitor.fresh.set(id);
            }
            request.visitor.fresh.get().ok_or("no visitor")?.to_vec()
        }
    };
    // Sealing anew makes each token look different, so that compression gives nothing away.
    seals.seal(PURPOSE, &id)
}

/// The cookie that must go out when a page took a token for a visitor who had none.
pub fn set_cookie(seals: &Seals, config: &Config, request: &Request) -> Option<String> {
    let id = request.visitor.fresh.get()?;
    let value = seals.seal(COOKIE_PURPOSE, id).ok()?;
    Some(cookie::set(COOKIE, &value, None, config.session.secure || request.secure))
}

fn known(seals: &Seals, headers: &HeaderMap) -> Option<Vec<u8>> {
    seals.open(COOKIE_PURPOSE, cookie::get(headers, COOKIE)?)
}

/// Refuses what another site may have made a visitor's browser send.
pub fn check(seals: &Seals, cors: &Cors, request: &Request, form: Option<&Form>) -> Result<(), Box<Response>> {
    if matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    if !same_origin(cors, request) {
        return Err(refuse("this request was made by a page of another site"));
    }
    let Some(form) = form else { return Ok(()) };
    // Without any cookie there is nobody whose name could be abused: a program, not a browser.
    if !request.headers.contains_key(header::COOKIE) {
        return Ok(());
    }
    let given = request.headers.get(HEADER).and_then(|value| value.to_str().ok()).or_else(|| form.get(FIELD));
    let opened = given.and_then(|given| seals.open(PURPOSE, given));
    match (opened, known(seals, &request.headers)) {
        (Some(given), Some(known)) if given == known => Ok(()),
        _ => Err(refuse("this form is too old or not of this site: go back, reload the page and send it again")),
    }
}

fn refuse(detail: &str) -> Box<Response> {
    Box::new(problem::plain(StatusCode::FORBIDDEN, detail))
}

/// Whether the browser says that a page of ours sent it; programs that are no browsers say nothing.
fn same_origin(cors: &Cors, request: &Request) -> bool {
    let text = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text("origin");
    if origin.is_some_and(|origin| cors.origins.iter().any(|allowed| allowed == origin)) {
        return true;
    }
    match text("sec-fetch-site") {
        Some("same-origin" | "none") => return true,
        Some(_) => return cors.origins.iter().any(|allowed| allowed == "*"),
        None => {}
    }
    let Some(origin) = origin else { return true };
    let host = origin.split_once("://").map(|(_, host)| host);
    host == text("host") || cors.origins.iter().any(|allowed| allowed == "*")
}
