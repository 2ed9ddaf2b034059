//! Counts wrong passwords by account and by address: unlike a token a password can be guessed, so that whoever has tried
//! too often waits, also with the right one. And letters that anybody may have sent, so that nobody floods a mailbox.

use std::net::IpAddr;

use domain::{PersonId, Slug};
use nimbus_api::Millis;

use crate::strangers::group;
use crate::tries::Tries;

/// Milliseconds in which they are counted.
const WINDOW: Millis = 15 * 60_000;

/// Milliseconds in which letters are counted.
const HOUR: Millis = 3_600_000;

/// An account that somebody tries to get into: realm and address.
type Account = (Option<Slug>, String);

/// The address by which one visitor is told from another. On this very machine there may be a proxy, behind which there
/// is everybody.
fn told_apart(address: IpAddr) -> Option<IpAddr> {
    Some(group(address)).filter(|address| !address.is_loopback())
}

/// Everybody who showed a wrong password lately, and what they tried to get into.
pub struct Guesses {
    accounts: Tries<Account>,
    // Behind one address there may be an office.
    addresses: Tries<IpAddr>,
    // Who guesses those has the password already: there is no second one to begin anew with.
    codes: Tries<PersonId>,
    device_codes: Tries<PersonId>,
    devices: Tries<IpAddr>,
    letters: Tries<Account>,
    senders: Tries<IpAddr>,
}

impl Default for Guesses {
    fn default() -> Self {
        Self {
            accounts: Tries::new(10, WINDOW),
            addresses: Tries::new(50, WINDOW),
            codes: Tries::new(10, HOUR),
            device_codes: Tries::new(10, HOUR),
            devices: Tries::new(30, HOUR),
            letters: Tries::new(5, HOUR),
            senders: Tries::new(30, HOUR),
        }
    }
}

impl Guesses {
    /// Counts a try before it is looked at, so that many at the same moment are counted too; seconds to wait when there
    /// were too many.
    pub fn begin(&self, account: &Account, address: IpAddr, now: Millis) -> Option<u64> {
        self.accounts.count(account.clone(), now);
        let mut wait = self.accounts.over(account, now);
        if let Some(address) = told_apart(address) {
            self.addresses.count(address, now);
            wait = wait.max(self.addresses.over(&address, now));
        }
        wait
    }

    /// Counts a try at a second factor before it is looked at; seconds to wait when there were too many.
    pub fn code(&self, person: PersonId, now: Millis) -> Option<u64> {
        self.codes.count(person, now);
        self.codes.over(&person, now)
    }

    /// Forgets those of somebody who showed a right one.
    pub fn right_code(&self, person: PersonId) {
        self.codes.forget(&person);
    }

    /// Counts a command line that wants to log in; seconds to wait when there were too many.
    pub fn device(&self, address: IpAddr, now: Millis) -> Option<u64> {
        let address = told_apart(address)?;
        self.devices.count(address, now);
        self.devices.over(&address, now)
    }

    /// Counts a try at the code of a command line; seconds to wait when there were too many.
    pub fn device_code(&self, person: PersonId, now: Millis) -> Option<u64> {
        self.device_codes.count(person, now);
        self.device_codes.over(&person, now)
    }

    /// Forgets those of somebody who typed a right one.
    pub fn right_device_code(&self, person: PersonId) {
        self.device_codes.forget(&person);
    }

    /// Counts a letter that somebody wants sent; seconds to wait when there were too many.
    pub fn letter(&self, account: Account, address: IpAddr, now: Millis) -> Option<u64> {
        self.letters.count(account.clone(), now);
        let mut wait = self.letters.over(&account, now);
        if let Some(address) = told_apart(address) {
            self.senders.count(address, now);
            wait = wait.max(self.senders.over(&address, now));
        }
        wait
    }

    /// Forgets those of an account that somebody got into.
    pub fn right(&self, account: &Account, address: IpAddr) {
        self.accounts.forget(account);
        if let Some(address) = told_apart(address) {
            self.addresses.refund(&address);
        }
    }
}
