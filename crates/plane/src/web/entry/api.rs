//! The API as a page, made from its OpenAPI document: what there is by noun, and how each is asked for.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use minijinja::{Value, context};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::frame;
use crate::Plane;
use crate::problem::Answer;
use crate::web::design::Serde;
use crate::web::visit::Visit;
use crate::web::{Query, openapi};

/// What is looked for.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    q: String,
}

#[derive(Serialize)]
struct Noun<'a> {
    name: &'a str,
    text: &'a str,
    operations: Vec<Operation<'a>>,
}

#[derive(Serialize)]
struct Operation<'a> {
    id: &'a str,
    method: String,
    path: &'a str,
    summary: &'a str,
    roles: Vec<&'a str>,
    scope: &'a str,
    inputs: Vec<Input>,
    answers: Vec<(String, String)>,
    curl: String,
    command: Option<&'static str>,
}

/// A parameter, or a key of the body.
#[derive(Serialize)]
struct Input {
    name: String,
    place: String,
    kind: String,
    text: String,
    required: bool,
}

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit, Query(wanted): Query<Wanted>) -> Answer<Response> {
    let document = &*crate::router::DOCUMENT;
    let q: String = wanted.q.trim().chars().take(80).collect();
    let nouns = nouns(document, &q.to_lowercase(), &plane.console_url);
    let count: usize = nouns.iter().map(|noun| noun.operations.len()).sum();
    let base = format!("{}{}", plane.console_url, crate::router::PREFIX);
    let values = context! {
        nouns => Value::from(Serde(&nouns)),
        document => format!("{}{}", crate::router::PREFIX, openapi::PATH),
        home => "/",
        base, q, count,
        ..frame(&visit)
    };
    Ok(plane.pages.page(&visit.view, "entry/api.html", values))
}

fn text<'a>(value: &'a Json, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("")
}

/// Every noun with what fits the search.
fn nouns<'a>(document: &'a Json, q: &str, site: &str) -> Vec<Noun<'a>> {
    let tags = document["tags"].as_array().into_iter().flatten();
    let all = tags.map(|tag| {
        let name = text(tag, "name");
        let paths = document["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, methods)| {
            let methods = methods.as_object().into_iter().flatten();
            methods.map(move |(method, one)| (path.as_str(), method.as_str(), one))
        });
        let mine = operations.filter(|(.., one)| one["tags"][0] == name);
        let mine = mine.map(|(path, method, one)| operation(document, path, method, one, site));
        let fits = |one: &Operation<'_>| {
            let words = format!("{} {} {} {}", one.method, one.path, one.summary, one.id).to_lowercase();
            q.split_whitespace().all(|word| words.contains(word))
        };
        Noun { name, text: text(tag, "description"), operations: mine.filter(fits).collect() }
    });
    all.filter(|noun| !noun.operations.is_empty()).collect()
}

fn operation<'a>(document: &'a Json, path: &'a str, method: &str, one: &'a Json, site: &str) -> Operation<'a> {
    let method = method.to_ascii_uppercase();
    let parameters = one["parameters"].as_array().into_iter().flatten();
    let mut inputs: Vec<Input> = parameters
        .map(|parameter| resolved(document, parameter))
        .filter(|parameter| text(parameter, "in") != "header")
        .map(|parameter| Input {
            name: text(parameter, "name").into(),
            place: text(parameter, "in").into(),
            kind: kind(&parameter["schema"]),
            text: text(parameter, "description").into(),
            required: parameter["required"] == true,
        })
        .collect();
    let content = one["requestBody"]["content"].as_object().and_then(|content| content.iter().next());
    let body = content.map(|(_, media)| resolved(document, &media["schema"]));
    let required = |body: &Json, name: &str| {
        body["required"].as_array().is_some_and(|all| all.iter().any(|one| one.as_str() == Some(name)))
    };
    if let Some(body) = body {
        inputs.extend(body["properties"].as_object().into_iter().flatten().map(|(name, schema)| Input {
            name: name.clone(),
            place: "body".into(),
            kind: kind(schema),
            text: text(schema, "description").into(),
            required: required(body, name),
        }));
    }
    let answers = one["responses"].as_object().into_iter().flatten().filter(|(status, _)| status.starts_with('2'));
    let answers = answers.map(|(status, answer)| {
        let kinds = answer["content"].as_object().into_iter().flatten();
        let kinds = kinds.map(|(media, what)| match (what.get("schema"), what.get("x-line-schema")) {
            (Some(schema), _) => kind(schema),
            (None, Some(line)) => format!("{media}: {}", kind(line)),
            (None, None) => media.clone(),
        });
        (status.clone(), kinds.collect::<Vec<_>>().join("; "))
    });
    Operation {
        id: text(one, "operationId"),
        path,
        summary: text(one, "summary"),
        roles: one["x-roles"].as_array().into_iter().flatten().filter_map(Json::as_str).collect(),
        scope: one["security"][0]["token"][0].as_str().unwrap_or(""),
        answers: answers.collect(),
        curl: curl(&method, path, content.map(|(media, _)| media.as_str()), &inputs, site),
        command: openapi::cli::find(&format!("{method} {path}")),
        inputs,
        method,
    }
}

/// What a reference leads to.
fn resolved<'a>(document: &'a Json, value: &'a Json) -> &'a Json {
    let path = value["$ref"].as_str().map(|path| path.trim_start_matches('#'));
    path.and_then(|path| document.pointer(path)).unwrap_or(value)
}

/// What a schema is, in a word or few.
fn kind(schema: &Json) -> String {
    if let Some(path) = schema["$ref"].as_str() {
        return path.rsplit('/').next().unwrap_or("").to_owned();
    }
    if let Some(all) = schema["anyOf"].as_array() {
        let all: Vec<String> = all.iter().map(kind).filter(|kind| kind != "null").collect();
        return all.join(" | ");
    }
    let kinds = match &schema["type"] {
        Json::Array(all) => all.iter().filter_map(Json::as_str).filter(|kind| *kind != "null").collect(),
        one => one.as_str().unwrap_or("any").to_owned(),
    };
    let limits = match (&schema["minimum"], &schema["maximum"], &schema["maxLength"]) {
        (Json::Number(least), Json::Number(most), _) if most.as_u64().is_some_and(|most| most < 1 << 32) => {
            format!(" {least}–{most}")
        }
        (_, _, Json::Number(most)) => format!(" ≤ {most}"),
        _ => String::new(),
    };
    format!("{kinds}{limits}")
}

fn curl(method: &str, path: &str, media: Option<&str>, inputs: &[Input], site: &str) -> String {
    let mut line = "curl --fail-with-body -H \"Authorization: Bearer $TOKEN\"".to_owned();
    if method != "GET" {
        line.push_str(&format!(" -X {method}"));
    }
    match media {
        Some("application/json") => {
            let needed = inputs.iter().filter(|input| input.place == "body" && input.required);
            let needed: Vec<String> = needed.map(|input| format!("\"{}\": ...", input.name)).collect();
            if !needed.is_empty() {
                let body = format!("{{{}}}", needed.join(", "));
                line.push_str(&format!(" \\\n  -H \"Content-Type: application/json\" -d '{body}'"));
            }
        }
        Some(media) => line.push_str(&format!(" \\\n  -H \"Content-Type: {media}\" --data-binary @FILE")),
        None => {}
    }
    let path = path.replace(['{', '}'], "");
    let path: Vec<String> = path.split('/').map(str::to_owned).collect();
    format!("{line} \\\n  {site}{}{}", crate::router::PREFIX, path.join("/"))
}
