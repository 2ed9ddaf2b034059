//! One worker thread: takes jobs, runs them in its own JavaScript runtime, commits what they wrote together, and only
//! then answers.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};
use tokio::sync::oneshot;

use super::pool::{Arrival, Event, Job, Shared, Wake};
use crate::data::{self, Read, Reader, Session};
use crate::script::{Effect, Host, LoadError, Machine, Outcome, Role, fetched};
use crate::web::{Request, Response, problem};

/// Jobs that are committed together.
const BATCH: usize = 64;
/// A batch is not older than this when it is committed.
const AGE: Duration = Duration::from_millis(20);

/// What native code may use on a worker.
pub struct WorkerContext<'a> {
    machine: &'a Machine,
}

impl WorkerContext<'_> {
    /// The program around.
    pub fn host(&self) -> &dyn Host {
        &*self.machine.state.host
    }

    /// The connection for reading of this thread. It does not see what the session has not committed yet.
    pub fn reader(&self) -> Result<&Reader, data::Error> {
        self.machine.state.reader()
    }

    /// Asks the session when this batch has written, so that it is seen, else the reader. Bounded in time.
    pub fn reading<T>(&self, ask: impl FnOnce(&dyn Read) -> Result<T, data::Error>) -> Result<T, data::Error> {
        self.machine.state.reading(ask)
    }

    /// The session of this thread, with the author's triggers; the first call begins it. What is written is committed
    /// after the job, with that of others, before any of their answers leaves; it is taken back when the job answers
    /// with 400 or above.
    pub fn session(&self) -> Result<Rc<Session>, data::Error> {
        self.machine.state.session()
    }
}

/// A job answered with a failure: what it wrote is taken back.
struct Undone;

impl From<data::Error> for Undone {
    fn from(error: data::Error) -> Self {
        eprintln!("error: a job could not be kept apart from the others of its batch: {error}");
        Self
    }
}

/// A request that waits for something.
struct Waiting {
    reply: oneshot::Sender<Response>,
    until: Instant,
}

struct Worker {
    shared: Arc<Shared>,
    number: u64,
    machine: Option<Machine>,
    /// The first number for what waits in the next machine: what comes in for a former one must find nobody.
    numbers: u32,
    waiting: HashMap<u32, Waiting>,
    /// When, whom; and how often again.
    timers: BTreeMap<(Instant, u32), Option<Duration>>,
    /// Fetches and mails under way.
    abroad: usize,
    /// Scheduled jobs under way.
    jobs: HashMap<u32, usize>,
    /// Answers that leave after the commit.
    ready: Vec<(oneshot::Sender<Response>, Response)>,
}

/// The life of a worker thread.
pub(super) fn run(shared: Arc<Shared>, number: u64) {
    shared.enter(number);
    let leaving = Leaving { shared: shared.clone(), number };
    let mut worker = Worker {
        shared,
        number,
        machine: None,
        numbers: 1,
        waiting: HashMap::new(),
        timers: BTreeMap::new(),
        abroad: 0,
        jobs: HashMap::new(),
        ready: Vec::new(),
    };
    worker.live();
    drop(worker);
    drop(leaving);
}

/// Says that the worker is gone, also when it panicked.
struct Leaving {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.shared.leave(self.number);
    }
}

impl Worker {
    fn live(&mut self) {
        loop {
            let busy = !self.waiting.is_empty() || !self.timers.is_empty() || self.abroad > 0 || !self.jobs.is_empty();
            let wake = self.shared.next(self.number, self.until(busy), busy);
            match wake {
                Wake::Event(event) => self.batch(event),
                Wake::Arrivals(arrivals) => arrivals.into_iter().for_each(|arrival| self.arrived(arrival)),
                Wake::Time => {}
                Wake::End => {
                    self.give_up();
                    return;
                }
            }
            self.due();
            self.flush();
            self.renew();
        }
    }

