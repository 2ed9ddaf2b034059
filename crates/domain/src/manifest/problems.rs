//! Everything that is wrong with a manifest at once, each with its line, so that nobody has to fix and retry in turns.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One thing that is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestProblem {
    /// Line of `vclouden.toml`, from 1, when it is known.
    pub line: Option<usize>,
    /// The key, such as `limits.memory` or `ports[0].name`; empty when the text is no TOML.
    pub key: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for ManifestProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong with a manifest, in order of its lines; prints one per line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestErrors {
    /// At least one.
    pub problems: Vec<ManifestProblem>,
}

impl std::error::Error for ManifestErrors {}

impl fmt::Display for ManifestErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            let end = if at > 0 { "\n" } else { "" };
            write!(f, "{end}{problem}")?;
        }
        Ok(())
    }
}

impl ManifestErrors {
    /// Fills in the line numbers, given the text of the manifest.
    pub fn with_lines(self, text: &str) -> Self {
        let lines = Lines::of(text, DeTable::parse_recoverable(text).0.get_ref());
        let problems = self.problems.into_iter().map(|problem| {
            let line = problem.line.or_else(|| lines.find(&problem.key));
            ManifestProblem { line, ..problem }
        });
        Self { problems: sorted(problems.collect()) }
    }
}

fn sorted(mut problems: Vec<ManifestProblem>) -> Vec<ManifestProblem> {
    problems.sort_by_key(|problem| problem.line.unwrap_or(0));
    problems
}

/// Problems while they are being collected.
#[derive(Default)]
pub(super) struct Problems {
    found: Vec<ManifestProblem>,
}

impl Problems {
    /// Adds one, unless something is already known to be wrong with that key: its value is then a placeholder.
    pub(super) fn add(&mut self, key: &str, message: impl Into<String>) {
        if !self.has(key) {
            self.found.push(ManifestProblem { line: None, key: key.to_owned(), message: message.into() });
        }
    }

    /// Adds one of which the line is known.
    pub(super) fn add_at(&mut self, line: usize, message: String) {
        self.found.push(ManifestProblem { line: Some(line), key: String::new(), message });
    }

    /// Whether something is wrong with a key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.found.iter().any(|problem| problem.key == key)
    }

    /// Whether something is wrong with a key or anything in it.
    pub(super) fn has_within(&self, key: &str) -> bool {
        let within = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
        self.found.iter().any(|problem| problem.key.strip_prefix(key).is_some_and(within))
    }

    /// All of them as an error, if there is any.
    pub(super) fn result(&mut self, lines: Option<&Lines>) -> Result<(), ManifestErrors> {
        if self.found.is_empty() {
            return Ok(());
        }
        let find = |key: &str| lines.and_then(|lines| lines.find(key));
        let located = std::mem::take(&mut self.found).into_iter().map(|problem| {
            let line = problem.line.or_else(|| find(&problem.key));
            ManifestProblem { line, ..problem }
        });
        Err(ManifestErrors { problems: sorted(located.collect()) })
    }
}

/// The line of every key in a text.
pub(super) struct Lines {
    by_key: BTreeMap<String, usize>,
}

impl Lines {
    /// Finds the line of every key.
    pub(super) fn of(text: &str, document: &DeTable<'_>) -> Self {
        let mut lines = Self { by_key: BTreeMap::new() };
        lines.table("", document, &|at| line(text, at));
        lines
    }

    fn table(&mut self, path: &str, table: &DeTable<'_>, line: &dyn Fn(usize) -> usize) {
        for (key, value) in table.iter() {
            let path = if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
            self.by_key.insert(path.clone(), line(key.span().start));
            self.value(&path, value, line);
        }
    }

    fn value(&mut self, path: &str, value: &Spanned<DeValue<'_>>, line: &dyn Fn(usize) -> usize) {
        match value.get_ref() {
            DeValue::Table(table) => self.table(path, table, line),
            DeValue::Array(array) => {
                for (at, item) in array.iter().enumerate() {
                    let path = format!("{path}[{at}]");
                    self.by_key.insert(path.clone(), line(item.span().start));
                    self.value(&path, item, line);
                }
            }
            _ => {}
        }
    }

    /// The line of a key, or of what it would be in: a missing key belongs to the line of its table.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        let mut key = key;
        loop {
            if let Some(line) = self.by_key.get(key) {
                return Some(*line);
            }
            key = &key[..key.rfind(['.', '['])?];
        }
    }
}

/// The line, from 1, of a place in a text.
pub(super) fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}
