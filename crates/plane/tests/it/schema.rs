//! Holds every answer that any test gets from the API to its OpenAPI document.

use std::sync::LazyLock;

use reqwest::Method;
use serde_json::Value;

use crate::world::Got;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| plane::router::routes().document());

/// Panics unless the document knows such an answer.
pub fn check(method: &Method, path: &str, got: &Got) {
    let Some(path) = path.strip_prefix("/api/v1") else { return };
    let Some((pattern, operation)) = operation(method, path) else { return };
    let what = format!("{method} {pattern}: {}", got.status);
    let (status, responses) = (got.status.as_str(), &operation["responses"]);
    // A path of nonsense may not be one of that route.
    let told = responses.get(status).or_else(|| responses.get(format!("{}XX", &status[..1])));
    let told = resolved(told.unwrap_or_else(|| panic!("{what} is in no answer of the document")));
    let Some(content) = told.get("content").and_then(Value::as_object) else {
        assert!(got.body.is_empty(), "{what}: the document knows of no body");
        return;
    };
    if *method == Method::HEAD || got.status == 304 {
        return;
    }
    let media_type = got.headers["content-type"].to_str().unwrap().split(';').next().unwrap();
    let range = format!("{}/*", media_type.split('/').next().unwrap());
    let Some(body) = content.get(media_type).or_else(|| content.get(&range)) else {
        assert_eq!(media_type, "application/x-ndjson", "{what} is said to be {:?}", content.keys());
        return;
    };
    if let Some(schema) = body.get("schema") {
        let value: Value = serde_json::from_slice(&got.body).unwrap();
        if let Err(why) = fits(&value, schema, "") {
            panic!("{what}: {why}\n{value:#}");
        }
    }
    for line in got.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        if let Some(schema) = body.get("x-line-schema") {
            fits(&serde_json::from_slice(line).unwrap(), schema, "").unwrap_or_else(|why| panic!("{what}: {why}"));
        }
    }
}

/// The operation of the most literal pattern that fits.
fn operation(method: &Method, path: &str) -> Option<(&'static str, &'static Value)> {
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |pattern: &str| {
        let wanted: Vec<&str> = pattern.split('/').collect();
        wanted.len() == parts.len() && wanted.iter().zip(&parts).all(|(w, p)| w.starts_with('{') || w == p)
    };
    let all = DOCUMENT["paths"].as_object().unwrap().iter().filter(|(pattern, _)| fits(pattern));
    let (pattern, methods) = all.min_by_key(|(pattern, _)| pattern.matches('{').count())?;
    let method = if method == Method::HEAD { "get".to_owned() } else { method.as_str().to_ascii_lowercase() };
    Some((pattern, methods.get(method)?))
}

fn resolved(value: &'static Value) -> &'static Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(path) => DOCUMENT.pointer(path.trim_start_matches('#')).unwrap_or_else(|| panic!("there is no {path}")),
        None => value,
    }
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("there is no type {other}"),
    }
}

/// Whether a value is what a schema of ours says; if not, where and why.
fn fits(value: &Value, schema: &'static Value, at: &str) -> Result<(), String> {
    let schema = resolved(schema);
    let wrong = |why: String| Err(format!("{at}: {why}"));
    if let Some(kinds) = schema.get("type") {
        let kinds: Vec<&str> = kinds
            .as_array()
            .map_or_else(|| vec![kinds], |all| all.iter().collect())
            .into_iter()
            .map(|kind| kind.as_str().unwrap())
            .collect();
        if !kinds.iter().any(|kind| is(value, kind)) {
            return wrong(format!("{value} is not {kinds:?}"));
        }
    }
    if let Some(all) = schema.get("enum").and_then(Value::as_array)
        && !all.contains(value)
    {
        return wrong(format!("{value} is none of {all:?}"));
    }
    if schema.get("const").is_some_and(|wanted| wanted != value) {
        return wrong(format!("{value} is not {}", schema["const"]));
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(all) = schema.get(key).and_then(Value::as_array) {
            let tried: Vec<_> = all.iter().map(|one| fits(value, one, at)).collect();
            if tried.iter().all(Result::is_err) {
                return wrong(format!("it is none of {}: {tried:?}", all.len()));
            }
        }
    }
    for one in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        fits(value, one, at)?;
    }
    if let (Some(items), Some(all)) = (schema.get("items"), value.as_array()) {
        for (index, one) in all.iter().enumerate() {
            fits(one, items, &format!("{at}[{index}]"))?;
        }
    }
    let Some(value) = value.as_object() else { return Ok(()) };
    for key in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if !value.contains_key(key.as_str().unwrap()) {
            return wrong(format!("{key} is missing"));
        }
    }
    for (key, one) in value {
        let known = schema.get("properties").and_then(|all| all.get(key));
        match known.or_else(|| schema.get("additionalProperties")) {
            Some(Value::Bool(false)) => return wrong(format!("\"{key}\" is unknown")),
            Some(schema) if schema.is_object() => fits(one, schema, &format!("{at}.{key}"))?,
            _ => {}
        }
    }
    Ok(())
}
