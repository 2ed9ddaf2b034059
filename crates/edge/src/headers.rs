//! What a request must look like to be passed on, and what becomes of its header fields on the way.
//!
//! A request is parsed once and written anew, so nothing that two parsers could read in two ways reaches an
//! application. Rules are those of RFC 9110 section 7 (routing, hop-by-hop fields) and RFC 9112 sections 3 and 6.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};

use nimbus_api::pass::OURS;

use crate::client::Origin;
use crate::pages::Refusal;

const FORWARDED: HeaderName = http::header::FORWARDED;
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// Ties a request to its lines in logs.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CHUNKED: HeaderValue = HeaderValue::from_static("chunked");

/// A host name has at most 253 characters (RFC 1035), its port six with the colon, the final dot one.
const LONGEST_HOST: usize = 260;
/// Longest `X-Request-Id` that is kept.
const LONGEST_ID: usize = 128;

/// Checks all that decides where a request goes and how long it is, and returns its host name: lower case, without
/// port and final dot.
pub(crate) fn check<B>(request: &mut Request<B>) -> Result<String, Refusal> {
    if request.method() == Method::CONNECT {
        return Err(Refusal::Tunnel);
    }
    check_framing(request.headers())?;
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next().cloned();
    if hosts.next().is_some() {
        return Err(Refusal::Bad("More than one Host field."));
    }
    let host = match (host, request.uri().authority()) {
        (Some(host), _) => host,
        (None, Some(target)) if request.version() == Version::HTTP_10 => {
            let host = HeaderValue::from_str(target.as_str()).map_err(|_| Refusal::Bad("A target with a bad host."))?;
            request.headers_mut().insert(HOST, host.clone());
            host
        }
        (None, _) => return Err(Refusal::Bad("No Host field.")),
    };
    let (name, port) = split_host(host.as_bytes()).ok_or(Refusal::Bad("The Host field is not a host name."))?;
    if let Some(target) = request.uri().authority() {
        let (name2, port2) = split_host(target.as_str().as_bytes()).ok_or(Refusal::Bad("A target with a bad host."))?;
        let same = name == name2 && port.unwrap_or("80") == port2.unwrap_or("80");
        if request.uri().scheme_str() != Some("http") || !same {
            return Err(Refusal::Bad("The request's target and its Host field differ."));
        }
    }
    Ok(name.into_owned())
}

fn check_framing(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    let Some(encoding) = encodings.next() else { return Ok(()) };
    if headers.contains_key(CONTENT_LENGTH) {
        return Err(BOTH_FRAMINGS);
    }
    let chunked = encoding.as_bytes().eq_ignore_ascii_case(b"chunked");
    if chunked && encodings.next().is_none() { Ok(()) } else { Err(Refusal::Encoding) }
}

/// The classic of request smuggling.
pub(crate) const BOTH_FRAMINGS: Refusal = Refusal::Bad("Both Transfer-Encoding and Content-Length.");

/// Splits `name[:port]`; nothing when either is not well formed.
fn split_host(host: &[u8]) -> Option<(Cow<'_, str>, Option<&str>)> {
    let host = std::str::from_utf8(host).ok().filter(|host| host.len() <= LONGEST_HOST)?;
    let (name, port) = if host.starts_with('[') {
        let end = host.find(']')? + 1;
        let inner: &str = &host[1..end - 1];
        inner.parse::<std::net::Ipv6Addr>().ok()?;
        match host[end..].strip_prefix(':') {
            Some(port) => (&host[..end], Some(port)),
            None if host.len() == end => (host, None),
            None => return None,
        }
    } else {
        match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        }
    };
    let port = match port {
        Some(port) if port.bytes().all(|c| c.is_ascii_digit()) && port.parse::<u16>().is_ok() => Some(port),
        Some(_) => return None,
        None => None,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let good = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_');
    let labels = || name.split('.').all(|label| !label.is_empty());
    let well_formed = name.starts_with('[') || name.bytes().all(good) && labels();
    if !well_formed {
        return None;
    }
    let upper = name.bytes().any(|c| c.is_ascii_uppercase());
    Some((if upper { Cow::Owned(name.to_ascii_lowercase()) } else { Cow::Borrowed(name) }, port))
}

