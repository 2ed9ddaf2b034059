//! Expressions over a row's fields: checks, formulas, amounts. A small typed language that looks like SQL and becomes
//! SQL: numbers are exact (integers and decimals of known scale, never binary fractions), names are fields of the
//! table, and nothing else gets through, so no text of the author reaches SQLite unread.

mod functions;
mod parser;
mod tokens;
mod types;

use std::fmt::Write as _;

use serde::{Serialize, Serializer};

use parser::Parser;
use types::convert;

/// The longest expression, in bytes.
const MAX_TEXT: usize = 2000;
/// How deep parentheses and calls may nest.
const MAX_DEPTH: u32 = 30;
/// The longest SQL an expression may become, in bytes (rounding repeats its operand).
const MAX_SQL: usize = 64 << 10;
/// Digits after the point that a division keeps beyond its operands'.
const DIVISION: u8 = 4;
/// SQL that fails with "integer overflow" when it is reached.
const OVERFLOW: &str = "abs(-9223372036854775808)";

/// The type of a value or of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// A 64-bit integer.
    Integer,
    /// An integer of 10^-scale.
    Decimal(u8),
    /// Text.
    Text,
    /// 1 or 0.
    Boolean,
    /// Text, `YYYY-MM-DD`.
    Date,
    /// Text, `HH:MM:SS`.
    Time,
    /// Text, RFC 3339 in UTC with milliseconds.
    Timestamp,
    /// Bytes.
    Blob,
}

impl Type {
    /// The word for it in `schema.toml`.
    pub fn word(self) -> &'static str {
        match self {
            Type::Integer => "integer",
            Type::Decimal(_) => "decimal",
            Type::Text => "text",
            Type::Boolean => "boolean",
            Type::Date => "date",
            Type::Time => "time",
            Type::Timestamp => "timestamp",
            Type::Blob => "blob",
        }
    }

    /// The type of the column that holds it in SQLite.
    pub fn column(self) -> &'static str {
        match self {
            Type::Integer | Type::Decimal(_) | Type::Boolean => "INTEGER",
            Type::Blob => "BLOB",
            Type::Text | Type::Date | Type::Time | Type::Timestamp => "TEXT",
        }
    }

    /// Digits after the point, for numbers.
    pub fn scale(self) -> Option<u8> {
        match self {
            Type::Integer => Some(0),
            Type::Decimal(scale) => Some(scale),
            _ => None,
        }
    }
}

impl Serialize for Type {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// A validated expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    text: String,
    node: Node,
    kind: Option<Type>,
    fields: Vec<String>,
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    /// SQL that stands for itself: literals, operators, function names, separators.
    Raw(String),
    /// A column.
    Field(String),
    /// Its parts one after the other.
    Join(Vec<Node>),
    /// Brought from a scale to a smaller one, rounded half away from zero.
    Round(Box<Node>, i64),
    /// An exact quotient, rounded half away from zero; nothing when divided by zero.
    Divide(Box<Node>, Box<Node>),
}

impl Expression {
    /// Reads an expression. `field` tells the type of each name it may use.
    pub fn parse(text: &str, field: &dyn Fn(&str) -> Option<Type>) -> Result<Expression, String> {
        if text.len() > MAX_TEXT {
            return Err(format!("the expression is longer than {MAX_TEXT} bytes"));
        }
        let tokens = tokens::tokens(text)?;
        let mut parser = Parser { tokens: &tokens, at: 0, field, fields: Vec::new(), depth: 0 };
        let (node, kind) = parser.either()?;
        if let Some(token) = parser.peek() {
            return Err(format!("{} is not expected there", token.shown()));
        }
        let mut fields = parser.fields;
        fields.sort();
        fields.dedup();
        let expression = Expression { text: text.to_owned(), node, kind, fields };
        if expression.sql("NEW.").len() > MAX_SQL {
            return Err("the expression is too complicated: divide it into several formulas".to_owned());
        }
        Ok(expression)
    }

    /// As the author wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its type; `None` when it is always null.
    pub fn kind(&self) -> Option<Type> {
        self.kind
    }

    /// The fields it reads, each once.
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// As SQL. `prefix` goes before each column: empty, `NEW.`, `OLD.` or `"alias".`.
    pub fn sql(&self, prefix: &str) -> String {
        let mut out = String::new();
        write_sql(&self.node, prefix, &mut out);
        out
    }

    /// As SQL of a type, rounded half away from zero where it has fewer decimals, and **failing with "integer
    /// overflow"** where it does not fit in 64 bits. (SQLite's integers turn into binary fractions when they overflow;
    /// there are no others here, so one is always the mark of it.) `None` when the types do not go together.
    pub fn sql_as(&self, wanted: Type, prefix: &str) -> Option<String> {
        let (node, _) = convert((self.node.clone(), self.kind), wanted)?;
        let mut sql = String::new();
        write_sql(&node, prefix, &mut sql);
        let plain = matches!(node, Node::Field(_) | Node::Raw(_));
        Some(match wanted {
            Type::Integer | Type::Decimal(_) if !plain => {
                format!("CASE typeof({sql}) WHEN 'real' THEN {OVERFLOW} ELSE {sql} END")
            }
            _ => sql,
        })
    }
}

fn write_sql(node: &Node, prefix: &str, out: &mut String) {
    let sql = |node: &Node| {
        let mut text = String::new();
        write_sql(node, prefix, &mut text);
        text
    };
    // Writing to a String cannot fail.
    let _ = match node {
        Node::Raw(sql) => out.write_str(sql),
        Node::Field(name) => write!(out, "{prefix}\"{name}\""),
        Node::Join(parts) => {
            parts.iter().for_each(|part| write_sql(part, prefix, out));
            Ok(())
        }
        Node::Round(value, divisor) => {
            let (x, half) = (sql(value), divisor / 2);
            write!(
                out,
                "(CASE WHEN typeof({x}) = 'real' THEN {OVERFLOW} WHEN {x} < 0 THEN ({x} - {half}) / {divisor} \
                 ELSE ({x} + {half}) / {divisor} END)"
            )
        }
        Node::Divide(above, below) => {
            let (n, d) = (sql(above), sql(below));
            write!(
                out,
                "(CASE WHEN typeof({n}) = 'real' OR typeof({d}) = 'real' THEN {OVERFLOW} WHEN {d} = 0 THEN NULL \
                 WHEN ({n} < 0) = ({d} < 0) THEN (2 * abs({n}) + abs({d})) / (2 * abs({d})) \
                 ELSE -((2 * abs({n}) + abs({d})) / (2 * abs({d}))) END)"
            )
        }
    };
}
