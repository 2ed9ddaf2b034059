//! Rows from CSV and JSON: all of them or none, one after the other, so that a file of any size needs little memory.
//! Each row takes the same path as any other write, triggers included.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::error::RowFault;
use super::read::Read as _;
use super::schema::Table;
use super::{Error, Record, Session, Value, accept};

/// The largest row of an import, in bytes.
pub const MAX_ROW: usize = 16 << 20;
/// How many wrong rows are told before the import gives up.
pub const MAX_FAULTS: usize = 20;

/// What an import does with a row whose `id` is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// It is wrong.
    #[default]
    Refuse,
    /// It is changed to what the file says.
    Update,
}

impl Session {
    /// Reads a file that ends in `.json`, or is a CSV, into a table; yields how many rows.
    pub fn import_file(&self, table: &str, file: &Path, existing: Existing) -> Result<u64, Error> {
        let input = BufReader::new(File::open(file).map_err(Error::file("cannot read", file))?);
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("json") => self.import_json(table, input, existing),
            _ => self.import_csv(table, input, existing),
        }
    }

    /// Reads CSV (UTF-8, commas, a heading with the names of fields) into a table; yields how many rows. An empty cell
    /// is no value; computed fields and totals are skipped, so that an export can be read back.
    pub fn import_csv(&self, table: &str, input: impl Read, existing: Existing) -> Result<u64, Error> {
        let (_, table) = self.schema().find(table)?;
        self.atomically(|session| {
            let mut rows = csv::ReaderBuilder::new().from_reader(Bounded { input, left: MAX_ROW });
            let heading = rows.headers().map_err(|error| wrong(unreadable(error)))?.clone();
            let heading = columns(table, &heading)?;
            let mut import = Import { session, table, existing, rows: 0, line: None, faults: Vec::new() };
            let mut cells = csv::StringRecord::new();
            loop {
                rows.get_mut().left = MAX_ROW;
                import.line = Some(rows.position().line());
                match rows.read_record(&mut cells) {
                    Ok(false) => break,
                    Ok(true) => {
                        // Empty lines before it do not count as its own.
                        import.line = cells.position().map(csv::Position::line);
                        import.row(from_cells(table, &heading, &cells))?;
                    }
                    // After a row that is no CSV or no UTF-8, where the next begins cannot be told.
                    Err(error) => {
                        import.rows += 1;
                        import.fault(unreadable(error))?;
                        break;
                    }
                }
            }
            import.end()
        })
    }

    /// Reads a JSON array of objects into a table; yields how many rows. Computed fields and totals are skipped.
    pub fn import_json(&self, table: &str, input: impl Read, existing: Existing) -> Result<u64, Error> {
        let (_, table) = self.schema().find(table)?;
        self.atomically(|session| {
            let mut import = Import { session, table, existing, rows: 0, line: None, faults: Vec::new() };
            let left = std::rc::Rc::new(std::cell::Cell::new(MAX_ROW));
            let input = io::BufReader::new(Refilled { input, left: std::rc::Rc::clone(&left) });
            let mut deserializer = serde_json::Deserializer::from_reader(input);
            let mut failure = None;
            let rows = Rows { import: &mut import, left: &left, failure: &mut failure };
            let read = rows.deserialize(&mut deserializer).and_then(|()| deserializer.end());
            match (failure, read) {
                (Some(failure), _) => return Err(failure),
                (None, Err(error)) => {
                    import.rows += 1;
                    import.fault(format!("it cannot be read: {error}"))?;
                }
                (None, Ok(())) => {}
            }
            import.end()
        })
    }
}

struct Import<'i> {
    session: &'i Session,
    table: &'i Table,
    existing: Existing,
    rows: u64,
    line: Option<u64>,
    faults: Vec<RowFault>,
}

impl Import<'_> {
    fn row(&mut self, record: Result<Record, String>) -> Result<(), Error> {
        self.rows += 1;
        let record = match record {
            Ok(record) => record,
            Err(message) => return self.fault(message),
        };
        match self.write(record) {
            Ok(_) => Ok(()),
            Err(error @ (Error::Validation { .. } | Error::Rejected(_) | Error::Overflow { .. })) => {
                self.fault(error.to_string())
            }
            Err(error) => Err(error),
        }
    }

    fn write(&self, record: Record) -> Result<Record, Error> {
        match (self.existing, record.id()) {
            (Existing::Update, Some(id)) if self.session.find(&self.table.name, id)?.is_some() => {
                self.session.update(&self.table.name, id, record)
            }
            _ => self.session.create(&self.table.name, record),
        }
    }

    fn fault(&mut self, message: String) -> Result<(), Error> {
        self.faults.push(RowFault { row: self.rows, line: self.line, message });
        if self.faults.len() < MAX_FAULTS { Ok(()) } else { Err(Error::Import(std::mem::take(&mut self.faults))) }
    }

    fn end(self) -> Result<u64, Error> {
        if self.faults.is_empty() { Ok(self.rows) } else { Err(Error::Import(self.faults)) }
    }
}

