//! From whom a request comes when proxies bring it. Only the word of those whom the operator names is taken, and only
//! in the header that they write: what stands rightmost there and is none of them. Everything left of it, and the
//! other header, the client may have written.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::{HeaderMap, HeaderName, header};

/// A network: `10.1.0.0/16`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// In which header proxies say whom they bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    /// `X-Forwarded-For` and `X-Forwarded-Proto`, as nearly all do.
    Plain,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// A proxy that is believed, or a network of them: `10.1.0.0/16`, or `10.1.0.0/16=forwarded` where they write
/// `Forwarded` and not `X-Forwarded-For`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxy {
    network: Network,
    header: Header,
}

/// A text that is no proxy.
#[derive(Debug, thiserror::Error)]
#[error(
    "\"{0}\" is no proxy: write a network such as 10.1.0.0/16, or an address; behind it =forwarded where that proxy \
     writes Forwarded and not X-Forwarded-For"
)]
pub struct BadProxy(String);

impl FromStr for Proxy {
    type Err = BadProxy;
    fn from_str(text: &str) -> Result<Self, BadProxy> {
        let bad = || BadProxy(text.chars().take(60).collect());
        let (network, header) = match text.split_once('=') {
            None => (text, Header::Plain),
            Some((network, "forwarded")) => (network, Header::Forwarded),
            Some(_) => return Err(bad()),
        };
        Ok(Self { network: network.parse().map_err(|_: BadNetwork| bad())?, header })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = if self.header == Header::Forwarded { "=forwarded" } else { "" };
        write!(f, "{}{header}", self.network)
    }
}

/// A text that is no network.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is no network: write one such as 10.1.0.0/16, or an address")]
pub struct BadNetwork(String);

impl FromStr for Network {
    type Err = BadNetwork;
    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let bad = || BadNetwork(text.chars().take(60).collect());
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| bad()))?;
        if bits > most { Err(bad()) } else { Ok(Self { address, bits }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl Network {
    /// Whether an address is in it.
    pub fn contains(self, address: IpAddr) -> bool {
        let wide = |address: IpAddr| match address {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, 32),
            IpAddr::V6(v6) => (v6.to_bits(), 128),
        };
        let ((own, kind), (other, other_kind)) = (wide(self.address), wide(address));
        let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
        kind == other_kind && own & mask == other & mask
    }
}

/// From whom a request comes that `peer` brings.
pub fn client(trusted: &[Proxy], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let Some(proxy) = find(trusted, peer) else { return peer };
    let said: Vec<_> = match proxy.header {
        Header::Plain => elements(headers, &HeaderName::from_static("x-forwarded-for")).map(address).collect(),
        Header::Forwarded => elements(headers, &header::FORWARDED).map(of_forwarded).collect(),
    };
    rightmost(trusted, &said).unwrap_or(peer)
}

/// Whether `peer` may be believed that a request came to it by HTTPS, and says so. What the nearest proxy wrote stands
/// last.
pub fn is_https(trusted: &[Proxy], peer: IpAddr, headers: &HeaderMap) -> bool {
    let proto = find(trusted, peer).and_then(|proxy| match proxy.header {
        Header::Plain => elements(headers, &HeaderName::from_static("x-forwarded-proto")).last(),
        Header::Forwarded => pair(elements(headers, &header::FORWARDED).last()?, "proto"),
    });
    proto.is_some_and(|proto| proto.trim().trim_matches('"').eq_ignore_ascii_case("https"))
}

fn find(trusted: &[Proxy], address: IpAddr) -> Option<&Proxy> {
    trusted.iter().find(|proxy| proxy.network.contains(address.to_canonical()))
}

/// What stands between the commas of a header, of all its lines.
fn elements<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).into_iter().flat_map(|value| value.to_str().unwrap_or("?").split(','))
}

/// The last that is none of the proxies; the first if all are. What cannot be read ends the search: left of it nobody
/// knows who wrote what.
fn rightmost(trusted: &[Proxy], all: &[Option<IpAddr>]) -> Option<IpAddr> {
    let mut last = None;
    for address in all.iter().rev() {
        last = Some((*address)?);
        if address.is_some_and(|address| find(trusted, address).is_none()) {
            break;
        }
    }
    last
}

/// An address, perhaps with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.split(']').next());
    let found = text.parse().ok().or_else(|| bare?.parse().ok());
    found
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|both| both.ip()))
        .map(|ip: IpAddr| ip.to_canonical())
}

/// The client of an element of `Forwarded` (RFC 7239): `for="[2001:db8::1]:4711";proto=https`.
fn of_forwarded(element: &str) -> Option<IpAddr> {
    address(pair(element, "for")?.trim().trim_matches('"'))
}

