//! Destinations that a sandbox may connect to: IPv4 networks in CIDR notation.

use std::net::Ipv4Addr;

use super::Destination;

/// Networks that no manifest opens: the sandbox itself, the cloud's metadata address, the other sandboxes, and what is
/// no destination at all.
const CLOSED: [(Ipv4Addr, u8, &str); 5] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, "no destination"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "the sandbox itself, which needs no permission"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "the cloud's metadata address"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "other sandboxes"),
    (Ipv4Addr::new(224, 0, 0, 0), 3, "multicast and reserved addresses"),
];

/// Reads `203.0.113.0/24:443`, `10.0.0.5:5432` or `198.51.100.0/24`.
pub(super) fn parse(text: &str) -> Result<Destination, String> {
    let (network, port) = match text.split_once(':') {
        Some((network, port)) => (network, Some(port)),
        None => (text, None),
    };
    if port.is_some_and(|port| port.contains(':')) {
        return Err(format!("{text:?} is not an IPv4 network; only IPv4 is reached from a sandbox"));
    }
    let port = port.map(|port| match port.parse::<u16>() {
        Ok(0) | Err(_) => Err(format!("{port:?} is not a port; write 1 to 65535")),
        Ok(port) => Ok(port),
    });
    let network = if network.contains('/') { network.to_owned() } else { format!("{network}/32") };
    cidr(&network).ok_or_else(|| {
        format!(
            "{text:?} is not a network; write an IPv4 address or network with or without a port, \
             such as \"203.0.113.0/24:443\""
        )
    })?;
    Ok(Destination { network, port: port.transpose()? })
}

/// What is wrong with a destination, if anything is.
pub(super) fn check(destination: &Destination) -> Result<(), String> {
    let network = &destination.network;
    let Some((address, length)) = cidr(network) else {
        return Err(format!("{network:?} is not a network in CIDR notation; write one such as \"203.0.113.0/24\""));
    };
    if destination.port == Some(0) {
        return Err("0 is not a port; write 1 to 65535".into());
    }
    let plain = Ipv4Addr::from(u32::from(address) & mask(length));
    if plain != address {
        return Err(format!("{network} is an address inside a network; write {plain}/{length} or {address}/32"));
    }
    let overlaps = |(closed, other, _): &&(Ipv4Addr, u8, &str)| {
        let shorter = mask(length.min(*other));
        u32::from(*closed) & shorter == u32::from(address) & shorter
    };
    match CLOSED.iter().find(overlaps) {
        None => Ok(()),
        Some((closed, other, why)) => {
            Err(format!("{network} includes {closed}/{other} ({why}); name only networks outside of it"))
        }
    }
}

/// Address and length of a network in CIDR notation.
fn cidr(text: &str) -> Option<(Ipv4Addr, u8)> {
    let (address, length) = text.split_once('/')?;
    let length = length.parse::<u8>().ok().filter(|number| *number <= 32 && number.to_string() == length)?;
    Some((address.parse().ok()?, length))
}

fn mask(length: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)
}
