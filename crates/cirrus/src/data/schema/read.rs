//! From the text of `schema.toml` to tables and fields, one key after the other. What needs more than one table to
//! judge is in `rules`.

use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::keys::{self, Entry, Keys, Problems};
use super::{
    DEFAULT_TEXT, Default, Field, From, Index, IndexKind, Kind, LARGEST, Label, MAX_FIELDS, MAX_INDEXES, MAX_NAME,
    MAX_TABLES, MAX_TEXT, OnDelete, Problem, Schema, Statements, Table, Type, rules,
};
use crate::data::{accept, decimal, rows::Columns, value::Value};

/// A field whose expressions wait until all fields are known.
pub(super) struct Draft<'a> {
    pub(super) field: Field,
    pub(super) path: String,
    pub(super) at: usize,
    pub(super) check: Option<(&'a str, usize)>,
    /// The text and the declared result of a formula.
    pub(super) formula: Option<(&'a str, usize, Option<Type>)>,
    pub(super) default: Option<Entry<'a>>,
}

/// A table whose parts wait for each other.
pub(super) struct TableDraft<'a> {
    pub(super) table: Table,
    pub(super) path: String,
    pub(super) at: usize,
    pub(super) fields: Vec<Draft<'a>>,
    pub(super) indexes: Vec<(Index, usize)>,
    pub(super) accumulate: Vec<Keys<'a>>,
    pub(super) balances: Vec<(&'a str, Keys<'a>)>,
}

pub(super) fn schema(text: &str, file: &str) -> Result<Schema, Vec<Problem>> {
    let mut problems = Problems::new(file, text);
    if text.len() > MAX_TEXT {
        problems.add(0, "", format!("the schema is larger than {MAX_TEXT} bytes"), "Divide the application");
        return Err(problems.finish());
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        problems.add(at, "", format!("not TOML: {}", error.message().replace('\n', ", ")), "See https://toml.io");
    }
    if !errors.is_empty() {
        return Err(problems.finish());
    }
    let mut top = Keys::of_table(document.get_ref());
    let lose = top.texts("lose", &mut problems).unwrap_or_default().0;
    let tables = top.children("tables", &mut problems);
    top.finish(&mut problems);
    if tables.len() > MAX_TABLES {
        problems.add(0, "tables", format!("there are more than {MAX_TABLES}"), "Divide the application");
        return Err(problems.finish());
    }
    let drafts: Vec<_> = tables.into_iter().filter_map(|entry| table(entry, &mut problems)).collect();
    let tables = rules::finish(drafts, &mut problems);
    let lose = lose.into_iter().map(str::to_owned).collect();
    let problems = problems.finish();
    if problems.is_empty() { Ok(Schema { tables, lose, text: text.to_owned() }) } else { Err(problems) }
}

fn table<'a>(entry: Entry<'a>, problems: &mut Problems) -> Option<TableDraft<'a>> {
    let mut keys = Keys::of(entry, "tables", problems)?;
    name(entry, &keys.path, problems);
    let table = Table {
        name: Arc::from(entry.name),
        label: label(&mut keys, problems),
        from: keys.text("from", problems).map(|(text, _)| text.to_owned()),
        fields: Vec::new(),
        indexes: Vec::new(),
        accumulate: Vec::new(),
        balances: Vec::new(),
        columns: Columns::default(),
        sql: Statements::default(),
    };
    let fields_path = keys.key("fields");
    let entries = keys.children("fields", problems);
    if entries.is_empty() || entries.len() > MAX_FIELDS {
        let message = format!("a table has from 1 to {MAX_FIELDS} fields, this one {}", entries.len());
        problems.add(entry.at, &fields_path, message, "Write them under [tables.NAME.fields]");
    }
    let fields =
        entries.into_iter().take(MAX_FIELDS).filter_map(|entry| field(entry, &fields_path, problems)).collect();
    let indexes_path = keys.key("indexes");
    let entries = keys.children("indexes", problems);
    if entries.len() > MAX_INDEXES {
        problems.add(entry.at, &indexes_path, format!("there are more than {MAX_INDEXES}"), "Leave some out");
    }
    let indexes = entries.into_iter().filter_map(|entry| index(entry, &indexes_path, problems)).collect();
    let accumulate = sections(&mut keys, "accumulate", problems);
    let balances_path = keys.key("balances");
    let balances = keys.children("balances", problems).into_iter().filter_map(|entry| {
        name(entry, &balances_path, problems);
        Keys::of(entry, &balances_path, problems).map(|keys| (entry.name, keys))
    });
    let balances = balances.collect();
    let (path, at) = (keys.path.clone(), keys.at);
    keys.finish(problems);
    Some(TableDraft { table, path, at: at.max(entry.at), fields, indexes, accumulate, balances })
}

