//! How a page is to be shown to this person: language, time zone, colours; and what the request says about it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::tz::TimeZone;
use minijinja::Value;
use minijinja::value::{Enumerator, Object, Serde};
use nimbus_api::Millis;
use serde::Serialize;

use super::Language;

/// Cookies that say how somebody likes pages, on this browser.
const LANGUAGE: &str = "language";
const THEME: &str = "theme";
/// Set by the script: what the browser says its time zone is.
const ZONE: &str = "zone";

/// Seconds for which a browser remembers what was chosen.
const YEAR: u32 = 365 * 24 * 3600;

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system of the person says.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// Every choice, in the order in which they are offered.
    pub const ALL: &'static [Self] = &[Self::System, Self::Light, Self::Dark];

    /// Its name in cookies, queries and attributes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|theme| theme.as_str() == name)
    }
}

/// A word at the top of a page about what was just done.
#[derive(Clone, Debug, Serialize)]
pub struct Flash {
    /// `good`, `info`, `warn` or `bad`.
    pub tone: &'static str,
    /// What happened, in the person's language.
    pub text: String,
}

/// Something that is told on every page until it is dismissed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Announced {
    /// Its id.
    pub id: String,
    /// `info`, `warn` or `bad`.
    pub tone: String,
    /// In the person's language.
    pub text: String,
}

/// What is known of who asks, beyond the request. Whoever authenticates puts it into the request's extensions.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    /// The language that the person chose for good, if any.
    pub language: Option<Language>,
    /// The person's time zone, such as `Europe/Madrid`.
    pub zone: Option<String>,
    /// What forms must carry to be accepted.
    pub csrf: Option<String>,
    /// Whether the browser came by HTTPS, seen from where TLS ends.
    pub https: bool,
}

/// How one page is shown. Extracted from a request; handlers may change it before they render.
#[derive(Clone, Debug)]
pub struct View {
    /// Of all texts, numbers and times.
    pub language: Language,
    /// Of all times.
    pub zone: TimeZone,
    /// Light or dark.
    pub theme: Theme,
    /// The moment that relative times count from, in milliseconds since 1970.
    pub now: Millis,
    /// Path and query of the page itself.
    pub path: String,
    /// What forms must carry to be accepted.
    pub csrf: Option<String>,
    /// What was just done.
    pub flash: Option<Flash>,
    /// What everybody is told.
    pub announced: Vec<Announced>,
    /// Where the publisher's colours are served, such as `/brand/acme.css?v=3`.
    pub brand: Option<String>,
    /// Where the publisher's picture for tabs is served.
    pub icon: Option<String>,
    /// Whether to promise HTTPS for the time to come.
    pub https: bool,
    /// Whether the browser takes gzip.
    pub gzip: bool,
}

impl View {
    /// The view of a request at that moment.
    pub fn of(parts: &Parts, now: Millis) -> Self {
        let visitor = parts.extensions.get::<Visitor>().cloned().unwrap_or_default();
        let headers = &parts.headers;
        let accepted = text(headers, header::ACCEPT_LANGUAGE).and_then(Language::accepted);
        let language = query(parts, LANGUAGE).or_else(|| cookie(headers, LANGUAGE)).and_then(Language::of_tag);
        let zone = visitor.zone.as_deref().or_else(|| cookie(headers, ZONE)).and_then(|name| TimeZone::get(name).ok());
        let theme = query(parts, THEME).or_else(|| cookie(headers, THEME)).and_then(Theme::named);
        Self {
            language: language.or(visitor.language).or(accepted).unwrap_or_default(),
            zone: zone.unwrap_or(TimeZone::UTC),
            theme: theme.unwrap_or_default(),
            now,
            path: parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            csrf: visitor.csrf,
            flash: None,
            announced: Vec::new(),
            brand: None,
            icon: None,
            https: visitor.https,
            gzip: text(headers, header::ACCEPT_ENCODING).is_some_and(|all| all.contains("gzip")),
        }
    }

    /// The same with a word about what was just done.
    pub fn flash(mut self, tone: &'static str, text: impl Into<String>) -> Self {
        self.flash = Some(Flash { tone, text: text.into() });
        self
    }

    /// This page with one key of its query set to another value.
    pub fn with_query(&self, key: &str, value: &str) -> String {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let kept = query.split('&').filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(key));
        let pairs: Vec<String> = kept.map(str::to_owned).chain([format!("{key}={value}")]).collect();
        format!("{path}?{}", pairs.join("&"))
    }

    /// Leaves the first `most` rows; where there were more, the address of the page after them: this one with `key` set
    /// to what `of` says of the last.
    pub fn next<T>(&self, rows: &mut Vec<T>, most: u64, key: &str, of: impl Fn(&T) -> String) -> Option<String> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let more = rows.len() > most;
        rows.truncate(most);
        rows.last().filter(|_| more).map(|last| self.with_query(key, &of(last)))
    }

    pub(super) fn into_value(self) -> Value {
        Value::from_dyn_object(Arc::new(self))
    }
}

