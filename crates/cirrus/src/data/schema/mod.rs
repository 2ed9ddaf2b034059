//! `schema.toml` as types: tables, fields, indexes, links, accumulations and balances. What is here was validated;
//! nothing else in Cirrus looks at the text.

mod expression;
mod keys;
mod read;
mod rules;

use std::sync::Arc;

use serde::Serialize;

pub use expression::{Expression, Type};

use super::rows::Columns;
use super::value::Value;

/// The largest `schema.toml`, in bytes.
pub const MAX_TEXT: usize = 1 << 20;
/// The most tables in a schema.
pub const MAX_TABLES: usize = 500;
/// The most fields in a table.
pub const MAX_FIELDS: usize = 200;
/// The most indexes of a table.
pub const MAX_INDEXES: usize = 32;
/// The longest name of a table, field or index.
pub const MAX_NAME: usize = 63;
/// The longest text a field may hold unless it says another `max`, in characters.
pub const DEFAULT_TEXT: u64 = 1 << 20;
/// The largest `max` of a text (characters) or a blob (bytes).
pub const LARGEST: u64 = 64 << 20;

/// Something wrong with `schema.toml`: where, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, as the caller named it.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// The key, from the outside in: `tables.tareas.fields.titulo.max`.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub advice: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Problem { file, line, key, message, advice } = self;
        write!(out, "{file}:{line}: {key}{}{message}. {advice}", if key.is_empty() { "" } else { ": " })
    }
}

/// Words shown to people, by language (`""` when only one was given).
pub type Label = std::collections::BTreeMap<String, String>;

/// All tables of an application.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Schema {
    /// In the order of the file.
    pub tables: Vec<Table>,
    /// What may be lost when this schema is applied: tables, and fields as `table.field`, by their old names.
    #[serde(skip)]
    pub lose: Vec<String>,
    /// The text it was read from.
    #[serde(skip)]
    pub text: String,
}

/// One table. Every table also has `id`, a positive integer that numbers its rows.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// Its name.
    pub name: Arc<str>,
    /// For people.
    pub label: Label,
    /// The name it had before, when it was renamed.
    pub from: Option<String>,
    /// In the order of the file, without `id`.
    pub fields: Vec<Field>,
    /// In the order of the file.
    pub indexes: Vec<Index>,
    /// Totals of masters that this table's rows add to.
    pub accumulate: Vec<Accumulate>,
    /// Running balances over this table's rows.
    pub balances: Vec<Balance>,
    /// `id` and all fields, as they are read.
    #[serde(skip)]
    pub(crate) columns: Columns,
    /// The statements every row needs, written once.
    #[serde(skip)]
    pub(crate) sql: Statements,
}

/// The texts of a table's statements: the same text each time is prepared only once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statements {
    /// One row by its `id`.
    pub(crate) by_id: String,
    /// `id` and every field that can be written, yielding all columns.
    pub(crate) insert: String,
    /// One row by its `id`.
    pub(crate) delete: String,
    /// ` RETURNING` all columns.
    pub(crate) returning: String,
}

/// One field of a table.
#[derive(Clone, Debug, Serialize)]
pub struct Field {
    /// Its name.
    pub name: Arc<str>,
    /// For people.
    pub label: Label,
    /// What it holds.
    pub kind: Kind,
    /// Whether every row must have a value.
    pub required: bool,
    /// What a new row gets when it says nothing.
    pub default: Option<Default>,
    /// A condition every row must meet.
    pub check: Option<Expression>,
    /// Where the values were before: a field of this table, or `table.field`.
    pub from: Option<From>,
    /// Whether Cirrus itself keeps the value (an accumulated total), so that nobody else may write it.
    pub kept: bool,
}

/// What a new row gets when it says nothing.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Default {
    /// Always the same.
    Value(Value),
    /// The moment of writing: today's date, the time of day or the instant, in UTC.
    Now,
}

