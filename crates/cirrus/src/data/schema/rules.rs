//! What only shows when all tables are read: names that must exist, expressions over fields, totals and their masters.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::expression::{Expression, Type};
use super::keys::{Keys, Problems};
use super::read::{self, Draft, TableDraft};
use super::{Accumulate, Amount, Balance, Default, Index, IndexKind, Kind, OnDelete, Table};
use crate::data::value::Value;

/// Completes the tables.
pub(super) fn finish(mut drafts: Vec<TableDraft>, problems: &mut Problems) -> Vec<Table> {
    distinct(drafts.iter().map(|draft| (&*draft.table.name, draft.at, &*draft.path)), problems);
    let tables: BTreeSet<String> = drafts.iter().map(|draft| draft.table.name.to_string()).collect();
    for draft in &mut drafts {
        fields(draft, &tables, problems);
        indexes(draft, problems);
    }
    let totals = accumulations(&mut drafts, problems);
    for draft in &mut drafts {
        for field in &mut draft.table.fields {
            field.kept = totals.contains(&(draft.table.name.to_string(), field.name.to_string()));
            if field.kept {
                if field.default.is_some() {
                    let path = format!("{}.fields.{}.default", draft.path, field.name);
                    problems.add(draft.at, &path, "a total begins at zero", "Leave the default out");
                }
                field.default = Some(Default::Value(match field.kind.result() {
                    Type::Decimal(scale) => Value::Decimal { units: 0, scale },
                    _ => Value::Integer(0),
                }));
            }
        }
        balances(draft, problems);
        moved(draft, problems);
        draft.table.prepare();
    }
    drafts.into_iter().map(|draft| draft.table).collect()
}

/// SQLite does not tell large letters from small ones in names.
fn distinct<'n>(names: impl Iterator<Item = (&'n str, usize, &'n str)>, problems: &mut Problems) {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (name, at, path) in names {
        if let Some(other) = seen.insert(name.to_ascii_lowercase(), name.to_owned()) {
            let message = format!("\"{name}\" and \"{other}\" differ only in large and small letters");
            problems.add(at, path, message, "Rename one of them");
        }
    }
}

fn fields(draft: &mut TableDraft, tables: &BTreeSet<String>, problems: &mut Problems) {
    distinct(draft.fields.iter().map(|field| (&*field.field.name, field.at, &*field.path)), problems);
    let plain: BTreeMap<String, Type> = draft
        .fields
        .iter()
        .filter(|draft| draft.formula.is_none())
        .map(|draft| (draft.field.name.to_string(), draft.field.kind.result()))
        .collect();
    let mut known = plain.clone();
    // Formulas may use formulas that are written above them.
    for field in &mut draft.fields {
        formula(field, &mut known, problems);
    }
    for Draft { field, path, at, check, default, .. } in &mut draft.fields {
        if let Some((text, at)) = check {
            field.check = condition(text, *at, path, &known, problems);
        }
        if let Some(entry) = default {
            field.default = read::default(field, *entry, path, problems);
        }
        if let Kind::Link { to, on_delete } = &field.kind {
            if !to.is_empty() && !tables.contains(&**to) {
                let advice = "Declare it under [tables], or link to another";
                problems.add(*at, &format!("{path}.to"), format!("there is no table \"{to}\""), advice);
            }
            if field.required && *on_delete == OnDelete::Clear {
                let message = "a required link cannot be cleared when its master goes";
                problems.add(*at, &format!("{path}.on_delete"), message, "Use restrict or cascade");
            }
        }
    }
    draft.table.fields = draft.fields.iter().map(|draft| draft.field.clone()).collect();
}

fn formula(draft: &mut Draft, known: &mut BTreeMap<String, Type>, problems: &mut Problems) {
    let Some((text, at, declared)) = draft.formula else { return };
    let path = format!("{}.of", draft.path);
    let advice = "A formula uses the fields of its own row and the formulas above it";
    let parsed = Expression::parse(text, &|name| known.get(name).copied().filter(|kind| *kind != Type::Blob));
    let of = match parsed {
        Ok(of) => of,
        Err(message) => return problems.add(at, &path, message, advice),
    };
    let Some(result) = declared.or(of.kind()) else {
        return problems.add(at, &path, "it is always null", "Say what it computes");
    };
    if let Type::Decimal(scale) = result
        && scale > crate::data::decimal::MAX_SCALE
    {
        let message = format!("its result has {scale} decimals");
        return problems.add(at, &path, message, "Say how many to keep with scale = 2");
    }
    if of.sql_as(result, "").is_none() {
        let found = of.kind().map_or("null", Type::word);
        let message = format!("it yields a value of type {found}, not {}", result.word());
        return problems.add(at, &path, message, "Change `as` or the formula");
    }
    known.insert(draft.field.name.to_string(), result);
    draft.field.kind = Kind::Formula { of, result };
}

