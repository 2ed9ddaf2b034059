//! What the native functions of one runtime share: the requests it is answering, the list of layers, its clock, and
//! what it wants done outside.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use rquickjs::{Ctx, Exception, Persistent, Value};

use super::declared::Declared;
use super::host::Host;
use super::quickjs::{self, Serialiser};
use super::routes::{self, Layers};
use crate::web::upload::Kept;
use crate::web::{Request, Response};

/// Which thread a runtime serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The thread of connections: may only read, and only for a moment.
    Inline,
    /// A worker: may write and wait.
    Worker,
}

/// How a request ended.
#[derive(Debug)]
pub enum Outcome {
    /// With this.
    Answer(Response),
    /// It reached a native declaration; these headers were set before.
    Native(usize, HeaderMap),
    /// Nothing answers it; these headers were set before.
    Nothing(HeaderMap),
    /// A handler failed: nothing that it wrote may stay.
    Failed(Response),
}

/// One request that is being answered.
pub struct Exchange {
    /// As it came.
    pub request: Arc<Request>,
    /// Parameters of the path of the layer that was reached last.
    pub params: Vec<Option<String>>,
    /// The layer that was reached last.
    pub at: usize,
    /// The session as it was opened.
    pub session: Option<String>,
    /// The new session cookie.
    pub session_cookie: Option<String>,
    /// Files that it kept.
    pub kept: Vec<Kept>,
    /// Once it has ended.
    pub outcome: Option<Outcome>,
}

impl Exchange {
    /// Takes back the files that it kept, as what it wrote into tables is.
    pub fn take_back(&self) {
        self.kept.iter().for_each(Kept::take_back);
    }

    /// How it ended, and the files that it kept.
    pub fn finish(mut self) -> Option<(Outcome, Vec<Kept>)> {
        if self.failed() {
            self.take_back();
            self.kept.clear();
        }
        Some((self.outcome?, self.kept))
    }

    fn failed(&self) -> bool {
        match &self.outcome {
            Some(Outcome::Failed(_)) => true,
            Some(Outcome::Answer(response)) => response.status.is_server_error(),
            _ => false,
        }
    }
}

/// Something the runtime wants done outside of it.
#[derive(Debug)]
pub enum Effect {
    /// Wake `id` after a time, again and again when asked.
    Timer {
        /// Whom to settle.
        id: u32,
        /// When.
        after: Duration,
        /// And again.
        again: bool,
    },
    /// Forget the timer.
    Clear(u32),
    /// Send an HTTP request.
    Fetch(u32, super::outgoing::FetchRequest),
    /// Send mail.
    Mail(u32, super::outgoing::MailMessage),
}

/// Marks a deadline as a budget that begins when somebody looks for the first time: this clock is a call of the kernel,
/// and nobody looks at a handler that is quick.
const UNSEEN: u64 = 1 << 63;

/// What the native functions share.
pub struct State {
    /// The program around.
    pub host: Arc<dyn Host>,
    /// Which thread this is.
    pub role: Role,
    /// JSON.
    pub serialiser: OnceCell<Serialiser>,
    /// Requests by number.
    pub exchanges: RefCell<HashMap<u32, Exchange>>,
    /// The next number.
    pub next_id: Cell<u32>,
    /// What `app.js` declared, in order.
    pub layers: RefCell<Layers>,
    /// The rest of what it declared.
    pub declared: RefCell<Declared>,
    /// `app.js` is being evaluated.
    pub loading: Cell<bool>,
    /// Processor time of this thread, in nanoseconds, at which a run is interrupted; 0 is never, and see [`UNSEEN`].
    /// SQLite looks at it too.
    pub deadline: Arc<AtomicU64>,
    /// It was.
    pub expired: Cell<bool>,
    /// The handler asked for what only a worker may do.
    pub elsewhere: Cell<bool>,
    /// The runtime used up its memory, or was interrupted with work left behind: it must be thrown away.
    pub exhausted: Rc<Cell<bool>>,
    /// What a request on the thread of connections said: for the log when it is answered here, and else forgotten,
    /// for a worker says it again.
    pub said: RefCell<Vec<String>>,
    /// Layers that are not worth trying on the thread of connections.
    pub slow: RefCell<HashSet<usize>>,
    /// What is wanted outside.
    pub effects: RefCell<Vec<Effect>>,
    /// Jobs that ended.
    pub jobs_done: RefCell<Vec<(u32, Option<String>)>>,
    /// Files that were kept by requests that have ended well since the last commit.
    pub kept: RefCell<Vec<Kept>>,
    /// The application's tables.
    pub tables: super::database::Tables,
    /// The function that runs triggers.
    pub trigger: RefCell<Option<Persistent<rquickjs::Function<'static>>>>,
    /// For triggers that the data layer calls.
    pub entered: super::quickjs::Entered,
    /// Promises that were rejected with nobody looking, since the last run, and why.
    pub rejections: RefCell<Vec<[Persistent<Value<'static>>; 2]>>,
}

impl State {
    /// A state for one runtime.
    pub fn new(host: Arc<dyn Host>, role: Role) -> Rc<Self> {
        Rc::new(Self {
            host,
            role,
            serialiser: OnceCell::new(),
            exchanges: RefCell::default(),
            next_id: Cell::new(1),
            layers: RefCell::default(),
            declared: RefCell::default(),
            loading: Cell::new(true),
            deadline: Arc::default(),
            expired: Cell::new(false),
            elsewhere: Cell::new(false),
            exhausted: Rc::default(),
            said: RefCell::default(),
            slow: RefCell::default(),
            effects: RefCell::default(),
            jobs_done: RefCell::default(),
            kept: RefCell::default(),
            tables: super::database::Tables::default(),
            trigger: RefCell::default(),
            entered: super::quickjs::Entered::default(),
            rejections: RefCell::default(),
        })
    }

