//! The packet filter's rules, as scripts for nft(8).
//!
//! All of them are in one table. What holds for every sandbox is written anew at each start; the chains of single
//! slots (`net_N` to other machines, `host_N` to this one) and the maps that lead to them are left alone by that.

use std::fmt::Write;
use std::net::Ipv4Addr;

use super::addresses::ALL;

/// The table.
pub(super) const TABLE: &str = "inet vclouden";
/// Interfaces by what their sandboxes may reach: public addresses, nothing, named networks.
const KINDS: [char; 3] = ['i', 'n', 'o'];

/// What no sandbox reaches unless its manifest names it: networks without a public owner, which is where other
/// machines of the same company and the metadata services of clouds are (RFC 6890), and Azure's, which is public.
const CLOSED: [&str; 12] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    ALL,
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// An IPv4 network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    first: Ipv4Addr,
    bits: u32,
}

impl Network {
    /// Reads CIDR notation; a mere address is a network of one.
    pub fn parse(text: &str) -> Option<Network> {
        let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
        let (address, bits): (Ipv4Addr, u32) = (address.parse().ok()?, bits.parse().ok()?);
        (bits <= 32).then(|| Network { first: Ipv4Addr::from_bits(address.to_bits() & mask(bits)), bits })
    }

    fn within(self, other: Network) -> bool {
        self.bits >= other.bits && self.first.to_bits() & mask(other.bits) == other.first.to_bits()
    }

    /// Whether it lies in what is closed, so that naming it is meant to open it. A wide network such as 0.0.0.0/0 that
    /// merely contains such parts leaves them closed.
    fn names_closed(self) -> bool {
        CLOSED.iter().filter_map(|text| Network::parse(text)).any(|closed| self.within(closed))
    }
}

fn mask(bits: u32) -> u32 {
    u32::MAX.checked_shl(32 - bits).unwrap_or(0)
}

/// Rules for every sandbox there is or will be.
pub(super) fn all(resolvers: &[Ipv4Addr]) -> String {
    let mut script = format!("add table {TABLE}\n");
    let mut line = |text: String| writeln!(script, "{text}").expect("writing to a text does not fail");
    let chains =
        ["spoofed", "to_host", "through", "outward", "dns", "back", "refuse", "inward", "host_i", "host_n", "host_o"];
    let hooked = |chain| match chain {
        "spoofed" => "{ type filter hook prerouting priority raw; policy accept; }",
        "to_host" => "{ type filter hook input priority filter; policy accept; }",
        "through" => "{ type filter hook forward priority filter; policy accept; }",
        "outward" => "{ type nat hook postrouting priority srcnat; policy accept; }",
        _ => "",
    };
    line(format!("add set {TABLE} closed {{ type ipv4_addr; flags interval; }}"));
    line(format!("add set {TABLE} resolvers {{ type ipv4_addr; }}"));
    line(format!("add map {TABLE} only_net {{ type ifname : verdict; }}"));
    line(format!("add map {TABLE} only_host {{ type ifname : verdict; }}"));
    line(format!("flush set {TABLE} closed"));
    line(format!("flush set {TABLE} resolvers"));
    line(format!("add element {TABLE} closed {{ {} }}", CLOSED.join(", ")));
    if !resolvers.is_empty() {
        let listed: Vec<String> = resolvers.iter().map(ToString::to_string).collect();
        line(format!("add element {TABLE} resolvers {{ {} }}", listed.join(", ")));
    }
    for chain in chains.into_iter().chain(["net_i", "net_n", "net_o"]) {
        line(format!("add chain {TABLE} {chain} {}", hooked(chain)));
        line(format!("flush chain {TABLE} {chain}"));
    }
    let mut rule = |chain: &str, text: &str| line(format!("add rule {TABLE} {chain} {text}"));
    rule("dns", "ip daddr @resolvers meta l4proto { tcp, udp } th dport 53 accept");
    rule("back", "ct state established,related accept");
    rule("inward", "jump back");
    // At once, so that an application that tries in vain goes on at once, instead of waiting for an answer.
    rule("refuse", "meta l4proto tcp reject with tcp reset");
    rule("refuse", "reject with icmpx type admin-prohibited");
    for kind in KINDS {
        let (from, to) = (format!("iifname \"v{kind}-*\""), format!("oifname \"v{kind}-*\""));
        // IPv6 is not given to sandboxes; a sender's address must be the one that is routed to its interface.
        rule("spoofed", &format!("{from} meta nfproto ipv6 drop"));
        rule("spoofed", &format!("{from} fib saddr . iif oif missing drop"));
        rule("to_host", &format!("{from} goto host_{kind}"));
        // Into a sandbox only answers pass: neither another sandbox nor another machine may begin. This server may.
        rule("through", &format!("{to} goto inward"));
        rule("inward", &format!("{from} goto refuse"));
        rule("outward", &format!("{to} return"));
        rule(&format!("host_{kind}"), "jump back");
        rule(&format!("net_{kind}"), "jump back");
    }
    // A stranger learns nothing.
    rule("inward", "drop");
    for kind in KINDS {
        rule("through", &format!("iifname \"v{kind}-*\" goto net_{kind}"));
    }
    rule("outward", &format!("ip saddr {ALL} masquerade"));
    for chain in ["host_i", "host_o", "net_i", "net_o"] {
        rule(chain, "jump dns");
    }
    rule("net_i", "ip daddr @closed goto refuse");
    rule("net_i", "accept");
    rule("net_o", "iifname vmap @only_net");
    rule("host_o", "iifname vmap @only_host");
    for chain in ["host_i", "host_n", "host_o", "net_n", "net_o"] {
        rule(chain, "goto refuse");
    }
    script
}