/// The protocol that the client wants to change to, where that can be passed on. HTTP/2 cannot: its requests would
/// get past everything that the edge checks, so such a request goes on as the HTTP/1.1 that it also is.
pub(crate) fn wanted_upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = list(headers, &CONNECTION).any(|name| name.eq_ignore_ascii_case("upgrade"));
    let mut protocols = headers.get_all(UPGRADE).iter();
    let protocol = protocols.next().filter(|_| asked)?;
    let http2 = protocol.to_str().is_ok_and(|text| text.split(',').any(|p| p.trim().eq_ignore_ascii_case("h2c")));
    (!http2 && protocols.next().is_none()).then(|| protocol.clone())
}

/// The comma-separated members of all fields of that name.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|text| text.split(',')).map(str::trim).filter(|member| !member.is_empty())
}

/// Removes what concerns one connection only. `Trailer` stays: trailers pass.
fn strip_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named = list(headers, &CONNECTION).filter(|name| !is_common(name));
        let named: Vec<HeaderName> = named.filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok()).collect();
        for name in named.iter().filter(|name| **name != HOST && **name != CONTENT_LENGTH) {
            headers.remove(name);
        }
    }
    for name in [
        CONNECTION,
        KEEP_ALIVE,
        PROXY_CONNECTION,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRANSFER_ENCODING,
        UPGRADE,
    ] {
        headers.remove(name);
    }
}

fn is_common(name: &str) -> bool {
    ["close", "keep-alive", "upgrade", "te"].iter().any(|common| name.eq_ignore_ascii_case(common))
}

/// Whether a header says what only the edge may say.
fn is_claim(name: &str) -> bool {
    let name = name.replace('_', "-");
    ["x-forwarded-", OURS].iter().any(|begin| name.starts_with(begin))
        || [FORWARDED, REAL_IP].iter().any(|one| one.as_str() == name)
}

/// Makes of a client's request, already [`check`]ed, the one that its application gets.
pub(crate) fn to_application<B>(request: &mut Request<B>, origin: Origin, upgrade: Option<HeaderValue>) {
    let trailers = list(request.headers(), &TE).any(|coding| coding.eq_ignore_ascii_case("trailers"));
    let chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let headers = request.headers_mut();
    strip_hop(headers);
    // Many programs take `X_Forwarded_For` for the same header.
    let claimed: Vec<HeaderName> = headers.keys().filter(|name| is_claim(name.as_str())).cloned().collect();
    for name in claimed {
        headers.remove(name);
    }
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if chunked {
        headers.insert(TRANSFER_ENCODING, CHUNKED);
    }
    if let Some(protocol) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
    }
    headers.insert(FORWARDED_FOR, origin.address);
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(if origin.https { "https" } else { "http" }));
    if let Some(host) = headers.get(HOST).cloned() {
        headers.insert(FORWARDED_HOST, host);
    }
    if !headers.get(REQUEST_ID).is_some_and(|id| is_sane(id.as_bytes())) {
        headers.insert(REQUEST_ID, new_id());
    }
    if request.uri().authority().is_some() {
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    }
    *request.version_mut() = Version::HTTP_11;
    request.extensions_mut().clear();
}

/// 128 bits that nobody has seen before: a keyed hash of a count, since asking the kernel for random bytes costs a
/// system call for each request.
fn new_id() -> HeaderValue {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(Default::default);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let [high, low] = [KEYS[0].hash_one(count), KEYS[1].hash_one(count)];
    HeaderValue::try_from(format!("{high:016x}{low:016x}")).expect("hexadecimal digits are a header value")
}

