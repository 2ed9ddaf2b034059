//! From the body of a write to the record that the data layer judges. JSON must have the types that the OpenAPI
//! document says; forms are text, as HTML sends them.

use http::StatusCode;
use serde_json::Value as Json;

use super::write::Refusal;
use crate::{
    config::Limits,
    data::{
        Error, Fault, Record, Value, accept,
        schema::{Field, Kind, Table, Type},
    },
    web::{Request, form, problem},
};

/// A record and whether a form sent it.
pub(super) struct Sent {
    pub record: Record,
    /// Of a user: it is no field, and goes nowhere but into its hash.
    pub password: Option<String>,
    pub by_form: bool,
}

/// Reads the body, and with `takes_password` a `password` that is no field; the error is a response.
pub(super) fn read(table: &Table, limits: &Limits, request: &Request, takes_password: bool) -> Result<Sent, Refusal> {
    let bad = |detail: String| Refusal::from(Box::new(problem::plain(StatusCode::BAD_REQUEST, &detail)));
    let mut password = None;
    let (record, faults, by_form) = match form::kind(&request.headers) {
        form::Kind::Json => {
            let Json::Object(mut object) = form::json(&request.body, limits).map_err(bad)? else {
                return Err(bad("the body is not a JSON object".into()));
            };
            let given = if takes_password { object.remove("password") } else { None };
            let (record, mut faults) = of_json(table, &object);
            match given {
                Some(Json::String(text)) => password = Some(text),
                None | Some(Json::Null) => {}
                Some(_) => faults.push(Fault::new("password", "type").with("kind", "text").with("value", "...")),
            }
            (record, faults, false)
        }
        form::Kind::Urlencoded | form::Kind::Multipart => {
            let mut form = form::read(request, limits).map_err(bad)?.unwrap_or_default();
            if takes_password {
                // Left empty in the form of somebody who has one, it stays as it is.
                password = form.get("password").filter(|text| !text.is_empty()).map(str::to_owned);
                form.fields.retain(|(name, _)| name != "password");
            }
            let (record, faults) = of_form(table, form);
            (record, faults, true)
        }
        _ => {
            let detail = "send application/json, application/x-www-form-urlencoded or multipart/form-data";
            return Err(Box::new(problem::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)).into());
        }
    };
    if faults.is_empty() || by_form {
        // A form with mistakes is shown again by whoever asked: the data layer finds them all.
        return Ok(Sent { record, password, by_form });
    }
    Err(Error::Validation { table: table.name.to_string(), faults }.into())
}

fn of_json(table: &Table, object: &serde_json::Map<String, Json>) -> (Record, Vec<Fault>) {
    let (mut record, mut faults) = (Record::with_capacity(object.len()), Vec::new());
    for (name, json) in object {
        let Some(field) = table.field(name) else {
            faults.push(Fault::new(name, "unknown").with("table", &table.name));
            continue;
        };
        if !field.writable() {
            faults.push(accept::read_only(field));
            continue;
        }
        match value(field, json) {
            Ok(value) => record.set(&*field.name, value),
            Err(fault) => faults.push(fault),
        }
    }
    (record, faults)
}

/// JSON of exactly the documented types: a `"1"` for an integer is a mistake of the sender, not a number.
fn value(field: &Field, json: &Json) -> Result<Value, Fault> {
    let kind = field.kind.result();
    let fits = match (kind, json) {
        (_, Json::Null) => true,
        (Type::Boolean, Json::Bool(_)) => true,
        // Beyond 2^53 a JSON number may have been changed on its way: then it travels as text.
        (Type::Integer, Json::Number(number)) => {
            number.as_f64().is_some_and(|n| n.fract() == 0.0 && n.abs() <= crate::data::SAFE_INTEGER as f64)
        }
        (Type::Integer, Json::String(_)) => matches!(field.kind, Kind::Integer { min, max } if wide(min, max)),
        (Type::Decimal(_), Json::Number(_) | Json::String(_)) => true,
        (Type::Boolean | Type::Integer | Type::Decimal(_), _) => false,
        (_, Json::String(_)) => true,
        _ => false,
    };
    match Value::from_json(json).filter(|_| fits) {
        Some(value) => accept::accept(field, value),
        None => Err(accept::misfit(&field.name, kind, accept::shown_json(json))),
    }
}

/// Whether an integer may be beyond what JSON's readers keep exact, so that it may also travel as text.
pub(super) fn wide(min: i64, max: i64) -> bool {
    min < -crate::data::SAFE_INTEGER || max > crate::data::SAFE_INTEGER
}

fn of_form(table: &Table, form: form::Form) -> (Record, Vec<Fault>) {
    let (mut record, mut faults) = (Record::with_capacity(form.fields.len()), Vec::new());
    for (name, text) in form.fields {
        // `_method`, `_csrf` and the like speak to the server.
        if name.starts_with('_') {
            continue;
        }
        match table.field(&name) {
            // The last one counts: a hidden 0 before a checkbox of the same name.
            Some(field) if field.writable() => match accept::from_text(field, &text) {
                Ok(value) => record.set(&*field.name, value),
                Err(fault) => {
                    // Kept as it came: the data layer will refuse it and the page will show it again.
                    record.set(&*field.name, text);
                    faults.push(fault);
                }
            },
            Some(_) => {}
            None => record.set(name, text),
        }
    }
    for file in form.files {
        if let Some(field) = table.field(&file.field).filter(|field| matches!(field.kind, Kind::Blob { .. })) {
            match file.content.bytes() {
                Ok(bytes) => record.set(&*field.name, bytes.to_vec()),
                Err(error) => faults.push(Fault::new(&field.name, "type").with("kind", "file").with("problem", error)),
            }
        }
    }
    (record, faults)
}
