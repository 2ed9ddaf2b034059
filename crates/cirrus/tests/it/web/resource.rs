//! `app.resource`: the REST side.

use std::io::{Read, Write};

use serde_json::json;

use super::world::{Answer, App};

#[test]
fn a_row_is_created_read_changed_replaced_and_deleted() {
    let app = App::tasks();
    let server = app.serve();
    let created = server.json("POST", "/tareas", &json!({ "titulo": "uno ñ <b>", "importe": "12.50", "hecha": true }));
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.header("location"), Some("/tareas/1"));
    assert_eq!(created.value()["doble"], "25.00");
    let read = server.get("/tareas/1");
    assert_eq!(read.value(), created.value());
    assert_eq!(read.header("etag"), created.header("etag"));
    let changed = server.json("PATCH", "/tareas/1", &json!({ "titulo": "dos" }));
    assert_eq!((changed.status, &changed.value()["importe"]), (200, &json!("12.50")));
    let replaced = server.json("PUT", "/tareas/1", &json!({ "titulo": "tres" }));
    assert_eq!(replaced.status, 200);
    assert_eq!(replaced.value()["importe"], "0.00");
    assert_eq!(replaced.value()["hecha"], false);
    assert_eq!(server.send("DELETE", "/tareas/1", &[], b"").status, 204);
    assert_eq!(server.get("/tareas/1").status, 404);
    assert_eq!(server.send("DELETE", "/tareas/1", &[], b"").status, 404);
}