    /// Gives back what belongs to the runtime, before it ends.
    pub fn release(&self, ctx: &Ctx<'_>) {
        self.tables.release(ctx);
        self.trigger.take();
        self.rejections.take();
    }

    /// A number for something that waits.
    pub fn number(&self) -> u32 {
        let id = self.next_id.get();
        self.next_id.set(if id >= i32::MAX as u32 { 1 } else { id + 1 });
        id
    }

    /// The request of a number; JavaScript may keep one for longer than it is answered.
    pub fn request(&self, ctx: &Ctx<'_>, id: u32) -> rquickjs::Result<Arc<Request>> {
        self.exchanges.borrow().get(&id).map(|exchange| exchange.request.clone()).ok_or_else(|| answered(ctx))
    }

    /// Ends a request.
    pub fn end(&self, id: u32, mut outcome: Outcome) {
        if let Some(exchange) = self.exchanges.borrow_mut().get_mut(&id) {
            if let Some(cookie) = exchange.session_cookie.take().and_then(|text| text.parse().ok()) {
                outcome.headers().append(http::header::SET_COOKIE, cookie);
            }
            exchange.outcome.get_or_insert(outcome);
        }
    }

    /// What was written is on the disk, or is not: files share the fate of the rows.
    pub fn committed(&self, done: bool) {
        let ended = self.kept.take();
        match done {
            true => Kept::settle(&self.host.uploads(), &ended),
            false => ended.iter().for_each(Kept::take_back),
        }
        for exchange in self.exchanges.borrow_mut().values_mut() {
            match done {
                true => exchange.kept.iter_mut().for_each(|kept| kept.committed = true),
                false => exchange.take_back(),
            }
        }
    }

    /// Whether a request ended in a failure.
    pub fn failed(&self, id: u32) -> bool {
        self.exchanges.borrow().get(&id).is_some_and(Exchange::failed)
    }

    /// Whether any request ended in a failure since the last look.
    pub fn any_failed(&self) -> bool {
        self.exchanges.borrow().values().any(Exchange::failed)
    }

    /// The native declaration that a request ended at, with its headers, so that it can be answered.
    pub fn take_native(&self, id: u32) -> Option<(usize, HeaderMap)> {
        let mut exchanges = self.exchanges.borrow_mut();
        let outcome = &mut exchanges.get_mut(&id)?.outcome;
        match outcome.take() {
            Some(Outcome::Native(native, headers)) => Some((native, headers)),
            other => {
                *outcome = other;
                None
            }
        }
    }

    /// Requests that ended at a native declaration and are to be answered by it.
    pub fn at_native(&self) -> Vec<(u32, Arc<Request>)> {
        let exchanges = self.exchanges.borrow();
        let at = exchanges.iter().filter(|(_, exchange)| matches!(exchange.outcome, Some(Outcome::Native(..))));
        at.map(|(id, exchange)| (*id, exchange.request.clone())).collect()
    }

    /// Fails unless this runtime may write and wait. On the thread of connections the run ends here and the request
    /// goes to a worker, whatever the handler does with the exception.
    pub fn on_worker(&self, ctx: &Ctx<'_>) -> rquickjs::Result<()> {
        if self.role == Role::Worker {
            return Ok(());
        }
        self.elsewhere.set(true);
        if self.loading.get() {
            return Err(Exception::throw_message(
                ctx,
                "this cannot be done while app.js loads: only in a handler or a job",
            ));
        }
        Err(quickjs::throw_uncatchable(ctx, "to be run on a worker"))
    }

