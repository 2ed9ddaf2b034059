//! One QuickJS runtime with the application loaded into it: runs handlers, and tells how requests ended.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use rquickjs::context::EvalOptions;
use rquickjs::promise::PromiseState;
use rquickjs::{
    CatchResultExt, CaughtError, Context, Ctx, Exception, Function, Module, Object, Persistent, Promise, Runtime, Value,
};

use super::declared::Declared;
use super::host::Host;
use super::modules::{self, Modules};
use super::natives::Natives;
use super::quickjs::{Memory, Serialiser};
use super::state::{Effect, Exchange, Outcome, Role, State, failure};
use crate::web::Request;

/// Rejected promises that are told of one run.
const REJECTIONS: usize = 20;

/// Microtasks run at most so many times in a row before the clock is looked at.
const MICROTASKS: usize = 1000;

/// Bytes of stack for Rust beyond those of JavaScript; threads have twice as much.
const NATIVE_STACK: usize = 256 << 10;

/// Processor time that loading may always take.
const LOADING: Duration = Duration::from_secs(5);

/// Why an application's JavaScript cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It does not compile, or fails while it is evaluated; with file, line and stack.
    #[error("{0}")]
    Script(String),
    /// It does not fit.
    #[error("app.js takes more than {0} bytes of memory to load (`script.memory` in cirrus.toml)")]
    Memory(usize),
    /// No runtime can be made, most likely for want of memory.
    #[error("no JavaScript runtime can be made: {0}")]
    Runtime(#[from] rquickjs::Error),
}

/// A runtime and what it needs to be called. The order of the fields is the order in which they are dropped.
pub struct Machine {
    handle: Option<Persistent<Function<'static>>>,
    settle: Option<Persistent<Function<'static>>>,
    run: Option<Persistent<Function<'static>>>,
    /// What its native functions share.
    pub state: Rc<State>,
    context: Context,
    runtime: Runtime,
}

impl Machine {
    /// Loads the application.
    pub fn load(host: Arc<dyn Host>, role: Role) -> Result<Self, LoadError> {
        let limits = host.limits();
        let state = State::new(host.clone(), role);
        let runtime = Runtime::new_with_alloc(Memory::new(limits.memory, state.exhausted.clone()))?;
        runtime.set_max_stack_size(limits.stack);
        let modules = Modules::new(host.directory());
        runtime.set_loader(modules.clone(), modules.clone());
        let interrupt = state.clone();
        runtime.set_interrupt_handler(Some(Box::new(move || interrupt.interrupt())));
        let watched = state.clone();
        runtime.set_host_promise_rejection_tracker(Some(Box::new(move |ctx, promise, reason, handled| {
            let mut rejections = watched.rejections.borrow_mut();
            let promise = Persistent::save(&ctx, promise);
            if handled {
                rejections.retain(|[unseen, _]| *unseen != promise);
            } else if rejections.len() < REJECTIONS {
                rejections.push([promise, Persistent::save(&ctx, reason)]);
            }
        })));
        let context = Context::full(&runtime)?;
        let mut machine = Self { handle: None, settle: None, run: None, state, context, runtime };
        // Evaluating `app.js` and its modules may take as much as a handler, and not less than that needs.
        machine.state.allow(host.limits().run.max(LOADING));
        let loaded = machine.evaluate(&modules);
        if machine.state.exhausted.get() {
            return Err(LoadError::Memory(limits.memory));
        }
        loaded?;
        machine.state.loading.set(false);
        machine.state.elsewhere.set(false);
        // Without the garbage of loading, and with a threshold that fits small heaps.
        machine.runtime.run_gc();
        Ok(machine)
    }

