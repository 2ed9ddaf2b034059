//! What can go wrong with tables and rows, in kinds that the web answers with a status.

use std::path::PathBuf;

use super::{hooks::Rejection, schema::Problem};
use crate::words;

/// One thing that is wrong with one field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field, as the schema calls it.
    pub field: String,
    /// A short word for programs: `required`, `type`, `too_long`, `too_large`, `choice`, `check`, `unique`, `link`,
    /// `read_only`, `unknown` ...
    pub code: &'static str,
    /// What its words are filled with: the refused `value`, the bounds ..., the same in every language. A `kind` tells
    /// apart what one code says in several ways.
    pub values: Vec<(&'static str, String)>,
}

impl Fault {
    /// A fault of a field.
    pub fn new(field: &str, code: &'static str) -> Fault {
        Fault { field: field.to_owned(), code, values: Vec::new() }
    }

    /// With one more value for its words.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Fault {
        self.values.push((name, value.to_string()));
        self
    }

    /// A value by its name.
    pub fn value(&self, name: &str) -> Option<String> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    }

    /// For people, in English: what is wrong and what would be right. `web::i18n` says it in other languages.
    pub fn message(&self) -> String {
        words::english(self.code, |name| self.value(name))
    }

    /// As one of the `errors` of a problem, with this message.
    pub fn to_json(&self, message: &str) -> serde_json::Value {
        let mut json = serde_json::json!({ "field": self.field, "code": self.code, "message": message });
        if !self.values.is_empty() {
            json["values"] = self.values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        }
        json
    }
}

/// What kind of failure it is: one for each status the web gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 400: the question makes no sense (unknown field, malformed cursor).
    Invalid,
    /// 404: there is no such table or row.
    NotFound,
    /// 409: it contradicts what is stored (a row that others link to).
    Conflict,
    /// 413: larger than allowed.
    TooLarge,
    /// 422: the record breaks the rules of its table; also when a trigger rejects it.
    Unprocessable,
    /// 503: busy or too slow, worth trying again.
    Busy,
    /// 507: the disk is full.
    Full,
    /// 500: the disk, the database or a trigger failed.
    Internal,
}