    /// When this worker must look again.
    fn until(&self, busy: bool) -> Instant {
        let timer = self.timers.keys().next().map(|(when, _)| *when);
        let answer = self.waiting.values().map(|waiting| waiting.until).min();
        let idle = Instant::now() + if busy { Duration::from_secs(3600) } else { self.shared.host.limits().idle };
        timer.into_iter().chain(answer).chain([idle]).min().unwrap_or(idle)
    }

    /// Runs a job and those behind it, and commits them together.
    fn batch(&mut self, first: Event) {
        let begun = Instant::now();
        self.event(first);
        for _ in 1..BATCH {
            if begun.elapsed() > AGE || self.machine.as_ref().is_some_and(|machine| machine.state.exhausted.get()) {
                break;
            }
            match self.shared.at_once() {
                Some(event) => self.event(event),
                None => break,
            }
        }
        self.flush();
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Job(_, reply) if reply.is_closed() => {}
            Event::Job(Job::Handle(request), reply) => self.handle(&request, reply),
            Event::Job(Job::Native(work), reply) => self.native(work, reply),
            Event::Scheduled(job) => self.scheduled(job),
        }
    }

    /// The machine, loaded when it is first needed.
    fn ready_machine(&mut self) -> Result<(), LoadError> {
        if self.machine.is_none() {
            let machine = Machine::load(self.shared.host.clone(), Role::Worker)?;
            machine.state.next_id.set(self.numbers);
            self.machine = Some(machine);
        }
        Ok(())
    }

    fn handle(&mut self, request: &Arc<Request>, reply: oneshot::Sender<Response>) {
        if let Err(problem) = self.ready_machine() {
            self.ready.push((reply, unloadable(&problem)));
            return;
        }
        let Some(machine) = &self.machine else { return };
        let limits = self.shared.host.limits();
        let id = machine.admit(request.clone(), 0, Vec::new());
        let begun = apart(machine, || {
            match machine.state.reach(id, 0, false) {
                Some(first) => match machine.native_at(first) {
                    Some(native) => machine.state.end(id, Outcome::Native(native, HeaderMap::new())),
                    None => machine.handle(id, first, limits.run),
                },
                None => machine.state.end(id, Outcome::Nothing(HeaderMap::new())),
            }
            answer_natively(machine, id, request);
            !machine.state.failed(id)
        });
        if !begun {
            drop(machine.dismiss(id));
            self.ready.push((reply, problem::busy("the database is busy")));
            return;
        }
        self.waiting.insert(id, Waiting { reply, until: Instant::now() + limits.answer });
        self.collect();
        if self.waiting.contains_key(&id) {
            // It waits for something: what it wrote so far must not keep others from writing.
            self.flush();
        }
    }

    fn native(
        &mut self,
        work: Box<dyn FnOnce(&WorkerContext<'_>) -> Response + Send>,
        reply: oneshot::Sender<Response>,
    ) {
        if let Err(problem) = self.ready_machine() {
            self.ready.push((reply, unloadable(&problem)));
            return;
        }
        let Some(machine) = &self.machine else { return };
        let mut response = None;
        let begun = apart(machine, || {
            machine.state.allow(self.shared.host.limits().run);
            let made = machine.with(|ctx| machine.state.entered.during(&ctx, || work(&WorkerContext { machine })));
            let kept = made.status.as_u16() < 400;
            response = Some(made);
            kept
        });
        let response = response.filter(|_| begun).unwrap_or_else(|| problem::busy("the database is busy"));
        self.ready.push((reply, response));
        self.collect();
    }

    fn scheduled(&mut self, job: usize) {
        if let Err(problem) = self.ready_machine() {
            eprintln!("error: scheduled job {job}: app.js cannot be loaded: {problem}");
            return;
        }
        let Some(machine) = &self.machine else { return };
        let id = machine.state.number();
        self.jobs.insert(id, job);
        let run = self.shared.host.limits().run;
        let begun = apart(machine, || {
            machine.run_job(job, id, run);
            !machine.state.jobs_done.borrow().iter().any(|(done, problem)| *done == id && problem.is_some())
        });
        if !begun {
            machine.state.jobs_done.borrow_mut().push((id, Some("the database is busy".to_owned())));
        }
        self.collect();
        if self.jobs.contains_key(&id) {
            self.flush();
        }
    }

    fn arrived(&mut self, arrival: Arrival) {
        self.abroad = self.abroad.saturating_sub(1);
        let Some(machine) = &self.machine else { return };
        let run = self.shared.host.limits().run;
        continued(machine, || match arrival {
            Arrival::Fetched(id, result) => machine.settle(id, run, |ctx| fetched(ctx, result)),
            Arrival::Mailed(id, result) => {
                machine.settle(id, run, |ctx| result.map(|()| rquickjs::Value::new_undefined(ctx.clone())));
            }
        });
        self.collect();
    }

    /// Timers and answers whose time has come.
    fn due(&mut self) {
        let now = Instant::now();
        while let Some(entry) = self.timers.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((_, id), again) = entry.remove_entry();
            if let Some(again) = again {
                self.timers.insert((now + again, id), Some(again));
            }
            if let Some(machine) = &self.machine {
                let run = self.shared.host.limits().run;
                continued(machine, || {
                    machine.settle(id, run, |ctx| Ok(rquickjs::Value::new_undefined(ctx.clone())));
                });
            }
            self.collect();
        }
        let late: Vec<u32> =
            self.waiting.iter().filter(|(_, waiting)| waiting.until <= now).map(|(id, _)| *id).collect();
        for id in late {
            let request = self.machine.as_ref().and_then(|machine| machine.dismiss(id));
            let Some(waiting) = self.waiting.remove(&id) else { continue };
            let name = request.map(|exchange| exchange.request.id.to_string()).unwrap_or_default();
            eprintln!("error: request {name}: the handler did not answer in time");
            let detail = format!("the answer took too long (request {name})");
            self.ready.push((waiting.reply, problem::plain(StatusCode::SERVICE_UNAVAILABLE, &detail)));
        }
    }

    /// Takes what the machine has brought about: answers, and wishes for the world outside.
    fn collect(&mut self) {
        let Some(machine) = &self.machine else { return };
        for effect in machine.effects() {
            match effect {
                Effect::Timer { id, after, again } => {
                    let when = Instant::now() + after;
                    self.timers.insert((when, id), again.then_some(after));
                }
                Effect::Clear(id) => self.timers.retain(|(_, timer), _| *timer != id),
                Effect::Fetch(id, request) => {
                    self.abroad += 1;
                    self.shared.fetch(self.number, id, request);
                }
                Effect::Mail(id, message) => {
                    self.abroad += 1;
                    self.shared.mail(self.number, id, message);
                }
            }
        }
        for (id, problem) in machine.state.jobs_done.borrow_mut().drain(..) {
            let job = self.jobs.remove(&id).unwrap_or_default();
            if let Some(problem) = problem {
                eprintln!("error: scheduled job {job}: {problem}");
            }
        }
        // Those that got there only after waiting.
        for (id, request) in machine.state.at_native() {
            answer_natively(machine, id, &request);
        }
        for (id, outcome) in machine.ended() {
            let Some(waiting) = self.waiting.remove(&id) else { continue };
            let response = match outcome {
                Outcome::Answer(response) | Outcome::Failed(response) => response,
                Outcome::Native(_, headers) | Outcome::Nothing(headers) => with(headers, problem::not_found()),
            };
            self.ready.push((waiting.reply, response));
        }
    }

    /// Commits, then answers.
    fn flush(&mut self) {
        let session = self.machine.as_ref().and_then(|machine| machine.state.tables.take_session());
        let committed = match session.map(Rc::try_unwrap) {
            None => Ok(()),
            Some(Ok(session)) => session.commit(),
            Some(Err(_)) => Err(data::Error::Broken("a session is still in use".to_owned())),
        };
        if let Some(machine) = &self.machine {
            machine.state.committed(committed.is_ok());
        }
        if let Err(problem) = &committed {
            eprintln!("error: what {} requests wrote could not be committed: {problem}", self.ready.len());
        }
        for (reply, response) in self.ready.drain(..) {
            let response = match &committed {
                Ok(()) => response,
                Err(data::Error::Full(_)) => problem::full(),
                Err(_) => problem::busy("what was written could not be kept"),
            };
            // Whoever asked may have gone away.
            let _ = reply.send(response);
        }
    }

    /// A runtime that ran out of memory or time is thrown away, with all that waits in it.
    fn renew(&mut self) {
        if self.machine.as_ref().is_some_and(|machine| machine.state.exhausted.get()) {
            eprintln!("error: JavaScript used up its memory or its time; it is started again");
            self.give_up();
        }
    }

    /// Answers everything that waits with 503 and drops the runtime.
    fn give_up(&mut self) {
        self.flush();
        let Some(machine) = self.machine.take() else { return };
        for (id, waiting) in self.waiting.drain() {
            let name = machine.dismiss(id).map(|exchange| exchange.request.id.to_string()).unwrap_or_default();
            eprintln!("error: request {name}: it waited for something when JavaScript ended");
            let detail = format!("the handlers were started again (request {name})");
            self.ready.push((waiting.reply, problem::busy(&detail)));
        }
        self.numbers = machine.state.next_id.get();
        drop(machine);
        self.flush();
        self.timers.clear();
        self.jobs.clear();
    }
}