fn sections<'a>(keys: &mut Keys<'a>, key: &'static str, problems: &mut Problems) -> Vec<Keys<'a>> {
    let path = keys.key(key);
    let Some(entry) = keys.get(key) else { return Vec::new() };
    let Some(list) = entry.value.as_array() else {
        problems.add(entry.at, &path, "a list of sections is expected", format!("Write it as [[{path}]]"));
        return Vec::new();
    };
    let sections = list.iter().enumerate().filter_map(|(number, item)| {
        Keys::of_value(item.get_ref(), item.span().start, format!("{path}[{number}]"), problems)
    });
    sections.collect()
}

/// Names go into SQL, JSON, JavaScript and addresses, so they are plain.
fn name(entry: Entry, path: &str, problems: &mut Problems) {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let fits = entry.name.len() <= MAX_NAME
        && entry.name.chars().all(plain)
        && entry.name.chars().next().is_some_and(|first| first.is_ascii_alphabetic())
        && !entry.name.to_ascii_lowercase().starts_with("sqlite_");
    if !fits {
        let advice = format!("Names are letters a-z, digits and _, begin with a letter and have at most {MAX_NAME}");
        problems.add(entry.at, path, format!("\"{}\" cannot be a name", entry.name), advice);
    }
}

fn label(keys: &mut Keys, problems: &mut Problems) -> Label {
    let path = keys.key("label");
    let Some(entry) = keys.get("label") else { return Label::new() };
    match entry.value {
        DeValue::String(text) => Label::from([(String::new(), text.to_string())]),
        DeValue::Table(table) => {
            let mut label = Label::new();
            for entry in keys::entries(table) {
                match entry.value.as_str() {
                    Some(text) => drop(label.insert(entry.name.to_owned(), text.to_owned())),
                    None => problems.add(entry.at, &path, "a text is expected", "Write it between quotes"),
                }
            }
            label
        }
        other => {
            let message = format!("a text is expected, not {}", keys::shown(other));
            problems.add(entry.at, &path, message, "Write \"text\" or { es = \"texto\", en = \"text\" }");
            Label::new()
        }
    }
}

fn field<'a>(entry: Entry<'a>, path: &str, problems: &mut Problems) -> Option<Draft<'a>> {
    let mut keys = Keys::of(entry, path, problems)?;
    let path = keys.path.clone();
    name(entry, &path, problems);
    if entry.name.eq_ignore_ascii_case("id") {
        problems.add(entry.at, &path, "every table has its id already", "Leave it out or choose another name");
    }
    let label = label(&mut keys, problems);
    let (kind, formula) = kind(entry.at, &mut keys, problems)?;
    let from = keys.text("from", problems).map(|(text, _)| match text.split_once('.') {
        Some((table, field)) => From { table: Some(table.to_owned()), field: field.to_owned() },
        None => From { table: None, field: text.to_owned() },
    });
    let computed = formula.is_some();
    let (required, default, check) = if computed {
        (false, None, None)
    } else {
        (keys.boolean("required", problems), keys.get("default"), keys.text("check", problems))
    };
    keys.finish(problems);
    let field =
        Field { name: Arc::from(entry.name), label, kind, required, default: None, check: None, from, kept: false };
    Some(Draft { field, path, at: entry.at, check, formula, default })
}

type Formula<'a> = (&'a str, usize, Option<Type>);