fn pair<'a>(element: &'a str, wanted: &str) -> Option<&'a str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(trusted: &str, peer: &str, headers: &[(&'static str, &str)]) -> String {
        let trusted: Vec<Proxy> = trusted.split_whitespace().map(|text| text.parse().unwrap()).collect();
        let pairs = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let mut all = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            all.append(name, value);
        });
        client(&trusted, peer.parse().unwrap(), &all).to_string()
    }

    const PLAIN: &str = "x-forwarded-for";

    #[test]
    fn nobody_but_a_trusted_proxy_is_believed() {
        assert_eq!(ask("", "192.0.2.9", &[(PLAIN, "198.51.100.1")]), "192.0.2.9");
        assert_eq!(ask("10.0.0.0/8", "192.0.2.9", &[(PLAIN, "198.51.100.1")]), "192.0.2.9");
        assert_eq!(ask("10.0.0.0/8", "10.1.2.3", &[(PLAIN, "198.51.100.1")]), "198.51.100.1");
        assert_eq!(ask("10.0.0.0/8", "::ffff:10.1.2.3", &[(PLAIN, "198.51.100.1")]), "198.51.100.1");
        assert_eq!(ask("10.0.0.0/8", "10.1.2.3", &[]), "10.1.2.3");
    }

    #[test]
    fn what_the_client_wrote_itself_is_left_of_it() {
        let forged = "203.0.113.7, 198.51.100.1, 10.0.0.2";
        assert_eq!(ask("10.0.0.0/8", "10.0.0.1", &[(PLAIN, forged)]), "198.51.100.1");
        let lines = [(PLAIN, "203.0.113.7"), (PLAIN, "198.51.100.1"), (PLAIN, "10.0.0.2")];
        assert_eq!(ask("10.0.0.0/8", "10.0.0.1", &lines), "198.51.100.1");
        assert_eq!(ask("10.0.0.0/8", "10.0.0.1", &[(PLAIN, "203.0.113.7, unknown")]), "10.0.0.1");
        assert_eq!(ask("10.0.0.0/8", "10.0.0.1", &[(PLAIN, "10.0.0.3, 10.0.0.2")]), "10.0.0.3");
    }

    #[test]
    fn of_two_headers_the_one_that_the_proxy_writes_is_read() {
        let both = [(PLAIN, "198.51.100.1"), ("forwarded", "for=203.0.113.7")];
        assert_eq!(ask("10.0.0.0/8", "10.0.0.1", &both), "198.51.100.1");
        assert_eq!(ask("10.0.0.0/8=forwarded", "10.0.0.1", &both), "203.0.113.7");
        let unread = [(PLAIN, "unknown"), ("forwarded", "for=203.0.113.7")];
        assert_eq!(ask("10.0.0.0/8", "10.0.0.1", &unread), "10.0.0.1");
        assert_eq!(ask("10.0.0.0/8", "10.0.0.1", &both[1..]), "10.0.0.1");
        assert_eq!(ask("10.0.0.0/8=forwarded", "10.0.0.1", &both[..1]), "10.0.0.1");
        for bad in ["10.0.0.0/8=", "10.0.0.0/8=x-forwarded-for", "10.0.0.0/33", "=forwarded", "x"] {
            assert!(bad.parse::<Proxy>().is_err(), "{bad}");
        }
        for good in ["10.0.0.0/8", "fd00::1/128=forwarded"] {
            assert_eq!(good.parse::<Proxy>().unwrap().to_string(), good);
        }
    }

    #[test]
    fn both_headers_are_read_with_ports_and_brackets() {
        let forwarded = "for=203.0.113.7, For=\"[2001:db8::17]:4711\";proto=https;by=10.0.0.1";
        assert_eq!(ask("10.0.0.1=forwarded", "10.0.0.1", &[("forwarded", forwarded)]), "2001:db8::17");
        assert_eq!(ask("10.0.0.1", "10.0.0.1", &[(PLAIN, "198.51.100.1:4711")]), "198.51.100.1");
        assert_eq!(ask("fd00::/8", "fd00::1", &[(PLAIN, "[2001:db8::1]:80")]), "2001:db8::1");
        assert_eq!(ask("::/0 0.0.0.0/0", "fd00::1", &[(PLAIN, "192.0.2.1")]), "192.0.2.1");
    }

    #[test]
    fn https_is_what_the_nearest_proxy_says_and_nobody_else() {
        let ask = |peer: &str, name: &'static str, value: &str| {
            let headers = HeaderMap::from_iter([(HeaderName::from_static(name), value.parse().unwrap())]);
            let trusted = ["10.0.0.1", "10.0.0.2=forwarded"].map(|text| text.parse().unwrap());
            is_https(&trusted, peer.parse().unwrap(), &headers)
        };
        assert!(ask("10.0.0.1", "x-forwarded-proto", "HTTPS") && ask("10.0.0.1", "x-forwarded-proto", "http, https"));
        assert!(ask("10.0.0.2", "forwarded", "for=1.2.3.4;proto=http, for=10.0.0.3; proto=\"https\""));
        assert!(!ask("10.0.0.1", "forwarded", "proto=https") && !ask("10.0.0.2", "x-forwarded-proto", "https"));
        assert!(!ask("10.0.0.1", "x-forwarded-proto", "https, http") && !ask("10.0.0.1", "x-forwarded-proto", ""));
        assert!(!ask("192.0.2.1", "x-forwarded-proto", "https") && !ask("192.0.2.1", "forwarded", "proto=https"));
    }
}
