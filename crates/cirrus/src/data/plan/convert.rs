//! From a value of one type to one of another, by way of the same rules that judge what people send: exact, or not at
//! all.

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, types::Value as Raw};

use crate::data::schema::{Field, Kind, Type};
use crate::data::{Error, Value, accept};

/// The name of the function in SQL: `cirrus_convert(number, value)`.
const NAME: &str = "cirrus_convert";

/// A conversion from the values of a field to those of another.
#[derive(Clone, Debug)]
pub(super) struct Conversion {
    from: Type,
    to: Field,
}

impl Conversion {
    /// `None` when values can stay as they are.
    pub(super) fn between(old: &Field, new: &Field) -> Option<Conversion> {
        let (from, to) = (old.kind.result(), new.kind.result());
        let narrower = match (&old.kind, &new.kind) {
            (Kind::Choice { of: old }, Kind::Choice { of: new }) => !old.iter().all(|word| new.contains(word)),
            (_, Kind::Choice { .. }) => true,
            _ => false,
        };
        (from != to || narrower).then(|| Conversion { from, to: unbounded(new) })
    }

    /// As a call in SQL.
    pub(super) fn sql(&self, number: usize, value: &str) -> String {
        format!("{NAME}({number}, {value})")
    }

    fn convert(&self, value: ValueRef<'_>) -> Value {
        let value = Value::from_sql(value, self.from);
        let value = match (value, self.to.kind.result()) {
            (Value::Text(text), Type::Blob) => Value::Blob(text.into_bytes()),
            (Value::Blob(bytes), Type::Text) => String::from_utf8(bytes).map_or(Value::Null, Value::Text),
            (value, Type::Text) => Value::Text(match value {
                Value::Null => return Value::Null,
                other => other.to_text(),
            }),
            // A day is its first instant; an instant is a day only when it is that.
            (Value::Text(text), Type::Date) => match text.split_once('T') {
                Some((date, "00:00:00.000Z")) => Value::Text(date.to_owned()),
                _ => Value::Text(text),
            },
            (Value::Decimal { units, scale: 0 }, Type::Boolean) => Value::Integer(units),
            (Value::Boolean(truth), Type::Integer | Type::Decimal(_)) => Value::Integer(i64::from(truth)),
            (value, _) => value,
        };
        accept::accept(&self.to, value).unwrap_or(Value::Null)
    }
}

/// Bounds are rules for what is written from now on; rows that are there keep their values.
fn unbounded(field: &Field) -> Field {
    let kind = match &field.kind {
        Kind::Text { .. } => Kind::Text { min: 0, max: u64::MAX },
        Kind::Integer { .. } => Kind::Integer { min: i64::MIN, max: i64::MAX },
        Kind::Decimal { scale, .. } => Kind::Decimal { scale: *scale, min: i64::MIN, max: i64::MAX },
        Kind::Blob { .. } => Kind::Blob { max: u64::MAX },
        other => other.clone(),
    };
    Field { kind, ..field.clone() }
}

/// Makes the conversions callable from SQL.
pub(super) fn register(connection: &Connection, conversions: Vec<Conversion>) -> Result<(), Error> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    let function = move |context: &rusqlite::functions::Context<'_>| -> rusqlite::Result<Raw> {
        let number: i64 = context.get(0)?;
        let conversion = usize::try_from(number).ok().and_then(|number| conversions.get(number));
        let conversion = conversion.expect("the plan numbers its conversions");
        Ok(match conversion.convert(context.get_raw(1)) {
            Value::Null | Value::Real(_) => Raw::Null,
            Value::Integer(n) | Value::Decimal { units: n, .. } => Raw::Integer(n),
            Value::Boolean(truth) => Raw::Integer(i64::from(truth)),
            Value::Text(text) => Raw::Text(text),
            Value::Blob(bytes) => Raw::Blob(bytes),
        })
    };
    connection.create_scalar_function(NAME, 2, flags, function).map_err(Error::database("preparing conversions"))
}

/// A default as it was for rows that say nothing, at the moment of applying.
pub(super) fn moment_of(field: &Field, now: &str) -> Value {
    Value::Text(match field.kind {
        Kind::Date => now[..10].to_owned(),
        Kind::Time => now[11..19].to_owned(),
        _ => now.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Schema, base64};

    #[test]
    fn values_change_their_type_exactly_or_not_at_all() {
        let text = r#"
            [tables.t.fields]
            text = { type = "text" }
            integer = { type = "integer" }
            two = { type = "decimal", scale = 2 }
            one = { type = "decimal", scale = 1 }
            boolean = { type = "boolean" }
            date = { type = "date" }
            timestamp = { type = "timestamp" }
            choice = { type = "choice", of = ["1", "true"] }
            blob = { type = "blob" }
        "#;
        let schema = Schema::parse(text, "s").unwrap();
        let field = |name: &str| schema.tables[0].field(name).unwrap();
        let convert = |from: &str, to: &str, value: ValueRef<'_>| {
            Conversion::between(field(from), field(to)).unwrap().convert(value).to_text()
        };
        assert_eq!(convert("integer", "two", ValueRef::Integer(7)), "7.00");
        assert_eq!(convert("two", "integer", ValueRef::Integer(700)), "7");
        assert_eq!(convert("two", "integer", ValueRef::Integer(701)), "");
        assert_eq!(convert("two", "one", ValueRef::Integer(710)), "7.1");
        assert_eq!(convert("two", "text", ValueRef::Integer(-5)), "-0.05");
        assert_eq!(convert("text", "two", ValueRef::Text(b"12.5")), "12.50");
        assert_eq!(convert("text", "two", ValueRef::Text(b"doce")), "");
        assert_eq!(convert("boolean", "integer", ValueRef::Integer(1)), "1");
        assert_eq!(convert("integer", "boolean", ValueRef::Integer(2)), "");
        assert_eq!(convert("boolean", "choice", ValueRef::Integer(0)), "");
        assert_eq!(convert("text", "choice", ValueRef::Text(b"true")), "true");
        assert_eq!(convert("date", "timestamp", ValueRef::Text(b"2026-01-02")), "2026-01-02T00:00:00.000Z");
        assert_eq!(convert("timestamp", "date", ValueRef::Text(b"2026-01-02T00:00:00.000Z")), "2026-01-02");
        assert_eq!(convert("timestamp", "date", ValueRef::Text(b"2026-01-02T00:00:01.000Z")), "");
        assert_eq!(convert("text", "blob", ValueRef::Text(b"hi")), base64::encode(b"hi"));
        assert_eq!(convert("blob", "text", ValueRef::Blob(b"\xff")), "");
    }
}
