//! The page about the API says what the API is.

const PAGE: &str = include_str!("../../../../docs/api.md");

/// The rows of the table of endpoints: request, query, body, answer.
fn rows() -> Vec<Vec<&'static str>> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let methods = ["`GET /", "`POST /", "`DELETE /"];
    rows.filter(|row| methods.iter().any(|method| row.starts_with(method)))
        .map(|row| row.split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn every_route_with_its_query_is_on_the_page_and_nothing_else() {
    let rows = rows();
    for known in plane::access::TABLE {
        let request = format!("`{} {}`", known.method, known.path);
        let row = rows.iter().find(|row| row[0] == request);
        let row = row.unwrap_or_else(|| panic!("docs/api.md does not tell of {request}"));
        let told = row[1].replace("paged", "`limit`, `cursor`");
        for key in known.query {
            assert!(told.contains(&format!("`{key}`")), "docs/api.md does not tell of the key {key} of {request}");
        }
        assert_eq!(told.matches('`').count(), known.query.len() * 2, "{request} has keys that are none: {told}");
    }
    let routes = plane::router::routes();
    assert_eq!(rows.len(), routes.list().len(), "docs/api.md tells of a route that is none");
    for (method, path) in routes.list() {
        assert!(rows.iter().any(|row| row[0] == format!("`{method} {path}`")), "{method} {path} is missing");
    }
}

#[test]
fn every_type_on_the_page_exists() {
    let sources = [
        include_str!("../../src/wire/mod.rs"),
        include_str!("../../src/wire/catalogue.rs"),
        include_str!("../../src/wire/people.rs"),
        include_str!("../../../nimbus-api/src/types.rs"),
    ]
    .concat();
    let mut count = 0;
    for row in rows() {
        for name in row[2..].iter().flat_map(|cell| cell.split(|c: char| !c.is_ascii_alphanumeric())) {
            let mut letters = name.chars();
            let is_type = letters.next().is_some_and(|c| c.is_ascii_uppercase())
                && letters.any(|c| c.is_ascii_lowercase())
                && !["Idempotency", "Key", "ETag"].contains(&name);
            if is_type {
                count += 1;
                let found = ["struct", "enum"].iter().any(|kind| sources.contains(&format!("pub {kind} {name}")));
                assert!(found, "docs/api.md names the type {name}, which there is not");
            }
        }
    }
    assert!(count > 50, "{count}");
}
