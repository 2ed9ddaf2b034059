//! `db`: the tables of the application as JavaScript sees them. A query travels as a list of operations in JSON text,
//! which is
//! also the key under which its compiled form, its property names and its last result are kept.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;
use rquickjs::{Ctx, Exception, Function, Object, Result, Value};
use rusqlite::params_from_iter;
use serde_json::Value as Json;

use super::natives::{Natives, answer};
use super::quickjs::{self, Names, RowsError};
use super::state::{State, is_late, throw, throw_with};
use super::triggers::Triggers;
use crate::data::query::{Compiled, Cursor};
use crate::data::{self, Condition, ErrorKind, Query, Read, Reader, Record, Session, rows};
use crate::results::Results;

/// Queries that are remembered; then all are forgotten.
const REMEMBERED: usize = 512;
/// Operations of SQLite between two looks at the clock.
const OPERATIONS: std::ffi::c_int = 10_000;

/// What one runtime has of the database.
#[derive(Default)]
pub struct Tables {
    reader: OnceCell<Reader>,
    session: RefCell<Option<Rc<Session>>>,
    known: RefCell<HashMap<String, Rc<Known>>>,
    results: RefCell<Results<Bytes>>,
    /// Which triggers there are.
    pub watched: RefCell<Vec<super::triggers::Watch>>,
}

/// A compiled query.
struct Known {
    query: Query,
    compiled: Compiled,
    names: RefCell<Option<Names>>,
}

impl Tables {
    /// Gives the atoms back.
    pub fn release(&self, ctx: &Ctx<'_>) {
        self.forget(ctx);
        self.watched.borrow_mut().clear();
    }

    fn forget(&self, ctx: &Ctx<'_>) {
        for (_, known) in self.known.borrow_mut().drain() {
            if let Some(names) = known.names.borrow_mut().take() {
                names.release(ctx);
            }
        }
    }

    /// The open session, when something was written.
    pub fn session(&self) -> Option<Rc<Session>> {
        self.session.borrow().clone()
    }

    /// Takes the session out, to commit it or to drop it.
    pub fn take_session(&self) -> Option<Rc<Session>> {
        self.session.borrow_mut().take()
    }
}

impl State {
    /// The connection for reading of this runtime.
    pub fn reader(&self) -> std::result::Result<&Reader, data::Error> {
        if let Some(reader) = self.tables.reader.get() {
            return Ok(reader);
        }
        let reader = self.host.store().reader()?;
        let deadline = self.deadline.clone();
        // An endless query is an endless loop.
        reader.connection().progress_handler(OPERATIONS, Some(move || is_late(&deadline))).ok();
        Ok(self.tables.reader.get_or_init(|| reader))
    }

    /// The session of this runtime, begun by the first write.
    pub fn session(self: &Rc<Self>) -> std::result::Result<Rc<Session>, data::Error> {
        if let Some(session) = self.tables.session() {
            return Ok(session);
        }
        let session = Rc::new(self.host.store().begin_with(Rc::new(Triggers::new(self)))?);
        *self.tables.session.borrow_mut() = Some(session.clone());
        Ok(session)
    }

    /// Asks the session when there is one, so that what was just written is seen, else the reader.
    pub fn reading<T>(
        &self,
        ask: impl FnOnce(&dyn Read) -> std::result::Result<T, data::Error>,
    ) -> std::result::Result<T, data::Error> {
        match self.tables.session() {
            // An endless question is an endless loop. Only questions: a write that is interrupted takes the whole
            // transaction back.
            Some(session) => {
                let deadline = self.deadline.clone();
                session.connection().progress_handler(OPERATIONS, Some(move || is_late(&deadline))).ok();
                let answer = ask(&*session);
                session.connection().progress_handler(0, None::<fn() -> bool>).ok();
                answer
            }
            None => ask(self.reader()?),
        }
    }

