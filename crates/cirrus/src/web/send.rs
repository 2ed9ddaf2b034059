//! The last step of every response: files with validators and ranges, compression, headers that protect, CORS, HTML for
//! the errors that people see.

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::{Body, Request, Response, cors, error_page, problem, static_files, wire::WireBody};
use crate::{
    app::App,
    config::{Cors, Security},
};

/// Smaller bodies fit in one packet anyway.
const WORTH_COMPRESSING: usize = 1400;
/// Larger files are sent as they are: compressing them would hold up everybody.
const MOST_COMPRESSED: u64 = 512 * 1024;

/// Makes of what a route answered what goes over the wire.
pub fn finish(app: &App, cors: &Cors, request: &Request, mut response: Response) -> hyper::Response<WireBody> {
    if response.status.is_client_error() || response.status.is_server_error() {
        response = error_page::for_people(app, request, response);
    }
    cors::answer(cors, request, &mut response.headers);
    let body = std::mem::replace(&mut response.body, Body::Empty);
    let mut body = match body {
        Body::Empty | Body::Events(_) => WireBody::Bytes(None),
        Body::Bytes(bytes) => WireBody::Bytes(compressed(request, &mut response, bytes)),
        Body::Stream(parts) => WireBody::Stream(parts),
        Body::File(path) => file(request, &mut response, &path),
    };
    app.protection.apply(request, &mut response.headers);
    if response.status == StatusCode::NOT_MODIFIED || response.status == StatusCode::NO_CONTENT {
        body = WireBody::Bytes(None);
    }
    let mut wire = hyper::Response::new(body);
    *wire.status_mut() = response.status;
    *wire.headers_mut() = response.headers;
    wire
}

/// Headers that protect visitors, made once.
pub struct Protection {
    always: Vec<(HeaderName, HeaderValue)>,
    https: Vec<(HeaderName, HeaderValue)>,
    document: Vec<(HeaderName, HeaderValue)>,
}

impl Protection {
    /// As configured; what is empty is not sent.
    pub fn new(security: &Security) -> Self {
        let made = |all: &[(HeaderName, &str)]| {
            let value = |(name, value): &(HeaderName, &str)| Some((name.clone(), HeaderValue::from_str(value).ok()?));
            all.iter().filter(|(_, value)| !value.is_empty()).filter_map(value).collect()
        };
        let opener = HeaderName::from_static("cross-origin-opener-policy");
        Self {
            always: made(&[
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (header::REFERRER_POLICY, &security.referrer_policy),
            ]),
            https: made(&[(header::STRICT_TRANSPORT_SECURITY, &security.strict_transport_security)]),
            document: made(&[
                (header::CONTENT_SECURITY_POLICY, &security.content_security_policy),
                (header::X_FRAME_OPTIONS, &security.frame_options),
                (opener, &security.opener_policy),
            ]),
        }
    }

    /// Adds them to those of an answer, which win.
    fn apply(&self, request: &Request, headers: &mut HeaderMap) {
        let https = self.https.iter().filter(|_| request.secure);
        let is_document = is_document(headers);
        let document = self.document.iter().filter(|_| is_document);
        for (name, value) in self.always.iter().chain(https).chain(document) {
            headers.entry(name).or_insert_with(|| value.clone());
        }
    }
}

/// Whether a browser that goes there would run scripts of it.
fn is_document(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let kind = kind.split(';').next().unwrap_or("").trim();
    let end = |end: &str| kind.len() >= end.len() && kind[kind.len() - end.len()..].eq_ignore_ascii_case(end);
    end("/html") || end("/xml") || end("+xml")
}

fn accepts_gzip(request: &Request) -> bool {
    let accepted = request.headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("");
    accepted.split(',').any(|item| {
        let (name, quality) = item.split_once(';').unwrap_or((item, "q=1"));
        name.trim().eq_ignore_ascii_case("gzip")
            && quality.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) != Some(0.0)
    })
}

fn is_text(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let kind = kind.split(';').next().unwrap_or("");
    kind.starts_with("text/") && kind != "text/event-stream"
        || kind.ends_with("json")
        || kind.ends_with("xml")
        || kind.ends_with("javascript")
        || kind == "application/wasm"
}

fn compressed(request: &Request, response: &mut Response, bytes: Bytes) -> Option<Bytes> {
    let headers = &mut response.headers;
    let may = bytes.len() >= WORTH_COMPRESSING && !headers.contains_key(header::CONTENT_ENCODING) && is_text(headers);
    if !may {
        return Some(bytes);
    }
    vary(headers, "accept-encoding");
    if !accepts_gzip(request) || response.status == StatusCode::PARTIAL_CONTENT {
        return Some(bytes);
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), Compression::new(4));
    let Ok(small) = encoder.write_all(&bytes).and_then(|()| encoder.finish()) else { return Some(bytes) };
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    // Same content, other bytes: the validator stays true only as a weak one.
    if let Some(tag) = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).filter(|tag| !tag.starts_with("W/"))
        && let Ok(weak) = HeaderValue::from_str(&format!("W/{tag}"))
    {
        headers.insert(header::ETAG, weak);
    }
    Some(small.into())
}

/// Adds a name to `Vary`.
pub fn vary(headers: &mut HeaderMap, name: &'static str) {
    headers.append(header::VARY, HeaderValue::from_static(name));
}

fn file(request: &Request, response: &mut Response, path: &Path) -> WireBody {
    match open(request, response, path) {
        Ok(body) => body,
        Err(refusal) => {
            let Response { status, headers, body } = *refusal;
            response.status = status;
            response.headers.extend(headers);
            WireBody::Bytes(if let Body::Bytes(bytes) = body { Some(bytes) } else { None })
        }
    }
}

