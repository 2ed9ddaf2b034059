//! What SQLite refuses, in words about fields.

use rusqlite::ffi;

use crate::data::accept::shown;
use crate::data::read::{Read as _, overflow};
use crate::data::schema::{Kind, Table};
use crate::data::{Condition, Error, Fault, Query, Record, Session, Value};

/// A failed insert or update.
pub(super) fn of_write(session: &Session, table: &Table, record: &Record, error: rusqlite::Error) -> Error {
    let Some(code) = error.sqlite_error().map(|error| error.extended_code) else {
        return Error::database("writing a row")(error);
    };
    let text = message(&error);
    match code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            unique(table, record, &text)
        }
        ffi::SQLITE_CONSTRAINT_CHECK => check(session, table, record, &text, error),
        ffi::SQLITE_CONSTRAINT_NOTNULL => {
            let field = text.rsplit('.').next().unwrap_or_default();
            Error::fault(&table.name, Fault::new(field, "required"))
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => links(session, table, record),
        _ => overflow(&table.name, error, "writing a row"),
    }
}

/// A failed delete.
pub(super) fn of_delete(session: &Session, table: &Table, id: i64, error: rusqlite::Error) -> Error {
    let code = error.sqlite_error().map(|error| error.extended_code);
    if code == Some(ffi::SQLITE_CONSTRAINT_CHECK) {
        return check(session, table, &Record::new(), &message(&error), error);
    }
    // RESTRICT reports itself as a trigger, and so do the triggers of a running balance.
    let link = matches!(code, Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY | ffi::SQLITE_CONSTRAINT_TRIGGER));
    if !link || message(&error).starts_with("balance ") {
        return overflow(&table.name, error, "deleting a row");
    }
    for (by, link) in session.schema().links_to(&table.name) {
        let linked = Query::of(&by.name).filter(Condition::eq(&link.field.name, id));
        match session.count(&linked) {
            Ok(0) => {}
            Ok(count) if link.on_delete == crate::data::schema::OnDelete::Restrict => {
                return Error::Linked {
                    table: table.name.to_string(),
                    id,
                    by: by.name.to_string(),
                    field: link.field.name.to_string(),
                    count: i64::try_from(count).unwrap_or(i64::MAX),
                };
            }
            Ok(_) => {}
            Err(error) => return error,
        }
    }
    // A row that would go with this one is held by others.
    Error::Refused(format!("{} {id} cannot be deleted: rows that would go with it are linked to by others", table.name))
}

/// SQLite's own words, without what rusqlite puts around them.
fn message(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}

/// `UNIQUE constraint failed: tareas.codigo, tareas.anio`
fn unique(table: &Table, record: &Record, text: &str) -> Error {
    let (_, columns) = text.rsplit_once(": ").unwrap_or(("", ""));
    let names: Vec<&str> = columns.split(", ").filter_map(|column| column.rsplit('.').next()).collect();
    let fault = |name: &&str| {
        let fault = Fault::new(name, "unique");
        // What an update does not speak of stays as it was.
        match (names.len(), record.get(name)) {
            (1, Some(value)) => fault.with("kind", "one").with("value", shown(value)),
            _ => fault.with("kind", "several").with("fields", names.join(", ")),
        }
    };
    Error::Validation { table: table.name.to_string(), faults: names.iter().map(fault).collect() }
}

/// `CHECK constraint failed: importe`: of the row itself, or of a total it adds to.
fn check(session: &Session, table: &Table, record: &Record, text: &str, error: rusqlite::Error) -> Error {
    let name = text.rsplit(": ").next().unwrap_or_default();
    let ruled = |fault: Fault, field: &crate::data::schema::Field| match &field.check {
        Some(check) => fault.with("rule", check.text()),
        None => fault.with("kind", "bounds"),
    };
    if let Some(field) = table.field(name).filter(|field| !field.kept) {
        let value = record.get(name).map_or_else(String::new, shown);
        return Error::fault(&table.name, ruled(Fault::new(name, "check").with("value", value), field));
    }
    for adds in &table.accumulate {
        let master = session.schema().table(&adds.master);
        if let Some(total) = master.and_then(|master| master.field(&adds.total)).filter(|total| *total.name == *name) {
            let fault = Fault::new(&adds.link, "total").with("total", format!("{}.{name}", adds.master));
            return Error::fault(&table.name, ruled(fault, total));
        }
    }
    overflow(&table.name, error, "writing a row")
}

/// Which links lead nowhere.
fn links(session: &Session, table: &Table, record: &Record) -> Error {
    let mut faults = Vec::new();
    for field in &table.fields {
        if let (Kind::Link { to, .. }, Some(Value::Integer(id))) = (&field.kind, record.get(&field.name)) {
            match session.find(to, *id) {
                Ok(Some(_)) => {}
                Ok(None) => faults.push(Fault::new(&field.name, "link").with("table", to).with("value", id)),
                Err(error) => return error,
            }
        }
    }
    Error::Validation { table: table.name.to_string(), faults }
}