fn condition(
    text: &str,
    at: usize,
    path: &str,
    known: &BTreeMap<String, Type>,
    problems: &mut Problems,
) -> Option<Expression> {
    let path = format!("{path}.check");
    match Expression::parse(text, &|name| known.get(name).copied()) {
        Ok(check) if matches!(check.kind(), Some(Type::Boolean)) => Some(check),
        Ok(_) => {
            problems.add(at, &path, "a check must be true or false", "Compare with something: \"importe >= 0\"");
            None
        }
        Err(message) => {
            problems.add(at, &path, message, "A check uses the fields of its own row");
            None
        }
    }
}

fn indexes(draft: &mut TableDraft, problems: &mut Problems) {
    let TableDraft { table, indexes, path, .. } = draft;
    let path = format!("{path}.indexes");
    distinct(indexes.iter().map(|(index, at)| (&*index.name, *at, &*path)), problems);
    for (index, at) in indexes.iter() {
        index_fields(table, index, *at, &format!("{path}.{}", index.name), problems);
    }
    table.indexes = indexes.iter().map(|(index, _)| index.clone()).collect();
}

fn index_fields(table: &Table, index: &Index, at: usize, path: &str, problems: &mut Problems) {
    let path = format!("{path}.fields");
    for name in &index.fields {
        match table.type_of(name) {
            None => problems.add(at, &path, format!("there is no field \"{name}\""), "Name fields of this table"),
            Some(kind) => {
                let text = matches!(index.kind, IndexKind::Words | IndexKind::Pieces);
                if text && kind != Type::Text {
                    let message = format!("\"{name}\" is no text");
                    problems.add(at, &path, message, "Words and pieces are found in texts");
                } else if kind == Type::Blob {
                    problems.add(at, &path, format!("\"{name}\" is a blob"), "Blobs cannot be indexed");
                }
            }
        }
    }
}

/// Reads all accumulations; yields the totals as (table, field).
fn accumulations(drafts: &mut [TableDraft], problems: &mut Problems) -> BTreeSet<(String, String)> {
    let mut totals = BTreeSet::new();
    let tables: Vec<Table> = drafts.iter().map(|draft| draft.table.clone()).collect();
    for draft in drafts {
        for keys in std::mem::take(&mut draft.accumulate) {
            if let Some(accumulate) = accumulation(keys, &draft.table, &tables, problems) {
                totals.insert((accumulate.master.to_string(), accumulate.total.to_string()));
                draft.table.accumulate.push(accumulate);
            }
        }
    }
    totals
}

fn accumulation(mut keys: Keys, table: &Table, tables: &[Table], problems: &mut Problems) -> Option<Accumulate> {
    let at = keys.at;
    let mut wanted = |name: &'static str, advice: &str| {
        let text = keys.text(name, problems);
        if text.is_none() {
            problems.add(at, &keys.key(name), "it is missing", advice);
        }
        text
    };
    let to = wanted("to", "Say to = a link of this table");
    let total = wanted("total", "Say total = a number of the master");
    let add = wanted("add", "Say add = what a row adds, such as \"debe - haber\"");
    let (to_key, total_key, add_key) = (keys.key("to"), keys.key("total"), keys.key("add"));
    keys.finish(problems);
    let ((link, to_at), (total, total_at), (add, add_at)) = (to?, total?, add?);
    let Some(found) = table.links().find(|candidate| *candidate.field.name == *link) else {
        problems.add(to_at, &to_key, format!("\"{link}\" is no link of this table"), "Name a field of type link");
        return None;
    };
    let master = tables.iter().find(|master| *master.name == *found.to)?;
    let Some(scale) = master.type_of(total).filter(|_| total != "id").and_then(Type::scale) else {
        let message = format!("\"{total}\" is no number of \"{}\"", master.name);
        problems.add(total_at, &total_key, message, "Name a field of type integer or decimal");
        return None;
    };
    let field = master.field(total)?;
    if matches!(field.kind, Kind::Formula { .. } | Kind::Link { .. }) {
        problems.add(total_at, &total_key, "a total is a plain number", "Name a field of type integer or decimal");
        return None;
    }
    let add = amount(add, add_at, &add_key, table, scale, problems)?;
    Some(Accumulate { link: link.into(), master: Arc::clone(&master.name), total: total.into(), add })
}

