//! Requests to addresses that customers choose. They reach the public network only, never the provider's own: a name is
//! resolved once, and the connection goes to the address that was looked at. Nothing is followed, and answers are short.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
pub use nimbus_api::proxies::Network;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The longest that a request may take, from the name to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Most characters of an answer that are kept.
const EXCERPT: usize = 1_000;

/// Most bytes of an answer that are read.
const READ: usize = 16 << 10;

/// Why a request could not be made or got no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The URL is none that can be asked.
    #[error("the URL cannot be used: {0}")]
    Url(&'static str),
    /// Its host has no address.
    #[error("the name {0} has no address: {1}")]
    Resolve(String, std::io::Error),
    /// Its addresses are not for customers to reach.
    #[error("{0} is an address of a private network ({1}), which webhooks do not reach")]
    Private(String, IpAddr),
    /// What is sent in clear stays in the provider's own network.
    #[error("only https is sent over the public network: change the URL to https://")]
    Clear,
    /// Nobody listens there.
    #[error("could not connect to {0}: {1}")]
    Connect(SocketAddr, std::io::Error),
    /// Its certificate is not good, or it speaks no TLS.
    #[error("no protected connection to {0}: {1}")]
    Tls(String, std::io::Error),
    /// It does not speak HTTP.
    #[error("the answer cannot be read: {0}")]
    Http(#[from] hyper::Error),
    /// It took too long.
    #[error("it took more than {} seconds", PATIENCE.as_secs())]
    Slow,
}

/// Whether an address belongs to the public network.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // This network, a carrier's own, what protocols use, documentation, measurements; group, reserved, all.
        (0, ..) | (100, 64..=127, _) | (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) => true,
        (198, 51, 100) | (203, 0, 113) | (224.., ..) => true,
        _ => false,
    };
    !(special || address.is_loopback() || address.is_private() || address.is_link_local())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let inner = |high: u16, low: u16| is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match parts {
        // An address of version 4 in other clothes: mapped, translated, 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inner(high, low),
        [0x2002, high, low, ..] => inner(high, low),
        // Teredo, what protocols use, documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, ..] => false,
        // Everything that is given out begins like this.
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

/// Checks a URL as far as it can be without asking for addresses.
pub fn check(url: &str) -> Result<Uri, OutboundError> {
    if url.len() > 2000 {
        return Err(OutboundError::Url("it has more than 2000 characters"));
    }
    let uri: Uri =
        url.parse().map_err(|_| OutboundError::Url("it is none; write one such as https://example.com/hook"))?;
    if !matches!(uri.scheme_str(), Some("https" | "http")) {
        return Err(OutboundError::Url("it must begin with https://"));
    }
    let authority = uri.authority().ok_or(OutboundError::Url("it has no host"))?;
    if authority.as_str().contains('@') {
        return Err(OutboundError::Url("it has a name or a password; deliveries are signed instead"));
    }
    if authority.host().is_empty() || url.contains('#') {
        return Err(OutboundError::Url("it has no host, or a fragment"));
    }
    Ok(uri)
}

/// Most bytes of a whole answer.
const WHOLE: usize = 256 << 10;

/// What was answered, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// The status.
    pub status: u16,
    /// The body; what is longer than [`WHOLE`] is cut.
    pub body: Bytes,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// How the body began.
    pub excerpt: String,
}

/// Sends a body, and reads how the answer begins.
pub async fn post(url: &str, headers: HeaderMap, body: String, allowed: &[Network]) -> Result<Answered, OutboundError> {
    let Whole { status, body } = send(Method::POST, url, headers, body.into(), allowed, READ).await?;
    let text = String::from_utf8_lossy(&body);
    let excerpt = text.chars().filter(|c| !c.is_control() || *c == '\n').take(EXCERPT).collect();
    Ok(Answered { status, excerpt })
}

/// Asks for something, and reads all of the answer.
pub async fn ask(
    method: Method,
    url: &str,
    headers: HeaderMap,
    body: Bytes,
    allowed: &[Network],
) -> Result<Whole, OutboundError> {
    send(method, url, headers, body, allowed, WHOLE).await
}

