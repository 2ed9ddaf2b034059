//! The OpenAPI document of the API, made from the code: paths, parameters and bodies from what the handlers read, who
//! may and with which query from the table of access, answers from [`answers::ANSWERS`]. Nothing is written twice.

use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use schemars::generate::{Contract, SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use crate::access::{self, Body, Row};
use crate::etag;
use crate::problem::Answer;
use crate::wire::{PROBLEM_JSON, Problem, word};

pub mod answers;
pub mod cli;
mod reads;

pub use reads::{Input, Reads};

/// Where it is, below [`crate::router::PREFIX`].
pub const PATH: &str = "/openapi.json";

/// A route as the router knows it.
#[derive(Clone, Debug)]
pub struct Route {
    /// HTTP method.
    pub method: Method,
    /// Path pattern below the prefix.
    pub path: &'static str,
    /// Module and name of its handler, such as `apps.list`.
    pub id: String,
    /// What its handler reads.
    pub reads: fn(&mut Input<'_>),
}

/// The module and the name of a handler, from the name of its type.
pub fn id_of<H>() -> String {
    let mut parts = std::any::type_name::<H>().rsplit("::");
    let (name, module) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    format!("{module}.{name}")
}

/// The document as it is sent.
pub async fn send(document: &Value, headers: HeaderMap) -> Answer<Response> {
    let mut response = super::json(StatusCode::OK, document)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(etag::tagged(&headers, response).await)
}

/// Schemas of what is asked or answered, collected in one place of the document.
fn schemas(contract: Contract) -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
        settings.contract = contract;
    });
    settings.into_generator()
}

/// The document of these routes.
pub fn document(routes: &[Route]) -> Value {
    let (mut asked, mut answered) = (schemas(Contract::Deserialize), schemas(Contract::Serialize));
    let problem = answered.subschema_for::<Problem>();
    let mut paths = Map::new();
    for route in routes {
        let Some(row) = access::find(&route.method, route.path) else { continue };
        let operation = operation(route, row, &mut asked, &mut answered);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation;
    }
    paths.insert(PATH.into(), json!({ "get": itself() }));
    // What is both asked and answered, such as a role, is the same in both.
    let mut definitions = asked.take_definitions(true);
    definitions.extend(answered.take_definitions(true));
    let tags = answers::NOUNS.iter().map(|(tag, text)| json!({ "name": tag, "description": text }));
    let tags: Vec<Value> = tags.collect();
    let mut whole = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "vClouden",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
            "description": INTRODUCTION,
        },
        "servers": [{ "url": crate::router::PREFIX }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": definitions,
            "responses": { "Problem": {
                "description": "It was not done; the body says why and what to do.",
                "content": { PROBLEM_JSON: { "schema": problem } },
            } },
            "headers": { "ETag": {
                "description": "Changes with every byte of the answer.",
                "schema": { "type": "string", "pattern": "^\"[0-9a-f]+\"$" },
            } },
            "parameters": { "If-None-Match": {
                "name": "If-None-Match",
                "in": "header",
                "description": "The `ETag` of an answer that is at hand: 304 while it is the same.",
                "schema": { "type": "string" },
            }, "If-Match": {
                "name": "If-Match",
                "in": "header",
                "description": "The `ETag` that `GET` gave at this path: 412 if it is another by now.",
                "schema": { "type": "string" },
            }, "Last-Event-ID": {
                "name": "Last-Event-ID",
                "in": "header",
                "description": "The id of the last event that came in a stream: it goes on after that one. A list \
                    is not changed by it.",
                "schema": { "type": "string" },
            }, "Idempotency-Key": {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "Repeated with the same key within 24 hours, the same request is done once.",
                "schema": { "type": "string", "pattern": "^[!-~]{1,255}$" },
            } },
            "securitySchemes": { "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "A token, `vct_...` or the operator's `vco_...`, with the scopes it was given.",
            } },
        },
    });
    limit_integers(&mut whole);
    whole
}

/// What holds for every request.
const INTRODUCTION: &str = "Everything that a page or the command line can do. Requests refuse unknown keys, answers \
    may gain some; times are milliseconds since 1970-01-01 UTC; what belongs to somebody else does not exist (404). \
    Lists come in parts: `next` of one is the `cursor` of the following. What takes longer is accepted (202) and \
    followed as an operation or a deployment.";

fn itself() -> Value {
    let content = json!({ "application/json": { "schema": { "type": "object" } } });
    json!({
        "operationId": "openapi.show",
        "summary": "This document.",
        "tags": ["openapi"],
        "security": [],
        "responses": { "200": { "description": "OK", "content": content } },
    })
}