/// What templates see of it, as `view`.
impl Object for View {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "language" => self.language.code().into(),
            "theme" => self.theme.as_str().into(),
            "zone" => self.zone.iana_name().unwrap_or("UTC").into(),
            "path" => self.path.as_str().into(),
            "csrf" => self.csrf.clone().into(),
            "flash" => Value::from(Serde(&self.flash)),
            "announced" => Value::from(Serde(&self.announced)),
            "brand" => self.brand.clone().into(),
            "icon" => self.icon.clone().into(),
            _ => return None,
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["language", "theme", "zone", "path", "csrf", "flash", "announced", "brand", "icon"])
    }
}

impl<S: Send + Sync> FromRequestParts<S> for View {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // That of the visit, where there is one.
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(|| Self::of(parts, crate::system_clock()())))
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// A cookie that is a plain word.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn query<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    let mut pairs = parts.uri.query().unwrap_or("").split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// The middleware of all pages: `?language=es` and `?theme=dark` are remembered in a cookie and lead to the same page
/// without them, so that the switches are plain links and an address that is passed on has no preference in it.
pub async fn preferences(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let language = query(&parts, LANGUAGE).and_then(Language::of_tag).map(|language| (LANGUAGE, language.code()));
    let theme = query(&parts, THEME).and_then(Theme::named).map(|theme| (THEME, theme.as_str()));
    if parts.method != Method::GET || (language.is_none() && theme.is_none()) {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let kept: Vec<&str> = parts.uri.query().unwrap_or("").split('&').filter(|pair| !preference(pair)).collect();
    // Two slashes at the beginning would lead to another host.
    let path = format!("/{}", parts.uri.path().trim_start_matches(['/', '\\']));
    let target = if kept.is_empty() { path } else { format!("{path}?{}", kept.join("&")) };
    let secure = parts.extensions.get::<Visitor>().is_some_and(|visitor| visitor.https);
    let mut response = StatusCode::SEE_OTHER.into_response();
    for (name, value) in language.into_iter().chain(theme) {
        let secure = if secure { "; Secure" } else { "" };
        let cookie = format!("{name}={value}; Path=/; Max-Age={YEAR}; SameSite=Lax{secure}");
        let cookie = HeaderValue::try_from(cookie).expect("a cookie of plain words");
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    let target = HeaderValue::try_from(target).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, target);
    response
}

fn preference(pair: &str) -> bool {
    matches!(pair.split('=').next(), Some(LANGUAGE | THEME))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let request = headers.iter().fold(Request::get(uri), |request, (name, value)| request.header(*name, *value));
        request.body(axum::body::Body::empty()).unwrap().into_parts().0
    }

    #[test]
    fn what_was_chosen_here_counts_more_than_what_the_person_and_the_browser_like() {
        let accept = ("accept-language", "en");
        let language = |parts: &Parts| View::of(parts, 0).language;
        let mut request = parts("/", &[accept]);
        assert_eq!(language(&request), Language::En);
        request.extensions.insert(Visitor { language: Some(Language::Es), ..Visitor::default() });
        assert_eq!(language(&request), Language::Es);
        let mut request = parts("/", &[accept, ("cookie", "a=b; language=en; theme=dark; zone=America/Bogota")]);
        request.extensions.insert(Visitor { language: Some(Language::Es), ..Visitor::default() });
        assert_eq!(language(&request), Language::En);
        assert_eq!(View::of(&request, 0).theme, Theme::Dark);
        assert_eq!(View::of(&request, 0).zone.iana_name(), Some("America/Bogota"));
        assert_eq!(language(&parts("/?x=1&language=es", &[accept])), Language::Es);
        let nonsense = parts("/?language=xx", &[("cookie", "language=\"; theme=blue; zone=../../etc/passwd")]);
        let view = View::of(&nonsense, 0);
        assert_eq!((view.language, view.theme, view.zone), (Language::En, Theme::System, TimeZone::UTC));
    }

    #[test]
    fn a_query_is_changed_in_one_place() {
        let view = View::of(&parts("/apps?q=a%20b&page=2", &[]), 0);
        assert_eq!(view.with_query("page", "3"), "/apps?q=a%20b&page=3");
        assert_eq!(View::of(&parts("/apps", &[]), 0).with_query("theme", "dark"), "/apps?theme=dark");
    }
}