    /// An error of the data layer as an exception with status and faults.
    pub fn raise(&self, ctx: &Ctx<'_>, error: &data::Error) -> rquickjs::Error {
        let status = match error.kind() {
            ErrorKind::Invalid => 400,
            ErrorKind::NotFound => 404,
            ErrorKind::Conflict => 409,
            ErrorKind::TooLarge => 413,
            ErrorKind::Unprocessable => 422,
            ErrorKind::Busy => 503,
            ErrorKind::Full => 507,
            ErrorKind::Internal => 500,
        };
        if matches!(error, data::Error::TooSlow) {
            self.expired.set(true);
        }
        if self.is_over() {
            return quickjs::throw_uncatchable(ctx, &error.to_string());
        }
        let errors = match error {
            data::Error::Validation { faults, .. } => {
                faults.iter().map(|fault| fault.to_json(&fault.message())).collect()
            }
            data::Error::Rejected(rejection) => match &rejection.field {
                Some(field) => {
                    vec![serde_json::json!({ "field": field, "code": "rejected", "message": rejection.message })]
                }
                None => Vec::new(),
            },
            _ => Vec::new(),
        };
        let mut message = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        let errors = (!errors.is_empty()).then(|| ctx.json_parse(Json::Array(errors).to_string()).ok()).flatten();
        throw_with(ctx, status, &message, errors)
    }

    fn known(&self, ctx: &Ctx<'_>, key: &str) -> Result<Rc<Known>> {
        if let Some(known) = self.tables.known.borrow().get(key) {
            return Ok(known.clone());
        }
        let query = read_query(key, self.host.store()).map_err(|error| self.raise(ctx, &error))?;
        let compiled = query.compile(self.host.store().schema(), false).map_err(|error| self.raise(ctx, &error))?;
        let known = Rc::new(Known { query, compiled, names: RefCell::new(None) });
        if self.tables.known.borrow().len() >= REMEMBERED {
            self.tables.forget(ctx);
        }
        self.tables.known.borrow_mut().insert(key.to_owned(), known.clone());
        Ok(known)
    }

    /// The rows of a query as JSON, from memory while nothing was written.
    fn result(&self, ctx: &Ctx<'_>, key: &str) -> Result<Bytes> {
        let raise = |error: data::Error| self.raise(ctx, &error);
        let known = self.known(ctx, key)?;
        let own_writes = self.tables.session.borrow().is_some();
        let most = self.host.limits().results;
        let stamp = if own_writes || most == 0 {
            None
        } else {
            self.reader().and_then(|reader| reader.stamp(&[known.compiled.table])).map_err(raise)?
        };
        if let Some(stamp) = stamp
            && let Some(bytes) = self.tables.results.borrow().get(key, stamp)
        {
            return Ok(bytes.clone());
        }
        let mut out = Vec::with_capacity(2048);
        self.reading(|read| self.write_rows(read, &known.compiled, &mut out)).map_err(raise)?;
        let bytes = Bytes::from(out);
        if let Some(stamp) = stamp {
            self.tables.results.borrow_mut().keep(most, key, stamp, bytes.len(), bytes.clone());
        }
        Ok(bytes)
    }

    fn write_rows(
        &self,
        read: &dyn Read,
        compiled: &Compiled,
        out: &mut Vec<u8>,
    ) -> std::result::Result<(), data::Error> {
        let most = self.host.limits().body;
        let failed = |error| database_error(error);
        let mut statement = read.connection().prepare_cached(&compiled.sql).map_err(failed)?;
        let mut found = statement.query(params_from_iter(&compiled.parameters)).map_err(failed)?;
        out.push(b'[');
        while let Some(row) = found.next().map_err(failed)? {
            if out.len() > 1 {
                out.push(b',');
            }
            rows::write_row(row, &compiled.columns, out)?;
            if out.len() > most {
                return Err(data::Error::TooLarge(format!(
                    "the rows are more than {most} bytes of JSON: use limit() or page()"
                )));
            }
        }
        out.push(b']');
        Ok(())
    }

