//! Reading rows, from a reader or in the middle of a session: the same questions to either.

use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};

use super::query::{Aggregate, Compiled, Cursor};
use super::rows::{self, Columns};
use super::schema::{Kind, Schema};
use super::siblings::Ledger;
use super::{Error, Query, Record, Value};

/// What was written of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// How many rows.
    pub rows: u64,
    /// Where the next page begins; `None` when there is none.
    pub next: Option<Cursor>,
}

/// Questions about the rows. Implemented by [`super::Reader`] and [`super::Session`].
pub trait Read {
    /// The connection the questions go to.
    fn connection(&self) -> &Connection;

    /// The schema they are about.
    fn schema(&self) -> &Schema;

    /// A running balance of a table, to be asked with [`Read::connection`].
    fn ledger(&self, table: &str, balance: &str) -> Result<&Ledger, Error>;

    /// One row, all its fields.
    fn get(&self, table: &str, id: i64) -> Result<Record, Error> {
        let missing = || Error::NotFound { table: table.to_owned(), id };
        self.find(table, id)?.ok_or_else(missing)
    }

    /// One row, or `None` when there is none.
    fn find(&self, table: &str, id: i64) -> Result<Option<Record>, Error> {
        let (_, table) = self.schema().find(table)?;
        let failed = Error::database("reading a row");
        let mut statement = self.connection().prepare_cached(&table.sql.by_id).map_err(&failed)?;
        statement.query_row([id], |row| record(row, &table.columns)).optional().map_err(&failed)
    }

    /// The rows of a query.
    fn query(&self, query: &Query) -> Result<Vec<Record>, Error> {
        self.rows(&query.compile(self.schema(), false)?)
    }

    /// The rows of a compiled query.
    fn rows(&self, compiled: &Compiled) -> Result<Vec<Record>, Error> {
        let failed = Error::database("reading rows");
        let mut statement = self.connection().prepare_cached(&compiled.sql).map_err(&failed)?;
        let rows = statement.query_map(params_from_iter(&compiled.parameters), |row| record(row, &compiled.columns));
        rows.and_then(Iterator::collect).map_err(&failed)
    }

