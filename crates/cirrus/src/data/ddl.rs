//! A schema as SQL: tables, indexes, full-text tables and the triggers that keep totals and full texts right. All of it
//! can be read, and its rows written, with any SQLite tool: the totals stay right even then.

use std::fmt::Write as _;

use super::schema::{Accumulate, Default, Field, Index, IndexKind, Kind, OnDelete, Schema, Table, Type};
use super::value::Value;

/// Something in the database that is made from the schema, and can be made again without losing anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    /// Its name. It contains a point, which no name of the author can.
    pub(super) name: String,
    pub(super) sql: String,
    /// What fills it when it is made for rows that are there already.
    pub(super) fill: Option<String>,
}

/// The table itself, under a name.
pub(super) fn create_table(table: &Table, name: &str) -> String {
    let mut sql = format!("CREATE TABLE \"{name}\" (\n  \"id\" INTEGER PRIMARY KEY");
    for field in &table.fields {
        let _ = write!(sql, ",\n  {}", column(field));
    }
    sql.push_str("\n) STRICT");
    sql
}

/// One column with all its rules.
pub(super) fn column(field: &Field) -> String {
    let mut sql = format!("\"{}\" {}", field.name, field.kind.result().column());
    if field.required || field.kept {
        sql.push_str(" NOT NULL");
    }
    if let Some(Default::Value(value)) = &field.default {
        let _ = write!(sql, " DEFAULT {}", literal(value));
    }
    let name = &field.name;
    match &field.kind {
        Kind::Boolean => {
            let _ = write!(sql, " CONSTRAINT \"{name}\" CHECK (\"{name}\" IN (0, 1))");
        }
        Kind::Choice { of } => {
            let words: Vec<_> = of.iter().map(|word| quote(word)).collect();
            let _ = write!(sql, " CONSTRAINT \"{name}\" CHECK (\"{name}\" IN ({}))", words.join(", "));
        }
        Kind::Link { to, on_delete } => {
            let action = match on_delete {
                OnDelete::Restrict => "RESTRICT",
                OnDelete::Cascade => "CASCADE",
                OnDelete::Clear => "SET NULL",
            };
            let _ = write!(sql, " REFERENCES \"{to}\" (\"id\") ON DELETE {action}");
        }
        Kind::Formula { of, result } => {
            let computed = of.sql_as(*result, "").expect("the schema checked the type of the formula");
            let _ = write!(sql, " GENERATED ALWAYS AS ({computed}) STORED");
        }
        _ => {}
    }
    // A total is never judged on its way in, so the database keeps its bounds.
    if let (true, Kind::Integer { min, max } | Kind::Decimal { min, max, .. }) = (field.kept, &field.kind)
        && (*min, *max) != (i64::MIN, i64::MAX)
    {
        let _ = write!(sql, " CONSTRAINT \"{name}\" CHECK (\"{name}\" BETWEEN {min} AND {max})");
    }
    if let Some(check) = &field.check {
        let _ = write!(sql, " CONSTRAINT \"{name}\" CHECK ({})", check.sql(""));
    }
    sql
}

/// A text as an SQL literal.
pub(super) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A value as an SQL literal.
pub(super) fn literal(value: &Value) -> String {
    match value {
        Value::Null | Value::Real(_) => "NULL".to_owned(),
        Value::Integer(n) | Value::Decimal { units: n, .. } => n.to_string(),
        Value::Boolean(truth) => i64::from(*truth).to_string(),
        Value::Text(text) => quote(text),
        Value::Blob(bytes) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("x'{hex}'")
        }
    }
}

/// Indexes, full-text tables and triggers of all tables, in the order in which they can be made.
pub(super) fn objects(schema: &Schema) -> Vec<Object> {
    let mut objects = Vec::new();
    for table in &schema.tables {
        indexes(table, &mut objects);
    }
    for table in &schema.tables {
        for (number, accumulate) in table.accumulate.iter().enumerate() {
            let master = schema.table(&accumulate.master).and_then(|master| master.type_of(&accumulate.total));
            let total = master.expect("the schema checked the total");
            totals(table, accumulate, number, total, &mut objects);
        }
    }
    objects
}

fn indexes(table: &Table, objects: &mut Vec<Object>) {
    for index in &table.indexes {
        let name = format!("{}.{}", table.name, index.name);
        match index.kind {
            IndexKind::Words => search(table, index, &name, "unicode61 remove_diacritics 2", objects),
            IndexKind::Pieces => search(table, index, &name, "trigram remove_diacritics 1", objects),
            kind => {
                let unique = if kind == IndexKind::Unique { "UNIQUE " } else { "" };
                let fields: Vec<_> = index.fields.iter().map(|field| format!("\"{field}\"")).collect();
                let sql = format!("CREATE {unique}INDEX \"{name}\" ON \"{}\" ({})", table.name, fields.join(", "));
                objects.push(Object { name, sql, fill: None });
            }
        }
    }
    // A link without an index would make deleting its master read the whole table.
    for link in table.links() {
        let field = &link.field.name;
        let ordinary = |index: &&Index| !matches!(index.kind, IndexKind::Words | IndexKind::Pieces);
        if !table.indexes.iter().filter(ordinary).any(|index| index.fields[0] == *field) {
            let name = format!("{}.link.{field}", table.name);
            let sql = format!("CREATE INDEX \"{name}\" ON \"{}\" (\"{field}\")", table.name);
            objects.push(Object { name, sql, fill: None });
        }
    }
}