/// An expression that yields a number of a scale without rounding.
fn amount(text: &str, at: usize, path: &str, table: &Table, scale: u8, problems: &mut Problems) -> Option<Expression> {
    let field = |name: &str| table.type_of(name).filter(|kind| *kind != Type::Blob && name != "id");
    match Expression::parse(text, &field) {
        Ok(amount) => match amount.kind().and_then(Type::scale) {
            Some(found) if found <= scale => Some(amount),
            Some(found) => {
                let message = format!("it has {found} decimals, more than the {scale} that are kept");
                problems.add(at, path, message, format!("Write round(..., {scale}), or keep more decimals"));
                None
            }
            None => {
                problems.add(at, path, "it is no number", "Write a number, such as \"debe - haber\"");
                None
            }
        },
        Err(message) => {
            problems.add(at, path, message, "It uses the fields of its own row");
            None
        }
    }
}

fn balances(draft: &mut TableDraft, problems: &mut Problems) {
    let all = std::mem::take(&mut draft.balances);
    let path = format!("{}.balances", draft.path);
    distinct(all.iter().map(|(name, keys)| (*name, keys.at, &*path)), problems);
    for (name, mut keys) in all {
        let at = keys.at;
        // Without a group all rows are siblings; without an order they follow one another by their number.
        let mut fields = |key: &'static str| {
            let (texts, at) = keys.texts(key, problems).unwrap_or_default();
            for field in &texts {
                if !draft.table.field(field).is_some_and(|field| field.kind.result() != Type::Blob) {
                    let message = format!("there is no field \"{field}\" to compare");
                    problems.add(at, &keys.key(key), message, "Name fields of this table, not blobs");
                } else if !always(&draft.table, field) {
                    let message = format!("\"{field}\" may be without a value");
                    problems.add(
                        at,
                        &keys.key(key),
                        message,
                        "Say required = true there, also for what it is computed from",
                    );
                }
            }
            texts
        };
        let (group, order) = (fields("group"), fields("order"));
        if let Some(twice) = order.iter().find(|field| group.contains(field)) {
            problems.add(at, &keys.key("order"), format!("\"{twice}\" is in the group already"), "Leave it out");
        }
        let Some(amount) = amounts(&mut keys, &draft.table, problems) else {
            keys.finish(problems);
            continue;
        };
        keys.finish(problems);
        let scale = |amount: &Expression| amount.kind().and_then(Type::scale).unwrap_or(0);
        let scale = match &amount {
            Amount::Net(amount) => scale(amount),
            Amount::Sides { debit, credit } => scale(debit).max(scale(credit)),
        };
        let arcs = |names: Vec<&str>| names.into_iter().map(Arc::from).collect();
        let (name, group, order) = (name.into(), arcs(group), arcs(order));
        draft.table.balances.push(Balance { name, group, order, amount, scale });
    }
}

/// `amount`, or `debit` and `credit`.
fn amounts(keys: &mut Keys, table: &Table, problems: &mut Problems) -> Option<Amount> {
    let mut read = |name: &'static str, problems: &mut Problems| {
        let (text, at) = keys.text(name, problems)?;
        Some((at, amount(text, at, &keys.key(name), table, crate::data::decimal::MAX_SCALE, problems)))
    };
    let (net, debit, credit) = (read("amount", problems), read("debit", problems), read("credit", problems));
    match (net, debit, credit) {
        (Some((_, net)), None, None) => net.map(Amount::Net),
        (None, Some((_, debit)), Some((_, credit))) => Some(Amount::Sides { debit: debit?, credit: credit? }),
        _ => {
            let advice = "Say amount = \"debe - haber\", or debit = \"debe\" and credit = \"haber\"";
            problems.add(keys.at, &keys.path, "what a row adds is missing, or said twice", advice);
            None
        }
    }
}

/// Whether every row has a value of a field: it is required, or computed from such.
fn always(table: &Table, name: &str) -> bool {
    match table.field(name) {
        Some(super::Field { kind: Kind::Formula { of, .. }, .. }) => {
            of.fields().iter().all(|field| always(table, field))
        }
        Some(field) => !field.nullable(),
        None => false,
    }
}

/// Two fields cannot both be what one was, and a field that stays cannot be the origin of another.
fn moved(draft: &TableDraft, problems: &mut Problems) {
    let mut taken = BTreeSet::new();
    for field in &draft.fields {
        let Some(from) = field.field.from.as_ref().filter(|from| from.table.is_none()) else { continue };
        let path = format!("{}.from", field.path);
        if *from.field == *field.field.name {
            problems.add(field.at, &path, "a field cannot come from itself", "Leave `from` out");
        } else if !taken.insert(from.field.clone()) {
            let message = format!("two fields come from \"{}\"", from.field);
            problems.add(field.at, &path, message, "Let only one of them");
        }
    }
}
