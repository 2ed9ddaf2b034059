//! Reading TOML key by key: who asks for a key says what it must be, each problem is noted with its line, and what
//! nobody asked for is refused at the end.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problem;

/// The problems found so far, and where lines begin.
pub(super) struct Problems<'t> {
    file: &'t str,
    text: &'t str,
    found: Vec<Problem>,
}

impl<'t> Problems<'t> {
    pub(super) fn new(file: &'t str, text: &'t str) -> Problems<'t> {
        Problems { file, text, found: Vec::new() }
    }

    /// The line of a byte, counted from 1.
    pub(super) fn line(&self, byte: usize) -> usize {
        1 + self.text.as_bytes().iter().take(byte).filter(|byte| **byte == b'\n').count()
    }

    pub(super) fn add(&mut self, byte: usize, key: &str, message: impl Into<String>, advice: impl Into<String>) {
        let (file, key) = (self.file.to_owned(), key.to_owned());
        self.found.push(Problem { file, line: self.line(byte), key, message: message.into(), advice: advice.into() });
    }

    /// All problems in the order of the file, each once.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| problem.line);
        self.found.dedup();
        self.found
    }
}

/// One entry of a TOML table.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    /// Where its key is, in bytes.
    pub(super) at: usize,
    pub(super) value: &'a DeValue<'a>,
}

/// A TOML table that is being read.
pub(super) struct Keys<'a> {
    /// Its own key, from the outside in.
    pub(super) path: String,
    /// Where it is, in bytes.
    pub(super) at: usize,
    entries: Vec<Entry<'a>>,
    asked: Vec<&'static str>,
}

/// The entries of a table in the order of the file.
pub(super) fn entries<'a>(table: &'a DeTable<'a>) -> Vec<Entry<'a>> {
    let entry = |(key, value): (&'a Spanned<_>, &'a Spanned<DeValue<'a>>)| {
        let key: &'a Spanned<std::borrow::Cow<'a, str>> = key;
        Entry { name: key.get_ref(), at: key.span().start, value: value.get_ref() }
    };
    let mut entries: Vec<_> = table.iter().map(entry).collect();
    entries.sort_by_key(|entry| entry.at);
    entries
}

impl<'a> Keys<'a> {
    /// The table that an entry should hold; a problem when it holds anything else.
    pub(super) fn of(entry: Entry<'a>, path: &str, problems: &mut Problems) -> Option<Keys<'a>> {
        let path = join(path, entry.name);
        Keys::of_value(entry.value, entry.at, path, problems)
    }

    pub(super) fn of_value(
        value: &'a DeValue<'a>,
        at: usize,
        path: String,
        problems: &mut Problems,
    ) -> Option<Keys<'a>> {
        let Some(table) = value.as_table() else {
            let message = format!("a table is expected, not {}", shown(value));
            problems.add(at, &path, message, "Write it as { key = value }");
            return None;
        };
        Some(Keys { path, at, entries: entries(table), asked: Vec::new() })
    }

    pub(super) fn of_table(table: &'a DeTable<'a>) -> Keys<'a> {
        Keys { path: String::new(), at: 0, entries: entries(table), asked: Vec::new() }
    }

    /// An entry, by name.
    pub(super) fn get(&mut self, name: &'static str) -> Option<Entry<'a>> {
        self.asked.push(name);
        self.entries.iter().find(|entry| entry.name == name).copied()
    }

    /// The full key of one of its entries.
    pub(super) fn key(&self, name: &str) -> String {
        join(&self.path, name)
    }

    fn wrong(&self, entry: Entry, wanted: &str, advice: &str, problems: &mut Problems) {
        let message = format!("{wanted} is expected, not {}", shown(entry.value));
        problems.add(entry.at, &self.key(entry.name), message, advice);
    }

    pub(super) fn text(&mut self, name: &'static str, problems: &mut Problems) -> Option<(&'a str, usize)> {
        let entry = self.get(name)?;
        match entry.value.as_str() {
            Some(text) => Some((text, entry.at)),
            None => {
                self.wrong(entry, "a text", "Write it between quotes", problems);
                None
            }
        }
    }

    pub(super) fn boolean(&mut self, name: &'static str, problems: &mut Problems) -> bool {
        let Some(entry) = self.get(name) else { return false };
        entry.value.as_bool().unwrap_or_else(|| {
            self.wrong(entry, "true or false", "Write it without quotes", problems);
            false
        })
    }

    /// A whole number within bounds.
    pub(super) fn number(
        &mut self,
        name: &'static str,
        least: i64,
        most: i64,
        problems: &mut Problems,
    ) -> Option<(i64, usize)> {
        let entry = self.get(name)?;
        let number = integer(entry.value).filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.wrong(entry, &format!("a whole number from {least} to {most}"), "Write it without quotes", problems);
        }
        number.map(|number| (number, entry.at))
    }

    /// A list of texts, perhaps empty, none twice.
    pub(super) fn texts(&mut self, name: &'static str, problems: &mut Problems) -> Option<(Vec<&'a str>, usize)> {
        let entry = self.get(name)?;
        let texts: Option<Vec<&str>> =
            entry.value.as_array().and_then(|list| list.iter().map(|item| item.get_ref().as_str()).collect());
        let Some(texts) = texts else {
            self.wrong(entry, "a list of texts", "Write it as [\"one\", \"two\"]", problems);
            return None;
        };
        if let Some(twice) = texts.iter().enumerate().find(|(at, text)| texts[..*at].contains(text)) {
            let message = format!("\"{}\" is there twice", twice.1);
            problems.add(entry.at, &self.key(name), message, "Leave it out once");
        }
        Some((texts, entry.at))
    }

    /// Every entry under a key that must be a table.
    pub(super) fn children(&mut self, name: &'static str, problems: &mut Problems) -> Vec<Entry<'a>> {
        let Some(entry) = self.get(name) else { return Vec::new() };
        match entry.value.as_table() {
            Some(table) => entries(table),
            None => {
                self.wrong(entry, "a table", "Write it as a section in brackets", problems);
                Vec::new()
            }
        }
    }

    /// Refuses what nobody asked for.
    pub(super) fn finish(self, problems: &mut Problems) {
        for entry in &self.entries {
            if !self.asked.contains(&entry.name) {
                let advice = format!("Known keys here are {}", self.asked.join(", "));
                problems.add(entry.at, &self.key(entry.name), "this key is not known", advice);
            }
        }
    }
}

/// A TOML integer of any radix.
pub(super) fn integer(value: &DeValue) -> Option<i64> {
    value.as_integer().and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok())
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A value in a few words, for messages.
pub(super) fn shown(value: &DeValue) -> String {
    match value {
        DeValue::String(text) if text.chars().count() <= 40 => format!("\"{text}\""),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(moment) => moment.to_string(),
        other => format!("a {}", other.type_str()),
    }
}
