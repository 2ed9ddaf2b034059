//! `/openapi.json`: the resources as an OpenAPI 3.1 document, made from the same schema that judges what is sent, and
//! exact enough to be tested by machines.

use serde_json::{Map, Value, json};

use super::resource::Resource;
use crate::{
    app::App,
    data::{
        SAFE_INTEGER, query,
        schema::{Field, IndexKind, Kind, Table, Type},
    },
};

/// Base64 as RFC 4648 wants it: whole groups, no bits left over.
const BASE64: &str = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";

/// The document of these resources.
pub fn document<'a>(app: &App, resources: impl Iterator<Item = &'a Resource>) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::from_iter([("Problem".to_owned(), problem())]);
    let most = u32::try_from(app.config.limits.page).unwrap_or(u32::MAX);
    for resource in resources {
        let Ok((_, table)) = app.store.schema().find(&resource.table) else { continue };
        let name = &*table.name;
        schemas.insert(name.to_owned(), row(table));
        for (kind, whole) in [("new", true), ("changes", false)] {
            let mut schema = written(table, whole);
            if resource.of_people(app) {
                schema["properties"]["password"] =
                    json!({ "type": ["string", "null"], "minLength": 8, "maxLength": 200, "writeOnly": true });
            }
            schemas.insert(format!("{name}-{kind}"), schema);
        }
        let collection = collection(resource, table, most.max(resource.page));
        if !collection.is_empty() {
            paths.insert(resource.path.clone(), collection.into());
        }
        let item = item(resource, name);
        if item.len() > 1 {
            paths.insert(format!("{}/{{id}}", resource.path), item.into());
        }
    }
    let title = app.directory.file_name().map_or_else(|| "Cirrus".into(), |name| name.to_string_lossy().into_owned());
    json!({
        "openapi": "3.1.0",
        "info": { "title": title, "version": "1" },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": { "Problem": {
                "description": "What is wrong, and what to do",
                "content": { "application/problem+json": { "schema": reference("Problem") } },
            } },
        },
    })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn problem() -> Value {
    let error = json!({
        "type": "object",
        "required": ["field", "code", "message"],
        "properties": {
            "field": { "type": "string" },
            "code": { "type": "string" },
            "message": { "type": "string" },
            "values": { "type": "object", "additionalProperties": { "type": "string" } },
        },
    });
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "errors": { "type": "array", "items": error },
        },
    })
}

/// The responses of an operation: its own, and the problems that it may give.
fn responses(good: Value, codes: &[u16]) -> Value {
    let mut all = good;
    for code in codes {
        all[code.to_string()] = json!({ "$ref": "#/components/responses/Problem" });
    }
    all["default"] = json!({ "$ref": "#/components/responses/Problem" });
    all
}

