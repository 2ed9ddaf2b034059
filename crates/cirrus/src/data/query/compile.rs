//! A query as one parameterised statement.

use std::fmt::Write as _;
use std::sync::Arc;

use super::{Comparison, Condition, Cursor, MAX_CONDITIONS, MAX_DEPTH, MAX_SEARCH, MAX_VALUES, Order, Query};
use crate::data::accept;
use crate::data::rows::Columns;
use crate::data::schema::{IndexKind, Schema, Table, Type};
use crate::data::{Error, Value, store};

/// What a query computes over its rows instead of listing them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// How many there are.
    Count,
    /// The sum of a number; 0 without rows.
    Sum(String),
    /// The smallest value of a field.
    Min(String),
    /// The largest value of a field.
    Max(String),
}

/// A statement with its parameters. The same shape of query gives the same SQL, so its preparation is cached.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The SQL, with `?` for every value.
    pub sql: String,
    /// The values, in order.
    pub parameters: Vec<Value>,
    /// What comes out: first the fields that were asked for.
    pub columns: Columns,
    /// The fields by which the rows are ordered, for the cursor after the last row.
    pub order: Vec<Order>,
    /// The place of the table in the schema, for [`crate::data::Versions`].
    pub table: usize,
    /// The page's size, when one row more is read to know whether there are others.
    pub page: Option<u32>,
}

impl Query {
    /// As a statement that lists rows. With `paged`, its columns are followed by those of the order and one row more
    /// than the limit is read, so that the reader can tell the cursor of the next page.
    pub fn compile(&self, schema: &Schema, paged: bool) -> Result<Compiled, Error> {
        let (place, table) = schema.find(&self.table)?;
        let mut sql = Sql { table, text: String::from("SELECT "), parameters: Vec::new(), conditions: 0 };
        let order = complete(table, &self.order)?;
        let columns = selected(table, self.fields.as_deref())?;
        for (place, (name, _)) in columns.iter().enumerate() {
            sql.add(if place > 0 { ", " } else { "" });
            sql.name(name);
        }
        if paged {
            for term in &order {
                sql.add(", ");
                sql.name(&term.field);
            }
        }
        sql.restricted(self, &order)?;
        for (place, term) in order.iter().enumerate() {
            sql.add(if place > 0 { ", " } else { " ORDER BY " });
            sql.name(&term.field);
            sql.add(if term.descending { " DESC" } else { "" });
        }
        if self.limit.is_some() || self.offset > 0 {
            let limit = self.limit.map_or(-1, |limit| i64::from(limit) + i64::from(paged));
            sql.add(" LIMIT ?");
            sql.parameters.push(Value::Integer(limit));
            if self.offset > 0 {
                sql.add(" OFFSET ?");
                sql.parameters.push(Value::Integer(i64::try_from(self.offset).unwrap_or(i64::MAX)));
            }
        }
        let page = if paged { self.limit } else { None };
        Ok(Compiled { sql: sql.text, parameters: sql.parameters, columns, order, table: place, page })
    }

    /// As a statement with one row and one column. Limit, offset, order and cursor do not count.
    pub fn aggregate(&self, schema: &Schema, aggregate: &Aggregate) -> Result<Compiled, Error> {
        let (place, table) = schema.find(&self.table)?;
        let (function, field) = match aggregate {
            Aggregate::Count => ("count(*)", None),
            Aggregate::Sum(field) => ("sum", Some(field)),
            Aggregate::Min(field) => ("min", Some(field)),
            Aggregate::Max(field) => ("max", Some(field)),
        };
        let kind = match field {
            None => Type::Integer,
            Some(field) => kind_of(table, field)?,
        };
        if function == "sum" && kind.scale().is_none() {
            return Err(Error::Invalid(format!("{} cannot be added up", field.map_or("", |field| field))));
        }
        let mut sql = Sql { table, text: format!("SELECT {function}"), parameters: Vec::new(), conditions: 0 };
        if let Some(field) = field {
            sql.add("(");
            sql.name(field);
            sql.add(")");
        }
        let every = Query { after: None, ..self.clone() };
        sql.restricted(&every, &[])?;
        let columns = Columns::new([(Arc::from(function), kind)]);
        Ok(Compiled { sql: sql.text, parameters: sql.parameters, columns, order: Vec::new(), table: place, page: None })
    }
}