/// Runs a job so that it alone is taken back when it fails (yields false). False when it could not be begun: the
/// transaction of the batch is broken, and its commit will say so to everybody in it.
#[must_use]
fn apart(machine: &Machine, job: impl FnOnce() -> bool) -> bool {
    let Some(session) = machine.state.tables.session() else {
        if !job() {
            drop(machine.state.tables.take_session());
        }
        return true;
    };
    let mut begun = false;
    // Others wrote in this batch: a savepoint within their transaction. The error that comes back is the wish to undo.
    drop(session.atomically(|_| {
        begun = true;
        if job() { Ok(()) } else { Err(Undone) }
    }));
    begun
}

/// Goes on with handlers that waited; when one of them fails, what this step wrote is taken back.
fn continued(machine: &Machine, step: impl FnOnce()) {
    let begun = apart(machine, || {
        step();
        !machine.state.any_failed()
    });
    if !begun {
        eprintln!("error: a handler could not go on: the database is busy");
    }
}

/// A request that reached a native declaration is answered by it; when there is nothing at the address after all, by
/// what was declared behind it.
fn answer_natively(machine: &Machine, id: u32, request: &Request) {
    while let Some((native, headers)) = machine.state.take_native(id) {
        let declared = machine.declared().natives.get(native).cloned();
        let response = declared.and_then(|declared| {
            machine.with(|ctx| {
                let context = WorkerContext { machine };
                machine.state.allow(context.host().limits().run);
                machine.state.entered.during(&ctx, || context.host().native(&declared, request, &context))
            })
        });
        let Some(response) = response else {
            behind(machine, id, headers);
            continue;
        };
        let response = with(headers, response);
        let failed = response.status.as_u16() >= 400;
        machine.state.end(id, if failed { Outcome::Failed(response) } else { Outcome::Answer(response) });
    }
}

/// Goes on behind the native declaration where a request is.
fn behind(machine: &Machine, id: u32, headers: HeaderMap) {
    let at = machine.state.exchanges.borrow().get(&id).map(|exchange| exchange.at);
    match at.and_then(|at| machine.state.reach(id, at + 1, false)) {
        None => machine.state.end(id, Outcome::Nothing(headers)),
        Some(next) => match machine.native_at(next) {
            Some(native) => machine.state.end(id, Outcome::Native(native, headers)),
            None => machine.handle(id, next, machine.state.host.limits().run),
        },
    }
}

/// A response with headers that middleware had set; its own win.
fn with(headers: HeaderMap, mut response: Response) -> Response {
    for (name, value) in &headers {
        if name == http::header::SET_COOKIE || !response.headers.contains_key(name) {
            response.headers.append(name, value.clone());
        }
    }
    response
}

fn unloadable(error: &LoadError) -> Response {
    eprintln!("error: app.js cannot be loaded: {error}");
    problem::plain(StatusCode::INTERNAL_SERVER_ERROR, "the application cannot be loaded; its log says why")
}