async fn send(
    method: Method,
    url: &str,
    headers: HeaderMap,
    body: Bytes,
    allowed: &[Network],
    limit: usize,
) -> Result<Whole, OutboundError> {
    let work = async {
        let uri = check(url)?;
        let secure = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or("").trim_start_matches('[').trim_end_matches(']').to_owned();
        let address = resolve(&host, uri.port_u16().unwrap_or(if secure { 443 } else { 80 }), secure, allowed).await?;
        let stream = TcpStream::connect(address).await.map_err(|error| OutboundError::Connect(address, error))?;
        let mut request = Request::new(Full::new(body));
        (*request.method_mut(), *request.headers_mut()) = (method, headers);
        if !secure {
            return exchange(stream, &uri, request, limit).await;
        }
        let tls = |error| OutboundError::Tls(host.clone(), error);
        let name = ServerName::try_from(host.clone()).map_err(|error| tls(std::io::Error::other(error)))?;
        let stream = TlsConnector::from(TLS.clone()).connect(name, stream).await.map_err(tls)?;
        exchange(stream, &uri, request, limit).await
    };
    tokio::time::timeout(PATIENCE, work).await.map_err(|_| OutboundError::Slow)?
}

/// The address of a host that may be reached: the one that is connected to.
async fn resolve(host: &str, port: u16, secure: bool, allowed: &[Network]) -> Result<SocketAddr, OutboundError> {
    let unknown = |error| OutboundError::Resolve(host.to_owned(), error);
    let all: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await.map_err(unknown)?.collect();
    let own = |address: &SocketAddr| allowed.iter().any(|network| network.contains(address.ip()));
    if let Some(address) = all.iter().find(|address| own(address)) {
        return Ok(*address);
    }
    match (all.iter().find(|address| is_public(address.ip())), all.first()) {
        (Some(address), _) if secure => Ok(*address),
        (Some(_), _) => Err(OutboundError::Clear),
        (None, Some(address)) => Err(OutboundError::Private(host.to_owned(), address.ip())),
        (None, None) => Err(unknown(std::io::Error::other("nothing was found"))),
    }
}

/// Trusts whom browsers trust.
static TLS: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Arc::new(config.expect("ring has them").with_root_certificates(roots).with_no_client_auth())
});

async fn exchange<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    uri: &Uri,
    mut request: Request<Full<Bytes>>,
    limit: usize,
) -> Result<Whole, OutboundError> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the answer, or when this is dropped.
    let connection = tokio::spawn(connection);
    let _ended = Ended(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(|_| OutboundError::Url("its path cannot be sent"))?;
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let host = host.parse().map_err(|_| OutboundError::Url("its host cannot be sent"))?;
    request.headers_mut().insert(header::HOST, host);
    let mut response = sender.send_request(request).await?;
    let mut bytes = Vec::new();
    while let Some(frame) = response.frame().await {
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > limit {
            break;
        }
    }
    Ok(Whole { status: response.status().as_u16(), body: bytes.into() })
}

/// Ends a connection however the exchange ends.
struct Ended(tokio::task::JoinHandle<hyper::Result<()>>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_network_is_public() {
        for private in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.170",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "203.0.113.7",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fec0::1",
            "100::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in
            ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.63.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "2001:4860::8"]
        {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn a_network_contains_its_addresses() {
        let has = |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse().unwrap());
        assert!(has("127.0.0.0/8", "127.3.2.1") && !has("127.0.0.0/8", "128.0.0.1"));
        assert!(has("10.1.2.3", "10.1.2.3") && !has("10.1.2.3", "10.1.2.4"));
        assert!(has("0.0.0.0/0", "8.8.8.8") && !has("0.0.0.0/0", "::1"));
        assert!(has("fd00::/8", "fd12::1") && !has("fd00::/8", "fe80::1"));
        for bad in ["", "10.0.0.0/33", "example.com", "10.0.0.0/", "::/129"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_web_server_is_refused() {
        for bad in ["", "/hook", "ftp://a.example/", "https://user:word@a.example/", "https://a.example/#x", "https://"]
        {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert!(check("https://a.example:8443/hook?x=1").is_ok());
    }

    #[tokio::test]
    async fn the_own_network_is_not_reached() {
        for url in
            ["https://127.0.0.1/", "https://[::1]/", "https://localhost/", "https://169.254.169.254/latest/meta-data/"]
        {
            let got = post(url, HeaderMap::new(), String::new(), &[]).await;
            assert!(matches!(got, Err(OutboundError::Private(..))), "{url}: {got:?}");
        }
        let clear = post("http://1.1.1.1/", HeaderMap::new(), String::new(), &[]).await;
        assert!(matches!(clear, Err(OutboundError::Clear)), "{clear:?}");
    }
}