/// The order with `id` as its last term, in the direction of the one before it, so that an index can be walked
/// backwards.
fn complete(table: &Table, order: &[Order]) -> Result<Vec<Order>, Error> {
    let mut complete: Vec<Order> = Vec::with_capacity(order.len() + 1);
    for term in order {
        kind_of(table, &term.field)?;
        if !complete.iter().any(|earlier| earlier.field == term.field) {
            complete.push(term.clone());
        }
        if term.field == "id" {
            return Ok(complete);
        }
    }
    let descending = complete.last().is_some_and(|term| term.descending);
    complete.push(Order { field: "id".to_owned(), descending });
    Ok(complete)
}

fn selected(table: &Table, fields: Option<&[String]>) -> Result<Columns, Error> {
    match fields {
        None => Ok(table.columns.clone()),
        Some([]) => Err(Error::Invalid("no fields were asked for".to_owned())),
        Some(names) => {
            let column = |(place, name): (usize, &String)| {
                if names[..place].contains(name) {
                    return Err(Error::Invalid(format!("the field {name} was asked for twice")));
                }
                let known = table.field(name).map_or_else(|| Arc::from("id"), |field| Arc::clone(&field.name));
                kind_of(table, name).map(|kind| (known, kind))
            };
            Ok(Columns::new(names.iter().enumerate().map(column).collect::<Result<Vec<_>, _>>()?))
        }
    }
}

fn kind_of(table: &Table, field: &str) -> Result<Type, Error> {
    table.type_of(field).ok_or_else(|| Error::Invalid(format!("{} has no field {field:?}", table.name)))
}

struct Sql<'s> {
    table: &'s Table,
    text: String,
    parameters: Vec<Value>,
    conditions: usize,
}

