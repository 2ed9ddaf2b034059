//! A row goes, and with it what its links say.

use super::faults;
use crate::data::read::Read as _;
use crate::data::schema::{OnDelete, Table};
use crate::data::{Condition, Error, Event, Query, Record, Session, Value};

/// Rows that follow a deleted master are read in pieces of so many.
const PIECE: u32 = 500;

impl Session {
    /// Deletes a row. Rows that link to it are refused, deleted or cleared as their links say, with their own triggers.
    pub fn delete(&self, table: &str, id: i64) -> Result<(), Error> {
        self.usable()?;
        let (place, table) = self.schema().find(table)?;
        self.atomically(|session| {
            if !session.hooks.watches(table, Event::Delete) {
                session.follow_links(table, id)?;
                return session.remove(place, table, id);
            }
            let old = session.get(&table.name, id)?;
            session.hooks.before(session, Event::Delete, table, Some(&old), None)?;
            session.follow_links(table, id)?;
            session.remove(place, table, id)?;
            session.hooks.after(session, Event::Delete, table, Some(&old), None)?;
            Ok(())
        })
    }

    fn remove(&self, place: usize, table: &Table, id: i64) -> Result<(), Error> {
        self.note_delete(place);
        let deleted =
            self.connection().prepare_cached(&table.sql.delete).and_then(|mut statement| statement.execute([id]));
        match deleted {
            Ok(0) => Err(Error::NotFound { table: table.name.to_string(), id }),
            Ok(_) => Ok(()),
            Err(error) => Err(faults::of_delete(self, table, id, error)),
        }
    }

    /// Rows with triggers go one by one; those without are left to SQLite, which does the same to them.
    fn follow_links(&self, master: &Table, id: i64) -> Result<(), Error> {
        for (table, link) in self.schema().links_to(&master.name) {
            let event = match link.on_delete {
                OnDelete::Restrict => continue,
                OnDelete::Cascade => Event::Delete,
                OnDelete::Clear => Event::Update,
            };
            if !self.needs_rows(table, event, &mut Vec::new()) {
                continue;
            }
            let field = &link.field.name;
            let linked = Condition::eq(field, id);
            let query = Query::of(&table.name).filter(linked).fields(["id"]).limit(PIECE);
            loop {
                let rows = self.query(&query)?;
                if rows.is_empty() {
                    break;
                }
                for row in rows.iter().filter_map(Record::id) {
                    match event {
                        // A trigger of an earlier row may have deleted it already.
                        Event::Delete => match self.delete(&table.name, row) {
                            Ok(()) | Err(Error::NotFound { .. }) => {}
                            Err(error) => return Err(error),
                        },
                        _ => drop(self.update(&table.name, row, Record::new().with(field, Value::Null))?),
                    }
                }
                if event == Event::Update && self.query(&query)? == rows {
                    let message = format!("a trigger of {} keeps its link to a row that is being deleted", table.name);
                    return Err(Error::Refused(message));
                }
            }
        }
        Ok(())
    }

    /// Whether the rows of a table must be deleted one by one: it, or what follows from it, has triggers.
    fn needs_rows(&self, table: &Table, event: Event, seen: &mut Vec<String>) -> bool {
        if self.hooks.watches(table, event) {
            return true;
        }
        if event != Event::Delete || seen.iter().any(|name| *name == *table.name) {
            return false;
        }
        seen.push(table.name.to_string());
        self.schema().links_to(&table.name).any(|(child, link)| match link.on_delete {
            OnDelete::Restrict => false,
            OnDelete::Cascade => self.needs_rows(child, Event::Delete, seen),
            OnDelete::Clear => self.needs_rows(child, Event::Update, seen),
        })
    }
}
