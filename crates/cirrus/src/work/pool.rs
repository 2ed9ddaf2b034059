//! The queue before the workers: bounded, and the place where answers to what handlers wait for come in.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::worker::{self, WorkerContext};
use crate::script::Host;
use crate::script::outgoing::FetchResponse;
use crate::web::{Request, Response, problem};

/// Something for a worker.
pub enum Job {
    /// The author's handlers are to answer this request.
    Handle(Arc<Request>),
    /// Rust answers, with the means of a worker.
    Native(Box<dyn FnOnce(&WorkerContext<'_>) -> Response + Send>),
}

/// The workers of one application.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

/// What a worker is told.
pub(super) enum Event {
    /// A job and where its answer goes.
    Job(Job, oneshot::Sender<Response>),
    /// A scheduled job by its number.
    Scheduled(usize),
}

/// Something that a worker waited for.
pub(super) enum Arrival {
    /// An HTTP response or why there is none.
    Fetched(u32, Result<FetchResponse, String>),
    /// Mail was accepted, or why not.
    Mailed(u32, Result<(), String>),
}

/// What all workers share.
pub(super) struct Shared {
    pub host: Arc<dyn Host>,
    pub runtime: tokio::runtime::Handle,
    pub outgoing: super::outgoing::Outgoing,
    inner: Mutex<Inner>,
    wake: Condvar,
}

#[derive(Default)]
struct Inner {
    queue: VecDeque<Event>,
    arrivals: HashMap<u64, Vec<Arrival>>,
    workers: usize,
    idle: usize,
    next_worker: u64,
    stopping: bool,
}

/// What a worker got from waiting.
pub(super) enum Wake {
    Event(Event),
    Arrivals(Vec<Arrival>),
    /// The time that it gave is over.
    Time,
    /// Nothing to do for long, or the end: the worker ends.
    End,
}

impl Pool {
    /// Workers of this application; none runs yet. What handlers wait for is driven by `runtime`.
    pub fn new(host: Arc<dyn Host>, runtime: tokio::runtime::Handle) -> Self {
        let shared = Shared {
            host,
            runtime,
            outgoing: super::outgoing::Outgoing::default(),
            inner: Mutex::default(),
            wake: Condvar::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Queues a job. The answer comes when what it wrote is on disk; at once with 503 when the queue is full.
    pub fn submit(&self, job: Job) -> oneshot::Receiver<Response> {
        let (reply, receiver) = oneshot::channel();
        if let Err(Event::Job(_, reply)) = self.shared.push(Event::Job(job, reply)) {
            // The receiver is the one of this call: it is there.
            let _ = reply.send(problem::busy("too many requests are waiting"));
        }
        receiver
    }

    /// Queues the scheduled job of this number.
    pub fn run_job(&self, job: usize) {
        if self.shared.push(Event::Scheduled(job)).is_err() {
            eprintln!("error: a scheduled job was skipped: too many requests are waiting");
        }
    }

    /// Ends the workers when what is queued is done. Blocks at most for `patience`.
    pub fn stop(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut inner = self.shared.lock();
        inner.stopping = true;
        self.shared.wake.notify_all();
        while inner.workers > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            inner = self.shared.wake.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Threads that run now.
    pub fn workers(&self) -> usize {
        self.shared.lock().workers
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A worker that panicked left the queue as it was between two operations.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[allow(clippy::result_large_err)]
    fn push(self: &Arc<Self>, event: Event) -> Result<(), Event> {
        let limits = self.host.limits();
        let mut inner = self.lock();
        if inner.queue.len() >= limits.queue || inner.stopping {
            return Err(event);
        }
        inner.queue.push_back(event);
        if inner.idle < inner.queue.len() && inner.workers < limits.workers {
            inner.workers += 1;
            inner.next_worker += 1;
            let (number, shared) = (inner.next_worker, self.clone());
            let started = std::thread::Builder::new()
                .name(format!("worker {number}"))
                .stack_size(limits.stack + (512 << 10))
                .spawn(move || worker::run(shared, number));
            if let Err(problem) = started {
                inner.workers -= 1;
                eprintln!("error: no worker thread can be started: {problem}");
                if inner.workers == 0 {
                    return inner.queue.pop_back().map_or(Ok(()), Err);
                }
            }
        }
        drop(inner);
        // All are woken, for one that waits for arrivals of its own might swallow the only wake-up.
        self.wake.notify_all();
        Ok(())
    }

    /// Gives a worker what it waited for.
    pub fn arrive(&self, worker: u64, arrival: Arrival) {
        if let Some(list) = self.lock().arrivals.get_mut(&worker) {
            list.push(arrival);
        }
        self.wake.notify_all();
    }

    /// The worker begins to be known.
    pub fn enter(&self, worker: u64) {
        self.lock().arrivals.insert(worker, Vec::new());
    }

    /// Waits for something to do, until `until`; a `busy` worker (with things to wait for) never ends by itself.
    pub fn next(&self, worker: u64, until: Instant, busy: bool) -> Wake {
        let mut inner = self.lock();
        loop {
            if let Some(list) = inner.arrivals.get_mut(&worker)
                && !list.is_empty()
            {
                return Wake::Arrivals(std::mem::take(list));
            }
            if let Some(event) = inner.queue.pop_front() {
                return Wake::Event(event);
            }
            let left = until.saturating_duration_since(Instant::now());
            if inner.stopping || left.is_zero() {
                if busy && !inner.stopping {
                    return Wake::Time;
                }
                return Wake::End;
            }
            inner.idle += 1;
            inner = self.wake.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
            inner.idle -= 1;
        }
    }

    /// Something to do now, if there is: what is done in one transaction.
    pub fn at_once(&self) -> Option<Event> {
        self.lock().queue.pop_front()
    }

    /// The worker has ended.
    pub fn leave(self: &Arc<Self>, worker: u64) {
        let mut inner = self.lock();
        inner.arrivals.remove(&worker);
        inner.workers -= 1;
        drop(inner);
        self.wake.notify_all();
    }
}