impl Sql<'_> {
    fn add(&mut self, sql: &str) {
        self.text.push_str(sql);
    }

    /// A name that was found in the schema (names are letters, digits and `_`).
    fn name(&mut self, name: &str) {
        let _ = write!(self.text, "\"{name}\"");
    }

    fn bind(&mut self, value: Value) {
        self.text.push('?');
        self.parameters.push(value);
    }

    fn restricted(&mut self, query: &Query, order: &[Order]) -> Result<(), Error> {
        self.add(" FROM ");
        let table = self.table;
        self.name(&table.name);
        if let Some(condition) = &query.condition {
            self.add(" WHERE ");
            self.condition(condition, 0)?;
        }
        if let Some(cursor) = &query.after {
            self.add(if query.condition.is_some() { " AND (" } else { " WHERE (" });
            self.after(cursor, order)?;
            self.add(")");
        }
        Ok(())
    }

    fn condition(&mut self, condition: &Condition, depth: usize) -> Result<(), Error> {
        self.conditions += 1;
        if depth > MAX_DEPTH || self.conditions > MAX_CONDITIONS {
            let message = format!("a query has at most {MAX_CONDITIONS} conditions, nested at most {MAX_DEPTH} deep");
            return Err(Error::Invalid(message));
        }
        match condition {
            Condition::All(parts) => self.parts(parts, " AND ", "1", depth),
            Condition::Any(parts) => self.parts(parts, " OR ", "0", depth),
            Condition::Not(inner) => {
                // A condition over a missing value is neither true nor false; its opposite is true.
                self.add("(");
                self.condition(inner, depth + 1)?;
                self.add(") IS NOT TRUE");
                Ok(())
            }
            Condition::Compare(field, comparison, value) => self.compare(field, *comparison, value),
            Condition::In(field, values) => self.one_of(field, values),
            Condition::Null(field) => {
                kind_of(self.table, field)?;
                self.name(field);
                self.add(" IS NULL");
                Ok(())
            }
            Condition::Contains(field, text) => self.contains(field, text),
            Condition::Begins(field, text) => self.begins(field, text),
            Condition::Like(field, pattern) => {
                self.text_field(field, pattern)?;
                self.function(store::LIKE, field, pattern);
                Ok(())
            }
            Condition::Words(name, text) => self.search(name, IndexKind::Words, text),
            Condition::Pieces(name, text) => self.search(name, IndexKind::Pieces, text),
        }
    }

    fn parts(&mut self, parts: &[Condition], between: &str, none: &str, depth: usize) -> Result<(), Error> {
        if parts.is_empty() {
            self.add(none);
        }
        for (place, part) in parts.iter().enumerate() {
            self.add(if place > 0 { between } else { "(" });
            self.condition(part, depth + 1)?;
        }
        self.add(if parts.is_empty() { "" } else { ")" });
        Ok(())
    }

    fn value(&self, field: &str, value: &Value) -> Result<Value, Error> {
        let kind = kind_of(self.table, field)?;
        accept::typed(field, kind, value.clone())
            .map_err(|fault| Error::Invalid(format!("{field}: {}", fault.message())))
    }

    fn compare(&mut self, field: &str, comparison: Comparison, value: &Value) -> Result<(), Error> {
        let value = self.value(field, value)?;
        let sql = match (comparison, value.is_null()) {
            (Comparison::Eq, true) => " IS NULL",
            (Comparison::Ne, true) => " IS NOT NULL",
            (_, true) => return Err(Error::Invalid(format!("{field}: no value is neither less nor greater"))),
            (Comparison::Eq, _) => " = ",
            (Comparison::Ne, _) => " IS NOT ",
            (Comparison::Lt, _) => " < ",
            (Comparison::Le, _) => " <= ",
            (Comparison::Gt, _) => " > ",
            (Comparison::Ge, _) => " >= ",
        };
        self.name(field);
        self.add(sql);
        if !value.is_null() {
            self.bind(value);
        }
        Ok(())
    }

    fn one_of(&mut self, field: &str, values: &[Value]) -> Result<(), Error> {
        if values.len() > MAX_VALUES {
            return Err(Error::Invalid(format!("{field}: more than {MAX_VALUES} values")));
        }
        let values = values.iter().map(|value| self.value(field, value)).collect::<Result<Vec<_>, _>>()?;
        if values.iter().any(Value::is_null) {
            return Err(Error::Invalid(format!("{field}: ask for rows without a value in a condition of its own")));
        }
        kind_of(self.table, field)?;
        self.name(field);
        self.add(" IN (");
        for (place, value) in values.into_iter().enumerate() {
            self.add(if place > 0 { ", " } else { "" });
            self.bind(value);
        }
        self.add(")");
        Ok(())
    }

    fn text_field(&self, field: &str, text: &str) -> Result<(), Error> {
        short(text)?;
        match kind_of(self.table, field)? {
            Type::Text | Type::Date | Type::Time | Type::Timestamp => Ok(()),
            kind => Err(Error::Invalid(format!("{field} is of type {}, which has no parts", kind.word()))),
        }
    }

    fn contains(&mut self, field: &str, text: &str) -> Result<(), Error> {
        self.text_field(field, text)?;
        self.add("(");
        let covered = |index: &&crate::data::schema::Index| {
            index.kind == IndexKind::Pieces && index.fields.iter().any(|covered| **covered == *field)
        };
        if text.chars().count() >= 3 && self.table.indexes.iter().any(|index| covered(&index)) {
            self.search(field, IndexKind::Pieces, text)?;
            self.add(" AND ");
        }
        self.function(store::CONTAINS, field, text);
        self.add(")");
        Ok(())
    }

    /// A function of a field and a text, in lower case.
    fn function(&mut self, function: &str, field: &str, text: &str) {
        self.add(function);
        self.add("(");
        self.name(field);
        self.add(", ");
        self.bind(Value::Text(text.to_lowercase()));
        self.add(")");
    }

    fn begins(&mut self, field: &str, text: &str) -> Result<(), Error> {
        self.text_field(field, text)?;
        // From the text itself up to the first text after all that begin so: a range that an index can walk.
        self.add("(");
        self.name(field);
        self.add(" >= ");
        self.bind(Value::Text(text.to_owned()));
        if let Some(end) = after_all(text) {
            self.add(" AND ");
            self.name(field);
            self.add(" < ");
            self.bind(Value::Text(end));
        }
        self.add(")");
        Ok(())
    }

    fn search(&mut self, name: &str, kind: IndexKind, text: &str) -> Result<(), Error> {
        short(text)?;
        let word = if kind == IndexKind::Words { "words" } else { "pieces" };
        let whole = self.table.indexes.iter().find(|index| index.kind == kind && *index.name == *name);
        let covers = |index: &&crate::data::schema::Index| {
            index.kind == kind && index.fields.iter().any(|field| **field == *name)
        };
        let index = whole.or_else(|| self.table.indexes.iter().find(covers)).ok_or_else(|| {
            let table = &self.table.name;
            Error::Invalid(format!("{table} has no index of {word} named {name:?}, nor one that covers such a field"))
        })?;
        let terms = if kind == IndexKind::Words { words(text) } else { piece(text)? };
        if terms.is_empty() {
            self.add("0"); // no word was given: nothing has it
            return Ok(());
        }
        let terms = if whole.is_some() { terms } else { format!("\"{name}\" : ({terms})") };
        let search = format!("\"{}.{}\"", self.table.name, index.name);
        let _ = write!(self.text, "\"id\" IN (SELECT rowid FROM {search} WHERE {search} MATCH ");
        self.bind(Value::Text(terms));
        self.add(")");
        Ok(())
    }

    /// Only rows after the one the cursor stands on.
    fn after(&mut self, cursor: &Cursor, order: &[Order]) -> Result<(), Error> {
        let values = cursor.values(self.table, order)?;
        let sure = |term: &Order| term.field == "id" || self.table.field(&term.field).is_some_and(|f| !f.nullable());
        if order.iter().all(|term| sure(term) && term.descending == order[0].descending) {
            // One comparison of rows, which an index can walk.
            for (place, term) in order.iter().enumerate() {
                self.add(if place > 0 { ", " } else { "(" });
                self.name(&term.field);
            }
            self.add(if order[0].descending { ") < (" } else { ") > (" });
            for (place, value) in values.into_iter().enumerate() {
                self.add(if place > 0 { ", " } else { "" });
                self.bind(value);
            }
            self.add(")");
            return Ok(());
        }
        for (place, term) in order.iter().enumerate() {
            self.add(if place > 0 { " OR (" } else { "(" });
            for (term, value) in order.iter().zip(&values).take(place) {
                self.name(&term.field);
                self.add(" IS ");
                self.bind(value.clone());
                self.add(" AND ");
            }
            self.beyond(term, &values[place]);
            self.add(")");
        }
        Ok(())
    }

    /// A field beyond a value in the direction of the order. No value is smaller than any.
    fn beyond(&mut self, term: &Order, value: &Value) {
        match (value.is_null(), term.descending) {
            (true, true) => self.add("0"),
            (true, false) => {
                self.name(&term.field);
                self.add(" IS NOT NULL");
            }
            (false, descending) => {
                self.add("(");
                self.name(&term.field);
                self.add(if descending { " < " } else { " > " });
                self.bind(value.clone());
                if descending {
                    self.add(" OR ");
                    self.name(&term.field);
                    self.add(" IS NULL");
                }
                self.add(")");
            }
        }
    }
}

