//! Which resolvers sandboxes ask: those of the server, as far as a sandbox can reach them.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};

/// What resolv.conf(5) takes into account.
const MOST: usize = 3;

/// The resolvers for sandboxes, at most three. Empty when the server only has a resolver of its own on loopback and
/// does not tell whom that one asks.
pub fn resolvers() -> Vec<Ipv4Addr> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    // systemd-resolved and NetworkManager's dnsmasq listen on loopback and write down here whom they ask.
    let files = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf", "/run/NetworkManager/no-stub-resolv.conf"];
    files.into_iter().map(|file| reachable(&read(file))).find(|found| !found.is_empty()).unwrap_or_default()
}

/// The resolvers in a resolv.conf that packets from a sandbox can get to.
fn reachable(text: &str) -> Vec<Ipv4Addr> {
    let named = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()).flatten()
    });
    let usable = named.filter_map(|word| match word.parse() {
        Ok(IpAddr::V4(address)) if !address.is_loopback() && !address.is_unspecified() => Some(address),
        _ => None,
    });
    usable.take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_ipv6_resolvers_are_out_of_reach() {
        let text = "# nameserver 1.2.3.4\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 10.0.0.2\nsearch x\n";
        assert_eq!(reachable(text), [Ipv4Addr::new(10, 0, 0, 2)]);
        assert!(reachable("nameserver\n").is_empty());
    }
}
