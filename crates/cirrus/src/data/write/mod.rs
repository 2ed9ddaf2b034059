//! The one path by which rows are written: values are judged, triggers are called, SQLite keeps totals and full texts,
//! and whatever fails takes back all that belongs to it.

mod create;
mod delete;
mod faults;
mod update;

use std::sync::Arc;

use super::accept::{accept, read_only};
use super::schema::{Default, Field, Kind, Table};
use super::{Error, Fault, Record, Value, moment};

/// The values of a record in the field's own forms. Unknown fields and those that Cirrus keeps are refused.
/// `id` is passed on when it may be given.
fn judged(table: &Table, record: &Record, id: bool, faults: &mut Vec<Fault>) -> Record {
    let mut judged = Record::with_capacity(table.fields.len() + 1);
    for (name, value) in record.iter() {
        let Some(field) = table.field(name) else {
            match (name, value) {
                ("id", Value::Integer(number)) if id && *number > 0 => judged.push(Arc::from("id"), value.clone()),
                ("id", _) if id => faults.push(Fault::new("id", "type").with("kind", "id")),
                ("id", _) => faults.push(Fault::new("id", "read_only").with("kind", "id")),
                _ => faults.push(Fault::new(name, "unknown").with("table", &table.name)),
            }
            continue;
        };
        if !field.writable() {
            faults.push(read_only(field));
            continue;
        }
        match accept(field, value.clone()) {
            Ok(Value::Null) if field.required => faults.push(required(field)),
            Ok(value) => judged.push(Arc::clone(&field.name), value),
            Err(fault) => faults.push(fault),
        }
    }
    judged
}

fn required(field: &Field) -> Fault {
    Fault::new(&field.name, "required")
}

/// The value a new row gets for a field it does not speak of.
fn default_of(field: &Field) -> Value {
    match &field.default {
        None => Value::Null,
        Some(Default::Value(value)) => value.clone(),
        Some(Default::Now) => {
            let now = moment::instant(std::time::SystemTime::now());
            Value::Text(match field.kind {
                Kind::Date => now[..10].to_owned(),
                Kind::Time => now[11..19].to_owned(),
                _ => now,
            })
        }
    }
}

fn refuse(table: &Table, faults: Vec<Fault>) -> Result<(), Error> {
    if faults.is_empty() { Ok(()) } else { Err(Error::Validation { table: table.name.to_string(), faults }) }
}
