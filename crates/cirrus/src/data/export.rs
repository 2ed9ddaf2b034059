//! Rows as CSV and JSON, one after the other into any writer.

use std::io::Write;

use rusqlite::{params_from_iter, types::ValueRef};

use super::query::Compiled;
use super::read::Read;
use super::{Error, Query, Value, rows};

/// How many bytes of JSON are gathered before they are written.
const PIECE: usize = 64 << 10;

/// Writes the rows of a query as CSV with a heading. Dates, decimals and blobs have the same forms as in JSON; no value
/// is an empty cell.
pub fn csv(read: &dyn Read, query: &Query, out: impl Write) -> Result<u64, Error> {
    let compiled = query.compile(read.schema(), false)?;
    let mut writer = csv::Writer::from_writer(out);
    let heading: Vec<&str> = compiled.columns.iter().map(|(name, _)| &**name).collect();
    writer.write_record(&heading).map_err(cannot_write)?;
    let count = each(read, &compiled, |row| {
        for (place, (_, kind)) in compiled.columns.iter().enumerate() {
            let value = row.get_ref(place).map_err(Error::database("reading a row"))?;
            match value {
                ValueRef::Text(text) => writer.write_field(text),
                value => writer.write_field(Value::from_sql(value, kind).to_text()),
            }
            .map_err(cannot_write)?;
        }
        writer.write_record(None::<&[u8]>).map_err(cannot_write)
    })?;
    writer.flush().map_err(|error| cannot_write(error.into()))?;
    Ok(count)
}

/// Writes the rows of a query as a JSON array of objects, one to a line.
pub fn json(read: &dyn Read, query: &Query, mut out: impl Write) -> Result<u64, Error> {
    let compiled = query.compile(read.schema(), false)?;
    let mut piece = Vec::with_capacity(PIECE * 2);
    piece.push(b'[');
    let mut first = true;
    let count = each(read, &compiled, |row| {
        piece.extend_from_slice(if first { b"\n" } else { b",\n" });
        first = false;
        rows::write_row(row, &compiled.columns, &mut piece)?;
        if piece.len() > PIECE {
            out.write_all(&piece).map_err(|error| cannot_write(error.into()))?;
            piece.clear();
        }
        Ok(())
    })?;
    piece.extend_from_slice(b"\n]\n");
    out.write_all(&piece).and_then(|()| out.flush()).map_err(|error| cannot_write(error.into()))?;
    Ok(count)
}

fn each(
    read: &dyn Read,
    compiled: &Compiled,
    mut row: impl FnMut(&rusqlite::Row<'_>) -> Result<(), Error>,
) -> Result<u64, Error> {
    let failed = Error::database("reading rows");
    let mut statement = read.connection().prepare_cached(&compiled.sql).map_err(&failed)?;
    let mut rows = statement.query(params_from_iter(&compiled.parameters)).map_err(&failed)?;
    let mut count = 0;
    while let Some(found) = rows.next().map_err(&failed)? {
        row(found)?;
        count += 1;
    }
    Ok(count)
}

fn cannot_write(error: csv::Error) -> Error {
    let source = match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => std::io::Error::other(format!("{other:?}")),
    };
    Error::File { action: "cannot write", path: "the export".into(), source }
}