fn kind<'a>(at: usize, keys: &mut Keys<'a>, problems: &mut Problems) -> Option<(Kind, Option<Formula<'a>>)> {
    let types = "text, integer, decimal, boolean, date, time, timestamp, blob, choice, link, formula";
    let Some((word, word_at)) = keys.text("type", problems) else {
        let path = keys.path.clone();
        problems.add(at, &path, "the type is missing", format!("Say type = one of {types}"));
        return None;
    };
    let kind = match word {
        "text" => {
            let min = keys.number("min", 0, LARGEST as i64, problems).map_or(0, |(n, _)| n as u64);
            let max = keys.number("max", 1, LARGEST as i64, problems).map_or(DEFAULT_TEXT, |(n, _)| n as u64);
            bounds(keys, at, min <= max, problems);
            Kind::Text { min, max }
        }
        "integer" => {
            let min = keys.number("min", i64::MIN, i64::MAX, problems).map_or(i64::MIN, |(n, _)| n);
            let max = keys.number("max", i64::MIN, i64::MAX, problems).map_or(i64::MAX, |(n, _)| n);
            bounds(keys, at, min <= max, problems);
            Kind::Integer { min, max }
        }
        "decimal" => {
            let scale = scale(keys, at, problems);
            let min = units(keys, "min", scale, problems).unwrap_or(i64::MIN);
            let max = units(keys, "max", scale, problems).unwrap_or(i64::MAX);
            bounds(keys, at, min <= max, problems);
            Kind::Decimal { scale, min, max }
        }
        "boolean" => Kind::Boolean,
        "date" => Kind::Date,
        "time" => Kind::Time,
        "timestamp" => Kind::Timestamp,
        "blob" => {
            Kind::Blob { max: keys.number("max", 1, LARGEST as i64, problems).map_or(DEFAULT_TEXT, |(n, _)| n as u64) }
        }
        "choice" => {
            let path = keys.key("of");
            let of = keys.texts("of", problems).filter(|(texts, _)| !texts.is_empty());
            if of.is_none() {
                problems.add(at, &path, "the words to choose from are missing", "Say of = [\"one\", \"two\"]");
            }
            let of = of.map(|(texts, _)| texts.into_iter().map(str::to_owned).collect()).unwrap_or_default();
            Kind::Choice { of }
        }
        "link" => link(at, keys, problems),
        "formula" => return formula(at, keys, problems),
        other => {
            let path = keys.key("type");
            problems.add(word_at, &path, format!("there is no type \"{other}\""), format!("It is one of {types}"));
            return None;
        }
    };
    Some((kind, None))
}

fn bounds(keys: &Keys, at: usize, fits: bool, problems: &mut Problems) {
    if !fits {
        problems.add(at, &keys.key("min"), "min is greater than max", "Exchange them");
    }
}

fn scale(keys: &mut Keys, at: usize, problems: &mut Problems) -> u8 {
    let path = keys.key("scale");
    let given = keys.get("scale").is_some();
    if !given {
        let advice = format!("Say scale = digits after the point, 0 to {}", decimal::MAX_SCALE);
        problems.add(at, &path, "a decimal needs its scale", advice);
    }
    keys.number("scale", 0, i64::from(decimal::MAX_SCALE), problems).map_or(0, |(n, _)| n as u8)
}

/// A bound of a decimal: a text such as "10.50", or a whole number.
fn units(keys: &mut Keys, name: &'static str, scale: u8, problems: &mut Problems) -> Option<i64> {
    let entry = keys.get(name)?;
    let text = match entry.value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(_) => keys::integer(entry.value).map(|number| number.to_string()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        _ => None,
    };
    let units = text.and_then(|text| decimal::parse(&text, scale).ok());
    if units.is_none() {
        let message = format!("a number of at most {scale} decimals is expected, not {}", keys::shown(entry.value));
        problems.add(entry.at, &keys.key(name), message, "Write it as \"10.50\"");
    }
    units
}

fn link(at: usize, keys: &mut Keys, problems: &mut Problems) -> Kind {
    let path = keys.key("to");
    let to = keys.text("to", problems).map_or("", |(text, _)| text);
    if to.is_empty() {
        problems.add(at, &path, "the table it links to is missing", "Say to = \"table\"");
    }
    let on_delete = match keys.text("on_delete", problems) {
        None | Some(("restrict", _)) => OnDelete::Restrict,
        Some(("cascade", _)) => OnDelete::Cascade,
        Some(("clear", _)) => OnDelete::Clear,
        Some((other, at)) => {
            let path = keys.key("on_delete");
            problems.add(at, &path, format!("\"{other}\" is not known"), "It is restrict, cascade or clear");
            OnDelete::Restrict
        }
    };
    Kind::Link { to: Arc::from(to), on_delete }
}

