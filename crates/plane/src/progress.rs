//! What operations under way are doing, in memory: it can be asked from their servers again, so it need not be durable,
//! and keeping it here spares a write for every step of every installation.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::OperationId;
use nimbus_api::{Direction, StepReport};
use tokio::sync::{Notify, watch};

/// What one operation is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Doing {
    /// Its steps so far.
    pub steps: Vec<StepReport>,
    /// Why its server has not begun it.
    pub waiting_for: Option<String>,
}

/// The steps of each verb in their order, as servers do them. A test holds it to Nimbus.
const STEPS: &[(&str, &[&str])] = &[
    ("install", &["admit", "prepare", "place", "fill", "route", "start", "check", "release"]),
    ("switch", &["fetch", "prepare", "hold", "stop", "snapshot", "switch", "start", "check", "release"]),
    ("rollback", &["find", "prepare", "hold", "stop", "snapshot", "switch", "start", "check", "release", "forget"]),
    ("restore", &["find", "prepare", "hold", "stop", "snapshot", "restore", "start", "check", "release"]),
    ("configure", &["admit", "prepare", "hold", "stop", "write", "start", "check", "release"]),
    ("restart", &["admit", "prepare", "hold", "stop", "start", "check", "release"]),
    ("start", &["admit", "prepare", "want", "start", "check", "release"]),
    ("stop", &["admit", "hold", "want", "stop", "release"]),
    ("backup", &["admit", "snapshot"]),
    ("forget-backup", &["admit", "delete"]),
    ("remove", &["admit", "close", "stop", "delete", "forget"]),
];

/// The steps of a verb in their order; none for one that is not known.
pub fn steps_of(verb: &str) -> &'static [&'static str] {
    STEPS.iter().find(|(one, _)| *one == verb).map_or(&[], |(_, steps)| steps)
}

/// How far an operation is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HowFar {
    /// The step under way, or the last one.
    pub step: Option<String>,
    /// Whether it is being put back.
    pub undoing: bool,
    /// Steps that are done.
    pub done: usize,
    /// Steps in all.
    pub total: usize,
}

impl HowFar {
    /// By the steps that an operation has had.
    pub fn of(verb: &str, steps: &[StepReport]) -> Self {
        let ended = |way: Direction| {
            let good = |step: &&StepReport| step.ended_at.is_some() && step.error.is_none();
            steps.iter().filter(|step| step.direction == way).filter(good).count()
        };
        let done = ended(Direction::Do).saturating_sub(ended(Direction::Undo));
        let last = steps.iter().rev().find(|step| step.ended_at.is_none()).or(steps.last());
        Self {
            step: last.map(|step| step.name.clone()),
            undoing: last.is_some_and(|step| step.direction == Direction::Undo),
            done,
            total: steps_of(verb).len().max(done),
        }
    }
}

/// What all are doing, and who is to be woken when something changes.
pub struct Progress {
    doing: Mutex<HashMap<OperationId, Doing>>,
    changes: watch::Sender<u64>,
    /// Wakes the reconciler of installations.
    pub operations: Notify,
    /// Wakes the reconciler of deployments.
    pub deployments: Notify,
    /// Wakes the sender of letters.
    pub mails: Notify,
    /// Wakes the reader of the mailbox.
    pub mailbox: Notify,
    /// Wakes who looks for what needs somebody.
    pub attention: Notify,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            doing: Mutex::default(),
            changes: watch::Sender::new(0),
            operations: Notify::new(),
            deployments: Notify::new(),
            mails: Notify::new(),
            mailbox: Notify::new(),
            attention: Notify::new(),
        }
    }
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, HashMap<OperationId, Doing>> {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What an operation is doing, if it is under way.
    pub fn of(&self, id: OperationId) -> Option<Doing> {
        self.lock().get(&id).cloned()
    }

    /// Notes what an operation is doing.
    pub fn note(&self, id: OperationId, doing: Doing) {
        let news = self.lock().insert(id, doing.clone()) != Some(doing);
        if news {
            self.changed();
        }
    }

    /// Forgets an operation that has ended.
    pub fn ended(&self, id: OperationId) {
        self.lock().remove(&id);
        self.changed();
    }

    /// Tells everybody who watches that something changed.
    pub fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// To wait for changes with.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}
