//! Wakes those who wait for an operation to go on, and nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;

/// Who waits for what.
#[derive(Default)]
pub struct Waits {
    waiting: Mutex<HashMap<Uuid, Arc<Notify>>>,
}

impl Waits {
    /// Wakes everybody who waits for this operation.
    pub fn wake(&self, id: Uuid) {
        if let Some(notify) = self.waiting().get(&id) {
            notify.notify_waiters();
        }
    }

    /// Something to wait with; only what happens after `notified()` was called wakes.
    pub fn join(&self, id: Uuid) -> Waiter<'_> {
        let notify = self.waiting().entry(id).or_default().clone();
        Waiter { waits: self, id, notify }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Notify>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits.
pub struct Waiter<'a> {
    waits: &'a Waits,
    id: Uuid,
    notify: Arc<Notify>,
}

impl Waiter<'_> {
    /// What wakes.
    pub fn notify(&self) -> &Notify {
        &self.notify
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut waiting = self.waits.waiting();
        // The table's own and this one: nobody else waits.
        if Arc::strong_count(&self.notify) <= 2 {
            waiting.remove(&self.id);
        }
    }
}