fn operation(route: &Route, row: &Row, asked: &mut SchemaGenerator, answered: &mut SchemaGenerator) -> Value {
    let mut input = Input::new(asked);
    (route.reads)(&mut input);
    let Input { body, query, .. } = input;
    let told = answers::find(&route.method, route.path);
    let mut parameters = path_parameters(route.path);
    parameters.extend(query_parameters(row, query.as_ref()));
    let changes = route.method != Method::GET;
    let mut header = |name: &str| parameters.push(json!({ "$ref": format!("#/components/parameters/{name}") }));
    if !changes && told.is_some_and(|told| told.is_whole()) {
        header("If-None-Match");
    }
    if told.is_some_and(|told| told.is_stream()) {
        header("Last-Event-ID");
    }
    if changes && answers::find(&Method::GET, route.path).is_some_and(|told| told.is_one()) {
        header("If-Match");
    }
    if changes && row.verb != "installation.exec" && !row.who.is_empty() {
        header("Idempotency-Key");
    }
    let roles: Vec<String> = row.who.iter().map(word).collect();
    let (roles_told, security) = match row.who.is_empty() {
        true => ("For whoever asks, also without a token.".to_owned(), json!([])),
        false => (format!("For: {}.", roles.join(", ")), json!([{ "token": [word(&row.scope())] }])),
    };
    let mut operation = json!({
        "operationId": route.id,
        "tags": [route.id.split('.').next().unwrap_or("")],
        "summary": told.map_or("", |told| told.summary),
        "description": roles_told,
        "x-roles": roles,
        "security": security,
        "parameters": parameters,
        "responses": told.map(|told| told.responses(answered)).unwrap_or_default(),
    });
    match (row.body, body) {
        (Body::Json, Some(schema)) => {
            // An empty body is `{}`.
            let required = required(&schema, asked);
            let content = json!({ "application/json": { "schema": schema } });
            operation["requestBody"] = json!({ "required": required, "content": content });
        }
        (Body::Stream, _) => {
            let media_type = told.map_or("application/octet-stream", |told| told.takes);
            // Of any bytes there may be none.
            let required = media_type != "application/octet-stream";
            operation["requestBody"] = json!({ "required": required, "content": { media_type: {} } });
        }
        _ => {}
    }
    operation
}

/// Whether something must be in a body of this schema.
fn required(schema: &schemars::Schema, asked: &SchemaGenerator) -> bool {
    let named = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
    let meant = named.and_then(|name| asked.definitions().get(name)).unwrap_or(schema.as_value());
    meant.get("required").and_then(Value::as_array).is_some_and(|keys| !keys.is_empty())
}

fn path_parameters(path: &str) -> Vec<Value> {
    let open = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    open.map(|name| {
        let schema = match name {
            "number" => json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX }),
            _ => json!({ "type": "string", "minLength": 1 }),
        };
        let mut parameter = json!({ "name": name, "in": "path", "required": true, "schema": schema });
        if let Some((_, text)) = answers::PLACES.iter().find(|(place, _)| *place == name) {
            parameter["description"] = (*text).into();
        }
        parameter
    })
    .collect()
}

/// Those that the table of access names, as the handler reads them.
fn query_parameters(row: &Row, query: Option<&schemars::Schema>) -> Vec<Value> {
    let properties = query.and_then(|query| query.get("properties")).and_then(Value::as_object);
    let parameter = |key: &&str| {
        let mut schema = properties?.get(*key)?.clone();
        let description = schema.as_object_mut()?.remove("description");
        schema.as_object_mut()?.remove("default");
        not_null(&mut schema);
        let mut parameter = json!({ "name": key, "in": "query", "schema": schema });
        if let Some(description) = description {
            parameter["description"] = description;
        }
        Some(parameter)
    };
    row.query.iter().filter_map(parameter).collect()
}

/// In a query what is not there is left out.
fn not_null(schema: &mut Value) {
    if let Some(kinds) = schema.get("type").and_then(Value::as_array) {
        let kinds: Vec<Value> = kinds.iter().filter(|kind| *kind != "null").cloned().collect();
        schema["type"] = if let [one] = kinds.as_slice() { one.clone() } else { kinds.into() };
    }
    let others = schema.get("anyOf").and_then(Value::as_array);
    if let Some([one]) =
        others.map(|others| others.iter().filter(|one| one["type"] != "null").collect::<Vec<_>>()).as_deref()
    {
        *schema = (*one).clone();
    }
}

/// Numbers have the limits of the types that they are read into, which few readers know by their names.
fn limit_integers(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(limit_integers),
        Value::Object(all) => {
            let most = match all.get("format").and_then(Value::as_str) {
                Some("uint8") => u64::from(u8::MAX),
                Some("uint16") => u64::from(u16::MAX),
                Some("uint32") => u64::from(u32::MAX),
                Some("uint64" | "uint") => u64::MAX,
                _ => 0,
            };
            if most > 0 {
                all.remove("format");
                all.entry("maximum").or_insert_with(|| most.into());
            }
            all.values_mut().for_each(limit_integers);
        }
        _ => {}
    }
}
