//! A row as the rest of Cirrus sees it: names and values in a fixed order.

use std::sync::Arc;

use super::value::Value;

/// An ordered list of fields with their values. Rows have few fields, so a list is faster to search than a map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    fields: Vec<(Arc<str>, Value)>,
}

impl Record {
    /// A record without fields.
    pub fn new() -> Record {
        Record::default()
    }

    /// Room for as many fields.
    pub fn with_capacity(fields: usize) -> Record {
        Record { fields: Vec::with_capacity(fields) }
    }

    /// The value of a field; `None` when the record does not speak of it (which is not the same as [`Value::Null`]).
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(field, _)| **field == *name).map(|(_, value)| value)
    }

    /// Gives a field a value, in its old place when it had one.
    pub fn set(&mut self, name: impl Into<Arc<str>> + AsRef<str>, value: impl Into<Value>) {
        match self.fields.iter_mut().find(|(field, _)| **field == *name.as_ref()) {
            Some((_, old)) => *old = value.into(),
            None => self.fields.push((name.into(), value.into())),
        }
    }

    /// The same, for building a record in one expression.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Record {
        self.set(name, value);
        self
    }

    /// Appends a field that the caller knows to be absent.
    pub fn push(&mut self, name: Arc<str>, value: Value) {
        self.fields.push((name, value));
    }

    /// Takes a field out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.fields.iter().position(|(field, _)| **field == *name)?;
        Some(self.fields.remove(at).1)
    }

    /// The number of the row, when the record has one.
    pub fn id(&self) -> Option<i64> {
        match self.get("id") {
            Some(Value::Integer(id)) => Some(*id),
            _ => None,
        }
    }

    /// Fields and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.fields.iter().map(|(name, value)| (&**name, value))
    }

    /// How many fields it has.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether it has no field at all.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The record as a JSON object, in the forms of [`Value::to_json`].
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::Value::Object(self.iter().map(|(name, value)| (name.to_owned(), value.to_json())).collect())
    }
}

impl FromIterator<(Arc<str>, Value)> for Record {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Value)>>(fields: I) -> Record {
        Record { fields: fields.into_iter().collect() }
    }
}
