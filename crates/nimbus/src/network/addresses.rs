//! What each slot number means: an address, a range of user ids, the name of an interface.
//!
//! Slots are numbers of one server only. 198.18.0.0/15 is set aside by RFC 2544 for tests of network devices, so no
//! provider's network and no company's uses it.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use domain::manifest::Egress;

/// Every address that a sandbox or a server's end can have.
pub(super) const ALL: &str = "198.18.0.0/15";
/// The server's address on every link: the sandboxes' gateway.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// The slots there are. The first addresses are kept for the server.
pub const SLOTS: RangeInclusive<u32> = 16..=30_000;

/// The address of a slot's sandbox.
pub fn address(slot: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 0).to_bits() + slot)
}

/// The first of the 65,536 user ids of the server that are ids 0 to 65,535 in the slot's sandbox.
pub fn first_id(slot: u32) -> u32 {
    1_900_000_000 + slot * 65_536
}

/// The name of the server's end of a sandbox's link: it says what the sandbox may reach.
pub fn interface(slot: u32, egress: &Egress) -> String {
    let kind = match egress {
        Egress::Internet => 'i',
        Egress::None => 'n',
        Egress::Only(_) => 'o',
    };
    format!("v{kind}-{slot}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_slot_fits_everywhere() {
        let last = *SLOTS.end();
        assert_eq!(address(last), Ipv4Addr::new(198, 18, 117, 48));
        assert!(first_id(last).checked_add(65_535).is_some());
        assert!(interface(last, &Egress::None).len() <= 15);
    }
}