    fn evaluate(&mut self, modules: &Modules) -> Result<(), LoadError> {
        let state = self.state.clone();
        let hooks = self.context.with(|ctx| -> Result<_, LoadError> {
            let hooks = prepare(&ctx, &state).catch(&ctx).map_err(|error| script_error(&error))?;
            let name = if modules.inside("app.js").is_ok_and(|path| path.is_file()) { "app.js" } else { "app.mjs" };
            if modules.inside(name).is_ok_and(|path| path.is_file()) {
                load_app(&ctx, modules, name).catch(&ctx).map_err(|error| script_error(&error))?;
            }
            let seal: Function = hooks.get("seal")?;
            seal.call::<_, ()>(()).catch(&ctx).map_err(|error| script_error(&error))?;
            Ok((
                Persistent::save(&ctx, hooks.get::<_, Function>("handle")?),
                Persistent::save(&ctx, hooks.get::<_, Function>("settle")?),
                Persistent::save(&ctx, hooks.get::<_, Function>("run")?),
                Persistent::save(&ctx, hooks.get::<_, Function>("trigger")?),
            ))
        })?;
        (self.handle, self.settle, self.run) = (Some(hooks.0), Some(hooks.1), Some(hooks.2));
        *self.state.trigger.borrow_mut() = Some(hooks.3);
        Ok(())
    }

