//! From what a person or a program sent to the value that a field stores: the one place where values are judged.

use super::schema::{Field, Kind, Type};
use super::value::{SAFE_INTEGER, Value};
use super::{Fault, base64, decimal, moment};

/// Makes a value the field's own: its type in canonical form, within its bounds. Texts are read as numbers, moments and
/// bytes where the field holds those (JSON has no exact decimals, dates or bytes); nothing is rounded or cut.
/// Does not look at `required`: no value is [`Value::Null`].
pub fn accept(field: &Field, value: Value) -> Result<Value, Fault> {
    let wrong = |code, message: String| Err(Fault::new(&field.name, code, message));
    if value.is_null() {
        return Ok(value);
    }
    match &field.kind {
        Kind::Text { min, max } => {
            let Value::Text(text) = value else {
                return wrong("type", format!("a text is expected, not {}", shown(&value)));
            };
            // A text has at least as many bytes as characters, so counting is only needed for long ones.
            let length = if text.len() as u64 > *max || *min > 0 { text.chars().count() as u64 } else { *min };
            if length > *max {
                return wrong("too_long", format!("it has {length} characters, more than {max}"));
            }
            if length < *min {
                return wrong("too_short", format!("it has {length} characters, fewer than {min}"));
            }
            if text.contains('\0') {
                return wrong("type", "a text cannot contain the character NUL".to_owned());
            }
            Ok(Value::Text(text))
        }
        Kind::Choice { of } => match value {
            Value::Text(text) if of.contains(&text) => Ok(Value::Text(text)),
            other => wrong("choice", format!("{} is none of {}", shown(&other), of.join(", "))),
        },
        kind => {
            let value =
                typed(kind.result(), value).map_err(|(code, message)| Fault::new(&field.name, code, message))?;
            bounds(field, value)
        }
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

/// Brings a value to a type, without bounds of a field: for filters and cursors.
pub fn typed(kind: Type, value: Value) -> Result<Value, (&'static str, String)> {
    let expected = |what: &str, value: &Value| ("type", format!("{what} is expected, not {}", shown(value)));
    Ok(match (kind, value) {
        (_, Value::Null) => Value::Null,
        (Type::Integer, Value::Integer(n)) => Value::Integer(n),
        (Type::Integer, Value::Real(n)) if n.fract() == 0.0 && n.abs() <= SAFE_INTEGER as f64 => {
            Value::Integer(n as i64)
        }
        (Type::Integer, Value::Text(text)) => match decimal::parse(&text, 0) {
            Ok(n) => Value::Integer(n),
            Err(decimal::Fault::TooLarge) => return Err(("too_large", "it does not fit in 64 bits".to_owned())),
            Err(_) => return Err(expected("a whole number", &Value::Text(text))),
        },
        (Type::Integer, Value::Decimal { units, scale }) => match decimal::rescale(units, scale, 0) {
            Some(n) => Value::Integer(n),
            None => return Err(expected("a whole number", &Value::Decimal { units, scale })),
        },
        (Type::Decimal(scale), Value::Decimal { units, scale: from }) => match decimal::rescale(units, from, scale) {
            Some(units) => Value::Decimal { units, scale },
            None => return Err(expected(&decimals(scale), &Value::Decimal { units, scale: from })),
        },
        (Type::Decimal(scale), Value::Integer(n)) => match n.checked_mul(decimal::power(scale)) {
            Some(units) => Value::Decimal { units, scale },
            None => return Err(("too_large", "it does not fit in 64 bits".to_owned())),
        },
        // The shortest text that reads back as the same number is what the person wrote: 0.1 is 0.1.
        (Type::Decimal(scale), Value::Real(n)) if n.is_finite() => decimal_text(scale, &n.to_string())?,
        (Type::Decimal(scale), Value::Text(text)) => decimal_text(scale, &text)?,
        (Type::Boolean, Value::Boolean(truth)) => Value::Boolean(truth),
        (Type::Boolean, Value::Integer(n @ (0 | 1))) => Value::Boolean(n == 1),
        (Type::Boolean, Value::Text(text)) if text == "true" || text == "false" => Value::Boolean(text == "true"),
        (Type::Boolean, other) => return Err(expected("true or false", &other)),
        (Type::Date, Value::Text(text)) => match moment::date(&text) {
            Some(text) => Value::Text(text),
            None => return Err(expected("a date such as 2026-11-23", &Value::Text(text))),
        },
        (Type::Time, Value::Text(text)) => match moment::time(&text) {
            Some(text) => Value::Text(text),
            None => return Err(expected("a time such as 09:30:00", &Value::Text(text))),
        },
        (Type::Timestamp, Value::Text(text)) => match moment::timestamp(&text) {
            Some(text) => Value::Text(text),
            None => return Err(expected("an instant such as 2026-11-23T09:30:00Z", &Value::Text(text))),
        },
        (Type::Text, Value::Text(text)) => Value::Text(text),
        (Type::Blob, Value::Blob(bytes)) => Value::Blob(bytes),
        (Type::Blob, Value::Text(text)) => match base64::decode(&text) {
            Some(bytes) => Value::Blob(bytes),
            None => return Err(("type", "bytes in base64 are expected".to_owned())),
        },
        (kind, other) => return Err(expected(&format!("a value of type {}", kind.word()), &other)),
    })
}

fn decimals(scale: u8) -> String {
    format!("a number of at most {scale} decimals")
}

fn decimal_text(scale: u8, text: &str) -> Result<Value, (&'static str, String)> {
    match decimal::parse(text, scale) {
        Ok(units) => Ok(Value::Decimal { units, scale }),
        Err(decimal::Fault::TooLarge) => Err(("too_large", "it does not fit in 64 bits".to_owned())),
        Err(decimal::Fault::TooPrecise) => Err(("too_precise", format!("it has more than {scale} decimals"))),
        Err(decimal::Fault::Malformed) => {
            Err(("type", format!("{} is expected, not {}", decimals(scale), shown(&Value::Text(text.to_owned())))))
        }
    }
}

fn bounds(field: &Field, value: Value) -> Result<Value, Fault> {
    let outside = |low: String, high: String| {
        Err(Fault::new(&field.name, "range", format!("{} is not between {low} and {high}", value.to_text())))
    };
    match (&field.kind, &value) {
        (Kind::Integer { min, max }, Value::Integer(n)) if !(min..=max).contains(&n) => {
            outside(min.to_string(), max.to_string())
        }
        (Kind::Decimal { min, max, scale }, Value::Decimal { units, .. }) if !(min..=max).contains(&units) => {
            outside(decimal::text(*min, *scale), decimal::text(*max, *scale))
        }
        (Kind::Link { .. }, Value::Integer(n)) if *n < 1 => {
            Err(Fault::new(&field.name, "link", format!("{n} is no row's number")))
        }
        (Kind::Blob { max }, Value::Blob(bytes)) if bytes.len() as u64 > *max => {
            let message = format!("it has {} bytes, more than {max}", bytes.len());
            Err(Fault::new(&field.name, "too_long", message))
        }
        _ => Ok(value),
    }
}

/// A value in a few words, for messages.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) if text.chars().count() > 40 => {
            format!("\"{}...\"", text.chars().take(40).collect::<String>())
        }
        Value::Text(text) => format!("\"{text}\""),
        Value::Blob(bytes) => format!("{} bytes", bytes.len()),
        other => other.to_text(),
    }
}