/// Rules for one slot whose manifest names its destinations.
pub(super) fn only(slot: u32, destinations: &[(Network, Option<u16>)]) -> String {
    let mut script = String::new();
    for (chain, map) in [("net", "only_net"), ("host", "only_host")] {
        script += &format!(
            "add chain {TABLE} {chain}_{slot}\nflush chain {TABLE} {chain}_{slot}\n\
             add element {TABLE} {map} {{ \"vo-{slot}\" : jump {chain}_{slot} }}\n"
        );
    }
    for (network, port) in destinations {
        let named = if network.names_closed() { "" } else { " ip daddr != @closed" };
        let port = port.map(|port| format!(" tcp dport {port}")).unwrap_or_default();
        let to = format!("ip daddr {}/{}{named}{port} accept", network.first, network.bits);
        script += &format!("add rule {TABLE} net_{slot} {to}\n");
        // This server is reached only when its very address is named: it may have addresses in any network.
        if network.bits == 32 {
            script += &format!("add rule {TABLE} host_{slot} {to}\n");
        }
    }
    script
}

/// Takes the rules of one slot away. They are added first so that removing them does not fail when there are none.
pub(super) fn forget(slot: u32) -> String {
    let mut script = String::new();
    for (chain, map) in [("net", "only_net"), ("host", "only_host")] {
        let entry = format!("element {TABLE} {map} {{ \"vo-{slot}\" : jump {chain}_{slot} }}");
        script += &format!("add chain {TABLE} {chain}_{slot}\nadd {entry}\ndelete {entry}\n");
        script += &format!("flush chain {TABLE} {chain}_{slot}\ndelete chain {TABLE} {chain}_{slot}\n");
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_network_does_not_name_what_is_closed() {
        let names = |text| Network::parse(text).unwrap().names_closed();
        for (text, closed) in [("0.0.0.0/0", false), ("10.1.0.0/16", true), ("10.0.0.0/7", false), ("8.8.8.8", false)] {
            assert_eq!(names(text), closed, "{text}");
        }
        assert_eq!(Network::parse("203.0.113.7/24"), Network::parse("203.0.113.0/24"));
        for bad in ["", "1.2.3.4/33", "1.2.3/8", "::/0", "1.2.3.4/-1", "1.2.3.4/"] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }
}