    /// Whether any text of any row contains this one. Reads all of them.
    fn names(&self, text: &str) -> Result<bool, Error> {
        let failed = Error::database("looking for a text");
        for table in &self.schema().tables {
            for field in table.fields.iter().filter(|field| matches!(field.kind, Kind::Text { .. })) {
                let sql =
                    format!("SELECT EXISTS (SELECT 1 FROM \"{}\" WHERE instr(\"{}\", ?))", table.name, field.name);
                if self.connection().query_row(&sql, [text], |row| row.get(0)).map_err(&failed)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The first row of a query.
    fn first(&self, query: &Query) -> Result<Option<Record>, Error> {
        Ok(self.query(&query.clone().limit(1))?.pop())
    }

    /// How many rows a query has, without regard to its limit.
    fn count(&self, query: &Query) -> Result<u64, Error> {
        match self.aggregate(query, &Aggregate::Count)? {
            Value::Integer(count) => Ok(u64::try_from(count).unwrap_or(0)),
            other => Err(Error::Invalid(format!("a count came as {other:?}"))),
        }
    }

    /// The sum of a number over the rows of a query; zero without rows.
    fn sum(&self, query: &Query, field: &str) -> Result<Value, Error> {
        let kind = self.schema().find(&query.table)?.1.type_of(field);
        Ok(match (self.aggregate(query, &Aggregate::Sum(field.to_owned()))?, kind.and_then(|kind| kind.scale())) {
            (Value::Null, Some(scale)) if scale > 0 => Value::Decimal { units: 0, scale },
            (Value::Null, _) => Value::Integer(0),
            (sum, _) => sum,
        })
    }

    /// Computes something over the rows of a query.
    fn aggregate(&self, query: &Query, aggregate: &Aggregate) -> Result<Value, Error> {
        let compiled = query.aggregate(self.schema(), aggregate)?;
        let failed = |error| overflow(&query.table, error, "adding up");
        let mut statement = self.connection().prepare_cached(&compiled.sql).map_err(failed)?;
        let kind = compiled.columns.iter().next().map(|(_, kind)| kind).expect("an aggregate has one column");
        let value = |row: &Row<'_>| Ok(Value::from_sql(row.get_ref(0)?, kind));
        statement.query_row(params_from_iter(&compiled.parameters), value).map_err(failed)
    }

    /// Appends the rows of a compiled query as a JSON array. A query compiled as paged also tells where the next page
    /// begins.
    fn write_json(&self, compiled: &Compiled, out: &mut Vec<u8>) -> Result<Page, Error> {
        let failed = Error::database("reading rows");
        let mut statement = self.connection().prepare_cached(&compiled.sql).map_err(&failed)?;
        let mut found = statement.query(params_from_iter(&compiled.parameters)).map_err(&failed)?;
        let Some(limit) = compiled.page else {
            let rows = rows::write_json(&mut found, &compiled.columns, out)?;
            return Ok(Page { rows, next: None });
        };
        let mut page = Page { rows: 0, next: None };
        let mut last = Vec::new();
        out.push(b'[');
        while let Some(row) = found.next().map_err(&failed)? {
            if page.rows == u64::from(limit) {
                page.next = Some(Cursor::new(last));
                break;
            }
            if page.rows > 0 {
                out.push(b',');
            }
            page.rows += 1;
            rows::write_row(row, &compiled.columns, out)?;
            if page.rows == u64::from(limit) {
                last = place(row, compiled, self.schema())?;
            }
        }
        out.push(b']');
        Ok(page)
    }

    /// Appends one row as a JSON object; `false` when there is none.
    fn write_json_of(&self, table: &str, id: i64, out: &mut Vec<u8>) -> Result<bool, Error> {
        let (_, table) = self.schema().find(table)?;
        let failed = Error::database("reading a row");
        let mut statement = self.connection().prepare_cached(&table.sql.by_id).map_err(&failed)?;
        let mut found = statement.query([id]).map_err(&failed)?;
        match found.next().map_err(&failed)? {
            Some(row) => rows::write_row(row, &table.columns, out).map(|()| true),
            None => Ok(false),
        }
    }
}

/// The values of a row by which the query is ordered: they follow the columns that were asked for.
fn place(row: &Row<'_>, compiled: &Compiled, schema: &Schema) -> Result<Vec<Value>, Error> {
    let table = &schema.tables[compiled.table];
    let value = |(place, term): (usize, &super::query::Order)| {
        let kind = table.type_of(&term.field).expect("the order was checked");
        Ok(Value::from_sql(row.get_ref(compiled.columns.len() + place)?, kind))
    };
    compiled.order.iter().enumerate().map(value).collect::<rusqlite::Result<_>>().map_err(Error::database("reading"))
}

/// A row as a record.
pub(super) fn record(row: &Row<'_>, columns: &Columns) -> rusqlite::Result<Record> {
    let field = |(place, (name, kind)): (usize, (&std::sync::Arc<str>, _))| {
        Ok((std::sync::Arc::clone(name), Value::from_sql(row.get_ref(place)?, kind)))
    };
    columns.iter().enumerate().map(field).collect()
}

/// Tells a number beyond 64 bits from other failures.
pub(super) fn overflow(table: &str, error: rusqlite::Error, action: &'static str) -> Error {
    let text = error.to_string();
    let datatype = |code: i32| code == rusqlite::ffi::SQLITE_CONSTRAINT_DATATYPE;
    let strict = error.sqlite_error().is_some_and(|error| datatype(error.extended_code));
    // What the triggers of a running balance say.
    let balance = text.contains("balance ") && text.contains("64 bits");
    if text.contains("integer overflow") || strict || balance {
        Error::Overflow { table: table.to_owned(), detail: text }
    } else {
        Error::database(action)(error)
    }
}