fn open(request: &Request, response: &mut Response, path: &Path) -> Result<WireBody, Box<Response>> {
    let missing = |_| Box::new(problem::not_found());
    let mut file = File::open(path).map_err(missing)?;
    let metadata = file.metadata().map_err(missing)?;
    let size = metadata.len();
    let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    let headers = &mut response.headers;
    let tag = format!("\"{:x}-{size:x}\"", since.as_nanos());
    let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
    headers.insert(header::ETAG, value(&tag));
    headers.insert(header::LAST_MODIFIED, value(&httpdate::fmt_http_date(modified)));
    if !headers.contains_key(header::CONTENT_TYPE) {
        let kind = static_files::content_type(path).unwrap_or("application/octet-stream");
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    if response.status != StatusCode::OK {
        return Ok(WireBody::File { file, left: size });
    }
    if not_modified(request, &tag, modified) {
        return Err(Box::new(Response::empty(StatusCode::NOT_MODIFIED)));
    }
    if let Some(body) = gzipped(request, headers, path, &mut file, size) {
        return Ok(body);
    }
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let Some((from, to)) = range(request, &tag, modified, size)? else {
        return Ok(WireBody::File { file, left: size });
    };
    file.seek(SeekFrom::Start(from)).map_err(missing)?;
    response.status = StatusCode::PARTIAL_CONTENT;
    response.headers.insert(header::CONTENT_RANGE, value(&format!("bytes {from}-{to}/{size}")));
    Ok(WireBody::File { file, left: to - from + 1 })
}

/// A `.gz` that the author laid beside the file, or compressed now.
fn gzipped(request: &Request, headers: &mut HeaderMap, path: &Path, file: &mut File, size: u64) -> Option<WireBody> {
    if !is_text(headers) || size < WORTH_COMPRESSING as u64 {
        return None;
    }
    vary(headers, "accept-encoding");
    if !accepts_gzip(request) || request.headers.contains_key(header::RANGE) {
        return None;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".gz");
    let body = match File::open(&beside) {
        Ok(beside) => WireBody::File { left: beside.metadata().ok()?.len(), file: beside },
        Err(_) if size <= MOST_COMPRESSED => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::new(5));
            std::io::copy(file, &mut encoder).ok()?;
            WireBody::Bytes(Some(encoder.finish().ok()?.into()))
        }
        Err(_) => return None,
    };
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    if let Some(weak) =
        headers.get(header::ETAG).and_then(|tag| HeaderValue::from_str(&format!("W/{}", tag.to_str().ok()?)).ok())
    {
        headers.insert(header::ETAG, weak);
    }
    Some(body)
}

/// Whether a header with a list of entity tags names this one (weak comparison).
pub fn names_tag(list: &HeaderValue, tag: &str) -> bool {
    let strip = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    list.to_str().is_ok_and(|list| list.trim() == "*" || list.split(',').any(|item| strip(item) == strip(tag)))
}

fn not_modified(request: &Request, tag: &str, modified: SystemTime) -> bool {
    if request.method != Method::GET && request.method != Method::HEAD {
        return false;
    }
    if let Some(list) = request.headers.get(header::IF_NONE_MATCH) {
        return names_tag(list, tag);
    }
    let since = request.headers.get(header::IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    since.and_then(|since| httpdate::parse_http_date(since).ok()).is_some_and(|since| !is_newer(modified, since))
}

/// HTTP knows only whole seconds.
fn is_newer(modified: SystemTime, since: SystemTime) -> bool {
    modified.duration_since(since).is_ok_and(|newer| newer >= Duration::from_secs(1))
}

/// The one range that is asked for, inclusive; several ranges get the whole file, as the standard allows.
fn range(request: &Request, tag: &str, modified: SystemTime, size: u64) -> Result<Option<(u64, u64)>, Box<Response>> {
    let Some(asked) = request.headers.get(header::RANGE).and_then(|value| value.to_str().ok()) else { return Ok(None) };
    if request.method != Method::GET {
        return Ok(None);
    }
    if let Some(condition) = request.headers.get(header::IF_RANGE).and_then(|value| value.to_str().ok()) {
        let same_date = httpdate::parse_http_date(condition).is_ok_and(|date| !is_newer(modified, date));
        if condition != tag && !same_date {
            return Ok(None);
        }
    }
    let Some((from, to)) = asked.strip_prefix("bytes=").and_then(|set| set.split_once('-')) else { return Ok(None) };
    let wanted = match (from.trim().parse::<u64>(), to.trim().parse::<u64>()) {
        (Ok(from), Ok(to)) if from <= to => (from, to.min(size.saturating_sub(1))),
        (Ok(from), Err(_)) if to.trim().is_empty() => (from, size.saturating_sub(1)),
        (Err(_), Ok(last)) if from.trim().is_empty() && last > 0 => (size.saturating_sub(last), size.saturating_sub(1)),
        _ => return Ok(None),
    };
    if wanted.0 >= size {
        let mut refusal = problem::plain(StatusCode::RANGE_NOT_SATISFIABLE, "the file is shorter");
        let value = HeaderValue::from_str(&format!("bytes */{size}")).unwrap_or(HeaderValue::from_static("bytes */0"));
        refusal.headers.insert(header::CONTENT_RANGE, value);
        return Err(Box::new(refusal));
    }
    Ok(Some(wanted))
}
