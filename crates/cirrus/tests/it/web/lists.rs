//! Lists from memory that are never old, and lists that take long.

use serde_json::json;

use super::world::{App, Server, cirrus, data, run};

fn without_memory(app: &App) -> Server {
    let mut command = cirrus();
    command.arg("serve").arg(app.path()).arg("--data").arg(data(app));
    command.args(["--listen", "127.0.0.1:0", "--no-result-cache"]);
    Server::start(command)
}

#[test]
fn a_list_from_memory_is_the_list_of_this_moment() {
    let app = App::new(&[(
        "app.js",
        "app.resource('tareas'); app.resource('clientes'); app.get('/js', (req, res) => res.json(db.table('tareas')));",
    )]);
    let (server, asks_anew) = (app.serve(), without_memory(&app));
    let questions =
        ["/tareas", "/tareas?total=true&limit=1", "/tareas?hecha=true", "/tareas?q=casa", "/clientes", "/js"];
    let same = |when: &str| {
        for question in questions {
            let anew = asks_anew.get(question);
            for _ in 0..2 {
                let remembered = server.get(question);
                assert_eq!(remembered.body, anew.body, "{when}: {question}");
                for header in ["etag", "link", "x-total-count", "content-type", "cache-control"] {
                    assert_eq!(remembered.header(header), anew.header(header), "{when}: {question} {header}");
                }
                assert_eq!(server.send("HEAD", question, &[], b"").header("etag"), anew.header("etag"));
            }
        }
    };
    same("empty");
    for n in 0..3 {
        server.json("POST", "/tareas", &json!({ "titulo": format!("casa {n}") }));
        same("created");
    }
    let tag = server.get("/tareas").header("etag").unwrap().to_owned();
    assert_eq!(server.send("GET", "/tareas", &[("If-None-Match", &tag)], b"").status, 304);
    server.json("PATCH", "/tareas/2", &json!({ "hecha": true }));
    assert_eq!(server.send("GET", "/tareas", &[("If-None-Match", &tag)], b"").status, 200);
    same("changed");
    server.json("POST", "/clientes", &json!({ "nombre": "Ana" }));
    same("another table");
    // Another process.
    asks_anew.json("PATCH", "/tareas/1", &json!({ "titulo": "casa de otra" }));
    same("changed elsewhere");
    app.write("more.csv", "titulo\ncasa importada\n");
    let (place, file) = (app.path().to_str().unwrap(), app.path().join("more.csv"));
    let (done, _, problem) = run(&["import", "tareas", file.to_str().unwrap(), place], "");
    assert!(done, "{problem}");
    same("imported");
    server.send("DELETE", "/tareas/1", &[], b"");
    same("deleted");
    // A write that is refused changes nothing.
    assert_eq!(server.json("POST", "/tareas", &json!({ "importe": "-1" })).status, 422);
    same("refused");
}

fn many(script: &str) -> App {
    let rows: String = (0..6000).map(|n| format!("tarea número {n}\n")).collect();
    let js = "app.resource('tareas'); app.get('/js', (req, res) => res.json(db.table('tareas').limit(1)));";
    App::new(&[
        ("app.js", js),
        ("initial-data/tareas.csv", &format!("titulo\n{rows}")),
        ("cirrus.toml", &format!("[script]\n{script}")),
    ])
}

const SLOW: &str = "/tareas?titulo[contains]=nowhere&total=true";

#[test]
fn a_list_that_takes_long_moves_to_a_worker() {
    let app = many("inline_ms = 0");
    let server = app.serve();
    let answer = server.get(SLOW);
    assert_eq!((answer.status, answer.text().as_str()), (200, "[]"));
    assert_eq!(answer.header("x-total-count"), Some("0"));
    assert_eq!(server.get("/tareas?limit=1").status, 200);
}

#[test]
fn a_list_that_takes_too_long_is_refused_and_the_others_are_answered() {
    let app = many("inline_ms = 0\ncpu_seconds = 0");
    let server = app.serve();
    let answer = server.get(SLOW);
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").is_some());
    for _ in 0..3 {
        assert_eq!(server.get("/tareas?limit=1").value()[0]["id"], 1);
        assert_eq!(server.get("/js").value()[0]["id"], 1);
    }
}
