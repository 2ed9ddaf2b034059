//! The author's triggers: the data layer calls them in the middle of a write, within its transaction.

use std::rc::{Rc, Weak};

use rquickjs::{CatchResultExt, CaughtError, Ctx, Function, Object, Persistent, Value};

use super::database::{record_to_js, value_of, value_to_js};
use super::machine::caught;
use super::state::State;
use crate::data::schema::Table;
use crate::data::{Event, Hooks, Record, Rejection, Session};

/// One declared trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    table: String,
    before: bool,
    event: Event,
}

impl Watch {
    /// Reads `before`, `create`.
    pub fn read(table: &str, when: &str, event: &str) -> Option<Self> {
        let before = match when {
            "before" => true,
            "after" => false,
            _ => return None,
        };
        let event = match event {
            "create" => Event::Create,
            "update" => Event::Update,
            "delete" => Event::Delete,
            _ => return None,
        };
        Some(Self { table: table.to_owned(), before, event })
    }
}

/// The triggers of one runtime.
pub struct Triggers {
    // Weak: the session is kept in the state.
    state: Weak<State>,
}

/// A trigger failed by itself.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(String);

impl Triggers {
    /// Of this runtime.
    pub fn new(state: &Rc<State>) -> Self {
        Self { state: Rc::downgrade(state) }
    }

    fn has(&self, table: &Table, event: Event, before: Option<bool>) -> bool {
        self.state.upgrade().is_some_and(|state| {
            let watched = state.tables.watched.borrow();
            watched.iter().any(|watch| {
                watch.event == event
                    && *watch.table == *table.name
                    && before.is_none_or(|before| watch.before == before)
            })
        })
    }

    fn run(
        &self,
        before: bool,
        event: Event,
        table: &Table,
        old: Option<&Record>,
        new: Option<&Record>,
        changed: Option<&mut Record>,
    ) -> Result<(), Rejection> {
        if !self.has(table, event, Some(before)) {
            return Ok(());
        }
        let state = self.state.upgrade().ok_or_else(|| failed("the runtime has ended"))?;
        let ran = state.entered.current(|ctx| {
            let record = changed.as_deref().or(new);
            let result = call(&state, &ctx, (before, event), table, old, record);
            let outcome = match result.catch(&ctx) {
                Ok(object) => object,
                Err(error) => return Err(rejection(&error)),
            };
            if let (Some(record), Some(object)) = (changed, outcome) {
                read_back(&state, &ctx, record, &object).catch(&ctx).map_err(|error| rejection(&error))?;
            }
            Ok(())
        });
        ran.unwrap_or_else(|| Err(failed("a trigger was called outside of JavaScript")))
    }
}

impl Hooks for Triggers {
    fn watches(&self, table: &Table, event: Event) -> bool {
        self.has(table, event, None)
    }

    fn before(
        &self,
        _session: &Session,
        event: Event,
        table: &Table,
        old: Option<&Record>,
        new: Option<&mut Record>,
    ) -> Result<(), Rejection> {
        self.run(true, event, table, old, None, new)
    }

    fn after(
        &self,
        _session: &Session,
        event: Event,
        table: &Table,
        old: Option<&Record>,
        new: Option<&Record>,
    ) -> Result<(), Rejection> {
        self.run(false, event, table, old, new, None)
    }
}

/// Calls the functions of one event; yields the object they were given and may have changed.
fn call<'js>(
    state: &State,
    ctx: &Ctx<'js>,
    (before, event): (bool, Event),
    table: &Table,
    old: Option<&Record>,
    record: Option<&Record>,
) -> rquickjs::Result<Option<Object<'js>>> {
    let Some(function) = state.trigger.borrow().clone() else { return Ok(None) };
    let function: Function = Persistent::restore(function, ctx)?;
    let when = if before { "before" } else { "after" };
    let name = match event {
        Event::Create => "create",
        Event::Update => "update",
        Event::Delete => "delete",
    };
    let null = || Value::new_null(ctx.clone());
    let old = old.map_or_else(|| Ok(null()), |old| record_to_js(ctx, old))?;
    // On delete there is no new record: the old one is told.
    let record = record.map_or_else(|| Ok(old.clone()), |record| record_to_js(ctx, record))?;
    function.call::<_, ()>((when, name, &*table.name, record.clone(), old))?;
    Ok(record.into_object())
}

/// Takes over what the trigger changed. What it left alone stays as it was, exactly.
fn read_back<'js>(state: &State, ctx: &Ctx<'js>, record: &mut Record, object: &Object<'js>) -> rquickjs::Result<()> {
    for entry in object.props::<String, Value>() {
        let (name, value) = entry?;
        if value.is_undefined() || value.is_function() {
            continue;
        }
        if let Some(old) = record.get(&name)
            && value_to_js(ctx, old)? == value
        {
            continue;
        }
        let value = value_of(state, ctx, &name, &value)?;
        let same =
            record.get(&name).is_some_and(|old| *old == value || (!old.is_null() && old.to_text() == value.to_text()));
        if !same {
            record.set(name.as_str(), value);
        }
    }
    Ok(())
}

fn failed(what: &str) -> Rejection {
    Rejection { field: None, message: "a trigger failed".into(), source: Some(Box::new(Failed(what.to_owned()))) }
}

/// What a trigger threw: `reject(message, field)` and errors with a status below 500 are for people, others are
/// failures.
fn rejection(error: &CaughtError<'_>) -> Rejection {
    let CaughtError::Exception(exception) = error else { return failed(&caught(error)) };
    let object = exception.as_object();
    let status = object.get::<_, Option<u16>>("status").ok().flatten();
    if status.is_some_and(|status| (400..500).contains(&status)) {
        let field = object.get::<_, Option<String>>("field").ok().flatten();
        return Rejection { field, message: exception.message().unwrap_or_default(), source: None };
    }
    failed(&caught(error))
}
