//! A row changes.

use rusqlite::params_from_iter;

use super::{faults, judged, refuse};
use crate::data::read::Read as _;
use crate::data::schema::Table;
use crate::data::{Error, Event, Record, Session, Value};

impl Session {
    /// Changes the fields that the record speaks of and yields the row whole.
    pub fn update(&self, table: &str, id: i64, changes: Record) -> Result<Record, Error> {
        self.usable()?;
        let (place, table) = self.schema().find(table)?;
        let mut changes = changes;
        if changes.id() == Some(id) {
            changes.remove("id"); // who sends a row back as it came does not mean to change its number
        }
        let mut faults = Vec::new();
        let changes = judged(table, &changes, false, &mut faults);
        refuse(table, faults)?;
        if !self.hooks.watches(table, Event::Update) {
            return self.change(place, table, id, &changes);
        }
        self.atomically(|session| session.change_watched(place, table, id, changes))
    }

    fn change_watched(&self, place: usize, table: &Table, id: i64, changes: Record) -> Result<Record, Error> {
        let old = self.get(&table.name, id)?;
        let mut new = old.clone();
        changes.iter().for_each(|(name, value)| new.set(name, value.clone()));
        self.hooks.before(self, Event::Update, table, Some(&old), Some(&mut new))?;
        // What the trigger left as it was needs no writing; what is kept or computed cannot be written by it.
        let differs = |name: &str, value: &Value| old.get(name) != Some(value);
        let written: Record = new
            .iter()
            .filter(|(name, value)| *name != "id" && (differs(name, value) || changes.get(name).is_some()))
            .map(|(name, value)| (name.into(), value.clone()))
            .collect();
        let mut faults = Vec::new();
        let written = judged(table, &written, false, &mut faults);
        refuse(table, faults)?;
        let updated = self.change(place, table, id, &written)?;
        self.hooks.after(self, Event::Update, table, Some(&old), Some(&updated))?;
        Ok(updated)
    }

    fn change(&self, place: usize, table: &Table, id: i64, changes: &Record) -> Result<Record, Error> {
        if changes.is_empty() {
            return self.get(&table.name, id);
        }
        let sets: Vec<_> = changes.iter().map(|(name, _)| format!("\"{name}\" = ?")).collect();
        let sql = format!("UPDATE \"{}\" SET {} WHERE \"id\" = ?{}", table.name, sets.join(", "), table.sql.returning);
        let number = Value::Integer(id);
        let values = changes.iter().map(|(_, value)| value).chain(std::iter::once(&number));
        self.note(place);
        let updated = self.returning(&sql, params_from_iter(values), &table.columns);
        match updated.map_err(|error| faults::of_write(self, table, changes, error))? {
            None => Err(Error::NotFound { table: table.name.to_string(), id }),
            // A table that adds to itself may have changed the row once more.
            Some(_) if table.accumulate.iter().any(|own| own.master == table.name) => self.get(&table.name, id),
            Some(updated) => Ok(updated),
        }
    }
}
