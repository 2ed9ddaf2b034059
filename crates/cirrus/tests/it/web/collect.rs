//! Collecting from widgets: exact, once, and never an older edit over a newer one.

use serde_json::{Value, json};

use super::world::{App, Server};

fn documents() -> App {
    let app = App::new(&[(
        "app.js",
        "app.collect('documentos', ['contenido'], { allow: (req) => req.get('x-no') === undefined }); app.resource('documentos');",
    )]);
    app.write(
        "schema.toml",
        "[tables.documentos.fields]\nnombre = { type = \"text\", max = 20 }\ncontenido = { type = \"text\", max = 2000000 }\n",
    );
    app
}

fn version(server: &Server) -> String {
    let answer = server.get("/_cirrus/collect/documentos?id=1&field=contenido").value();
    answer["version"].as_str().unwrap().to_owned()
}

fn send(server: &Server, value: &str, version: &str) -> Value {
    let items = json!({ "items": [{ "id": "1", "field": "contenido", "value": value, "version": version }] });
    let answer = server.json("POST", "/_cirrus/collect/documentos", &items);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.value()["items"][0].clone()
}

#[test]
fn whatever_a_widget_holds_is_stored_exactly() {
    let app = documents();
    let server = app.serve();
    assert_eq!(server.json("POST", "/documentos", &json!({ "nombre": "a" })).status, 201);
    let long = "ñ".repeat(500_000);
    for text in [
        "&lt;b&gt; &amp;lt;",
        "</textarea><script>",
        "\"comillas\" 'simples' `otras` \\",
        "ñ 👩‍👩‍👧 \u{202e} \r\n\t",
        "",
        &long,
    ] {
        let told = send(&server, text, &version(&server));
        assert_eq!(told["status"], "stored", "{told}");
        assert_eq!(server.get("/documentos/1").value()["contenido"], text);
        assert_eq!(told["version"], version(&server));
    }
}

#[test]
fn an_older_edit_never_replaces_a_newer_one() {
    let app = documents();
    let server = app.serve();
    server.json("POST", "/documentos", &json!({ "contenido": "uno" }));
    let begun = version(&server);
    assert_eq!(send(&server, "dos", &begun)["status"], "stored");
    // The same again, because the answer was lost.
    assert_eq!(send(&server, "dos", &begun)["status"], "same");
    let late = send(&server, "tres", &begun);
    assert_eq!((&late["status"], &late["value"]), (&json!("conflict"), &json!("dos")));
    assert_eq!(server.get("/documentos/1").value()["contenido"], "dos");
    // Who has seen the newer one may decide.
    assert_eq!(send(&server, "tres", late["version"].as_str().unwrap())["status"], "stored");
}

#[test]
fn only_what_was_declared_is_collected_and_only_from_whom() {
    let app = documents();
    let server = app.serve();
    server.json("POST", "/documentos", &json!({ "nombre": "a" }));
    let other = json!({ "items": [{ "id": 1, "field": "nombre", "value": "x", "version": "" }, { "id": 99, "field": "contenido", "value": "x" }, 5] });
    let told = server.json("POST", "/_cirrus/collect/documentos", &other).value();
    assert!(told["items"].as_array().unwrap().iter().all(|item| item["status"] == "error"), "{told}");
    assert_eq!(server.json("POST", "/_cirrus/collect/documentos", &json!({})).status, 400);
    let form = server.send("POST", "/_cirrus/collect/documentos", &[("Content-Type", "text/plain")], b"{}");
    assert_eq!(form.status, 415);
    let forbidden = server.send(
        "POST",
        "/_cirrus/collect/documentos",
        &[("X-No", "1"), ("Content-Type", "application/json")],
        b"{}",
    );
    assert_eq!(forbidden.status, 403);
    let hostile = [("Sec-Fetch-Site", "cross-site"), ("Content-Type", "application/json")];
    assert_eq!(server.send("POST", "/_cirrus/collect/documentos", &hostile, b"{}").status, 403);
    assert_eq!(server.get("/_cirrus/collect/documentos?id=1&field=nombre").status, 404);
    assert!(server.get("/_cirrus/collect.js").text().contains("data-collect"));
}
