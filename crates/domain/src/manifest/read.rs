//! Takes values out of a TOML table, noting every wrong type instead of stopping at the first.

use std::ops::RangeInclusive;

use toml::de::{DeTable, DeValue};

use super::duration::DURATIONS;
use super::near::near;
use super::problems::Problems;
use super::size::{SIZES, Units};

/// One table of a manifest.
pub(super) struct Table<'t> {
    name: String,
    table: &'t DeTable<'t>,
}

impl<'t> Table<'t> {
    /// The table called `name`; the whole document when that is empty.
    pub(super) fn new(name: impl Into<String>, table: &'t DeTable<'t>) -> Self {
        Self { name: name.into(), table }
    }

    /// The full name of a key of it.
    pub(super) fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'t DeValue<'t>> {
        self.table.get(key).map(|value| value.get_ref())
    }

    /// Every key with its value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'t str, &'t DeValue<'t>)> {
        self.table.iter().map(|(key, value)| (key.get_ref().as_ref(), value.get_ref()))
    }

    /// A table in it.
    pub(super) fn table(&self, key: &str, problems: &mut Problems) -> Option<Table<'t>> {
        match self.get(key)? {
            DeValue::Table(table) => Some(Table::new(self.path(key), table)),
            other => {
                problems.add(&self.path(key), format!("{} is not allowed here; write a table: [{key}]", a(other)));
                None
            }
        }
    }

    /// The tables of an array of tables.
    pub(super) fn tables(&self, key: &str, problems: &mut Problems) -> Vec<Table<'t>> {
        let path = self.path(key);
        let wrong = |other| format!("{} is not allowed here; write each as a table: [[{key}]]", a(other));
        let mut tables = Vec::new();
        match self.get(key) {
            None => {}
            Some(DeValue::Array(array)) => {
                for (at, item) in array.iter().enumerate() {
                    let path = format!("{path}[{at}]");
                    match item.get_ref() {
                        DeValue::Table(table) => tables.push(Table::new(path, table)),
                        other => problems.add(&path, wrong(other)),
                    }
                }
            }
            Some(other) => problems.add(&path, wrong(other)),
        }
        tables
    }

    /// A text.
    pub(super) fn text(&self, key: &str, problems: &mut Problems) -> Option<String> {
        match self.get(key)? {
            DeValue::String(text) => Some(text.to_string()),
            other => {
                problems
                    .add(&self.path(key), format!("{} is not allowed here; write a string: {key} = \"...\"", a(other)));
                None
            }
        }
    }

    /// Yes or no.
    pub(super) fn flag(&self, key: &str, problems: &mut Problems) -> Option<bool> {
        match self.get(key)? {
            DeValue::Boolean(flag) => Some(*flag),
            other => {
                problems.add(
                    &self.path(key),
                    format!("{} is not allowed here; write true or false: {key} = true", a(other)),
                );
                None
            }
        }
    }

    /// An array of texts.
    pub(super) fn texts(&self, key: &str, problems: &mut Problems) -> Option<Vec<String>> {
        let DeValue::Array(array) = self.get(key)? else {
            let other = a(self.get(key)?);
            problems.add(&self.path(key), format!("{other} is not allowed here; write an array: {key} = [\"...\"]"));
            return None;
        };
        let mut texts = Vec::new();
        for (at, item) in array.iter().enumerate() {
            match item.get_ref() {
                DeValue::String(text) => texts.push(text.to_string()),
                other => {
                    let message = format!("{} is not allowed here; write a string, in quotes", a(other));
                    problems.add(&format!("{}[{at}]", self.path(key)), message);
                }
            }
        }
        Some(texts)
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, key: &str, words: &[(&'static str, T)], problems: &mut Problems) -> Option<T> {
        let text = self.text(key, problems)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let names = words.iter().map(|(word, _)| *word);
            let meant = near(&text, names.clone()).map(|word| format!("; did you mean \"{word}\"?"));
            let all: Vec<String> = names.map(|word| format!("\"{word}\"")).collect();
            let advice = meant.unwrap_or_else(|| format!("; use {}", all.join(", ")));
            problems.add(&self.path(key), format!("{text:?} is not known{advice}"));
        }
        found
    }

    /// A whole number.
    pub(super) fn integer(&self, key: &str, range: RangeInclusive<u64>, problems: &mut Problems) -> Option<u64> {
        let value = self.get(key)?;
        let DeValue::Integer(integer) = value else {
            let example = range.start();
            problems.add(
                &self.path(key),
                format!("{} is not allowed here; write a whole number: {key} = {example}", a(value)),
            );
            return None;
        };
        let read = u64::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|number| range.contains(number));
        if read.is_none() {
            let message = format!("{integer} is out of range; write {} to {}", range.start(), range.end());
            problems.add(&self.path(key), message);
        }
        read
    }

    /// A decimal number, in thousandths; `range` too.
    pub(super) fn thousandths(&self, key: &str, range: RangeInclusive<u32>, problems: &mut Problems) -> Option<u32> {
        let value = self.get(key)?;
        let (text, number) = match value {
            DeValue::Integer(integer) => {
                let number = i64::from_str_radix(integer.as_str(), integer.radix()).map(|number| number as f64);
                (integer.to_string(), number.ok())
            }
            DeValue::Float(float) => (float.as_str().to_owned(), float.as_str().parse().ok()),
            other => {
                problems.add(&self.path(key), format!("{} is not allowed here; write a number: {key} = 0.5", a(other)));
                return None;
            }
        };
        let (least, most) = (f64::from(*range.start()), f64::from(*range.end()));
        let read = number.map(|number| (number * 1000.0).round());
        // What is not a number is in no range.
        let read = read.filter(|number| (least..=most).contains(number));
        if read.is_none() {
            let (least, most) = (least / 1000.0, most / 1000.0);
            problems.add(&self.path(key), format!("{text} is out of range; write {least} to {most}"));
        }
        read.map(|number| number as u32)
    }

    /// A size in bytes.
    pub(super) fn size(&self, key: &str, problems: &mut Problems) -> Option<u64> {
        self.quantity(key, &SIZES, problems)
    }

    /// A duration in milliseconds.
    pub(super) fn duration(&self, key: &str, problems: &mut Problems) -> Option<u64> {
        self.quantity(key, &DURATIONS, problems)
    }

    fn quantity(&self, key: &str, units: &Units, problems: &mut Problems) -> Option<u64> {
        let read = match self.get(key)? {
            DeValue::String(text) => units.parse(text).map_err(|wrong| wrong.to_string()),
            DeValue::Integer(number) => Err(units.bare(&number.to_string())),
            DeValue::Float(number) => Err(units.wrong(number.as_str()).to_string()),
            other => {
                let Units { what, example, .. } = units;
                Err(format!("{} is not allowed here; write a {what} in quotes: {key} = \"{example}\"", a(other)))
            }
        };
        read.map_err(|message| problems.add(&self.path(key), message)).ok()
    }
}

/// A kind of value with its article.
pub(super) fn a(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