/// Everything the data layer reports.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `schema.toml` is wrong; every problem at once.
    #[error("{}", list(.0))]
    Schema(Vec<Problem>),
    /// A query or a filter that cannot be.
    #[error("{0}")]
    Invalid(String),
    /// No such table.
    #[error("there is no table \"{0}\"")]
    NoTable(String),
    /// No such row.
    #[error("{table} has no row {id}")]
    NotFound {
        /// The table that was asked.
        table: String,
        /// The row's number.
        id: i64,
    },
    /// The record breaks rules of its table: every fault at once.
    #[error("{}", of_fields(.table, .faults, Fault::message))]
    Validation {
        /// The table.
        table: String,
        /// What is wrong, field by field.
        faults: Vec<Fault>,
    },
    /// The row cannot go, because others link to it.
    #[error("{table} {id} cannot be deleted: {count} of {by} link to it by \"{field}\". Delete or change them first.")]
    Linked {
        /// The master's table.
        table: String,
        /// The master's row.
        id: i64,
        /// The table that links to it.
        by: String,
        /// Its link.
        field: String,
        /// How many rows do.
        count: i64,
    },
    /// A total, a balance or a formula does not fit in 64 bits.
    #[error("{table}: a number grew beyond 64 bits ({detail}). Nothing was written.")]
    Overflow {
        /// The table that was written.
        table: String,
        /// What SQLite says of it.
        detail: String,
    },
    /// A trigger rejected the write or failed.
    #[error("{0}")]
    Rejected(#[from] Rejection),
    /// Triggers that call triggers, cascades in cascades.
    #[error("writes within writes are {0} deep: a trigger probably causes itself. Nothing was written.")]
    TooDeep(u32),
    /// Larger than a limit.
    #[error("{0}")]
    TooLarge(String),
    /// Somebody else holds the database for too long.
    #[error("{0}. Try again in a moment.")]
    Busy(String),
    /// There is no room left.
    #[error("the disk is full ({0}). Nothing was written.")]
    Full(&'static str),
    /// A query ran longer than it may.
    #[error("the query took longer than it may. Ask for less, or add an index to the table.")]
    TooSlow,
    /// The session cannot go on: SQLite took the whole transaction back, or it was ended.
    #[error("the transaction was taken back after an earlier failure: {0}. Begin again.")]
    Broken(String),
    /// The wanted schema would lose data, or contradicts what is stored.
    #[error("{0}")]
    Refused(String),
    /// The schema was changed by another process while this one was using it.
    #[error("another process changed the tables of this database. Restart this one.")]
    SchemaChanged,
    /// A row of an import is wrong.
    #[error("{}", of_rows(.0))]
    Import(Vec<RowFault>),
    /// The same, of the rows that an empty database begins with.
    #[error("{}: {source}{advice}", file.display())]
    Initial {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: Box<Error>,
        /// What the file alone does not tell.
        advice: String,
    },
    /// A running balance contradicts its table.
    #[error("{0}")]
    Balance(String),
    /// The database is damaged.
    #[error("the database {path} is damaged: {detail}. Restore a backup.")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check found.
        detail: String,
    },
    /// A file could not be read or written.
    #[error("{action} {path}: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// SQLite failed in a way that has no name of its own here.
    #[error("the database failed while {action}: {source}")]
    Database {
        /// What was tried.
        action: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

/// A wrong row of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// Counted from 1, without the heading; 0 is the heading.
    pub row: u64,
    /// The line where it begins, in a CSV.
    pub line: Option<u64>,
    /// What is wrong with it.
    pub message: String,
}

impl Error {
    /// What kind of failure it is.
    pub fn kind(&self) -> Kind {
        match self {
            Error::Invalid(_) => Kind::Invalid,
            Error::NoTable(_) | Error::NotFound { .. } => Kind::NotFound,
            Error::Linked { .. } | Error::Refused(_) => Kind::Conflict,
            Error::TooLarge(_) => Kind::TooLarge,
            Error::Validation { .. } | Error::Overflow { .. } | Error::Import(_) => Kind::Unprocessable,
            Error::Initial { source, .. } => source.kind(),
            Error::Rejected(rejection) if rejection.source.is_none() => Kind::Unprocessable,
            Error::Busy(_) | Error::TooSlow | Error::Broken(_) => Kind::Busy,
            Error::Full(_) => Kind::Full,
            Error::Schema(_)
            | Error::Rejected(_)
            | Error::TooDeep(_)
            | Error::SchemaChanged
            | Error::Damaged { .. }
            | Error::Balance(_)
            | Error::File { .. }
            | Error::Database { .. } => Kind::Internal,
        }
    }

    /// One fault of one field.
    pub(crate) fn fault(table: &str, fault: Fault) -> Error {
        Error::Validation { table: table.to_owned(), faults: vec![fault] }
    }

    /// For `map_err` on plain SQLite calls: says what was tried.
    pub(crate) fn database(action: &'static str) -> impl Fn(rusqlite::Error) -> Error {
        move |source| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
                Error::Busy(format!("another process is using the database ({action})"))
            }
            Some(rusqlite::ErrorCode::OperationInterrupted) => Error::TooSlow,
            Some(rusqlite::ErrorCode::DiskFull) => Error::Full(action),
            Some(rusqlite::ErrorCode::TooBig) => Error::TooLarge(format!("larger than a row may be ({action})")),
            _ => Error::Database { action, source },
        }
    }

    /// For `map_err` on files.
    pub(crate) fn file(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::File { action, path, source }
    }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn of_rows(faults: &[RowFault]) -> String {
    let place = |fault: &RowFault| match fault.line {
        Some(line) => format!("line {line}"),
        None => format!("row {}", fault.row),
    };
    let lines: Vec<_> = faults.iter().map(|fault| format!("{}: {}", place(fault), fault.message)).collect();
    format!("nothing was imported:\n{}", lines.join("\n"))
}

/// All that is wrong with a record, each fault in the words of `say`.
pub(crate) fn of_fields(table: &str, faults: &[Fault], say: impl Fn(&Fault) -> String) -> String {
    let lines: Vec<_> = faults.iter().map(|fault| format!("{}: {}", fault.field, say(fault))).collect();
    format!("{table}: {}", lines.join("; "))
}
