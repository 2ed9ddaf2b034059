//! Counts wrong passwords by account and by address: unlike a token a password can be guessed, so that whoever has tried
//! too often waits, also with the right one. And letters that anybody may have sent, so that nobody floods a mailbox.

use std::net::IpAddr;

use domain::{Key, PersonId, Slug};
use nimbus_api::Millis;

use crate::access::Reach;
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

/// Whose invitations are counted together: a publisher's own people's, or those of all its customers'.
type Inviters = (Option<Slug>, bool);

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
    moves: Tries<PersonId>,
    moved_to: Tries<Account>,
    invitations: Tries<Inviters>,
    invitations_of_day: Tries<Inviters>,
    invitations_of_customer: Tries<Key>,
    invited: Tries<(Inviters, String)>,
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
            moves: Tries::new(5, HOUR),
            moved_to: Tries::new(5, HOUR),
            invitations: Tries::new(100, HOUR),
            invitations_of_day: Tries::new(500, 24 * HOUR),
            invitations_of_customer: Tries::new(20, HOUR),
            invited: Tries::new(5, HOUR),
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

    /// Counts a letter to an address that somebody wants to have; seconds to wait when there were too many, which then
    /// is not counted.
    pub fn move_to(&self, person: PersonId, to: Account, now: Millis) -> Option<u64> {
        let wait = self.moves.full(&person, now).max(self.moved_to.full(&to, now));
        if wait.is_none() {
            self.moves.count(person, now);
            self.moved_to.count(to, now);
        }
        wait
    }

    /// Counts an invitation, which is a letter, of somebody with that reach; seconds to wait when there were too many,
    /// which then is not counted. Customers' people, of whom anybody may be one, use up nothing of their publisher's.
    pub fn invitation(&self, from: &Reach, to: &str, now: Millis) -> Option<u64> {
        let customer = if let Reach::Customer(customer) = from { Some(customer) } else { None };
        let inviters = (from.publisher().cloned(), customer.is_some());
        let to = (inviters.clone(), to.to_owned());
        let mut wait = self.invited.full(&to, now).max(self.invitations.full(&inviters, now));
        wait = wait.max(self.invitations_of_day.full(&inviters, now));
        wait = wait.max(customer.and_then(|customer| self.invitations_of_customer.full(customer, now)));
        if wait.is_none() {
            self.invited.count(to, now);
            self.invitations.count(inviters.clone(), now);
            self.invitations_of_day.count(inviters, now);
            if let Some(customer) = customer {
                self.invitations_of_customer.count(customer.clone(), now);
            }
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