fn short(text: &str) -> Result<(), Error> {
    if text.chars().count() > MAX_SEARCH {
        return Err(Error::Invalid(format!("a text to search for has at most {MAX_SEARCH} characters")));
    }
    if text.contains('\0') { Err(Error::Invalid("a text cannot contain the character NUL".to_owned())) } else { Ok(()) }
}

/// The first text after all those that begin with this one; `None` when there is none.
fn after_all(text: &str) -> Option<String> {
    let mut chars: Vec<char> = text.chars().collect();
    while let Some(last) = chars.pop() {
        let next = (last as u32 + 1..=char::MAX as u32).find_map(char::from_u32);
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

/// Words as FTS5 wants them: each between quotes, so that none of its own syntax gets through, and open at the end.
/// What counts as a letter is left to its tokenizer, which also knows letters written in two parts.
fn words(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric));
    words.map(|word| format!("\"{}\"*", word.replace('"', "\"\""))).collect::<Vec<_>>().join(" AND ")
}

/// A piece as FTS5 wants it.
fn piece(text: &str) -> Result<String, Error> {
    if text.chars().count() < 3 {
        return Err(Error::Invalid("a piece of text has at least three characters".to_owned()));
    }
    Ok(format!("\"{}\"", text.replace('"', "\"\"")))
}
