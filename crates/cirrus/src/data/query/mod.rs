//! A question about one table, and its way to SQL. Names come from the schema and values travel as parameters, so
//! nothing that a stranger writes becomes part of the SQL.

mod compile;
mod cursor;
mod json;

pub use compile::{Aggregate, Compiled};
pub use cursor::Cursor;

use super::value::Value;

/// How deep conditions may nest.
pub const MAX_DEPTH: usize = 16;
/// The most conditions of a query, counted one by one.
pub const MAX_CONDITIONS: usize = 200;
/// The most values of an `in`.
pub const MAX_VALUES: usize = 500;
/// The longest text searched for, in characters.
pub const MAX_SEARCH: usize = 1000;

/// A question about the rows of one table. Without conditions it means all of them, ordered by `id`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// The table.
    pub table: String,
    /// Which rows.
    pub condition: Option<Condition>,
    /// In which order; `id` follows as the last, so that the order is always complete.
    pub order: Vec<Order>,
    /// At most so many.
    pub limit: Option<u32>,
    /// After so many. A cursor is faster on long lists.
    pub offset: u64,
    /// Only rows after this one, in the order of the query.
    pub after: Option<Cursor>,
    /// Which fields; `None` is `id` and all fields in the order of the schema.
    pub fields: Option<Vec<String>>,
}

/// A field to order by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The field, or `id`.
    pub field: String,
    /// From the largest to the smallest. Rows without a value come first in ascending order.
    pub descending: bool,
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Different (rows without a value are different from any value).
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
}

/// Which rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// All of them hold. Of none: always.
    All(Vec<Condition>),
    /// One of them holds. Of none: never.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// A field compared with a value. Compared as equal with [`Value::Null`] it means "without a value".
    Compare(String, Comparison, Value),
    /// A field with one of some values.
    In(String, Vec<Value>),
    /// A field without a value.
    Null(String),
    /// A text that contains another, without regard to case. Uses an index of pieces when there is one.
    Contains(String, String),
    /// A text that begins with another, case counts. Uses an ordinary index when there is one.
    Begins(String, String),
    /// A whole text without regard to case, with `%` where there may be anything.
    Like(String, String),
    /// All these words, or words that begin so, in a words index (named itself, or by a field it covers).
    Words(String, String),
    /// This piece of text, in a pieces index (named itself, or by a field it covers). At least three characters.
    Pieces(String, String),
}

impl Condition {
    /// A field equal to a value.
    pub fn eq(field: &str, value: impl Into<Value>) -> Condition {
        Condition::Compare(field.to_owned(), Comparison::Eq, value.into())
    }

    /// A field compared with a value.
    pub fn compare(field: &str, comparison: Comparison, value: impl Into<Value>) -> Condition {
        Condition::Compare(field.to_owned(), comparison, value.into())
    }
}

impl Query {
    /// All rows of a table.
    pub fn of(table: &str) -> Query {
        Query { table: table.to_owned(), ..Query::default() }
    }

    /// Also this condition.
    pub fn filter(mut self, condition: Condition) -> Query {
        self.condition = Some(match self.condition.take() {
            None => condition,
            Some(Condition::All(mut all)) => {
                all.push(condition);
                Condition::All(all)
            }
            Some(first) => Condition::All(vec![first, condition]),
        });
        self
    }

    /// Then ordered by this field.
    pub fn order(mut self, field: &str, descending: bool) -> Query {
        self.order.push(Order { field: field.to_owned(), descending });
        self
    }

    /// At most so many rows.
    pub fn limit(mut self, rows: u32) -> Query {
        self.limit = Some(rows);
        self
    }

    /// After so many rows.
    pub fn offset(mut self, rows: u64) -> Query {
        self.offset = rows;
        self
    }

    /// Only these fields.
    pub fn fields<'f>(mut self, fields: impl IntoIterator<Item = &'f str>) -> Query {
        self.fields = Some(fields.into_iter().map(str::to_owned).collect());
        self
    }
}
