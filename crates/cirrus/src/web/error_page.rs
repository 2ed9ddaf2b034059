//! Errors for people: a browser that asks for HTML gets a page instead of problem+json, the application's own
//! (`views/errors/404.html` or `views/errors/error.html`) or a plain one.

use http::{HeaderMap, HeaderValue, header};
use serde_json::Value;

use super::{Body, Request, Response, problem};
use crate::app::App;

/// Whether the request would rather have HTML than JSON.
pub fn wants_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let place = |kind: &str| accept.find(kind).unwrap_or(usize::MAX);
    place("text/html") < place("json")
}

/// Turns a problem into a page when a person will read it.
pub fn for_people(app: &App, request: &Request, mut response: Response) -> Response {
    let is_problem = response
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes() == problem::CONTENT_TYPE.as_bytes());
    let Body::Bytes(bytes) = &response.body else { return response };
    if !is_problem || !wants_html(&request.headers) {
        return response;
    }
    let Ok(problem) = serde_json::from_slice::<Value>(bytes) else { return response };
    let page = app.error_page(request, response.status, &problem).unwrap_or_else(|| plain(request, &problem));
    response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response.body = Body::Bytes(page.into());
    response
}

/// Text that is safe between tags and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

fn plain(request: &Request, problem: &Value) -> String {
    let text = |name: &str| escape(problem[name].as_str().unwrap_or(""));
    let status = problem["status"].as_u64().unwrap_or(500);
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{status} {title}</title>\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:15vh auto;\
         padding:0 1em;color:#223}}h1{{font-size:1.4em}}pre{{white-space:pre-wrap}}small{{color:#667}}</style>\
         <h1>{status} {title}</h1><pre>{detail}</pre><small>{id}</small></html>",
        title = text("title"),
        detail = text("detail"),
        id = request.id,
    )
}
