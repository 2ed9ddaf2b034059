//! The OpenAPI document says what the API is.

use std::collections::BTreeSet;

use plane::access::{self, Body, TABLE};
use serde_json::Value;

use crate::world::World;

fn document() -> Value {
    plane::router::routes().document()
}

/// Every operation with its method and path.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operation = |path: &str, method: &str| format!("{} {path}", method.to_uppercase());
    let all = paths.flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(move |(method, it)| (operation(path, method), it))
    });
    all.collect()
}

#[test]
fn every_route_is_described_in_whole() {
    let document = document();
    let all = operations(&document);
    assert_eq!(all.len(), TABLE.len() + 1, "every row is an operation, and the document itself is one");
    let mut ids = BTreeSet::new();
    for row in TABLE {
        let request = format!("{} {}", row.method, row.path);
        let (_, operation) =
            all.iter().find(|(name, _)| *name == request).unwrap_or_else(|| panic!("{request} is missing"));
        let summary = operation["summary"].as_str().unwrap();
        assert!(summary.ends_with('.'), "{request} needs a line in web/openapi/answers.rs");
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{request}: {id} is the name of another operation; give its handler one of its own");
        let noun = operation["tags"][0].as_str().unwrap();
        let known = document["tags"].as_array().unwrap().iter().any(|tag| tag["name"] == noun);
        assert!(known, "{request}: {noun} is missing from NOUNS");
        let named = |place: &str| -> Vec<&str> {
            let all = operation["parameters"].as_array().unwrap().iter();
            all.filter(|one| one["in"] == place).map(|one| one["name"].as_str().unwrap()).collect()
        };
        assert_eq!(named("query"), row.query, "{request}: the query is that of the table of access");
        let open = row.path.split('/').filter(|part| part.starts_with('{')).count();
        assert_eq!(named("path").len(), open, "{request}");
        let body = operation.get("requestBody");
        assert_eq!(body.is_some(), row.body != Body::None, "{request}: the body is that of the table of access");
        let successes = operation["responses"].as_object().unwrap().keys().filter(|status| status.starts_with('2'));
        assert!(successes.count() > 0, "{request} answers something");
    }
    for (request, command) in plane::router::commands() {
        let (method, path) = request.split_once(' ').unwrap();
        assert!(access::find(&method.parse().unwrap(), path).is_some(), "there is no route {request} for {command}");
    }
    for told in plane::router::answers() {
        let (method, path) = told.split_once(' ').unwrap();
        assert!(access::find(&method.parse().unwrap(), path).is_some(), "there is no route {told}");
    }
}

#[test]
fn what_is_asked_and_what_is_answered_are_the_same_where_they_have_the_same_name() {
    let document = document();
    let text = document.to_string();
    // The generator numbers what would have the same name.
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(!name.ends_with(|c: char| c.is_ascii_digit()) || name.contains("For"), "{name} is there twice");
        let used = text.matches(&format!("/components/schemas/{name}\"")).count();
        assert!(used > 0, "nothing refers to {name}");
    }
    for reference in text.split("\"$ref\":\"").skip(1) {
        let path = reference.split('"').next().unwrap().trim_start_matches('#');
        assert!(document.pointer(path).is_some(), "there is no {path}");
    }
}

#[tokio::test]
async fn whoever_asks_gets_it() {
    let world = World::new().await;
    let got = world.send(world.http.get(world.url("/openapi.json"))).await.expect(200);
    assert_eq!(got.headers["content-type"], "application/json");
    assert_eq!(got.json::<Value>(), document());
}
