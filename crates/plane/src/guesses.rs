//! Counts wrong passwords by account and by address: unlike a token a password can be guessed, so that whoever has tried
//! too often waits, also with the right one.

use std::net::IpAddr;

use domain::Slug;
use nimbus_api::Millis;

use crate::strangers::group;
use crate::tries::Tries;

/// Milliseconds in which they are counted.
const WINDOW: Millis = 15 * 60_000;

/// An account that somebody tries to get into: realm and address.
type Account = (Option<Slug>, String);

/// Everybody who showed a wrong password lately, and what they tried to get into.
pub struct Guesses {
    accounts: Tries<Account>,
    // Behind one address there may be an office.
    addresses: Tries<IpAddr>,
}

impl Default for Guesses {
    fn default() -> Self {
        Self { accounts: Tries::new(10, WINDOW), addresses: Tries::new(50, WINDOW) }
    }
}

impl Guesses {
    /// Seconds to wait before another try.
    pub fn wait(&self, account: &Account, address: IpAddr, now: Millis) -> Option<u64> {
        self.accounts.spent(account, now).max(self.addresses.spent(&group(address), now))
    }

    /// Counts a wrong one.
    pub fn wrong(&self, account: Account, address: IpAddr, now: Millis) {
        self.accounts.count(account, now);
        self.addresses.count(group(address), now);
    }

    /// Forgets those of an account that somebody got into.
    pub fn right(&self, account: &Account) {
        self.accounts.forget(account);
    }
}