    /// What the application declared.
    pub fn declared(&self) -> std::cell::Ref<'_, Declared> {
        self.state.declared.borrow()
    }

    /// The native declaration that a layer stands for.
    pub fn native_at(&self, layer: usize) -> Option<usize> {
        self.state.layers.borrow().0.get(layer)?.native
    }

    /// Takes a request in that reaches a layer with these parameters of its path; it is not run yet.
    pub fn admit(&self, request: Arc<Request>, at: usize, params: Vec<Option<String>>) -> u32 {
        let id = self.state.number();
        let exchange =
            Exchange { request, params, at, session: None, session_cookie: None, kept: Vec::new(), outcome: None };
        self.state.exchanges.borrow_mut().insert(id, exchange);
        id
    }

    /// Runs the layers that the request reaches, from `at` on, within a budget of processor time.
    pub fn handle(&self, id: u32, at: usize, budget: Duration) {
        self.state.allow(budget);
        let result = self.call(self.handle.as_ref(), |function| function.call::<_, ()>((id, at as u32)));
        self.pump();
        self.judge(id, result);
    }

    /// Tells JavaScript that what it waits for is there.
    pub fn settle(
        &self,
        id: u32,
        budget: Duration,
        value: impl for<'js> FnOnce(&Ctx<'js>) -> Result<Value<'js>, String>,
    ) {
        self.state.allow(budget);
        let Some(function) = &self.settle else { return };
        let result = self.context.with(|ctx| {
            let function = function.clone().restore(&ctx).map_err(|error| error.to_string())?;
            let result = match value(&ctx) {
                Ok(value) => function.call::<_, ()>((id, true, value)),
                Err(problem) => function.call::<_, ()>((id, false, problem)),
            };
            result.catch(&ctx).map_err(|error| self.noted(&error))
        });
        if let Err(problem) = result {
            self.state.log("error", &problem);
        }
        self.pump();
    }

    /// Starts a scheduled job; its end is told by `jobs_done`.
    pub fn run_job(&self, job: usize, id: u32, budget: Duration) {
        self.state.allow(budget);
        let result = self.call(self.run.as_ref(), |function| function.call::<_, ()>((job as u32, id)));
        self.pump();
        if let Err(problem) = result {
            self.state.jobs_done.borrow_mut().push((id, Some(problem)));
        }
    }

    /// Requests that ended since the last time.
    pub fn ended(&self) -> Vec<(u32, Outcome)> {
        let mut exchanges = self.state.exchanges.borrow_mut();
        let ids: Vec<u32> =
            exchanges.iter().filter(|(_, exchange)| exchange.outcome.is_some()).map(|(id, _)| *id).collect();
        let finished = |id| {
            let (outcome, kept) = exchanges.remove(&id)?.finish()?;
            self.state.kept.borrow_mut().extend(kept);
            Some((id, outcome))
        };
        ids.into_iter().filter_map(finished).collect()
    }

    /// Takes one request out, however far it is.
    pub fn dismiss(&self, id: u32) -> Option<Exchange> {
        let exchange = self.state.exchanges.borrow_mut().remove(&id);
        exchange.inspect(Exchange::take_back)
    }

    /// What is wanted outside.
    pub fn effects(&self) -> Vec<Effect> {
        std::mem::take(&mut *self.state.effects.borrow_mut())
    }

    /// Runs within the context.
    pub fn with<R>(&self, run: impl for<'js> FnOnce(Ctx<'js>) -> R) -> R {
        self.context.with(run)
    }

    /// Bytes that the runtime holds.
    pub fn memory(&self) -> i64 {
        self.runtime.memory_usage().malloc_size
    }

    fn call(
        &self,
        function: Option<&Persistent<Function<'static>>>,
        call: impl for<'js> FnOnce(Function<'js>) -> rquickjs::Result<()>,
    ) -> Result<(), String> {
        let Some(function) = function else { return Ok(()) };
        self.context.with(|ctx| {
            let function = function.clone().restore(&ctx).map_err(|error| error.to_string())?;
            call(function).catch(&ctx).map_err(|error| self.noted(&error))
        })
    }

    /// Runs what promises have made ready.
    fn pump(&self) {
        self.context.with(|ctx| {
            let mut ran = 0;
            while ctx.execute_pending_job() || self.tell_rejections(&ctx) {
                ran += 1;
                // A chain of microtasks without end never enters a loop that would be interrupted.
                if ran % MICROTASKS == 0 && self.state.interrupt() {
                    break;
                }
            }
        });
        // What an interrupted run left behind would be done at the cost of others, and again and again.
        if self.state.is_over() && self.runtime.is_job_pending() {
            self.state.exhausted.set(true);
        }
    }

    /// Writes to the log which promises were rejected in vain; false when there are none. Looking at the reason may run
    /// JavaScript.
    fn tell_rejections(&self, ctx: &Ctx<'_>) -> bool {
        let rejections = self.state.rejections.take();
        let any = !rejections.is_empty();
        for [_, reason] in rejections {
            let reason = reason.restore(ctx).map_or_else(|error| error.to_string(), |reason| describe(&reason));
            self.state.log("error", &format!("a promise was rejected and nobody looks: {reason}"));
        }
        any
    }

    /// A run that was interrupted, or that failed where JavaScript could not catch it, ends its request.
    fn judge(&self, id: u32, result: Result<(), String>) {
        let pending = self.state.exchanges.borrow().get(&id).is_some_and(|exchange| exchange.outcome.is_none());
        let broken = result.is_err() || self.state.expired.get() || self.state.exhausted.get();
        if !broken || !pending {
            return;
        }
        let Some(request) = self.state.exchanges.borrow().get(&id).map(|exchange| exchange.request.clone()) else {
            return;
        };
        let status = if self.state.expired.get() || self.state.exhausted.get() {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        let detail = result.err().unwrap_or_else(|| "interrupted".to_owned());
        let (name, method, path) = (request.id, &request.method, request.uri.path());
        self.state.log("error", &format!("request {name} {method} {path}: {detail}"));
        self.state.end(id, Outcome::Failed(failure(&request, status, &detail, serde_json::Value::Null)));
    }

    fn noted(&self, error: &CaughtError<'_>) -> String {
        let text = caught(error);
        if self.state.exhausted.get() {
            format!("interrupted, it used up its memory: {text}")
        } else if self.state.expired.get() {
            format!("interrupted, it ran for too long: {text}")
        } else {
            text
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Persistent values and atoms must be gone before the runtime ends, or it aborts the process.
        (self.handle, self.settle, self.run) = (None, None, None);
        // A session that nobody committed is taken back here, while its triggers still have a runtime.
        drop(self.state.tables.take_session());
        let state = self.state.clone();
        self.context.with(|ctx| {
            if let Some(serialiser) = state.serialiser.get() {
                serialiser.release(&ctx);
            }
            state.release(&ctx);
        });
        self.runtime.set_interrupt_handler(None);
        self.runtime.set_host_promise_rejection_tracker(None);
    }
}

fn prepare<'js>(ctx: &Ctx<'js>, state: &Rc<State>) -> rquickjs::Result<Object<'js>> {
    let limits = state.host.limits();
    let serialiser = Serialiser::new(ctx, limits.body, limits.stack + NATIVE_STACK)?;
    if state.serialiser.set(serialiser).is_err() {
        return Err(Exception::throw_internal(ctx, "prepared twice"));
    }
    let native = Natives::object(ctx, state)?;
    let core = super::prelude::part(ctx, "core")?;
    let hooks: Object = core.call((native,))?;
    let modules = Modules::new(state.host.directory());
    ctx.globals().set("require", require(ctx, state, modules, "app.js".to_owned())?)?;
    Ok(hooks)
}

