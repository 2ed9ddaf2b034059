//! Counts wrong passwords by account and by address: unlike a token a password can be guessed, so that whoever has tried
//! too often waits, also with the right one. And letters that anybody may have sent, so that nobody floods a mailbox.

use std::net::IpAddr;

use domain::{PersonId, Slug};
use nimbus_api::Millis;

use crate::strangers::group;
use crate::tries::Tries;

/// Milliseconds in which they are counted.
const WINDOW: Millis = 15 * 60_000;

/// Wrong codes of which somebody is told: they themselves mistype one or two.
const TOLD_AT: u32 = 5;

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
    // Whoever is guessed at hears of it once in that time.
    told: Tries<PersonId>,
    device_codes: Tries<PersonId>,
    devices: Tries<IpAddr>,
    letters: Tries<Account>,
    invitations: Tries<Option<Slug>>,
    invitations_of_day: Tries<Option<Slug>>,
    senders: Tries<IpAddr>,
}

impl Default for Guesses {
    fn default() -> Self {
        Self {
            accounts: Tries::new(10, WINDOW),
            addresses: Tries::new(50, WINDOW),
            codes: Tries::new(10, HOUR),
            told: Tries::new(1, HOUR),
            device_codes: Tries::new(10, HOUR),
            devices: Tries::new(30, HOUR),
            letters: Tries::new(5, HOUR),
            invitations: Tries::new(100, HOUR),
            invitations_of_day: Tries::new(500, 24 * HOUR),
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

    /// Whether somebody is to be told now that their codes are guessed.
    pub fn tell_of_codes(&self, person: PersonId, now: Millis) -> bool {
        self.codes.wait(&person, now, TOLD_AT - 1).is_some() && self.told.count(person, now) == 1
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

    /// Counts a letter that somebody who is known wants sent to an address; seconds to wait when there were too many.
    pub fn letter_of(&self, person: PersonId, to: Account, now: Millis) -> Option<u64> {
        let own = (None, person.to_string());
        for account in [&to, &own] {
            self.letters.count(account.clone(), now);
        }
        self.letters.over(&to, now).max(self.letters.over(&own, now))
    }

    /// Counts an invitation of a publisher, which is a letter; seconds to wait when there were too many.
    pub fn invitation(&self, publisher: Option<&Slug>, to: &str, now: Millis) -> Option<u64> {
        let (whose, to) = (publisher.cloned(), (publisher.cloned(), to.to_owned()));
        self.letters.count(to.clone(), now);
        let mut wait = self.letters.over(&to, now);
        for tries in [&self.invitations, &self.invitations_of_day] {
            tries.count(whose.clone(), now);
            wait = wait.max(tries.over(&whose, now));
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