fn formula<'a>(at: usize, keys: &mut Keys<'a>, problems: &mut Problems) -> Option<(Kind, Option<Formula<'a>>)> {
    let path = keys.key("of");
    let of = keys.text("of", problems);
    let scale = keys.number("scale", 0, i64::from(decimal::MAX_SCALE), problems).map(|(n, _)| n as u8);
    let declared = match keys.text("as", problems) {
        None => scale.map(Type::Decimal),
        Some(("decimal", at)) => {
            if scale.is_none() {
                problems.add(at, &keys.key("scale"), "a decimal needs its scale", "Say scale = digits after the point");
            }
            Some(Type::Decimal(scale.unwrap_or(0)))
        }
        Some(("integer", _)) => Some(Type::Integer),
        Some(("text", _)) => Some(Type::Text),
        Some(("boolean", _)) => Some(Type::Boolean),
        Some(("date", _)) => Some(Type::Date),
        Some(("time", _)) => Some(Type::Time),
        Some(("timestamp", _)) => Some(Type::Timestamp),
        Some((other, at)) => {
            let advice = "It is decimal, integer, text, boolean, date, time or timestamp";
            problems.add(at, &keys.key("as"), format!("there is no type \"{other}\" for a formula"), advice);
            None
        }
    };
    let Some((text, at)) = of else {
        problems.add(at, &path, "the formula is missing", "Say of = \"price * quantity\"");
        return None;
    };
    // The kind is complete when `rules` has read the expression.
    Some((Kind::Boolean, Some((text, at, declared))))
}

fn index(entry: Entry, path: &str, problems: &mut Problems) -> Option<(Index, usize)> {
    let mut keys = Keys::of(entry, path, problems)?;
    let path = keys.path.clone();
    name(entry, &path, problems);
    let kind = match keys.text("kind", problems) {
        Some(("unique", _)) => Some(IndexKind::Unique),
        Some(("repeated", _)) => Some(IndexKind::Repeated),
        Some(("ordered", _)) => Some(IndexKind::Ordered),
        Some(("words", _)) => Some(IndexKind::Words),
        Some(("pieces", _)) => Some(IndexKind::Pieces),
        other => {
            let message = other.map_or("the kind is missing".to_owned(), |(word, _)| format!("there is no \"{word}\""));
            let at = other.map_or(entry.at, |(_, at)| at);
            let advice = "It is unique, repeated, ordered, words or pieces";
            problems.add(at, &keys.key("kind"), message, advice);
            None
        }
    };
    let fields = keys.texts("fields", problems).filter(|(texts, _)| !texts.is_empty());
    if fields.is_none() {
        problems.add(entry.at, &keys.key("fields"), "the fields are missing", "Say fields = [\"field\"]");
    }
    keys.finish(problems);
    let fields = fields?.0.into_iter().map(Arc::from).collect();
    Some((Index { name: Arc::from(entry.name), kind: kind?, fields }, entry.at))
}

/// The default of a field: `"now"` for moments, or a value of its type.
pub(super) fn default(field: &Field, entry: Entry, path: &str, problems: &mut Problems) -> Option<Default> {
    let moment = matches!(field.kind, Kind::Date | Kind::Time | Kind::Timestamp);
    if moment && entry.value.as_str() == Some("now") {
        return Some(Default::Now);
    }
    let given = match entry.value {
        DeValue::String(text) => Some(Value::Text(text.to_string())),
        DeValue::Integer(_) => keys::integer(entry.value).map(Value::Integer),
        // As text, so that a decimal keeps exactly the digits that were written.
        DeValue::Float(number) => Some(Value::Text(number.as_str().to_owned())),
        DeValue::Boolean(truth) => Some(Value::Boolean(*truth)),
        DeValue::Datetime(moment) => Some(Value::Text(moment.to_string())),
        DeValue::Array(_) | DeValue::Table(_) => None,
    };
    let taken = given.ok_or("it is neither a text, a number nor a truth".to_owned());
    match taken.and_then(|value| accept::accept(field, value).map_err(|fault| fault.message())) {
        Ok(Value::Null) => None,
        Ok(value) => Some(Default::Value(value)),
        Err(message) => {
            let advice = format!("Give a value of type {}", field.kind.word());
            problems.add(entry.at, &format!("{path}.default"), message, advice);
            None
        }
    }
}
