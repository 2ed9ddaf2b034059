//! A new row.

use rusqlite::params_from_iter;

use super::{default_of, faults, judged, refuse, required};
use crate::data::read::{self, Read as _};
use crate::data::schema::Table;
use crate::data::{Error, Event, Record, Session, Value};

impl Session {
    /// Creates a row and yields it whole, with its `id`, defaults, formulas and totals. An `id` may be given (imports
    /// keep theirs); without one the row gets the next.
    pub fn create(&self, table: &str, record: Record) -> Result<Record, Error> {
        self.usable()?;
        let (place, table) = self.schema().find(table)?;
        let record = complete(table, &record)?;
        if !self.hooks.watches(table, Event::Create) {
            return self.insert(place, table, &record);
        }
        self.atomically(|session| {
            let mut record = record;
            session.hooks.before(session, Event::Create, table, None, Some(&mut record))?;
            let record = complete(table, &record)?;
            let created = session.insert(place, table, &record)?;
            session.hooks.after(session, Event::Create, table, None, Some(&created))?;
            Ok(created)
        })
    }

    fn insert(&self, place: usize, table: &Table, record: &Record) -> Result<Record, Error> {
        // One statement for each table, whatever the record speaks of.
        let written = table.fields.iter().filter(|field| field.writable());
        let names = std::iter::once("id").chain(written.map(|field| &*field.name));
        let values: Vec<&Value> = names.map(|name| record.get(name).unwrap_or(&Value::Null)).collect();
        self.note(place);
        let created = self.returning(&table.sql.insert, params_from_iter(values), &table.columns);
        match created {
            Ok(Some(created)) => Ok(created),
            Ok(None) => Err(Error::Broken("SQLite yielded no row for an insert".to_owned())),
            Err(error) => Err(faults::of_write(self, table, record, error)),
        }
    }

    /// Runs a statement that yields at most one row. It is stepped to its end, because links are only judged there.
    pub(super) fn returning(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        columns: &crate::data::rows::Columns,
    ) -> rusqlite::Result<Option<Record>> {
        let mut statement = self.connection().prepare_cached(sql)?;
        let mut rows = statement.query(parameters)?;
        let record = match rows.next()? {
            Some(row) => Some(read::record(row, columns)?),
            None => None,
        };
        while rows.next()?.is_some() {}
        Ok(record)
    }
}

/// The record with every field that can be written: given, or its default.
fn complete(table: &Table, record: &Record) -> Result<Record, Error> {
    let mut faults = Vec::new();
    let given = judged(table, record, true, &mut faults);
    let mut complete = Record::with_capacity(table.fields.len() + 1);
    if let Some(id) = given.id() {
        complete.push("id".into(), Value::Integer(id));
    }
    for field in table.fields.iter().filter(|field| field.writable()) {
        let value = given.get(&field.name).cloned().unwrap_or_else(|| default_of(field));
        let spoken = record.get(&field.name).is_some();
        if value.is_null() && field.required && !spoken {
            faults.push(required(field));
        }
        complete.push(std::sync::Arc::clone(&field.name), value);
    }
    refuse(table, faults)?;
    Ok(complete)
}