    /// The rows of a query as objects.
    fn objects<'js>(&self, ctx: &Ctx<'js>, key: &str) -> Result<Value<'js>> {
        let known = self.known(ctx, key)?;
        let compiled = &known.compiled;
        let kept = known.names.borrow_mut().take();
        let names = kept.map_or_else(|| Names::new(ctx, &compiled.columns), Ok)?;
        let made = self.reading(|read| {
            let mut statement = read.connection().prepare_cached(&compiled.sql).map_err(database_error)?;
            let mut found = statement.query(params_from_iter(&compiled.parameters)).map_err(database_error)?;
            Ok(quickjs::rows_to_array(ctx, &mut found, &compiled.columns, &names))
        });
        let stays = self.tables.known.borrow().get(key).is_some_and(|kept| Rc::ptr_eq(kept, &known));
        if stays {
            let replaced = known.names.borrow_mut().replace(names);
            if let Some(replaced) = replaced {
                replaced.release(ctx);
            }
        } else {
            names.release(ctx);
        }
        match made.map_err(|error| self.raise(ctx, &error))? {
            Ok(value) => Ok(value),
            Err(RowsError::Database(error)) => Err(self.raise(ctx, &database_error(error))),
            Err(RowsError::Script(error)) => Err(error),
        }
    }
}

/// Puts the native functions of `db`.
pub fn put<'js>(natives: &Natives<'js>) -> Result<()> {
    reads(natives)?;
    numbers(natives)?;
    writes(natives)
}

fn reads<'js>(natives: &Natives<'js>) -> Result<()> {
    let state = natives.state();
    natives.put("tables", move || {
        state.host.store().schema().tables.iter().map(|table| table.name.to_string()).collect::<Vec<_>>()
    })?;
    let state = natives.state();
    natives.put("rows", move |ctx: Ctx<'js>, key: String| state.objects(&ctx, &key))?;
    let state = natives.state();
    natives.put("jsonQuery", move |ctx: Ctx<'js>, id: u32, status: u16, headers: Value<'js>, key: String| {
        let body = state.result(&ctx, &key)?;
        answer(&state, &ctx, id, status, &headers, Some("application/json; charset=utf-8"), body)
    })?;
    let state = natives.state();
    natives.put("page", move |ctx: Ctx<'js>, key: String, size: u32| {
        let known = state.known(&ctx, &key)?;
        let query = known.query.clone().limit(size.clamp(1, 10_000));
        let mut out = Vec::new();
        let page = state.reading(|read| {
            let compiled = query.compile(read.schema(), true)?;
            read.write_json(&compiled, &mut out)
        });
        let page = page.map_err(|error| state.raise(&ctx, &error))?;
        let object = Object::new(ctx.clone())?;
        object.set("rows", ctx.json_parse(out)?)?;
        let next = page.next.map(|cursor| cursor.text());
        object.set("next", next)?;
        Ok::<_, rquickjs::Error>(object)
    })
}

fn numbers<'js>(natives: &Natives<'js>) -> Result<()> {
    let state = natives.state();
    natives.put("find", move |ctx: Ctx<'js>, table: String, id: f64| {
        if id.fract() != 0.0 || !(0.0..9e15).contains(&id) {
            return Ok(Value::new_null(ctx));
        }
        let record = state.reading(|read| read.find(&table, id as i64)).map_err(|error| state.raise(&ctx, &error))?;
        match record {
            Some(record) => record_to_js(&ctx, &record),
            None => Ok(Value::new_null(ctx)),
        }
    })?;
    let state = natives.state();
    natives.put("count", move |ctx: Ctx<'js>, key: String| {
        let known = state.known(&ctx, &key)?;
        let count = state.reading(|read| read.count(&known.query)).map_err(|error| state.raise(&ctx, &error))?;
        Ok::<_, rquickjs::Error>(count as f64)
    })?;
    let state = natives.state();
    natives.put("sum", move |ctx: Ctx<'js>, key: String, field: String| {
        let known = state.known(&ctx, &key)?;
        let sum = state.reading(|read| read.sum(&known.query, &field)).map_err(|error| state.raise(&ctx, &error))?;
        value_to_js(&ctx, &sum)
    })
}

