//! Siblings and running balances: the rows of a group (an account and its third party, a product in a warehouse) in their order
//! (year, month, then number), the balance before and after any of them, and reports over them. A row that is written, moved or
//! deleted far back costs the same as the last one: no later row is touched.
//!
//! Beside the table stand a copy of its keys and amounts in order (`_rows`), and sums (`_sums`): blocks of some fifty of
//! those rows, and spans of some hundred blocks. A balance is a sum over the spans, then blocks, then rows before a
//! position: at most some hundred numbers. SQL triggers keep them (see `structure`), so that every program that writes the table
//! does, a SQLite shell included. `docs/decisions/0020-sums-of-blocks.md` has the figures.

mod check;
mod read;
mod report;
mod structure;

use rusqlite::types::Value;

pub use check::Difference;
pub use read::{Line, Window};
pub use report::{Cut, Movement};

/// How many rows a block may have before it is split; a span may have twice as many blocks.
pub const FANOUT: u32 = 64;
/// The most fields that a group and an order may have together.
pub const MAX_FIELDS: usize = 16;

/// What a field of a group or an order holds, as SQLite compares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Affinity {
    /// Integers, booleans, exact decimals in units.
    Integer,
    /// Floating point.
    Real,
    /// Text, dates, times; compared byte by byte.
    Text,
}

/// A field of a group or an order. It must have a value in every row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in the table.
    pub name: String,
    /// What it holds.
    pub affinity: Affinity,
}

/// What a row adds to the balance: whole units that fit in 64 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount {
    /// One SQL expression over the table's fields; what is above zero counts as debit, what is below as credit.
    Net(String),
    /// Two expressions; the row adds the first and takes away the second.
    Sides {
        /// What is added.
        debit: String,
        /// What is taken away.
        credit: String,
    },
}

/// A running balance of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceSpec {
    /// The table; its `id` is its INTEGER PRIMARY KEY.
    pub table: String,
    /// The balance's own name, unique within the table.
    pub name: String,
    /// Rows that are equal in these are siblings. None: all rows are.
    pub group: Vec<Column>,
    /// What orders siblings; equal ones are ordered by `id`.
    pub order: Vec<Column>,
    /// What a row adds.
    pub amount: Amount,
    /// The table's unique keys besides `id`: `INSERT OR REPLACE` deletes rows that collide in one of them without a
    /// delete trigger being run, so that the balance must look for itself.
    pub unique: Vec<Vec<String>>,
    /// Normally [`FANOUT`]; tests take less, to split more often. At least 4.
    pub fanout: u32,
}

/// Why a balance could not be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A sum left the range of 64 bits.
    #[error("a balance of {0} does not fit in 64 bits")]
    Overflow(String),
    /// The question does not fit the balance's group and order.
    #[error("{0}")]
    Invalid(String),
    /// The structure contradicts itself or the table. It must be rebuilt.
    #[error("the balance {0} does not agree with its table. Rebuild it.")]
    Broken(String),
    /// SQLite failed.
    #[error("a balance: {0}")]
    Sql(#[from] rusqlite::Error),
}

/// A place in the order of a group: everything up to some leading values of the order (and then the `id`), with or without
/// the rows that have exactly those.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    values: Vec<Value>,
    through: bool,
}

impl Bound {
    /// Before the first row.
    pub fn start() -> Bound {
        Bound { values: Vec::new(), through: false }
    }

    /// After the last row.
    pub fn end() -> Bound {
        Bound { values: Vec::new(), through: true }
    }

    /// Before the rows that begin with these values: `[2024, 3]` is the opening of March.
    pub fn before(values: impl Into<Vec<Value>>) -> Bound {
        let values = values.into();
        Bound { values, through: false }
    }

    /// After the rows that begin with these values: `[2024, 3]` is the end of March.
    pub fn after(values: impl Into<Vec<Value>>) -> Bound {
        let values = values.into();
        Bound { values, through: true }
    }
}

/// Sums over the rows of a group up to a bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many rows.
    pub rows: i64,
    /// The sum of their debits, in units.
    pub debit: i64,
    /// The sum of their credits, in units.
    pub credit: i64,
}

impl Totals {
    /// Debits less credits; `None` when that does not fit.
    pub fn balance(self) -> Option<i64> {
        self.debit.checked_sub(self.credit)
    }

    fn plus(self, other: Totals) -> Option<Totals> {
        Some(Totals {
            rows: self.rows.checked_add(other.rows)?,
            debit: self.debit.checked_add(other.debit)?,
            credit: self.credit.checked_add(other.credit)?,
        })
    }

    fn minus(self, other: Totals) -> Option<Totals> {
        Some(Totals {
            rows: self.rows.checked_sub(other.rows)?,
            debit: self.debit.checked_sub(other.debit)?,
            credit: self.credit.checked_sub(other.credit)?,
        })
    }
}

/// A running balance, ready to be asked: the spec and the names and SQL that follow from it. Cheap to share, made once.
#[derive(Clone, Debug)]
pub struct Ledger {
    spec: BalanceSpec,
    names: structure::Names,
    queries: read::Queries,
}

impl Ledger {
    /// From a spec that the schema has validated; what it names must be fields of the table.
    pub fn new(spec: BalanceSpec) -> Result<Ledger, Error> {
        if spec.group.len() + spec.order.len() > MAX_FIELDS {
            return Err(Error::Invalid(format!("a balance has at most {MAX_FIELDS} fields in its group and order")));
        }
        if spec.fanout < 4 {
            return Err(Error::Invalid("a block has at least 4 rows".into()));
        }
        let names = structure::Names::new(&spec);
        let queries = read::Queries::new(&spec, &names);
        Ok(Ledger { spec, names, queries })
    }

    /// What it was made from.
    pub fn spec(&self) -> &BalanceSpec {
        &self.spec
    }

    /// The statements that make the structure and its triggers beside a table that has no rows. For a table that has some,
    /// [`Ledger::rebuild`].
    pub fn ddl(&self) -> Vec<String> {
        let mut all = structure::tables(&self.spec, &self.names);
        all.extend(structure::triggers(&self.spec, &self.names));
        all
    }

    /// The statements that take structure and triggers away; they may be missing. The table stays.
    pub fn drop_ddl(&self) -> Vec<String> {
        structure::drops(&self.names)
    }

    fn overflow(&self) -> Error {
        Error::Overflow(format!("{}.{}", self.spec.table, self.spec.name))
    }

    fn broken(&self) -> Error {
        Error::Broken(format!("{}.{}", self.spec.table, self.spec.name))
    }
}
