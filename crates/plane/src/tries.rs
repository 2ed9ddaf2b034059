//! Counts what went wrong by whom, so that whoever goes on is told to wait.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nimbus_api::Millis;

/// Most keys that are remembered.
const KEYS: usize = 10_000;

/// What is remembered of one key.
#[derive(Clone, Copy, Debug)]
struct Count {
    since: Millis,
    count: u32,
}

/// Counts by key, each in a window that begins with its first.
#[derive(Debug)]
pub struct Tries<K> {
    limit: u32,
    window: Millis,
    all: Mutex<HashMap<K, Count>>,
}

impl<K: Clone + Eq + Hash> Tries<K> {
    /// At most `limit` in `window` milliseconds.
    pub fn new(limit: u32, window: Millis) -> Self {
        Self { limit, window, all: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Count>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more; how many there are in this window.
    pub fn count(&self, key: K, now: Millis) -> u32 {
        let mut all = self.lock();
        let is_over = |count: &Count| now.saturating_sub(count.since) >= self.window;
        if all.len() >= KEYS && !all.contains_key(&key) {
            all.retain(|_, count| !is_over(count));
            // So many at once are one attacker with many names: the oldest goes, so that nobody can make all be forgotten.
            let oldest = all.iter().min_by_key(|(_, count)| count.since).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest.filter(|_| all.len() >= KEYS) {
                all.remove(&oldest);
            }
        }
        let entry = all.entry(key).or_insert(Count { since: now, count: 0 });
        if is_over(entry) {
            *entry = Count { since: now, count: 0 };
        }
        entry.count = entry.count.saturating_add(1);
        entry.count
    }

    /// Seconds to wait when there were too many.
    pub fn wait(&self, key: &K, now: Millis, allowed: u32) -> Option<u64> {
        let all = self.lock();
        let count = all.get(key)?;
        let left = (count.since + self.window).saturating_sub(now);
        (count.count > allowed && left > 0).then(|| left.div_ceil(1000).max(1))
    }

    /// Seconds to wait when there were more than there may be.
    pub fn over(&self, key: &K, now: Millis) -> Option<u64> {
        self.wait(key, now, self.limit)
    }

    /// Seconds to wait when there may be no more.
    pub fn full(&self, key: &K, now: Millis) -> Option<u64> {
        self.wait(key, now, self.limit.saturating_sub(1))
    }

    /// Takes one back.
    pub fn refund(&self, key: &K) {
        if let Some(count) = self.lock().get_mut(key) {
            count.count = count.count.saturating_sub(1);
        }
    }

    /// Forgets what was counted.
    pub fn forget(&self, key: &K) {
        self.lock().remove(key);
    }

    /// The limit.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    #[cfg(test)]
    pub fn remembered(&self) -> usize {
        self.lock().len()
    }
}
