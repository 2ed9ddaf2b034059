//! One value of one field, and its forms in JSON, in forms and CSV, and in SQLite.

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use serde::{Serialize, Serializer};

use super::{base64, decimal, schema::Type};

/// The largest integer (and the smallest, negated) that every JSON reader keeps exact: 2^53 - 1.
pub const SAFE_INTEGER: i64 = (1 << 53) - 1;

/// A value. Dates, times, timestamps and choices are texts in their one canonical form.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// An integer or a link.
    Integer(i64),
    /// An exact decimal: units of 10^-scale.
    Decimal {
        /// How many units.
        units: i64,
        /// Digits after the point.
        scale: u8,
    },
    /// A binary fraction, as JavaScript's numbers come. Fields accept it where it is exact; nothing stores it.
    Real(f64),
    /// A text.
    Text(String),
    /// True or false.
    Boolean(bool),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Value {
    /// Whether it is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// From JSON, without knowing the field yet: [`super::accept::accept`] makes it the field's type.
    /// `None` for arrays and objects, which no field holds.
    pub fn from_json(json: &serde_json::Value) -> Option<Value> {
        Some(match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(truth) => Value::Boolean(*truth),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(integer) => Value::Integer(integer),
                None => Value::Real(number.as_f64()?),
            },
            serde_json::Value::String(text) => Value::Text(text.clone()),
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => return None,
        })
    }

    /// As JSON: decimals are strings, blobs base64, integers beyond 2^53 strings (a JavaScript number would not hold
    /// them).
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Null => serde_json::Value::Null,
            Value::Integer(n) if (-SAFE_INTEGER..=SAFE_INTEGER).contains(n) => (*n).into(),
            Value::Integer(n) => n.to_string().into(),
            Value::Decimal { units, scale } => decimal::text(*units, *scale).into(),
            Value::Real(n) => serde_json::Number::from_f64(*n).map_or(serde_json::Value::Null, Into::into),
            Value::Text(text) => text.as_str().into(),
            Value::Boolean(truth) => (*truth).into(),
            Value::Blob(bytes) => base64::encode(bytes).into(),
        }
    }

    /// As text for CSV and messages; no value is the empty text.
    pub fn to_text(&self) -> String {
        match self {
            Value::Null => String::new(),
            Value::Integer(n) => n.to_string(),
            Value::Decimal { units, scale } => decimal::text(*units, *scale),
            Value::Real(n) => n.to_string(),
            Value::Text(text) => text.clone(),
            Value::Boolean(truth) => truth.to_string(),
            Value::Blob(bytes) => base64::encode(bytes),
        }
    }

    /// What SQLite gave for a column of a type. A value of a shape that its column cannot have (somebody wrote with
    /// another tool) comes as it is.
    pub fn from_sql(value: ValueRef<'_>, kind: Type) -> Value {
        match (value, kind) {
            (ValueRef::Null, _) => Value::Null,
            (ValueRef::Integer(n), Type::Boolean) => Value::Boolean(n != 0),
            (ValueRef::Integer(units), Type::Decimal(scale)) => Value::Decimal { units, scale },
            (ValueRef::Integer(n), _) => Value::Integer(n),
            (ValueRef::Real(n), _) => Value::Real(n),
            (ValueRef::Text(text), _) => Value::Text(String::from_utf8_lossy(text).into_owned()),
            (ValueRef::Blob(bytes), _) => Value::Blob(bytes.to_vec()),
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Integer(n) | Value::Decimal { units: n, .. } => ValueRef::Integer(*n),
            Value::Real(n) => ValueRef::Real(*n),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Boolean(truth) => ValueRef::Integer(i64::from(*truth)),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Value {
        Value::Integer(n)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Value {
        Value::Boolean(truth)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Value {
        Value::Blob(bytes)
    }
}
