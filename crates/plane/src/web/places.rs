//! Things that stay open, such as terminals and streams: so many of one person or token, so many of all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The places that there are.
pub struct Places {
    of_one: u32,
    of_all: u32,
    taken: Mutex<HashMap<String, u32>>,
}

/// One of them, until it is dropped.
pub struct Place(Arc<Places>, String);

impl Places {
    /// All of them free.
    pub fn new(of_one: u32, of_all: u32) -> Arc<Self> {
        Arc::new(Self { of_one, of_all, taken: Mutex::default() })
    }

    /// One for them; nothing when they or all together have as many as may be.
    pub fn take(self: &Arc<Self>, who: &str) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (mine, sum) = (taken.get(who).copied().unwrap_or(0), taken.values().sum::<u32>());
        if mine >= self.of_one || sum >= self.of_all {
            return None;
        }
        taken.insert(who.to_owned(), mine + 1);
        Some(Place(self.clone(), who.to_owned()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.1);
            }
        }
    }
}