fn is_sane(id: &[u8]) -> bool {
    let good = |c: &u8| c.is_ascii_alphanumeric() || b"-_.:+/=@".contains(c);
    (1..=LONGEST_ID).contains(&id.len()) && id.iter().all(good)
}

/// Makes of an application's answer the one that the client gets.
pub(crate) fn to_client<B>(response: &mut http::Response<B>) {
    let chunked = response.headers().contains_key(TRANSFER_ENCODING);
    let headers = response.headers_mut();
    strip_hop(headers);
    if chunked {
        // The encoding won over a length that was sent as well; passed on, that length would cut the answer.
        headers.remove(CONTENT_LENGTH);
    }
    *response.version_mut() = Version::HTTP_11;
    response.extensions_mut().clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, fields: &[(&str, &str)]) -> Request<()> {
        let mut builder = Request::builder().uri(target);
        for (name, value) in fields {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap()
    }

    #[test]
    fn hosts_are_normalised_or_refused() {
        let host =
            |text: &str| split_host(text.as_bytes()).map(|(name, port)| format!("{name} {}", port.unwrap_or("-")));
        assert_eq!(host("A.Localhost:8080").as_deref(), Some("a.localhost 8080"));
        assert_eq!(host("a.localhost.").as_deref(), Some("a.localhost -"));
        assert_eq!(host("[::1]:80").as_deref(), Some("[::1] 80"));
        for bad in ["", ".", "a..b", "a b", "a@b", "a/b", "a:b", "a:", "a:70000", "a:+1", "[::1", "[x]", "a,b", "ä.de"]
        {
            assert_eq!(host(bad), None, "{bad}");
        }
    }

    #[test]
    fn absolute_targets_must_match_their_host() {
        assert_eq!(check(&mut request("http://A.b/x", &[("host", "a.B:80")])), Ok("a.b".to_owned()));
        assert!(check(&mut request("http://a.b/x", &[("host", "c.d")])).is_err());
        assert!(check(&mut request("http://a.b:81/x", &[("host", "a.b")])).is_err());
        assert!(check(&mut request("https://a.b/x", &[("host", "a.b")])).is_err());
        assert!(check(&mut request("/x", &[])).is_err());
    }

    #[test]
    fn the_client_cannot_speak_for_the_edge() {
        let mut request = request(
            "http://a.b/x?y",
            &[
                ("host", "a.b"),
                ("connection", "keep-alive, x-secret, host"),
                ("x-secret", "1"),
                ("te", "trailers, gzip"),
                ("x-forwarded-for", "6.6.6.6"),
                ("x-forwarded-prefix", "/evil"),
                ("X-VClouden-Person", "{}"),
                ("x-vclouden-anything", "1"),
                ("forwarded", "for=6.6.6.6"),
                ("x-request-id", "bad id"),
                ("proxy-authorization", "secret"),
                ("cookie", "kept"),
            ],
        );
        let origin = Origin { address: HeaderValue::from_static("1.2.3.4"), https: false };
        to_application(&mut request, origin, None);
        let headers = request.headers();
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let forwarded = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id"];
        assert_eq!(names, [&["cookie", "host", "te"][..], &forwarded[..]].concat());
        assert_eq!(
            (headers["x-forwarded-for"].as_bytes(), &headers["te"]),
            (&b"1.2.3.4"[..], &"trailers".parse().unwrap())
        );
        assert_ne!(headers["x-request-id"], "bad id");
        assert_eq!(request.uri(), "/x?y");
    }

    #[test]
    fn upgrades_need_the_connection_field_and_are_never_http2() {
        let wanted = |fields: &[(&str, &str)]| wanted_upgrade(request("/", fields).headers()).is_some();
        assert!(wanted(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")]));
        assert!(!wanted(&[("upgrade", "websocket")]));
        assert!(!wanted(&[("connection", "upgrade, http2-settings"), ("upgrade", "h2c")]));
        assert!(!wanted(&[("connection", "upgrade"), ("upgrade", "websocket"), ("upgrade", "h2c")]));
    }
}
