//! Conditions as JSON, the form in which JavaScript and the web write them:
//! `{"estado": "nueva", "importe": {"ge": "10.00", "lt": 100}, "any": [{"hecha": true}, {"horas": null}]}`.

use serde_json::Value as Json;

use super::{Comparison, Condition, MAX_DEPTH};
use crate::data::{Error, Value};

impl Condition {
    /// Reads a condition: all entries of the object hold.
    pub fn from_json(json: &Json) -> Result<Condition, Error> {
        read(json, 0)
    }

    /// One field and one of the words by which JavaScript and addresses compare.
    pub fn of(field: &str, word: &str, value: &Json) -> Result<Condition, Error> {
        operation(field, word, value)
    }
}

fn read(json: &Json, depth: usize) -> Result<Condition, Error> {
    if depth > MAX_DEPTH {
        return Err(Error::Invalid(format!("conditions nest at most {MAX_DEPTH} deep")));
    }
    let Json::Object(entries) = json else {
        return Err(Error::Invalid("a condition is an object such as {\"field\": value}".to_owned()));
    };
    let mut all = Vec::with_capacity(entries.len());
    for (name, value) in entries {
        match (name.as_str(), value) {
            ("all", Json::Array(parts)) => all.push(Condition::All(list(parts, depth)?)),
            ("any", Json::Array(parts)) => all.push(Condition::Any(list(parts, depth)?)),
            ("not", Json::Object(_)) => all.push(Condition::Not(Box::new(read(value, depth + 1)?))),
            (field, Json::Object(operations)) => {
                for (word, value) in operations {
                    all.push(operation(field, word, value)?);
                }
            }
            (field, Json::Array(values)) => all.push(Condition::In(field.to_owned(), scalars(field, values)?)),
            (field, value) => all.push(Condition::Compare(field.to_owned(), Comparison::Eq, scalar(field, value)?)),
        }
    }
    Ok(if all.len() == 1 { all.remove(0) } else { Condition::All(all) })
}

fn list(parts: &[Json], depth: usize) -> Result<Vec<Condition>, Error> {
    parts.iter().map(|part| read(part, depth + 1)).collect()
}

/// The words of comparisons, for whoever wrote another one.
const WORDS: &str = "eq, ne, lt, lte, gt, gte, between, in, null, contains, begins, like, words, pieces";

fn operation(field: &str, word: &str, value: &Json) -> Result<Condition, Error> {
    let name = field.to_owned();
    let text = || match value {
        Json::String(text) => Ok(text.clone()),
        _ => Err(Error::Invalid(format!("{field}: {word} takes a text"))),
    };
    let comparison = match word {
        "eq" => Comparison::Eq,
        "ne" => Comparison::Ne,
        "lt" => Comparison::Lt,
        "lte" | "le" => Comparison::Le,
        "gt" => Comparison::Gt,
        "gte" | "ge" => Comparison::Ge,
        "between" => {
            let Some([low, high]) = value.as_array().map(Vec::as_slice) else {
                return Err(Error::Invalid(format!("{field}: between takes two values, the least and the most")));
            };
            let bound = |at, bound| Ok(Condition::Compare(name.clone(), at, scalar(field, bound)?)) as Result<_, Error>;
            return Ok(Condition::All(vec![bound(Comparison::Ge, low)?, bound(Comparison::Le, high)?]));
        }
        "in" => {
            return match value {
                Json::Array(values) => Ok(Condition::In(name, scalars(field, values)?)),
                _ => Err(Error::Invalid(format!("{field}: in takes a list"))),
            };
        }
        "null" => {
            return match value {
                Json::Bool(true) => Ok(Condition::Null(name)),
                Json::Bool(false) => Ok(Condition::Not(Box::new(Condition::Null(name)))),
                _ => Err(Error::Invalid(format!("{field}: null takes true or false"))),
            };
        }
        "contains" => return Ok(Condition::Contains(name, text()?)),
        "begins" => return Ok(Condition::Begins(name, text()?)),
        "like" => return Ok(Condition::Like(name, text()?)),
        "words" => return Ok(Condition::Words(name, text()?)),
        "pieces" => return Ok(Condition::Pieces(name, text()?)),
        _ => {
            return Err(Error::Invalid(format!("{field}: there is no comparison {word:?}; there are {WORDS}")));
        }
    };
    Ok(Condition::Compare(name, comparison, scalar(field, value)?))
}

fn scalars(field: &str, values: &[Json]) -> Result<Vec<Value>, Error> {
    values.iter().map(|value| scalar(field, value)).collect()
}

fn scalar(field: &str, value: &Json) -> Result<Value, Error> {
    Value::from_json(value).ok_or_else(|| Error::Invalid(format!("{field}: a list or an object is no value")))
}
