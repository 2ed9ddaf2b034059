//! The JavaScript of one thread: a machine that is made again when it broke.

use std::cell::{Ref, RefCell};
use std::sync::Arc;

use http::{HeaderMap, Method};

use super::declared::Declared;
use super::host::Host;
use super::machine::{LoadError, Machine};
use super::routes;
use super::state::{Outcome, Role};
use crate::web::{Request, Response};

/// How often a route may use up its budget on the thread of connections before it is only tried on workers.
const STRIKES: u8 = 3;

/// What the thread of connections is to do with a request.
#[derive(Debug)]
pub enum Inline {
    /// Send this.
    Answered(Response),
    /// Answer it by native declaration number `.0` (of `declared().natives`), adding the headers `.1` that middleware
    /// set.
    Native(usize, HeaderMap),
    /// JavaScript has no route for it; these headers were set by middleware.
    NoRoute(HeaderMap),
    /// Submit it to the workers.
    Elsewhere,
}

/// The JavaScript of the thread of connections.
pub struct Engine {
    host: Arc<dyn Host>,
    machine: RefCell<Option<Machine>>,
    declared: Declared,
    strikes: RefCell<std::collections::HashMap<usize, u8>>,
}

impl Engine {
    /// Evaluates `app.js`. An application without one has an engine that answers nothing.
    pub fn load(host: Arc<dyn Host>) -> Result<Self, LoadError> {
        let machine = Machine::load(host.clone(), Role::Inline)?;
        let declared = machine.declared().clone();
        Ok(Self { host, machine: RefCell::new(Some(machine)), declared, strikes: RefCell::default() })
    }

    /// What `app.js` declared.
    pub fn declared(&self) -> &Declared {
        &self.declared
    }

    /// Answers a request on this thread when that is possible at once.
    pub fn try_inline(&self, request: &Arc<Request>) -> Inline {
        let Some(machine) = self.machine() else { return Inline::Elsewhere };
        let state = &machine.state;
        let mut params = Vec::new();
        let reached =
            state.layers.borrow().next(routes::bit(&request.method), request.uri.path(), 0, false, &mut params);
        let Some(first) = reached else { return Inline::NoRoute(HeaderMap::new()) };
        if let Some(native) = state.layers.borrow().0[first].native {
            return Inline::Native(native, HeaderMap::new());
        }
        let reads = request.method == Method::GET || request.method == Method::HEAD;
        if !reads || !self.host.limits().inline_handlers || state.slow.borrow().contains(&first) {
            return Inline::Elsewhere;
        }
        let id = machine.admit(request.clone(), first, params);
        machine.handle(id, first, self.host.limits().inline);
        let Some(exchange) = machine.dismiss(id) else { return Inline::Elsewhere };
        drop(machine.effects());
        let said = state.said.take();
        if state.exhausted.get() {
            state.slow.borrow_mut().insert(exchange.at);
            let slow = state.slow.take();
            drop(machine);
            self.renew(slow);
            return Inline::Elsewhere;
        }
        if state.expired.get() {
            let mut strikes = self.strikes.borrow_mut();
            let count = strikes.entry(exchange.at).or_default();
            *count += 1;
            if *count >= STRIKES {
                state.slow.borrow_mut().insert(exchange.at);
            }
            return Inline::Elsewhere;
        }
        if state.elsewhere.get() {
            state.slow.borrow_mut().insert(exchange.at);
            return Inline::Elsewhere;
        }
        if exchange.outcome.is_some() {
            said.iter().for_each(|line| eprintln!("{line}"));
        }
        match exchange.outcome {
            Some(Outcome::Answer(response) | Outcome::Failed(response)) => Inline::Answered(response),
            Some(Outcome::Native(native, headers)) => Inline::Native(native, headers),
            Some(Outcome::Nothing(headers)) => Inline::NoRoute(headers),
            None => {
                state.slow.borrow_mut().insert(exchange.at);
                Inline::Elsewhere
            }
        }
    }

    fn machine(&self) -> Option<Ref<'_, Machine>> {
        Ref::filter_map(self.machine.borrow(), Option::as_ref).ok()
    }

    /// Throws the runtime away and makes another. When that fails, workers answer everything.
    fn renew(&self, slow: std::collections::HashSet<usize>) {
        self.machine.replace(None);
        match Machine::load(self.host.clone(), Role::Inline) {
            Ok(machine) => {
                machine.state.slow.replace(slow);
                self.machine.replace(Some(machine));
            }
            Err(problem) => eprintln!("error: JavaScript cannot be loaded again: {problem}"),
        }
    }
}
