//! Which site a host name is: the console, a publisher's portal, or none; and from whom a request comes when it is the
//! edge that brings it.

use std::net::IpAddr;

use domain::Slug;
use http::{HeaderMap, Request, header};
use nimbus_api::edge::EDGE;

use crate::Plane;
use crate::access::Reach;
use crate::secret::sha256;
use crate::store::{Result, brands, publishers};
use crate::strangers::Peer;

/// A site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// Of publishers and operators.
    Console,
    /// Of a publisher's customers; whether there is such a publisher is not said.
    Portal {
        /// The publisher.
        publisher: Slug,
        /// The host name of the portal's own that was asked for; absent at the one that the platform gives.
        host: Option<String>,
    },
    /// None. Only the edge asks for what is none of ours; directly every other name is the console's.
    Nobody,
}

/// Takes the edge's word from a request: whether it is there, and if so from whom the request comes. Nobody else is
/// believed.
pub fn by_edge<B>(plane: &Plane, request: &mut Request<B>) -> bool {
    let word = request.headers_mut().remove(EDGE);
    // Hashes: the time it takes to compare them says nothing.
    let said = word.as_ref().and_then(|word| word.to_str().ok()).map(sha256);
    if said.is_none() || said != plane.edge_secret {
        return false;
    }
    let from = request.headers().get("x-forwarded-for").and_then(|value| value.to_str().ok()?.parse::<IpAddr>().ok());
    if let Some(from) = from {
        request.extensions_mut().insert(Peer(from));
    }
    true
}

/// The host name of an address such as `https://{publisher}.example.com:8443/`.
pub fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    without_port(rest.split('/').next().unwrap_or(""))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// The host name of a request, in lower case and without a port.
fn host(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or("");
    without_port(host).trim_end_matches('.').to_ascii_lowercase()
}

impl Plane {
    /// The site that a request asks for.
    pub(crate) async fn door(&self, headers: &HeaderMap, by_edge: bool) -> Result<Door> {
        let host = host(headers);
        if host == host_of(&self.console_url) {
            return Ok(Door::Console);
        }
        let portal = host_of(&self.portal_url).split_once("{publisher}");
        let slug = portal.and_then(|(before, after)| host.strip_prefix(before)?.strip_suffix(after)?.parse().ok());
        if slug.is_none()
            && host.contains('.')
            && let Some(publisher) = brands::with_host(self.store.read(), &host).await?
        {
            return Ok(Door::Portal { publisher, host: Some(host) });
        }
        Ok(match slug {
            Some(slug) if by_edge && publishers::name(self.store.read(), &Reach::All, &slug).await?.is_none() => {
                Door::Nobody
            }
            Some(publisher) => Door::Portal { publisher, host: None },
            None if by_edge => Door::Nobody,
            None => Door::Console,
        })
    }

    /// Whether `label` in the place of a publisher's or an installation's name would be the console's host name.
    pub(crate) fn names_console(&self, label: &str) -> bool {
        let own = |url: &str, part: &str| host_of(url).replace(part, label) == host_of(&self.console_url);
        own(&self.portal_url, "{publisher}") || own(&self.edge_url, "{name}")
    }

    /// Whether a host name is one that the platform gives, or below one: nobody may have it for a portal of their own.
    pub(crate) fn is_ours(&self, host: &str) -> bool {
        let below = |base: &str| host == base || host.strip_suffix(base).is_some_and(|rest| rest.ends_with('.'));
        let named = [(&self.portal_url, "{publisher}."), (&self.edge_url, "{name}.")];
        let bases = named.into_iter().map(|(url, part)| host_of(url).replace(part, ""));
        bases.chain([host_of(&self.console_url).to_owned()]).any(|base| below(&base))
    }

    /// Whether people come to that site by HTTPS.
    pub(crate) fn is_https(&self, portal: bool) -> bool {
        let url = if portal { &self.portal_url } else { &self.console_url };
        url.starts_with("https:")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_compared_without_ports() {
        assert_eq!(host_of("https://{publisher}.example.com:8443/x"), "{publisher}.example.com");
        assert_eq!(host_of("http://localhost:7878"), "localhost");
        let headers = |host: &str| HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
        assert_eq!(host(&headers("Acme.LOCALHOST:80")), "acme.localhost");
        assert_eq!(host(&headers("acme.localhost.")), "acme.localhost");
        assert_eq!(host(&headers("[::1]:80")), "[::1]");
        assert_eq!(host(&headers("[::1]")), "[::1]");
    }
}
