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

/// Every word of `where` with a value, and the same in an address.
const WORDS: [(&str, &str, &str, &str); 17] = [
    ("titulo", "eq", "\"b\"", "b"),
    ("titulo", "ne", "\"b\"", "b"),
    ("importe", "lt", "\"2.00\"", "2.00"),
    ("importe", "lte", "\"2.00\"", "2.00"),
    ("importe", "gt", "\"2.00\"", "2.00"),
    ("importe", "gte", "2", "2"),
    ("importe", "le", "2", "2"),
    ("importe", "ge", "2", "2"),
    ("importe", "between", "[\"2.00\", 3]", "2,3.00"),
    ("id", "in", "[1, 4]", "1,4"),
    ("titulo", "in", "[\"a\", \"d\"]", "a,d"),
    ("fecha", "null", "true", "true"),
    ("hecha", "eq", "true", "true"),
    ("titulo", "contains", "\"CASA\"", "CASA"),
    ("titulo", "begins", "\"una\"", "una"),
    ("titulo", "like", "\"UNA %\"", "UNA %"),
    ("palabras", "words", "\"casa una\"", "casa una"),
];

#[test]
fn javascript_and_addresses_compare_by_the_same_words() {
    let js = "app.resource('tareas');
        const rows = (...condition) => db.table('tareas').where(...condition).fields('id');
        app.get('/object', (req, res) => res.json(rows({ [req.query.f]: { [req.query.op]: JSON.parse(req.query.v) } })));
        app.get('/three', (req, res) => res.json(rows(req.query.f, req.query.op, JSON.parse(req.query.v))));";
    let rows = "titulo,importe,hecha,fecha
a,1,true,2026-01-01
b,2,false,
c,3,true,
una casa,4,false,2026-02-01
";
    let app = App::new(&[("app.js", js), ("initial-data/tareas.csv", rows)]);
    let server = app.serve();
    let coded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    for (field, op, value, plain) in WORDS {
        let address = server.get(&format!("/tareas?{field}[{op}]={}&fields=id", coded(plain)));
        assert_eq!(address.status, 200, "{field} {op} {plain}: {address:?}");
        let found = address.value().as_array().unwrap().len();
        assert!((1..4).contains(&found), "{field} {op} {plain} finds some and not all: {found}");
        for form in ["object", "three"] {
            let script = server.get(&format!("/{form}?f={field}&op={op}&v={}", coded(value)));
            assert_eq!(script.text(), address.text(), "{form} {field} {op} {value}");
        }
    }
    let unknown = server.get("/tareas?titulo[near]=x");
    assert_eq!(unknown.status, 400);
    for (_, op, ..) in WORDS.iter().filter(|(_, op, ..)| !matches!(*op, "le" | "ge")) {
        assert!(unknown.text().contains(op), "{op}: {unknown:?}");
    }
    let script = server.get("/three?f=titulo&op=near&v=1");
    assert_eq!((script.status, &script.value()["detail"]), (400, &unknown.value()["detail"]));
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
