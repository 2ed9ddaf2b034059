//! Who works on what: a line of jobs per installation, so that nothing about one installation ever overlaps, and
//! workers that take the next line which has something to do.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use domain::{InstallationId, OperationId};

/// Something to do about an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Run that operation to its end.
    Operation(OperationId),
    /// Look after it: start its keeper if that is missing, delete copies whose time is over; then, as after every
    /// job, tell the edge how its requests are treated.
    Tend,
}

#[derive(Default)]
struct Lines {
    waiting: HashMap<InstallationId, VecDeque<Job>>,
    busy: HashSet<InstallationId>,
    ready: VecDeque<InstallationId>,
    closed: bool,
}

/// All lines.
#[derive(Default)]
pub struct Queue {
    lines: Mutex<Lines>,
    wake: Condvar,
}

impl Queue {
    /// Puts a job at the end of the installation's line, unless it waits there already.
    pub fn push(&self, id: InstallationId, job: Job) {
        let mut lines = self.lines();
        let line = lines.waiting.entry(id).or_default();
        if line.contains(&job) {
            return;
        }
        line.push_back(job);
        if line.len() == 1 && !lines.busy.contains(&id) {
            lines.ready.push_back(id);
            self.wake.notify_one();
        }
    }

    /// Waits for a job. [`Queue::done`] must follow. `None` when the queue is closed.
    pub fn next(&self) -> Option<(InstallationId, Job)> {
        let mut lines = self.lines();
        loop {
            if lines.closed {
                return None;
            }
            if let Some(id) = lines.ready.pop_front() {
                let job = lines.waiting.get_mut(&id).and_then(VecDeque::pop_front);
                if let Some(job) = job {
                    lines.busy.insert(id);
                    return Some((id, job));
                }
            }
            lines = self.wake.wait(lines).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The job is done: the next of its line may begin.
    pub fn done(&self, id: InstallationId) {
        let mut lines = self.lines();
        lines.busy.remove(&id);
        match lines.waiting.get(&id) {
            Some(line) if !line.is_empty() => {
                lines.ready.push_back(id);
                self.wake.notify_one();
            }
            _ => {
                lines.waiting.remove(&id);
            }
        }
    }

    /// Whether something is being done or waits to be done about the installation.
    pub fn is_busy(&self, id: InstallationId) -> bool {
        let lines = self.lines();
        lines.busy.contains(&id) || lines.waiting.contains_key(&id)
    }

    /// Lets every worker end after its present job.
    pub fn close(&self) {
        self.lines().closed = true;
        self.wake.notify_all();
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_of_one_installation_never_overlap() {
        let queue = Queue::default();
        let [a, b] = [InstallationId::new(), InstallationId::new()];
        let [one, two] = [Job::Operation(OperationId::new()), Job::Operation(OperationId::new())];
        for job in [one, two, two] {
            queue.push(a, job);
        }
        queue.push(b, Job::Tend);
        assert_eq!(queue.next(), Some((a, one)));
        assert_eq!(queue.next(), Some((b, Job::Tend)));
        queue.push(b, Job::Tend);
        queue.done(a);
        assert_eq!(queue.next(), Some((a, two)));
        queue.done(b);
        assert_eq!(queue.next(), Some((b, Job::Tend)), "asked for again while it was being done");
        queue.done(a);
        assert!(!queue.is_busy(a) && queue.is_busy(b));
        queue.close();
        assert_eq!(queue.next(), None);
    }
}
