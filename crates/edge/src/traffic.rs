//! What passed through for one installation since it was last told: requests, bytes, how long answers took. An
//! installation that nobody asks anything costs three words.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;
use nimbus_api::edge::Served;
use nimbus_api::latency::{self, Histogram};

use crate::route::locked;

/// Counters of one installation.
#[derive(Default)]
pub(crate) struct Traffic {
    answers: Mutex<Option<Box<Answers>>>,
    came: AtomicU64,
    went: AtomicU64,
}

#[derive(Default)]
struct Answers {
    classes: [u64; 5],
    took: Took,
}

struct Took(Histogram);

impl Default for Took {
    fn default() -> Self {
        Self([0; latency::STEPS])
    }
}

impl Traffic {
    /// An answer began so long after its request came.
    pub fn answered(&self, status: StatusCode, after: Duration) {
        let mut answers = locked(&self.answers);
        let answers = answers.get_or_insert_default();
        let class = usize::from(status.as_u16() / 100).clamp(1, 5);
        answers.classes[class - 1] += 1;
        answers.took.0[latency::step(after)] += 1;
    }

    /// Bytes of a request's body.
    pub fn came(&self, bytes: usize) {
        self.came.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes of an answer's body.
    pub fn went(&self, bytes: usize) {
        self.went.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// What passed since the last time; nothing when that is nothing.
    pub fn take(&self) -> Option<Served> {
        let answers = locked(&self.answers).take();
        let (bytes_in, bytes_out) = (self.came.swap(0, Ordering::Relaxed), self.went.swap(0, Ordering::Relaxed));
        if answers.is_none() && bytes_in == 0 && bytes_out == 0 {
            return None;
        }
        let answers = answers.unwrap_or_default();
        let steps = answers.took.0.iter().zip(0_u8..).filter(|(count, _)| **count > 0);
        let latencies = steps.map(|(count, step)| (step, *count)).collect();
        Some(Served { classes: answers.classes, bytes_in, bytes_out, latencies })
    }
}
