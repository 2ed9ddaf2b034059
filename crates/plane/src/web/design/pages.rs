//! Renders pages and sends them with the headers that every page has.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use minijinja::{Environment, Value, context};

use super::assets::{self, Assets};
use super::{DesignError, Language, Texts, View, functions, templates};

/// Scripts, styles and pictures come from this host and nothing is inline; no page can be put into another's frame.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'";

/// What a browser offers and no page of ours needs.
const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";

/// How often a debug build looks whether its sources have changed.
const LOOK: Duration = Duration::from_millis(200);

/// What pages are made of.
pub struct Kit {
    environment: Environment<'static>,
    pub(super) texts: Arc<Texts>,
    pub(super) assets: Arc<Assets>,
}

impl Kit {
    fn load() -> Result<Self, DesignError> {
        let (texts, assets) = (Arc::new(Texts::load()?), Arc::new(Assets::load()));
        let mut environment = templates::environment();
        functions::add(&mut environment, &texts, &assets);
        Ok(Self { environment, texts, assets })
    }
}

/// What was read, and from sources of when.
struct Current {
    kit: Arc<Kit>,
    looked: Instant,
    newest: SystemTime,
}

/// All pages. One per program.
pub struct Pages {
    current: Mutex<Current>,
}

impl Pages {
    /// Reads templates, texts and assets.
    pub fn load() -> Result<Self, DesignError> {
        let current = Current { kit: Arc::new(Kit::load()?), looked: Instant::now(), newest: templates::newest() };
        Ok(Self { current: Mutex::new(current) })
    }

    /// What was built in; in a debug build whose sources have changed, what is in them now.
    pub(super) fn kit(&self) -> Arc<Kit> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if cfg!(debug_assertions) && current.looked.elapsed() > LOOK {
            current.looked = Instant::now();
            let newest = templates::newest();
            if newest != current.newest {
                current.newest = newest;
                match Kit::load() {
                    Ok(kit) => current.kit = Arc::new(kit),
                    Err(error) => tracing::error!(%error, "the design is shown as it was before"),
                }
            }
        }
        current.kit.clone()
    }

    /// A page with status 200.
    pub fn page(&self, view: &View, template: &str, values: Value) -> Response {
        self.page_with(StatusCode::OK, view, template, values)
    }

    /// A page with another status, such as 422 for a form with errors.
    pub fn page_with(&self, status: StatusCode, view: &View, template: &str, values: Value) -> Response {
        match self.html(view, template, values) {
            Ok(html) => respond(status, view, html),
            Err(error) => {
                tracing::error!(%error, "a page could not be shown");
                // Its author sees why; people only that it is not their fault.
                let detail = if cfg!(debug_assertions) { error.to_string() } else { String::new() };
                self.error(view, StatusCode::INTERNAL_SERVER_ERROR, &detail)
            }
        }
    }

    /// The page of an error. `detail` says what happened, why and what to do, in the person's language; it may be empty.
    pub fn error(&self, view: &View, status: StatusCode, detail: &str) -> Response {
        let known = [400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503].contains(&status.as_u16());
        let code = match (known, status.is_server_error()) {
            (true, _) => status.as_u16(),
            (false, true) => 500,
            (false, false) => 400,
        };
        let values = context! { status => status.as_u16(), code, detail };
        match self.html(view, "error.html", values) {
            Ok(html) => respond(status, view, html),
            Err(error) => {
                tracing::error!(%error, "not even the page of an error could be shown");
                (status, detail.to_owned()).into_response()
            }
        }
    }

    /// What is wrong with a file that the script sent: it asks with the header `x-fragment: errors`.
    pub fn upload_errors(&self, view: &View, errors: &[String]) -> Response {
        self.page_with(StatusCode::UNPROCESSABLE_ENTITY, view, "errors.html", context! { errors => errors.to_vec() })
    }

    /// The markup of a template: a whole page, or what [`live`] sends when something changes.
    pub fn html(&self, view: &View, template: &str, values: Value) -> Result<String, DesignError> {
        let values = context! { view => view.clone().into_value(), ..values };
        let rendered = self.kit().environment.get_template(template).and_then(|found| found.render(values));
        rendered.map_err(|source| DesignError::Template { name: template.to_owned(), source })
    }

    /// A text of the console for Rust to use, such as the words of a flash.
    pub fn text(&self, language: Language, key: &str) -> String {
        self.kit().texts.plain(language, key)
    }

    /// The names of all icons.
    pub fn icons(&self) -> Vec<String> {
        self.kit().assets.icons().map(str::to_owned).collect()
    }

    /// Every text.
    pub fn texts(&self) -> Arc<Texts> {
        self.kit().texts.clone()
    }
}

/// An answer of events, each of which is the new markup of the element that has `data-live` with this address.
pub fn live<S: Stream<Item = String> + Send + 'static>(fragments: S) -> Response {
    let lines = fragments.map(|html| {
        let mut event = String::with_capacity(html.len() + 16);
        for line in html.lines() {
            event.push_str("data: ");
            event.push_str(line);
            event.push('\n');
        }
        event.push('\n');
        Ok::<_, Infallible>(Bytes::from(event))
    });
    event_stream(Body::from_stream(lines))
}

/// An answer of events (`text/event-stream`).
pub fn event_stream(events: Body) -> Response {
    let mut response = events.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy that waits for more would hold back what is news.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

fn respond(status: StatusCode, view: &View, html: String) -> Response {
    let packed = view.gzip && html.len() > 1000;
    let body = if packed { pack(&html) } else { Bytes::from(html) };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(view.language.code()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("cookie, accept-language, accept-encoding"));
    if packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    secure(headers, view.https);
    response
}

/// The headers that keep a page from being misused, for whatever else is answered to a browser.
pub fn secure(headers: &mut HeaderMap, https: bool) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::HeaderName::from_static("permissions-policy"), PERMISSIONS),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if https {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
}

/// Compresses a page. How long it becomes must not tell what is in it (BREACH): a name of random length that nobody reads
/// is put into the header of the compression.
fn pack(html: &str) -> Bytes {
    let mut random = [0; 1];
    let length = match getrandom::fill(&mut random) {
        Ok(()) => usize::from(random[0] % 64) + 1,
        Err(_) => 1,
    };
    assets::pack(html.as_bytes(), Compression::new(5), &vec![b'-'; length])
}
