//! Siblings and running balances as JavaScript asks for them: one native function of a verb and its arguments, in JSON,
//! because every answer is a small list.

use rquickjs::{Ctx, Exception, Result, Value};
use rusqlite::types::{Value as Sql, ValueRef};
use serde_json::{Map, Value as Json};

use super::natives::Natives;
use crate::data::plan::balance_error;
use crate::data::schema::{Balance, Table, Type};
use crate::data::siblings::{Bound, Cut, Ledger, Movement, Window};
use crate::data::{self, Error, Read, accept, decimal};

/// Lines of a report when nothing else is said.
const LINES: u64 = 100;

/// Puts `ledger`.
pub fn put<'js>(natives: &Natives<'js>) -> Result<()> {
    let state = natives.state();
    natives.put(
        "ledger",
        move |ctx: Ctx<'js>, table: String, balance: Option<String>, verb: String, given: Value<'js>| {
            let given = super::natives::to_json(&state, &ctx, &given)?;
            let answer = state.reading(|read| ask(read, &table, balance.as_deref(), &verb, &given));
            let answer = answer.map_err(|error| state.raise(&ctx, &error))?;
            ctx.json_parse(answer.to_string()).map_err(|_| Exception::throw_internal(&ctx, "an answer is no JSON"))
        },
    )
}

/// A balance and where it is asked.
struct Asked<'a> {
    read: &'a dyn Read,
    table: &'a Table,
    balance: &'a Balance,
    ledger: &'a Ledger,
}

fn ask(
    read: &dyn Read,
    table: &str,
    balance: Option<&str>,
    verb: &str,
    given: &Json,
) -> std::result::Result<Json, Error> {
    let (_, table) = read.schema().find(table)?;
    let balance = match balance {
        Some(name) => table.balance(name),
        None if table.balances.len() == 1 => table.balances.first(),
        None => None,
    };
    let balance = balance.ok_or_else(|| {
        let names: Vec<_> = table.balances.iter().map(|balance| &*balance.name).collect();
        Error::Invalid(format!("{} has the balances: {}", table.name, names.join(", ")))
    })?;
    let asked = Asked { read, table, balance, ledger: read.ledger(&table.name, &balance.name)? };
    asked.answer(verb, given)
}

