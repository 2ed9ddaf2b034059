//! Rows of SQLite straight to the bytes of JSON, without values in between: this is what most answers are made of.
//!
//! Forms: booleans are `true` and `false`, decimals strings (`"12.50"`, exact), dates and texts strings, blobs base64;
//! integers are numbers up to 2^53 - 1 and strings beyond, because JavaScript would silently change them.

use rusqlite::{Rows, types::ValueRef};

use super::{Error, base64, decimal, schema::Type, value::SAFE_INTEGER};
use crate::json;

/// The columns of a statement: what they are called in JSON and how their values are written. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    columns: std::sync::Arc<[Column]>,
}

#[derive(Clone, Debug)]
struct Column {
    name: std::sync::Arc<str>,
    /// `{"name":` for the first column and `,"name":` for the others.
    key: Vec<u8>,
    kind: Type,
}

impl Columns {
    /// Names and types in the order of the statement.
    pub fn new(columns: impl IntoIterator<Item = (std::sync::Arc<str>, Type)>) -> Columns {
        let column = |(place, (name, kind)): (usize, (std::sync::Arc<str>, Type))| {
            let mut key = vec![if place == 0 { b'{' } else { b',' }];
            json::write_string(&mut key, name.as_bytes());
            key.push(b':');
            Column { name, key, kind }
        };
        Columns { columns: columns.into_iter().enumerate().map(column).collect() }
    }

    /// Names and types.
    pub fn iter(&self) -> impl Iterator<Item = (&std::sync::Arc<str>, Type)> {
        self.columns.iter().map(|column| (&column.name, column.kind))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }
}

/// Appends all rows that are left as a JSON array of objects; yields how many there were.
pub fn write_json(rows: &mut Rows<'_>, columns: &Columns, out: &mut Vec<u8>) -> Result<u64, Error> {
    let failed = Error::database("reading rows");
    let mut count = 0;
    out.push(b'[');
    while let Some(row) = rows.next().map_err(&failed)? {
        if count > 0 {
            out.push(b',');
        }
        count += 1;
        write_row(row, columns, out)?;
    }
    out.push(b']');
    Ok(count)
}

/// Appends one row as a JSON object.
pub fn write_row(row: &rusqlite::Row<'_>, columns: &Columns, out: &mut Vec<u8>) -> Result<(), Error> {
    for (place, column) in columns.columns.iter().enumerate() {
        out.extend_from_slice(&column.key);
        let value = row.get_ref(place).map_err(Error::database("reading a row"))?;
        write_value(value, column.kind, out);
    }
    out.extend_from_slice(if columns.is_empty() { b"{}" } else { b"}" });
    Ok(())
}

/// Appends one value.
pub fn write_value(value: ValueRef<'_>, kind: Type, out: &mut Vec<u8>) {
    match value {
        ValueRef::Null => out.extend_from_slice(b"null"),
        ValueRef::Integer(n) => match kind {
            Type::Boolean => out.extend_from_slice(if n != 0 { b"true" } else { b"false" }),
            Type::Decimal(scale) => {
                out.push(b'"');
                decimal::write(n, scale, out);
                out.push(b'"');
            }
            _ => write_integer(n, out),
        },
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(_) => json::write_string(out, text),
            // Another tool wrote it: JSON must be UTF-8 all the same.
            Err(_) => json::write_string(out, String::from_utf8_lossy(text).as_bytes()),
        },
        ValueRef::Blob(bytes) => {
            out.push(b'"');
            base64::write(bytes, out);
            out.push(b'"');
        }
        ValueRef::Real(n) if n.is_finite() => out.extend_from_slice(n.to_string().as_bytes()),
        ValueRef::Real(_) => out.extend_from_slice(b"null"),
    }
}

fn write_integer(n: i64, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(n).as_bytes();
    if (-SAFE_INTEGER..=SAFE_INTEGER).contains(&n) {
        out.extend_from_slice(digits);
    } else {
        out.push(b'"');
        out.extend_from_slice(digits);
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_in_its_json_form() {
        let written = |value, kind| {
            let mut out = Vec::new();
            write_value(value, kind, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(ValueRef::Integer(1), Type::Boolean), "true");
        assert_eq!(written(ValueRef::Integer(-5), Type::Decimal(2)), r#""-0.05""#);
        assert_eq!(written(ValueRef::Integer(SAFE_INTEGER), Type::Integer), "9007199254740991");
        assert_eq!(written(ValueRef::Integer(SAFE_INTEGER + 1), Type::Integer), r#""9007199254740992""#);
        assert_eq!(written(ValueRef::Blob(b"foo"), Type::Blob), r#""Zm9v""#);
        assert_eq!(written(ValueRef::Null, Type::Text), "null");
        let text = "ñ \"\\\n\u{1}</script>😀";
        let read: String = serde_json::from_str(&written(ValueRef::Text(text.as_bytes()), Type::Text)).unwrap();
        assert_eq!(read, text);
        assert_eq!(written(ValueRef::Text(b"\xff"), Type::Text), "\"\u{fffd}\"");
    }
}