/// A wrong heading.
fn wrong(message: String) -> Error {
    Error::Import(vec![RowFault { row: 0, line: Some(1), message }])
}

fn unreadable(error: csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Io(error) => format!("it cannot be read: {error}"),
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8. Save the file as UTF-8".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} cells, but the heading has {expected_len}")
        }
        other => format!("it is no CSV: {other:?}"),
    }
}

/// Which field each cell belongs to; `None` for those that are skipped.
fn columns(table: &Table, heading: &csv::StringRecord) -> Result<Vec<Option<String>>, Error> {
    let mut columns: Vec<Option<String>> = Vec::with_capacity(heading.len());
    for name in heading {
        // Spreadsheets mark UTF-8 with a byte order mark.
        let name = name.trim_start_matches('\u{feff}').trim();
        if columns.iter().flatten().any(|other| other == name) {
            return Err(wrong(format!("the heading names {name} twice")));
        }
        columns.push(match table.field(name) {
            Some(field) => field.writable().then(|| name.to_owned()),
            None if name == "id" => Some(name.to_owned()),
            None => return Err(wrong(format!("the heading names {name:?}, but {} has no such field", table.name))),
        });
    }
    Ok(columns)
}

fn from_cells(table: &Table, heading: &[Option<String>], cells: &csv::StringRecord) -> Result<Record, String> {
    let mut record = Record::with_capacity(heading.len());
    for (name, cell) in heading.iter().zip(cells) {
        let Some(name) = name else { continue };
        let value = match table.field(name) {
            Some(field) => accept::from_text(field, cell).map_err(|fault| format!("{name}: {}", fault.message()))?,
            None if cell.is_empty() => continue,
            None => Value::Integer(cell.parse().map_err(|_| format!("id: {cell:?} is no number of a row"))?),
        };
        // An empty cell of a field with a default means the default.
        if !(value.is_null() && table.field(name).is_some_and(|field| field.default.is_some())) {
            record.push(name.as_str().into(), value);
        }
    }
    Ok(record)
}

fn from_object(table: &Table, object: serde_json::Value) -> Result<Record, String> {
    let serde_json::Value::Object(entries) = object else { return Err("it is no object".to_owned()) };
    let mut record = Record::with_capacity(entries.len());
    for (name, value) in entries {
        if table.field(&name).is_some_and(|field| !field.writable()) {
            continue;
        }
        let value = Value::from_json(&value).ok_or_else(|| format!("{name}: a list or an object is no value"))?;
        record.push(name.into(), value);
    }
    Ok(record)
}

/// Input of which one row may not be longer than what is left.
struct Bounded<R> {
    input: R,
    left: usize,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.left = self.left.checked_sub(read).ok_or_else(too_long)?;
        Ok(read)
    }
}

/// The same, for a reader that is out of reach: what is left is refilled from outside after each row.
struct Refilled<R> {
    input: R,
    left: std::rc::Rc<std::cell::Cell<usize>>,
}

impl<R: Read> Read for Refilled<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.left.set(self.left.get().checked_sub(read).ok_or_else(too_long)?);
        Ok(read)
    }
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a row is longer than {MAX_ROW} bytes"))
}

/// The rows of a JSON array, one at a time.
struct Rows<'r, 'i> {
    import: &'r mut Import<'i>,
    left: &'r std::cell::Cell<usize>,
    failure: &'r mut Option<Error>,
}

impl<'de> DeserializeSeed<'de> for Rows<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while let Some(row) = rows.next_element::<serde_json::Value>()? {
            self.left.set(MAX_ROW);
            if let Err(failure) = self.import.row(from_object(self.import.table, row)) {
                *self.failure = Some(failure);
                return Err(serde::de::Error::custom("the import ended"));
            }
        }
        Ok(())
    }
}