/// Where the values of a field were before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct From {
    /// Another table; `None` for a field of the same one.
    pub table: Option<String>,
    /// The field.
    pub field: String,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Unicode text.
    Text {
        /// Fewest characters of a value.
        min: u64,
        /// Most characters of a value.
        max: u64,
    },
    /// A 64-bit integer.
    Integer {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// An exact decimal, stored as an integer of 10^-scale.
    Decimal {
        /// Digits after the point.
        scale: u8,
        /// Smallest value, in units of 10^-scale.
        min: i64,
        /// Largest value, in units of 10^-scale.
        max: i64,
    },
    /// True or false, stored as 1 or 0.
    Boolean,
    /// `YYYY-MM-DD`.
    Date,
    /// `HH:MM:SS`.
    Time,
    /// RFC 3339 in UTC with milliseconds: `2026-11-23T01:02:03.004Z`.
    Timestamp,
    /// Bytes; base64 in JSON.
    Blob {
        /// Most bytes of a value.
        max: u64,
    },
    /// One of some words.
    Choice {
        /// The words.
        of: Vec<String>,
    },
    /// The `id` of a row of a master table.
    Link {
        /// The master.
        to: Arc<str>,
        /// What happens to this row when its master goes.
        on_delete: OnDelete,
    },
    /// Computed from the row's other fields, kept by SQLite (a stored generated column).
    Formula {
        /// The computation.
        of: Expression,
        /// What it yields.
        result: Type,
    },
}

/// What happens to a row when the master it links to is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDelete {
    /// The master cannot be deleted.
    Restrict,
    /// The row goes too.
    Cascade,
    /// The link is cleared.
    Clear,
}

/// A link of a table, as [`Table::links`] lists them.
#[derive(Clone, Copy, Debug)]
pub struct Link<'s> {
    /// The field.
    pub field: &'s Field,
    /// The master table.
    pub to: &'s str,
    /// What happens when the master goes.
    pub on_delete: OnDelete,
}

/// One index of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Index {
    /// Its name.
    pub name: Arc<str>,
    /// What it is good for.
    pub kind: IndexKind,
    /// The fields, in order. Several make a composite index.
    pub fields: Vec<Arc<str>>,
}

/// What an index is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexKind {
    /// No two rows may have the same values (rows without a value do not count).
    Unique,
    /// To find rows by value.
    Repeated,
    /// To walk rows in order. SQLite keeps it like `Repeated`; the word tells the reader what it is for.
    Ordered,
    /// Full text: whole words and beginnings of words, without regard to case and accents.
    Words,
    /// Any part of a text of at least three characters, without regard to case.
    Pieces,
}

/// An accumulating update: each row adds to a total of its master.
#[derive(Clone, Debug, Serialize)]
pub struct Accumulate {
    /// The link of this table that leads to the master.
    pub link: Arc<str>,
    /// The master's table.
    pub master: Arc<str>,
    /// The master's field that holds the total.
    pub total: Arc<str>,
    /// What a row adds.
    pub add: Expression,
}

/// What a row adds to a running balance.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Amount {
    /// One number; above zero it counts as debit, below as credit.
    Net(Expression),
    /// What is added and what is taken away, told apart.
    Sides {
        /// What is added.
        debit: Expression,
        /// What is taken away.
        credit: Expression,
    },
}

/// A running balance over the rows of a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Balance {
    /// Its name.
    pub name: Arc<str>,
    /// Rows that share these fields are siblings; none: all rows are.
    pub group: Vec<Arc<str>>,
    /// How siblings are ordered; `id` follows as the last, or alone.
    pub order: Vec<Arc<str>>,
    /// What a row adds to the balance.
    pub amount: Amount,
    /// Digits after the point of amount and balance.
    pub scale: u8,
}

impl Schema {
    /// Reads `schema.toml`. Every problem is reported at once, each with its line.
    pub fn parse(text: &str, file: &str) -> Result<Schema, Vec<Problem>> {
        read::schema(text, file)
    }