fn load_app<'js>(ctx: &Ctx<'js>, modules: &Modules, name: &str) -> rquickjs::Result<()> {
    let source = modules.read(name).map_err(|problem| modules::raise(ctx, &problem))?;
    if !modules::is_module(name, &source) {
        let require: Function = ctx.globals().get("require")?;
        return require.call::<_, Value>((format!("/{name}"),)).map(drop);
    }
    let (_, promise) = Module::declare(ctx.clone(), name, source)?.eval()?;
    finish(ctx, &promise)
}

/// Runs a promise of loading to its end: top-level `await` may only wait for what is already there.
fn finish<'js>(ctx: &Ctx<'js>, promise: &Promise<'js>) -> rquickjs::Result<()> {
    while promise.state() == PromiseState::Pending && ctx.execute_pending_job() {}
    match promise.result::<Value>() {
        Some(result) => result.map(drop),
        None => {
            Err(Exception::throw_message(ctx, "app.js waits (await) for something that does not come while it loads"))
        }
    }
}

/// `require` as seen from a module. Evaluated modules are kept in an object that JavaScript holds.
fn require<'js>(ctx: &Ctx<'js>, state: &Rc<State>, modules: Modules, base: String) -> rquickjs::Result<Function<'js>> {
    let state = state.clone();
    Function::new(ctx.clone(), move |ctx: Ctx<'js>, specifier: String| -> rquickjs::Result<Value<'js>> {
        let name = modules.resolve(&base, &specifier).map_err(|problem| modules::raise(&ctx, &problem))?;
        if modules::BUILT_IN.contains(&name.as_str()) {
            return ctx.globals().get("express");
        }
        let kept: Object = match ctx.globals().get::<_, Value>("__modules")?.into_object() {
            Some(kept) => kept,
            None => {
                let kept = Object::new(ctx.clone())?;
                let property = rquickjs::object::Property::from(kept.clone());
                ctx.globals().prop("__modules", property)?;
                kept
            }
        };
        if let Some(module) = kept.get::<_, Value>(&*name)?.into_object() {
            return module.get("exports");
        }
        let source = modules.read(&name).map_err(|problem| modules::raise(&ctx, &problem))?;
        if name.ends_with(".json") {
            return ctx.json_parse(source);
        }
        if modules::is_module(&name, &source) {
            let problem = format!("{name} is an ES module: use import instead of require");
            return Err(modules::raise(&ctx, &problem));
        }
        let module = Object::new(ctx.clone())?;
        let exports = Object::new(ctx.clone())?;
        module.set("exports", exports.clone())?;
        kept.set(&*name, module.clone())?;
        let mut options = EvalOptions::default();
        options.strict = false;
        options.filename = Some(name.clone());
        // On the first line of the file, so that lines in stacks are those of the file.
        let wrapped = format!("(function (exports, require, module, __filename, __dirname) {{{source}\n}})");
        let function: Function = ctx.eval_with_options(wrapped, options)?;
        let directory = name.rsplit_once('/').map_or("", |(directory, _)| directory).to_owned();
        let own = require(&ctx, &state, modules.clone(), name.clone())?;
        let result = function.call::<_, Value>((exports, own, module.clone(), name.clone(), directory));
        if result.is_err() {
            kept.remove(&*name)?;
        }
        result?;
        module.get("exports")
    })
}

fn script_error(error: &CaughtError<'_>) -> LoadError {
    LoadError::Script(caught(error))
}

/// An error with its stack.
pub fn caught(error: &CaughtError<'_>) -> String {
    match error {
        CaughtError::Exception(exception) => describe(exception.as_object()),
        CaughtError::Value(value) => describe(value),
        CaughtError::Error(error) => error.to_string(),
    }
}

/// A thrown value with its stack. What its getters throw is nobody's.
pub fn describe(value: &Value<'_>) -> String {
    let text = told(value);
    drop(value.ctx().catch());
    text
}

fn told(value: &Value<'_>) -> String {
    let Some(exception) = value.as_exception() else {
        return value
            .get::<rquickjs::convert::Coerced<String>>()
            .map_or_else(|_| "something".to_owned(), |text| text.0);
    };
    let name = exception.as_object().get::<_, String>("name").unwrap_or_else(|_| "Error".to_owned());
    format!("{name}: {}\n{}", exception.message().unwrap_or_default(), exception.stack().unwrap_or_default())
}