impl Asked<'_> {
    fn answer(&self, verb: &str, given: &Json) -> std::result::Result<Json, Error> {
        let (db, ledger) = (self.read.connection(), self.ledger);
        let id = || given["id"].as_i64().ok_or_else(|| Error::Invalid(format!("{verb} takes the number of a row")));
        let failed = |error| balance_error(&self.table.name, error);
        Ok(match verb {
            "opening" => self.units(ledger.opening(db, id()?).map_err(failed)?),
            "closing" => self.units(ledger.closing(db, id()?).map_err(failed)?),
            "previous" => self.row(ledger.previous(db, id()?).map_err(failed)?)?,
            "next" => self.row(ledger.next(db, id()?).map_err(failed)?)?,
            "first" => self.row(ledger.first(db, &self.group(&given["group"])?).map_err(failed)?)?,
            "last" => self.row(ledger.last(db, &self.group(&given["group"])?).map_err(failed)?)?,
            "at" => {
                let bound = self.to(&given["to"])?;
                self.units(Some(ledger.balance(db, &self.group(&given["group"])?, &bound).map_err(failed)?))
            }
            "lines" => self.lines(given)?,
            "movement" => {
                let (from, to) = (self.from(&given["from"])?, self.to(&given["to"])?);
                let movement = ledger.movement(db, &self.group(&given["group"])?, &from, &to).map_err(failed)?;
                self.movement(&movement, &self.balance.group)
            }
            "periods" => self.periods(given)?,
            "trial" => {
                let (from, to) = (self.from(&given["from"])?, self.to(&given["to"])?);
                let within = self.values(&given["within"], &self.balance.group)?;
                let after = if given["after"].is_null() { None } else { Some(self.group(&given["after"])?) };
                let lines = ledger.trial(db, &within, after.as_deref(), (&from, &to), limit(given)).map_err(failed)?;
                lines.iter().map(|line| self.movement(line, &self.balance.group)).collect()
            }
            other => return Err(Error::Invalid(format!("a balance has no {other}"))),
        })
    }

    fn lines(&self, given: &Json) -> std::result::Result<Json, Error> {
        let fields: Vec<&str> = match &given["fields"] {
            Json::Array(names) => names.iter().filter_map(Json::as_str).collect(),
            _ => self.table.fields.iter().map(|field| &*field.name).collect(),
        };
        if let Some(unknown) = fields.iter().find(|name| self.table.type_of(name).is_none()) {
            return Err(Error::Invalid(format!("{} has no field {unknown:?}", self.table.name)));
        }
        let count = limit(given);
        let window = if given["last"] == true {
            Window::UpTo(self.to(&given["to"])?, count)
        } else if given["after"].is_null() {
            Window::From(self.from(&given["from"])?, count)
        } else {
            Window::From(Bound::after(self.values(&given["after"], &self.order())?), count)
        };
        let group = self.group(&given["group"])?;
        let lines = self.ledger.page(self.read.connection(), &group, &fields, &window);
        let lines = lines.map_err(|error| balance_error(&self.table.name, error))?;
        let line = |line: &data::siblings::Line| {
            let mut object = Map::new();
            object.insert("id".into(), line.id.into());
            for (name, value) in fields.iter().zip(&line.values) {
                let kind = self.table.type_of(name).unwrap_or(Type::Text);
                object.insert((*name).into(), data::Value::from_sql(ValueRef::from(value), kind).to_json());
            }
            for (name, units) in
                [("debit", line.debit), ("credit", line.credit), ("opening", line.opening), ("closing", line.closing)]
            {
                object.insert(name.into(), self.units(Some(units)));
            }
            Json::Object(object)
        };
        Ok(lines.iter().map(line).collect())
    }

    fn periods(&self, given: &Json) -> std::result::Result<Json, Error> {
        let cut = match (given["characters"].as_u64(), given["fields"].as_u64()) {
            (Some(characters), _) => Cut::Characters(usize::try_from(characters).unwrap_or(usize::MAX)),
            (None, Some(fields)) => Cut::Fields(usize::try_from(fields).unwrap_or(usize::MAX)),
            (None, None) => Cut::Fields(self.balance.order.len()),
        };
        let group = self.group(&given["group"])?;
        let from = if given["after"].is_null() {
            self.from(&given["from"])?
        } else {
            cut.end(&self.values(&given["after"], &self.balance.order)?)
        };
        let lines = self.ledger.periods(self.read.connection(), &group, cut, &from, limit(given));
        let lines = lines.map_err(|error| balance_error(&self.table.name, error))?;
        Ok(lines.iter().map(|line| self.movement(line, &self.balance.order)).collect())
    }

    fn movement(&self, movement: &Movement, names: &[std::sync::Arc<str>]) -> Json {
        let of: Map<String, Json> = names
            .iter()
            .zip(&movement.of)
            .map(|(name, value)| {
                let kind = self.table.type_of(name).unwrap_or(Type::Text);
                (name.to_string(), data::Value::from_sql(ValueRef::from(value), kind).to_json())
            })
            .collect();
        let mut line = Json::Object(of);
        line["rows"] = movement.rows.into();
        for (name, units) in [
            ("opening", movement.opening),
            ("debit", movement.debit),
            ("credit", movement.credit),
            ("closing", movement.closing),
        ] {
            line[name] = self.units(Some(units));
        }
        line
    }

    /// An amount in the form that fields have.
    fn units(&self, units: Option<i64>) -> Json {
        match units {
            None => Json::Null,
            Some(units) if self.balance.scale > 0 => decimal::text(units, self.balance.scale).into(),
            Some(units) => data::Value::Integer(units).to_json(),
        }
    }

    fn row(&self, id: Option<i64>) -> std::result::Result<Json, Error> {
        let Some(id) = id else { return Ok(Json::Null) };
        Ok(self.read.find(&self.table.name, id)?.map_or(Json::Null, |record| record.to_json()))
    }

    fn group(&self, given: &Json) -> std::result::Result<Vec<Sql>, Error> {
        let values = self.values(given, &self.balance.group)?;
        if values.len() != self.balance.group.len() {
            let message = format!("a group of {} is given by {}", self.balance.name, self.balance.group.join(", "));
            return Err(Error::Invalid(message));
        }
        Ok(values)
    }

    fn from(&self, given: &Json) -> std::result::Result<Bound, Error> {
        if given.is_null() { Ok(Bound::start()) } else { Ok(Bound::before(self.values(given, &self.order())?)) }
    }

    fn to(&self, given: &Json) -> std::result::Result<Bound, Error> {
        if given.is_null() { Ok(Bound::end()) } else { Ok(Bound::after(self.values(given, &self.order())?)) }
    }

    /// The fields of the order, then the number of the row.
    fn order(&self) -> Vec<std::sync::Arc<str>> {
        self.balance.order.iter().cloned().chain(["id".into()]).collect()
    }

    /// Leading values of these fields: `{ anio: 2024, mes: 3 }`, `[2024, 3]` or, of the first only, `2024`.
    fn values(&self, given: &Json, names: &[std::sync::Arc<str>]) -> std::result::Result<Vec<Sql>, Error> {
        let list: Vec<&Json> = match given {
            Json::Null => Vec::new(),
            Json::Array(list) => list.iter().collect(),
            Json::Object(object) => {
                if let Some(unknown) = object.keys().find(|key| !names.iter().any(|name| **name == ***key)) {
                    return Err(Error::Invalid(format!("{unknown} is none of {}", names.join(", "))));
                }
                names.iter().map_while(|name| object.get(&**name)).collect()
            }
            single => vec![single],
        };
        if list.len() > names.len() {
            return Err(Error::Invalid(format!("more values than {}", names.join(", "))));
        }
        list.iter().zip(names).map(|(value, name)| self.value(value, name)).collect()
    }

    fn value(&self, given: &Json, name: &str) -> std::result::Result<Sql, Error> {
        let wrong = |what: &str| Error::Invalid(format!("{name}: {what}"));
        let kind = self.table.type_of(name).ok_or_else(|| wrong("no such field"))?;
        let value = data::Value::from_json(given).ok_or_else(|| wrong("a list or an object is no value"))?;
        let typed = accept::typed(name, kind, value).map_err(|fault| wrong(&fault.message()))?;
        Ok(match typed {
            data::Value::Null => return Err(wrong("a value is needed")),
            data::Value::Integer(n) | data::Value::Decimal { units: n, .. } => Sql::Integer(n),
            data::Value::Boolean(truth) => Sql::Integer(truth.into()),
            data::Value::Real(n) => Sql::Real(n),
            data::Value::Text(text) => Sql::Text(text),
            data::Value::Blob(bytes) => Sql::Blob(bytes),
        })
    }
}

fn limit(given: &Json) -> usize {
    usize::try_from(given["limit"].as_u64().unwrap_or(LINES)).unwrap_or(usize::MAX)
}
