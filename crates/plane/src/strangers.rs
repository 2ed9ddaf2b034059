//! Counts wrong tokens by the address they come from, so that whoever tries many is told to wait.
//!
//! A right token is let in all the same: with 256 random bits it cannot be guessed, and whoever shares the operator's
//! address, on one machine every local user, must not be able to lock the operator out.

use std::net::{IpAddr, Ipv6Addr};

use nimbus_api::Millis;

use crate::tries::Tries;

/// Wrong tokens from one address in one [`WINDOW`] before it is told to wait.
const TRIES: u32 = 20;

/// Milliseconds in which they are counted.
const WINDOW: Millis = 60_000;

/// Who a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer(pub IpAddr);

/// Everybody who showed a wrong token lately.
#[derive(Debug)]
pub struct Strangers(Tries<IpAddr>);

impl Default for Strangers {
    fn default() -> Self {
        Self(Tries::new(TRIES, WINDOW))
    }
}

impl Strangers {
    /// Counts a wrong token; seconds to wait when there were too many.
    pub fn wrong(&self, Peer(address): Peer, now: Millis) -> Option<u64> {
        let address = group(address);
        if self.0.count(address, now) == self.0.limit() + 1 {
            tracing::warn!(%address, "more than {TRIES} wrong tokens in a minute");
        }
        self.0.wait(&address, now, self.0.limit())
    }
}

/// One customer of a provider usually has a whole /64 of IPv6.
pub fn group(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Peer {
        Peer(text.parse().unwrap())
    }

    #[test]
    fn too_many_in_a_minute_are_told_how_long_to_wait() {
        let strangers = Strangers::default();
        for n in 0..20 {
            assert_eq!(strangers.wrong(peer("192.0.2.1"), 1000 + n), None);
        }
        assert_eq!(strangers.wrong(peer("192.0.2.1"), 1020), Some(60));
        assert_eq!(strangers.wrong(peer("::ffff:192.0.2.1"), 60_999), Some(1));
        assert_eq!(strangers.wrong(peer("192.0.2.2"), 1020), None);
        assert_eq!(strangers.wrong(peer("192.0.2.1"), 61_000), None);
    }

    #[test]
    fn an_ipv6_network_counts_as_one_and_memory_is_limited() {
        let strangers = Strangers::default();
        for n in 0..20 {
            assert_eq!(strangers.wrong(peer(&format!("2001:db8::{n:x}")), 1), None);
        }
        assert!(strangers.wrong(peer("2001:db8::ffff"), 1).is_some());
        assert_eq!(strangers.wrong(peer("2001:db8:0:1::1"), 1), None);
        for n in 0..30_000_u32 {
            strangers.wrong(Peer(IpAddr::V4(n.into())), 1);
        }
        assert!(strangers.0.remembered() <= 10_000);
    }
}