/// A full-text table over the rows of a table (the texts stay where they are) and the triggers that keep it.
fn search(table: &Table, index: &Index, name: &str, tokenizer: &str, objects: &mut Vec<Object>) {
    let columns =
        |prefix: &str| index.fields.iter().map(|field| format!("{prefix}\"{field}\"")).collect::<Vec<_>>().join(", ");
    let (plain, new, old, of) = (columns(""), columns("NEW."), columns("OLD."), &table.name);
    let sql = format!(
        "CREATE VIRTUAL TABLE \"{name}\" USING fts5({plain}, content='{of}', content_rowid='id', \
         tokenize='{tokenizer}')"
    );
    let fill = Some(format!("INSERT INTO \"{name}\"(\"{name}\") VALUES ('rebuild')"));
    objects.push(Object { name: name.to_owned(), sql, fill });
    let add = format!("INSERT INTO \"{name}\"(rowid, {plain}) VALUES (NEW.\"id\", {new});");
    let remove = format!("INSERT INTO \"{name}\"(\"{name}\", rowid, {plain}) VALUES ('delete', OLD.\"id\", {old});");
    let changed: Vec<_> = index.fields.iter().map(|field| format!("OLD.\"{field}\" IS NOT NEW.\"{field}\"")).collect();
    let changed = changed.join(" OR ");
    trigger(objects, &format!("{name}.create"), "INSERT", of, None, &add);
    trigger(objects, &format!("{name}.update"), "UPDATE", of, Some(&changed), &format!("{remove} {add}"));
    trigger(objects, &format!("{name}.delete"), "DELETE", of, None, &remove);
}

fn trigger(objects: &mut Vec<Object>, name: &str, event: &str, table: &str, when: Option<&str>, body: &str) {
    let when = when.map_or(String::new(), |when| format!(" WHEN {when}"));
    let sql = format!("CREATE TRIGGER \"{name}\" AFTER {event} ON \"{table}\"{when} BEGIN {body} END");
    objects.push(Object { name: name.to_owned(), sql, fill: None });
}

/// The triggers of an accumulating update. Subtracting and adding are two statements, so that a sum beyond 64 bits
/// always reaches the STRICT column, which refuses it, and never comes back into range rounded.
fn totals(table: &Table, accumulate: &Accumulate, number: usize, total: Type, objects: &mut Vec<Object>) {
    let Accumulate { link, master, total: field, add } = accumulate;
    let amount = |prefix: &str| {
        let sql = add.sql_as(total, prefix).expect("the schema checked the type of the amount");
        format!("ifnull({sql}, 0)")
    };
    let (new, old) = (amount("NEW."), amount("OLD."));
    let change = |sign: &str, row: &str, amount: &str| {
        format!(
            "UPDATE \"{master}\" SET \"{field}\" = \"{field}\" {sign} {amount} \
             WHERE \"id\" = {row}.\"{link}\" AND {amount} <> 0;"
        )
    };
    let (plus, minus) = (change("+", "NEW", &new), change("-", "OLD", &old));
    let name = format!("{}.total.{number}", table.name);
    let changed = format!("OLD.\"{link}\" IS NOT NEW.\"{link}\" OR {old} <> {new}");
    trigger(objects, &format!("{name}.create"), "INSERT", &table.name, None, &plus);
    trigger(objects, &format!("{name}.update"), "UPDATE", &table.name, Some(&changed), &format!("{minus} {plus}"));
    trigger(objects, &format!("{name}.delete"), "DELETE", &table.name, None, &minus);
}

/// A statement that yields the total of every master anew, from all tables that add to it.
pub(super) fn total_of(schema: &Schema, master: &Table, field: &Field) -> String {
    let mut sums = Vec::new();
    for table in &schema.tables {
        for accumulate in &table.accumulate {
            if accumulate.master == master.name && accumulate.total == field.name {
                let amount = accumulate.add.sql_as(field.kind.result(), "d.").expect("the schema checked the amount");
                sums.push(format!(
                    "ifnull((SELECT sum({amount}) FROM \"{}\" AS d WHERE d.\"{}\" = \"{}\".\"id\"), 0)",
                    table.name, accumulate.link, master.name
                ));
            }
        }
    }
    sums.join(" + ")
}

/// Where Cirrus keeps what it knows of the database itself.
pub(super) const OWN_TABLES: &str = "
CREATE TABLE IF NOT EXISTS \"_cirrus_schema\" (
  \"id\" INTEGER PRIMARY KEY CHECK (\"id\" = 1),
  \"format\" INTEGER NOT NULL,
  \"schema\" TEXT NOT NULL,
  \"applied\" TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS \"_cirrus_changes\" (
  \"id\" INTEGER PRIMARY KEY,
  \"applied\" TEXT NOT NULL,
  \"summary\" TEXT NOT NULL,
  \"changes\" TEXT NOT NULL,
  \"copy\" TEXT
) STRICT;
";

/// Raised when this file makes other indexes or triggers from the same schema: they are then made anew.
pub(super) const FORMAT: i64 = 2;