    /// Whether the run is over, whatever JavaScript makes of it.
    pub fn is_over(&self) -> bool {
        self.expired.get() || self.exhausted.get() || (self.elsewhere.get() && !self.loading.get())
    }

    /// Writes a line to the log.
    pub fn log(&self, level: &str, text: &str) {
        let line = format!("{level}: {}", text.trim_end());
        match self.role {
            Role::Inline if !self.loading.get() => self.said.borrow_mut().push(line),
            _ => eprintln!("{line}"),
        }
    }

    /// Fails while `app.js` loads.
    pub fn not_loading(&self, ctx: &Ctx<'_>) -> rquickjs::Result<()> {
        if self.loading.get() {
            return Err(Exception::throw_message(
                ctx,
                "this cannot be done while app.js loads: only in a handler or a job",
            ));
        }
        Ok(())
    }

    /// The interrupt handler: true ends the run.
    pub fn interrupt(&self) -> bool {
        if self.exhausted.get() || (self.elsewhere.get() && !self.loading.get()) {
            return true;
        }
        let late = is_late(&self.deadline);
        if late {
            self.expired.set(true);
        }
        late
    }

    /// Allows so much processor time from now.
    pub fn allow(&self, budget: Duration) {
        self.expired.set(false);
        self.elsewhere.set(false);
        let budget = u64::try_from(budget.as_nanos()).unwrap_or(UNSEEN - 1).min(UNSEEN - 1);
        self.deadline.store(UNSEEN | budget, Ordering::Relaxed);
    }

    /// The first layer at or after `from` that the request reaches.
    pub fn reach(&self, id: u32, from: usize, errors: bool) -> Option<usize> {
        let mut exchanges = self.exchanges.borrow_mut();
        let Exchange { request, params, at, .. } = exchanges.get_mut(&id)?;
        let layers = self.layers.borrow();
        let found = layers.next(routes::bit(&request.method), request.uri.path(), from, errors, params)?;
        *at = found;
        Some(found)
    }
}

impl Outcome {
    fn headers(&mut self) -> &mut HeaderMap {
        match self {
            Self::Answer(response) | Self::Failed(response) => &mut response.headers,
            Self::Native(_, headers) | Self::Nothing(headers) => headers,
        }
    }
}

fn answered(ctx: &Ctx<'_>) -> rquickjs::Error {
    Exception::throw_message(ctx, "the request was answered and is gone; keep what you need of it in a variable")
}

/// Whether this thread has used more processor time than it may.
pub fn is_late(deadline: &AtomicU64) -> bool {
    let until = deadline.load(Ordering::Relaxed);
    if until == 0 {
        return false;
    }
    let now = u64::try_from(thread_time().as_nanos()).unwrap_or(u64::MAX);
    if until & UNSEEN == 0 {
        return now > until;
    }
    // Never 0, which is no deadline, nor marked again: that would take hundreds of years.
    deadline.store((now + (until & !UNSEEN)).clamp(1, UNSEEN - 1), Ordering::Relaxed);
    false
}

/// Processor time that this thread has used.
#[cfg(not(test))]
pub fn thread_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// In unit tests: a millisecond for each look, so that runs end at the same places each time.
#[cfg(test)]
pub fn thread_time() -> Duration {
    thread_local!(static LOOKS: Cell<u64> = const { Cell::new(1) });
    LOOKS.set(LOOKS.get() + 1);
    Duration::from_millis(LOOKS.get())
}

/// The response to a handler that failed.
pub fn failure(request: &Request, status: StatusCode, message: &str, errors: serde_json::Value) -> Response {
    use crate::web::problem;
    if status == StatusCode::INSUFFICIENT_STORAGE {
        return problem::full();
    }
    if status.is_server_error() {
        let detail = match status {
            StatusCode::SERVICE_UNAVAILABLE => format!("the answer took too long or too much (request {})", request.id),
            _ => format!("the application failed to answer (request {})", request.id),
        };
        return problem::plain(status, &detail);
    }
    problem::fields(status, message, errors)
}

/// Throws an error that carries the status of the answer.
pub fn throw(ctx: &Ctx<'_>, status: u16, message: &str) -> rquickjs::Error {
    throw_with(ctx, status, message, None)
}

/// The same with the faults field by field.
pub fn throw_with<'js>(ctx: &Ctx<'js>, status: u16, message: &str, errors: Option<Value<'js>>) -> rquickjs::Error {
    let made = Exception::from_message(ctx.clone(), message).and_then(|exception| {
        exception.as_object().set("status", status)?;
        if let Some(errors) = errors {
            exception.as_object().set("errors", errors)?;
        }
        Ok(exception)
    });
    match made {
        Ok(exception) => exception.throw(),
        Err(error) => error,
    }
}
