//! From what a person or a program sent to the value that a field stores: the one place where values are judged.

use super::schema::{Field, Kind, Type};
use super::value::{SAFE_INTEGER, Value};
use super::{Fault, base64, decimal, moment};

/// Makes a value the field's own: its type in canonical form, within its bounds. Texts are read as numbers, moments and
/// bytes where the field holds those (JSON has no exact decimals, dates or bytes); nothing is rounded or cut.
/// Does not look at `required`: no value is [`Value::Null`].
pub fn accept(field: &Field, value: Value) -> Result<Value, Fault> {
    let wrong = |code| Fault::new(&field.name, code);
    if value.is_null() {
        return Ok(value);
    }
    match &field.kind {
        Kind::Text { min, max } => {
            let Value::Text(text) = value else {
                return Err(misfit(&field.name, Type::Text, shown(&value)));
            };
            // A text has at least as many bytes as characters, so counting is only needed for long ones.
            let length = if text.len() as u64 > *max || *min > 0 { text.chars().count() as u64 } else { *min };
            if length > *max {
                return Err(wrong("too_long").with("kind", "text").with("length", length).with("max", max));
            }
            if length < *min {
                return Err(wrong("too_short").with("length", length).with("min", min));
            }
            if text.contains('\0') {
                return Err(wrong("type").with("kind", "nul"));
            }
            Ok(Value::Text(text))
        }
        Kind::Choice { of } => match value {
            Value::Text(text) if of.contains(&text) => Ok(Value::Text(text)),
            other => Err(wrong("choice").with("value", shown(&other)).with("of", of.join(", "))),
        },
        kind => bounds(field, typed(&field.name, kind.result(), value)?),
    }
}

/// From the text of a form or a CSV file: the empty text is no value, but for a text that is required to be one.
pub fn from_text(field: &Field, text: &str) -> Result<Value, Fault> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    let value = match (&field.kind, text) {
        (Kind::Boolean, "on" | "yes" | "1") => Value::Boolean(true),
        (Kind::Boolean, "off" | "no" | "0") => Value::Boolean(false),
        _ => Value::Text(text.to_owned()),
    };
    accept(field, value)
}

/// The server computes this field.
pub fn read_only(field: &Field) -> Fault {
    let kind = if matches!(field.kind, Kind::Formula { .. }) { "formula" } else { "total" };
    Fault::new(&field.name, "read_only").with("kind", kind)
}

/// What is `shown` is of another type.
pub fn misfit(name: &str, kind: Type, shown: String) -> Fault {
    let fault = Fault::new(name, "type").with("kind", kind.word()).with("value", shown);
    if let Type::Decimal(scale) = kind { fault.with("scale", scale) } else { fault }
}

/// Brings a value to a type, without bounds of a field: for filters and cursors.
pub fn typed(name: &str, kind: Type, value: Value) -> Result<Value, Fault> {
    let expected = |value: &Value| misfit(name, kind, shown(value));
    let decimal_of = |scale, text: String| match decimal::parse(&text, scale) {
        Ok(units) => Ok(Value::Decimal { units, scale }),
        Err(decimal::Fault::TooLarge) => Err(Fault::new(name, "too_large")),
        Err(decimal::Fault::TooPrecise) => Err(Fault::new(name, "too_precise").with("scale", scale)),
        Err(decimal::Fault::Malformed) => Err(expected(&Value::Text(text))),
    };
    let moment = |read: fn(&str) -> Option<String>, text: String| match read(&text) {
        Some(text) => Ok(Value::Text(text)),
        None => Err(expected(&Value::Text(text))),
    };
    Ok(match (kind, value) {
        (_, Value::Null) => Value::Null,
        (Type::Integer, Value::Integer(n)) => Value::Integer(n),
        (Type::Integer, Value::Real(n)) if n.fract() == 0.0 && n.abs() <= SAFE_INTEGER as f64 => {
            Value::Integer(n as i64)
        }
        (Type::Integer, Value::Text(text)) => match decimal::parse(&text, 0) {
            Ok(n) => Value::Integer(n),
            Err(decimal::Fault::TooLarge) => return Err(Fault::new(name, "too_large")),
            Err(_) => return Err(expected(&Value::Text(text))),
        },
        (Type::Integer, Value::Decimal { units, scale }) => match decimal::rescale(units, scale, 0) {
            Some(n) => Value::Integer(n),
            None => return Err(expected(&Value::Decimal { units, scale })),
        },
        (Type::Decimal(scale), Value::Decimal { units, scale: from }) => match decimal::rescale(units, from, scale) {
            Some(units) => Value::Decimal { units, scale },
            None => return Err(expected(&Value::Decimal { units, scale: from })),
        },
        (Type::Decimal(scale), Value::Integer(n)) => match n.checked_mul(decimal::power(scale)) {
            Some(units) => Value::Decimal { units, scale },
            None => return Err(Fault::new(name, "too_large")),
        },
        // The shortest text that reads back as the same number is what the person wrote: 0.1 is 0.1.
        (Type::Decimal(scale), Value::Real(n)) if n.is_finite() => decimal_of(scale, n.to_string())?,
        (Type::Decimal(scale), Value::Text(text)) => decimal_of(scale, text)?,
        (Type::Boolean, Value::Boolean(truth)) => Value::Boolean(truth),
        (Type::Boolean, Value::Integer(n @ (0 | 1))) => Value::Boolean(n == 1),
        (Type::Boolean, Value::Text(text)) if text == "true" || text == "false" => Value::Boolean(text == "true"),
        (Type::Date, Value::Text(text)) => moment(moment::date, text)?,
        (Type::Time, Value::Text(text)) => moment(moment::time, text)?,
        (Type::Timestamp, Value::Text(text)) => moment(moment::timestamp, text)?,
        (Type::Text, Value::Text(text)) => Value::Text(text),
        (Type::Blob, Value::Blob(bytes)) => Value::Blob(bytes),
        (Type::Blob, Value::Text(text)) => match base64::decode(&text) {
            Some(bytes) => Value::Blob(bytes),
            None => return Err(expected(&Value::Text(text))),
        },
        (_, other) => return Err(expected(&other)),
    })
}

fn bounds(field: &Field, value: Value) -> Result<Value, Fault> {
    let outside = |low: String, high: String| {
        let fault = Fault::new(&field.name, "range").with("value", value.to_text());
        Err(fault.with("min", low).with("max", high))
    };
    match (&field.kind, &value) {
        (Kind::Integer { min, max }, Value::Integer(n)) if !(min..=max).contains(&n) => {
            outside(min.to_string(), max.to_string())
        }
        (Kind::Decimal { min, max, scale }, Value::Decimal { units, .. }) if !(min..=max).contains(&units) => {
            outside(decimal::text(*min, *scale), decimal::text(*max, *scale))
        }
        (Kind::Link { to, .. }, Value::Integer(n)) if *n < 1 => {
            Err(Fault::new(&field.name, "link").with("table", to).with("value", n))
        }
        (Kind::Blob { max }, Value::Blob(bytes)) if bytes.len() as u64 > *max => {
            let fault = Fault::new(&field.name, "too_long").with("kind", "blob");
            Err(fault.with("length", bytes.len()).with("max", max))
        }
        _ => Ok(value),
    }
}

/// The same of JSON, also of a list or an object.
pub(crate) fn shown_json(json: &serde_json::Value) -> String {
    Value::from_json(json).map_or_else(|| cut(&json.to_string()), |value| shown(&value))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// A value in a few words, for messages.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("\"{}\"", cut(text)),
        Value::Blob(bytes) => format!("{} bytes", bytes.len()),
        other => other.to_text(),
    }
}