fn writes<'js>(natives: &Natives<'js>) -> Result<()> {
    let state = natives.state();
    natives.put("create", move |ctx: Ctx<'js>, table: String, record: Object<'js>| {
        let record = record_of(&state, &ctx, &record)?;
        let created = write(&state, &ctx, |session| session.create(&table, record))?;
        record_to_js(&ctx, &created)
    })?;
    let state = natives.state();
    natives.put("update", move |ctx: Ctx<'js>, table: String, id: f64, record: Object<'js>| {
        let record = record_of(&state, &ctx, &record)?;
        let updated = write(&state, &ctx, |session| session.update(&table, id as i64, record))?;
        record_to_js(&ctx, &updated)
    })?;
    let state = natives.state();
    natives.put("delete", move |ctx: Ctx<'js>, table: String, id: f64| {
        write(&state, &ctx, |session| session.delete(&table, id as i64))
    })?;
    let state = natives.state();
    natives.put("transaction", move |ctx: Ctx<'js>, work: Function<'js>| {
        state.on_worker(&ctx)?;
        let session = state.session().map_err(|error| state.raise(&ctx, &error))?;
        let result = session.atomically(|_| {
            let value: Value = work.call(())?;
            if value.is_promise() {
                let message = "the function of a transaction cannot be async: what it writes belongs together";
                return Err(Undo::Script(Exception::throw_type(&ctx, message)));
            }
            Ok(value)
        });
        result.map_err(|undo| match undo {
            Undo::Script(error) => error,
            Undo::Data(error) => state.raise(&ctx, &error),
        })
    })?;
    let state = natives.state();
    natives.put("watch", move |ctx: Ctx<'js>, table: String, when: String, event: String| {
        if !state.loading.get() {
            return Err(Exception::throw_message(&ctx, "triggers are declared while app.js loads"));
        }
        let watch = super::triggers::Watch::read(&table, &when, &event)
            .ok_or_else(|| Exception::throw_type(&ctx, "a trigger is before or after create, update or delete"))?;
        state.tables.watched.borrow_mut().push(watch);
        Ok(())
    })
}

/// Why a transaction is taken back.
enum Undo {
    Script(rquickjs::Error),
    Data(data::Error),
}

impl From<data::Error> for Undo {
    fn from(error: data::Error) -> Self {
        Self::Data(error)
    }
}

impl From<rquickjs::Error> for Undo {
    fn from(error: rquickjs::Error) -> Self {
        Self::Script(error)
    }
}

/// Writes in the session of this runtime.
pub fn write<'js, T>(
    state: &Rc<State>,
    ctx: &Ctx<'js>,
    work: impl FnOnce(&Session) -> std::result::Result<T, data::Error>,
) -> Result<T> {
    state.on_worker(ctx)?;
    let session = state.session().map_err(|error| state.raise(ctx, &error))?;
    state.entered.during(ctx, || work(&session)).map_err(|error| state.raise(ctx, &error))
}

fn database_error(error: rusqlite::Error) -> data::Error {
    data::Error::database("reading rows")(error)
}