fn content(schema: Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

fn tagged() -> Value {
    json!({ "ETag": { "schema": { "type": "string" }, "description": "for If-None-Match and If-Match" } })
}

fn collection(resource: &Resource, table: &Table, most: u32) -> Map<String, Value> {
    let name = &*table.name;
    let mut operations = Map::new();
    if resource.verbs.list {
        let rows = if table.fields.is_empty() { json!({}) } else { partial(table) };
        let good = json!({
            "description": "Rows",
            "content": content(json!({ "type": "array", "items": rows })),
            "headers": {
                "Link": { "schema": { "type": "string" }, "description": "the next page: rel=\"next\"" },
                "X-Total-Count": { "schema": { "type": "string" }, "description": "with total=true" },
            },
        });
        let list = json!({
            "operationId": format!("list-{name}"),
            "summary": format!("Rows of {name}"),
            "parameters": parameters(table, resource, most),
            "responses": responses(json!({ "200": good, "304": { "description": "Unchanged" } }), &[400, 404]),
        });
        operations.insert("get".into(), list);
    }
    if resource.verbs.create {
        let mut good = json!({
            "description": "The new row",
            "content": content(reference(name)),
            "headers": { "Location": { "schema": { "type": "string" } }, "ETag": tagged()["ETag"] },
        });
        if resource.verbs.get {
            good["links"] = links(resource, name);
        }
        let create = json!({
            "operationId": format!("create-{name}"),
            "summary": format!("A new row of {name}"),
            "requestBody": { "required": true, "content": content(reference(&format!("{name}-new"))) },
            "responses": responses(json!({ "201": good }), &[400, 403, 409, 413, 415, 422, 503]),
        });
        operations.insert("post".into(), create);
    }
    operations
}

fn links(resource: &Resource, name: &str) -> Value {
    let mut links = Map::new();
    let verbs = [("get", resource.verbs.get), ("change", resource.verbs.update), ("delete", resource.verbs.delete)];
    for (verb, _) in verbs.iter().filter(|(_, allowed)| *allowed) {
        let link = json!({ "operationId": format!("{verb}-{name}"), "parameters": { "id": "$response.body#/id" } });
        links.insert((*verb).to_owned(), link);
    }
    links.into()
}

fn item(resource: &Resource, name: &str) -> Map<String, Value> {
    let id = json!({ "name": "id", "in": "path", "required": true,
                     "schema": { "type": "integer", "minimum": 1, "maximum": SAFE_INTEGER } });
    let mut operations = Map::from_iter([("parameters".to_owned(), json!([id]))]);
    let (row, headers) = (content(reference(name)), tagged());
    let good = |description: &str| json!({ "description": description, "content": row, "headers": headers });
    if resource.verbs.get {
        let get = json!({
            "operationId": format!("get-{name}"),
            "summary": format!("One row of {name}"),
            "responses": responses(json!({ "200": good("The row"), "304": { "description": "Unchanged" } }), &[404]),
        });
        operations.insert("get".into(), get);
    }
    let write = |verb: &str, summary: &str, schema: String| {
        json!({
            "operationId": format!("{verb}-{name}"),
            "summary": summary,
            "requestBody": { "required": true, "content": content(reference(&schema)) },
            "responses": responses(
                json!({ "200": good("The row as it is now") }),
                &[400, 403, 404, 409, 412, 413, 415, 422, 503],
            ),
        })
    };
    if resource.verbs.update {
        let summary = "The whole row: what it leaves out is as in a new one. With If-Match only if nobody changed it.";
        operations.insert("put".into(), write("replace", summary, format!("{name}-new")));
        let summary = "Some fields. With If-Match only if nobody changed the row.";
        operations.insert("patch".into(), write("change", summary, format!("{name}-changes")));
    }
    if resource.verbs.delete {
        let delete = json!({
            "operationId": format!("delete-{name}"),
            "summary": "Deletes the row. With If-Match only if nobody changed it.",
            "responses": responses(json!({ "204": { "description": "Gone" } }), &[403, 404, 409, 412, 503]),
        });
        operations.insert("delete".into(), delete);
    }
    operations
}

/// What a row looks like.
fn row(table: &Table) -> Value {
    let mut schema = partial(table);
    let names: Vec<&str> = std::iter::once("id").chain(table.fields.iter().map(|field| &*field.name)).collect();
    schema["required"] = json!(names);
    schema
}

/// The same when `fields=` may leave some out.
fn partial(table: &Table) -> Value {
    let mut properties = Map::from_iter([("id".to_owned(), json!({ "type": "integer", "minimum": 1 }))]);
    for field in &table.fields {
        properties.insert(field.name.to_string(), shown(field));
    }
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

/// A field as the server shows it.
fn shown(field: &Field) -> Value {
    let kind = match field.kind.result() {
        Type::Integer => "integer",
        Type::Boolean => "boolean",
        _ => "string",
    };
    let mut types = vec![kind];
    if field.kind.result() == Type::Integer && !matches!(field.kind, Kind::Link { .. }) {
        types.push("string"); // beyond 2^53
    }
    if field.nullable() {
        types.push("null");
    }
    json!({ "type": types, "readOnly": !field.writable() })
}

/// What may be sent.
fn written(table: &Table, whole: bool) -> Value {
    let fields: Vec<&Field> = table.fields.iter().filter(|field| field.writable()).collect();
    let properties: Map<String, Value> = fields.iter().map(|field| (field.name.to_string(), accepted(field))).collect();
    let needed = |field: &&&Field| field.required && field.default.is_none();
    let required: Vec<&str> = fields.iter().filter(needed).map(|field| &*field.name).collect();
    let mut schema = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if whole && !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// A field as it may be sent.
fn accepted(field: &Field) -> Value {
    let not_negative = field.check.as_ref().is_some_and(|check| {
        let text: String = check.text().split_whitespace().collect();
        text == format!("{}>=0", field.name)
    });
    let mut schema = match &field.kind {
        Kind::Text { min, max } => {
            json!({ "type": "string", "minLength": min, "maxLength": max, "pattern": "^[^\\u0000]*$" })
        }
        Kind::Choice { of } => json!({ "type": "string", "enum": of }),
        Kind::Integer { min, max } => {
            let low = if not_negative { 0.max(*min) } else { *min };
            let number =
                json!({ "type": "integer", "minimum": low.max(-SAFE_INTEGER), "maximum": (*max).min(SAFE_INTEGER) });
            if low < -SAFE_INTEGER || *max > SAFE_INTEGER {
                json!({ "anyOf": [number, { "type": "string", "pattern": "^-?(0|[1-9][0-9]{0,17})$" }] })
            } else {
                number
            }
        }
        Kind::Decimal { scale, min, .. } => decimal(*scale, not_negative || *min >= 0),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Date => json!({ "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" }),
        Kind::Time => json!({ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$" }),
        Kind::Timestamp => json!({ "type": "string", "format": "date-time" }),
        Kind::Blob { max } => {
            json!({ "type": "string", "contentEncoding": "base64", "pattern": BASE64, "maxLength": max / 3 * 4 })
        }
        Kind::Link { .. } => json!({ "type": "integer", "minimum": 1, "maximum": SAFE_INTEGER }),
        Kind::Formula { .. } => json!({}),
    };
    if field.nullable() {
        schema = json!({ "anyOf": [schema, { "type": "null" }] });
    }
    schema
}

/// A decimal as exact text; numbers are taken where they are exact.
fn decimal(scale: u8, not_negative: bool) -> Value {
    let sign = if not_negative { "" } else { "-?" };
    let whole = 17_u8.saturating_sub(scale);
    let fraction = if scale > 0 { format!("(\\.[0-9]{{1,{scale}}})?") } else { String::new() };
    let most = 10_f64.powi(i32::from(whole.min(12)));
    let least = if not_negative { 0.0 } else { -most };
    json!({ "anyOf": [
        { "type": "string", "pattern": format!("^{sign}(0|[1-9][0-9]{{0,{whole}}}){fraction}$") },
        { "type": "number", "minimum": least, "maximum": most, "multipleOf": 10_f64.powi(-i32::from(scale)) },
    ] })
}

/// A parameter of several values, with commas between them.
fn several(name: &str, values: Value, description: &str) -> Value {
    let mut parameter = parameter(name, values, description);
    parameter["style"] = json!("form");
    parameter["explode"] = json!(false);
    parameter
}

/// A parameter of the query.
fn parameter(name: &str, schema: Value, description: &str) -> Value {
    json!({ "name": name, "in": "query", "schema": schema, "description": description })
}

fn parameters(table: &Table, resource: &Resource, most: u32) -> Value {
    let names: Vec<&str> = std::iter::once("id").chain(table.fields.iter().map(|field| &*field.name)).collect();
    let orders: Vec<String> = names.iter().flat_map(|name| [(*name).to_owned(), format!("-{name}")]).collect();
    let list = |of: Value| json!({ "type": "array", "items": { "enum": of }, "minItems": 1, "uniqueItems": true });
    let mut all = vec![
        parameter(
            "limit",
            json!({ "type": "integer", "minimum": 1, "maximum": most, "default": resource.page }),
            "rows of a page",
        ),
        parameter(
            "offset",
            json!({ "type": "integer", "minimum": 0, "maximum": SAFE_INTEGER }),
            "rows left out before it",
        ),
        parameter("cursor", json!({ "type": "string" }), "from the Link header of the page before"),
        parameter("total", json!({ "type": "boolean" }), "count all rows into X-Total-Count"),
    ];
    for (name, schema, text) in
        [("sort", list(json!(orders)), "-field: from the largest"), ("fields", list(json!(names)), "only these")]
    {
        all.push(several(name, schema, text));
    }
    let search = json!({ "type": "string", "maxLength": query::MAX_SEARCH, "pattern": "^[^\\u0000]*$" });
    if table.indexes.iter().any(|index| index.kind == IndexKind::Words) {
        all.push(parameter("q", search.clone(), "words, or beginnings of words, in the index of words"));
    }
    for field in &table.fields {
        let Some(schema) = filtered(field) else { continue };
        let name = &*field.name;
        all.push(parameter(name, schema.clone(), "equal"));
        for word in ["ne", "lt", "lte", "gt", "gte"] {
            all.push(parameter(&format!("{name}[{word}]"), schema.clone(), word));
        }
        let mut item = schema;
        if field.kind.result() == Type::Text {
            item["pattern"] = json!("^[^\\u0000,]*$");
        }
        let some = json!({ "type": "array", "items": item, "minItems": 1 });
        all.push(several(&format!("{name}[in]"), some, "one of these, at most 500"));
        let two = json!({ "type": "array", "items": item, "minItems": 2, "maxItems": 2 });
        all.push(several(&format!("{name}[between]"), two, "from the first to the second, both included"));
        all.push(parameter(&format!("{name}[null]"), json!({ "type": "boolean" }), "without a value"));
        if matches!(field.kind, Kind::Text { .. }) {
            all.push(parameter(&format!("{name}[contains]"), search.clone(), "contains"));
            all.push(parameter(&format!("{name}[begins]"), search.clone(), "begins with"));
            all.push(parameter(&format!("{name}[like]"), search.clone(), "like: % is anything"));
        }
    }
    json!(all)
}

/// What a filter compares with.
fn filtered(field: &Field) -> Option<Value> {
    Some(match field.kind.result() {
        Type::Integer => json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX }),
        Type::Decimal(scale) => decimal(scale, false)["anyOf"][0].clone(),
        Type::Boolean => json!({ "type": "boolean" }),
        Type::Date => json!({ "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" }),
        Type::Time => json!({ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$" }),
        Type::Timestamp => json!({ "type": "string", "format": "date-time" }),
        Type::Text => json!({ "type": "string", "pattern": "^[^\\u0000]*$" }),
        Type::Blob => return None,
    })
}