    /// A table by its name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| *table.name == *name)
    }

    /// A table and its place, by its name.
    pub fn find(&self, name: &str) -> Result<(usize, &Table), super::Error> {
        let found = self.tables.iter().enumerate().find(|(_, table)| *table.name == *name);
        found.ok_or_else(|| super::Error::NoTable(name.to_owned()))
    }

    /// The links that lead to a table: who links, and by which field.
    pub fn links_to<'s>(&'s self, master: &'s str) -> impl Iterator<Item = (&'s Table, Link<'s>)> {
        let every = self.tables.iter().flat_map(|table| table.links().map(move |link| (table, link)));
        every.filter(move |(_, link)| link.to == master)
    }
}

impl Table {
    /// Writes down what every reading and writing of its rows needs.
    fn prepare(&mut self) {
        let fields = self.fields.iter().map(|field| (Arc::clone(&field.name), field.kind.result()));
        self.columns = Columns::new(std::iter::once((Arc::from("id"), Type::Integer)).chain(fields));
        let quoted = |names: Vec<&str>| names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        let all = quoted(self.columns.iter().map(|(name, _)| &**name).collect());
        let written: Vec<&str> =
            std::iter::once("id").chain(self.fields.iter().filter(|f| f.writable()).map(|f| &*f.name)).collect();
        let (name, places) = (&self.name, vec!["?"; written.len()].join(", "));
        let returning = format!(" RETURNING {all}");
        self.sql = Statements {
            by_id: format!("SELECT {all} FROM \"{name}\" WHERE \"id\" = ?"),
            insert: format!("INSERT INTO \"{name}\" ({}) VALUES ({places}){returning}", quoted(written)),
            delete: format!("DELETE FROM \"{name}\" WHERE \"id\" = ?"),
            returning,
        };
    }

    /// A field by its name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| *field.name == *name)
    }

    /// An index by its name.
    pub fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| *index.name == *name)
    }

    /// A balance by its name.
    pub fn balance(&self, name: &str) -> Option<&Balance> {
        self.balances.iter().find(|balance| *balance.name == *name)
    }

    /// Its links.
    pub fn links(&self) -> impl Iterator<Item = Link<'_>> {
        self.fields.iter().filter_map(|field| match &field.kind {
            Kind::Link { to, on_delete } => Some(Link { field, to, on_delete: *on_delete }),
            _ => None,
        })
    }

    /// How the values of a field (or `id`) are read from the database.
    pub fn type_of(&self, name: &str) -> Option<Type> {
        if name == "id" { Some(Type::Integer) } else { self.field(name).map(|field| field.kind.result()) }
    }
}

impl Field {
    /// Whether a person or a program may give it a value.
    pub fn writable(&self) -> bool {
        !self.kept && !matches!(self.kind, Kind::Formula { .. })
    }

    /// Whether a row can be without a value of it.
    pub fn nullable(&self) -> bool {
        !self.required && !self.kept
    }
}

impl Kind {
    /// The type of its values.
    pub fn result(&self) -> Type {
        match self {
            Kind::Text { .. } | Kind::Choice { .. } => Type::Text,
            Kind::Integer { .. } | Kind::Link { .. } => Type::Integer,
            Kind::Decimal { scale, .. } => Type::Decimal(*scale),
            Kind::Boolean => Type::Boolean,
            Kind::Date => Type::Date,
            Kind::Time => Type::Time,
            Kind::Timestamp => Type::Timestamp,
            Kind::Blob { .. } => Type::Blob,
            Kind::Formula { result, .. } => *result,
        }
    }

    /// The word for it in `schema.toml`.
    pub fn word(&self) -> &'static str {
        match self {
            Kind::Text { .. } => "text",
            Kind::Integer { .. } => "integer",
            Kind::Decimal { .. } => "decimal",
            Kind::Boolean => "boolean",
            Kind::Date => "date",
            Kind::Time => "time",
            Kind::Timestamp => "timestamp",
            Kind::Blob { .. } => "blob",
            Kind::Choice { .. } => "choice",
            Kind::Link { .. } => "link",
            Kind::Formula { .. } => "formula",
        }
    }
}