/// Reads `["table","tareas"],["limit",10]`.
fn read_query(key: &str, store: &data::Store) -> std::result::Result<Query, data::Error> {
    let wrong = |what: &str| data::Error::Invalid(format!("a query cannot be understood: {what}"));
    let operations: Vec<Vec<Json>> =
        serde_json::from_str(&format!("[{key}]")).map_err(|error| wrong(&error.to_string()))?;
    let mut query = Query::default();
    for operation in &operations {
        let text = |at: usize| {
            operation.get(at).and_then(Json::as_str).ok_or_else(|| wrong(&format!("{operation:?} lacks a text")))
        };
        let number = || {
            let number = operation.get(1).and_then(Json::as_u64);
            number.ok_or_else(|| data::Error::Invalid(format!("{} takes a whole number", text(0).unwrap_or("it"))))
        };
        query = match text(0)? {
            "table" => Query::of(text(1)?),
            "where" => query.filter(Condition::from_json(&operation[1])?),
            "order" => match text(1)?.strip_prefix('-') {
                Some(field) => query.order(field, true),
                None => query.order(text(1)?, false),
            },
            "limit" => query.limit(u32::try_from(number()?).unwrap_or(u32::MAX)),
            "offset" => query.offset(number()?),
            "fields" => query.fields(operation[1].as_array().into_iter().flatten().filter_map(Json::as_str)),
            "words" => query.filter(Condition::Words(text(1)?.into(), text(2)?.into())),
            "pieces" => query.filter(Condition::Pieces(text(1)?.into(), text(2)?.into())),
            "index" => {
                let (_, table) = store.schema().find(&query.table)?;
                let index = table.index(text(1)?);
                let index = index
                    .ok_or_else(|| data::Error::Invalid(format!("{} has no index {:?}", table.name, operation[1])))?;
                index.fields.iter().fold(query, |query, field| query.order(field, false))
            }
            "after" => {
                query.after = Some(Cursor::parse(text(1)?)?);
                query
            }
            other => return Err(wrong(other)),
        };
    }
    Ok(query)
}

/// A record of an object: `undefined` is not spoken of, bytes are blobs, what has `toJSON` (dates, decimals) is that.
pub fn record_of<'js>(state: &State, ctx: &Ctx<'js>, object: &Object<'js>) -> Result<Record> {
    let mut record = Record::new();
    for entry in object.props::<String, Value>() {
        let (name, value) = entry?;
        if !value.is_undefined() && !value.is_function() {
            record.set(name.as_str(), value_of(state, ctx, &name, &value)?);
        }
    }
    Ok(record)
}

/// A value of JavaScript for a field.
pub fn value_of<'js>(state: &State, ctx: &Ctx<'js>, name: &str, value: &Value<'js>) -> Result<data::Value> {
    if let Some(number) = value.as_int() {
        return Ok(data::Value::Integer(number.into()));
    }
    if let Some(text) = value.as_string() {
        return Ok(data::Value::Text(text.to_string()?));
    }
    if let Some(truth) = value.as_bool() {
        return Ok(data::Value::Boolean(truth));
    }
    if let Some(bytes) = quickjs::bytes_of(value) {
        return Ok(data::Value::Blob(bytes));
    }
    if value.is_big_int() {
        let text: rquickjs::convert::Coerced<String> = value.get()?;
        return Ok(data::Value::Text(text.0));
    }
    if let Some(number) = value.as_number() {
        if number.fract() == 0.0 && number.abs() <= data::SAFE_INTEGER as f64 {
            return Ok(data::Value::Integer(number as i64));
        }
        return Ok(data::Value::Real(number));
    }
    let json = super::natives::to_json(state, ctx, value)?;
    data::Value::from_json(&json)
        .ok_or_else(|| throw(ctx, 422, &format!("{name}: a list or an object is no value of a field")))
}

/// A record as an object.
pub fn record_to_js<'js>(ctx: &Ctx<'js>, record: &Record) -> Result<Value<'js>> {
    let object = Object::new(ctx.clone())?;
    for (name, value) in record.iter() {
        object.set(name, value_to_js(ctx, value)?)?;
    }
    Ok(object.into_value())
}

/// A value in the form that rows have: decimals and large integers are strings, blobs base64.
pub fn value_to_js<'js>(ctx: &Ctx<'js>, value: &data::Value) -> Result<Value<'js>> {
    use rquickjs::IntoJs;
    match value {
        data::Value::Null => Ok(Value::new_null(ctx.clone())),
        data::Value::Boolean(truth) => Ok(Value::new_bool(ctx.clone(), *truth)),
        data::Value::Integer(n) if n.abs() <= data::SAFE_INTEGER => Ok(Value::new_number(ctx.clone(), *n as f64)),
        data::Value::Real(n) => Ok(Value::new_number(ctx.clone(), *n)),
        other => other.to_text().into_js(ctx),
    }
}