#[test]
fn mistakes_are_told_field_by_field() {
    let app = App::tasks();
    let server = app.serve();
    let wrong =
        json!({ "titulo": 5, "importe": "1.234", "estado": "rota", "nada": 1, "doble": "2.00", "fecha": "2026-02-30" });
    let answer = server.json("POST", "/tareas", &wrong);
    assert_eq!(answer.status, 422);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem = answer.value();
    let mut fields: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["doble", "estado", "fecha", "importe", "nada", "titulo"]);
    assert_eq!(server.json("POST", "/tareas", &json!({})).status, 422);
    assert_eq!(server.json("POST", "/tareas", &json!({ "titulo": "x", "importe": "-1.00" })).status, 422);
    assert_eq!(server.json("POST", "/tareas", &json!([])).status, 400);
    assert_eq!(server.send("POST", "/tareas", &[("Content-Type", "application/json")], b"{").status, 400);
    assert_eq!(server.send("POST", "/tareas", &[("Content-Type", "application/xml")], b"<a/>").status, 415);
    // What another state of the data would allow is a conflict.
    assert_eq!(server.json("POST", "/tareas", &json!({ "titulo": "x", "cliente": 7 })).status, 409);
    assert_eq!(server.json("POST", "/clientes", &json!({ "nombre": "Ana" })).status, 201);
    assert_eq!(server.json("POST", "/clientes", &json!({ "nombre": "Ana" })).status, 409);
    assert_eq!(server.json("POST", "/tareas", &json!({ "titulo": "x", "cliente": 1 })).status, 201);
    assert_eq!(server.send("DELETE", "/clientes/1", &[], b"").status, 409);
    for path in ["/tareas/0", "/tareas/abc", "/tareas/-1", "/tareas/99999999999999999999", "/tareas/1/2"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

#[test]
fn lists_are_filtered_sorted_searched_and_paged() {
    let app = App::tasks();
    let server = app.serve();
    for n in 1..=25 {
        let row = json!({ "titulo": format!("tarea número {n}"), "importe": format!("{n}.50"), "hecha": n % 2 == 0 });
        assert_eq!(server.json("POST", "/tareas", &row).status, 201);
    }
    let ids = |answer: &Answer| -> Vec<i64> {
        answer.value().as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(ids(&server.get("/tareas?importe[gte]=24&importe[lt]=25.50")), [24]);
    assert_eq!(ids(&server.get("/tareas?hecha=true&sort=-importe&limit=2")), [24, 22]);
    assert_eq!(ids(&server.get("/tareas?titulo[words]=NUMERO%2025")), [25]);
    assert_eq!(ids(&server.get("/tareas?q=25")), [25]);
    assert_eq!(ids(&server.get("/tareas?titulo[begins]=tarea&id[in]=3,4")), [3, 4]);
    assert_eq!(ids(&server.get("/tareas?fecha[null]=false")), [0; 0]);
    assert_eq!(ids(&server.get("/tareas?offset=24")), [25]);
    let fields = server.get("/tareas?fields=titulo,id&limit=1");
    assert_eq!(fields.text(), r#"[{"titulo":"tarea número 1","id":1}]"#);
    // Page by page, following the links: every row once, in order.
    let (mut seen, mut next) = (Vec::new(), "/tareas?sort=-id&limit=7&total=true".to_owned());
    loop {
        let page = server.get(&next);
        assert_eq!((page.status, page.header("x-total-count")), (200, Some("25")));
        seen.extend(ids(&page));
        let Some(link) = page.header("link") else { break };
        next = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
    }
    assert_eq!(seen, (1..=25).rev().collect::<Vec<_>>());
    for wrong in [
        "limit=0",
        "limit=x",
        "limit=100000",
        "offset=-1",
        "sort=nada",
        "fields=nada",
        "nada=1",
        "importe=abc",
        "importe[xx]=1",
        "hecha=quizas",
        "limit=1&limit=2",
        "total=si",
    ] {
        assert_eq!(server.get(&format!("/tareas?{wrong}")).status, 400, "{wrong}");
    }
    assert_eq!(server.get("/tareas?cursor=abc").status, 404);
}

#[test]
fn validators_spare_and_protect() {
    let app = App::tasks();
    let server = app.serve();
    let tag = server.json("POST", "/tareas", &json!({ "titulo": "x" })).header("etag").unwrap().to_owned();
    let same = server.send("GET", "/tareas/1", &[("If-None-Match", &tag)], b"");
    assert_eq!((same.status, same.body.len()), (304, 0));
    let list = server.get("/tareas").header("etag").unwrap().to_owned();
    assert_eq!(server.send("GET", "/tareas", &[("If-None-Match", &format!("\"a\", W/{list}"))], b"").status, 304);
    let patch = |tag: &str, body: &[u8]| {
        server.send("PATCH", "/tareas/1", &[("If-Match", tag), ("Content-Type", "application/json")], body)
    };
    let first = patch(&tag, br#"{"titulo":"y"}"#);
    assert_eq!(first.status, 200);
    let second = patch(&tag, br#"{"titulo":"z"}"#);
    assert_eq!((second.status, second.header("etag")), (412, first.header("etag")));
    assert_eq!(server.get("/tareas/1").value()["titulo"], "y");
    assert_eq!(server.send("DELETE", "/tareas/1", &[("If-Match", &tag)], b"").status, 412);
    assert_eq!(server.send("DELETE", "/tareas/1", &[("If-Match", "*")], b"").status, 204);
}

#[test]
fn methods_are_told() {
    let app = App::new(&[("app.js", "app.resource('tareas', { only: ['list', 'get'] });")]);
    let server = app.serve();
    let answer = server.json("POST", "/tareas", &json!({ "titulo": "x" }));
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    let options = server.send("OPTIONS", "/tareas", &[], b"");
    assert_eq!((options.status, options.header("allow")), (204, Some("GET, HEAD, OPTIONS")));
    let head = server.send("HEAD", "/tareas", &[], b"");
    assert_eq!((head.status, head.body.len(), head.header("content-length")), (200, 0, Some("2")));
}

#[test]
fn a_trigger_runs_and_may_reject() {
    let js = "app.resource('tareas'); const t = db.table('tareas');
        t.before('create', (row) => { if (row.titulo === 'no') throw new Error('así no'); row.titulo = row.titulo.trim(); });";
    let app = App::new(&[("app.js", js)]);
    let server = app.serve();
    assert_eq!(server.json("POST", "/tareas", &json!({ "titulo": "  x " })).value()["titulo"], "x");
    let rejected = server.json("POST", "/tareas", &json!({ "titulo": "no" }));
    assert!(matches!(rejected.status, 422 | 500), "{rejected:?}");
    assert_eq!(server.get("/tareas").value().as_array().unwrap().len(), 1);
}

#[test]
fn middleware_guards_a_resource() {
    let js =
        "app.use('/tareas', (req, res, next) => req.get('x-key') === 'k' ? next() : res.status(401).json({ no: 1 }));
              app.resource('tareas');";
    let app = App::new(&[("app.js", js)]);
    let server = app.serve();
    assert_eq!(server.get("/tareas").status, 401);
    assert_eq!(server.json("POST", "/tareas", &json!({ "titulo": "x" })).status, 401);
    let row = br#"{"titulo":"x"}"#;
    let allowed = server.send("POST", "/tareas", &[("X-Key", "k"), ("Content-Type", "application/json")], row);
    assert_eq!(allowed.status, 201, "{allowed:?}");
    assert_eq!(server.send("GET", "/tareas", &[("X-Key", "k")], b"").value().as_array().unwrap().len(), 1);
}

#[test]
fn changes_of_a_table_are_told_to_those_who_listen() {
    let app = App::tasks();
    let server = app.serve();
    let mut stream = server.connect();
    stream.write_all(b"GET /tareas/events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut text = String::new();
    let mut buffer = [0; 1024];
    let mut read_until = |wanted: &str, text: &mut String| {
        while !text.contains(wanted) {
            let count = stream.read(&mut buffer).unwrap();
            assert!(count > 0, "{text}");
            text.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    };
    read_until("retry: 2000", &mut text);
    assert!(text.contains("text/event-stream"));
    assert_eq!(server.json("POST", "/clientes", &json!({ "nombre": "Ana" })).status, 201);
    assert_eq!(server.json("POST", "/tareas", &json!({ "titulo": "x" })).status, 201);
    read_until("event: change\ndata: {\"table\":\"tareas\"}", &mut text);
    assert!(!text.contains("clientes"));
}

#[test]
fn the_openapi_document_names_every_operation() {
    let app = App::tasks();
    let server = app.serve();
    let document = server.get("/openapi.json").value();
    assert_eq!(document["openapi"], "3.1.0");
    for (path, method) in [
        ("/tareas", "get"),
        ("/tareas", "post"),
        ("/tareas/{id}", "get"),
        ("/tareas/{id}", "put"),
        ("/tareas/{id}", "patch"),
        ("/tareas/{id}", "delete"),
        ("/clientes", "get"),
    ] {
        assert!(document["paths"][path][method]["responses"].is_object(), "{method} {path}");
    }
    let new = &document["components"]["schemas"]["tareas-new"];
    assert_eq!(new["required"], json!(["titulo"]));
    assert!(new["properties"]["doble"].is_null());
}

#[test]
fn routes_behind_a_resource_are_reached() {
    let js = "app.resource('tareas'); app.get('/tareas/resumen/hoy', (req, res) => res.send('resumen'));";
    let app = App::new(&[("app.js", js)]);
    let server = app.serve();
    assert_eq!(server.get("/tareas/resumen/hoy").text(), "resumen");
    assert_eq!(server.get("/tareas/resumen/ayer").status, 404);
    assert_eq!(server.get("/tareas/abc").status, 404);
}
