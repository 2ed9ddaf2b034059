//! The command line: a beginning that runs, reload on save, data in and out.

use serde_json::json;

use super::world::{App, Browser, Server, cirrus, run};

#[test]
fn a_new_application_runs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mia");
    let path = path.to_str().unwrap();
    assert!(run(&["new", path], "").0);
    assert!(!run(&["new", path], "").0);
    let mut command = cirrus();
    command.args(["serve", path, "--listen", "127.0.0.1:0"]);
    let server = Server::start(command);
    let mut browser = Browser::default();
    assert_eq!(browser.post(&server, "/tareas", "/tareas", &[("titulo", " una ")]).status, 303);
    assert!(browser.get(&server, "/tareas").text().contains("una</a>"));
    assert_eq!(server.get("/pendientes").value(), json!({ "pendientes": 1 }));
}

#[test]
fn a_saved_change_is_loaded_and_a_wrong_one_is_shown() {
    let app = App::new(&[("app.js", "app.get('/v', (req, res) => res.send('one'));")]);
    let server = app.serve();
    assert_eq!(server.get("/v").text(), "one");
    app.write("app.js", "app.get('/v', (req, res) => res.send('two'));");
    server.wait_for("loaded again");
    assert_eq!(server.get("/v").text(), "two");
    app.write("app.js", "\n\napp.get('/v', (req, res) => res.send('three'\n");
    let line = server.wait_for("not loaded again");
    assert!(line.contains("SyntaxError"), "{line}");
    assert_eq!(server.get("/v").text(), "two");
    let page = server.send("GET", "/v", &[("Accept", "text/html")], b"");
    assert_eq!(page.status, 500);
    assert!(page.text().contains("app.js:"), "{}", page.text());
    app.write("views/x.html", "{% if %}");
    assert!(server.wait_for("not loaded again").contains("views/x.html:1"));
    std::fs::remove_file(app.path().join("views/x.html")).unwrap();
    app.write("app.js", "app.get('/v', (req, res) => res.send('four'));");
    server.wait_for("cirrus: loaded again");
    assert_eq!(server.get("/v").text(), "four");
}

#[test]
fn a_wrong_application_says_where() {
    for (file, text, wanted) in [
        ("schema.toml", "[tables.x.fields]\na = { type = \"nada\" }", "schema.toml:2"),
        ("cirrus.toml", "[limits]\nbodi = 1", "bodi"),
        ("app.js", "app.resource('nada')", "nada"),
        ("app.js", "\nx.y()", "app.js:2"),
        ("locales/es.toml", "a = ", "es.toml"),
    ] {
        let app = App::tasks();
        app.write(file, text);
        let (done, _, problem) = run(&["serve", app.path().to_str().unwrap(), "--listen", "127.0.0.1:0"], "");
        assert!(!done && problem.contains(wanted), "{file}: {problem}");
    }
    let (done, _, problem) = run(&["serve", "/nowhere/at/all"], "");
    assert!(!done && problem.contains("cirrus new"), "{problem}");
}

#[test]
fn data_goes_in_and_out() {
    let app = App::tasks();
    let path = app.path().to_str().unwrap();
    app.write("app.js", "app.resource('clientes'); db.table('clientes').before('create', (c) => { c.nombre = c.nombre.toUpperCase(); });");
    app.write("clientes.csv", "nombre\nana\n\"l, uis\"\n");
    let file = app.path().join("clientes.csv");
    let (done, out, problem) = run(&["import", "clientes", file.to_str().unwrap(), path], "");
    assert!(done && out.contains("2 rows"), "{problem}");
    let (_, out, _) = run(&["export", "clientes", path], "");
    assert_eq!(out, "id,nombre\n1,ANA\n2,\"L, UIS\"\n");
    let (done, _, problem) = run(&["import", "clientes", file.to_str().unwrap(), path], "");
    assert!(!done && problem.contains("row 1"), "{problem}");
    let copy = app.path().join("copy.sqlite");
    let (done, _, problem) = run(&["backup", copy.to_str().unwrap(), path], "");
    assert!(done && copy.exists(), "{problem}");
    let (done, _, problem) = run(&["check", path], "");
    assert!(done, "{problem}");
    app.write("schema.toml", "[tables.clientes.fields]\nedad = { type = \"integer\" }\n");
    let (_, plan, _) = run(&["plan", path], "");
    assert!(plan.contains("LOST") && plan.contains("nombre"), "{plan}");
    assert!(!run(&["plan", path, "--apply"], "").0);
    let (done, _, problem) = run(&["plan", path, "--apply", "--allow-loss"], "");
    assert!(done, "{problem}");
}

#[test]
fn initial_data_fills_new_tables_once() {
    let app = App::tasks();
    app.write("initial-data/01-clientes.csv", "id,nombre\n1,Ana\n");
    app.write("initial-data/02-tareas.json", r#"[{"titulo":"x","cliente":1,"importe":"2.50"}]"#);
    let server = app.serve();
    assert_eq!(server.get("/tareas").value()[0]["doble"], "5.00");
    assert_eq!(server.send("DELETE", "/tareas/1", &[], b"").status, 204);
    drop(server);
    assert_eq!(app.serve().get("/tareas").value(), json!([]));
    let wrong = App::tasks();
    wrong.write("initial-data/clientes.csv", "nombre\nAna\nAna\n");
    for _ in 0..2 {
        let (done, _, problem) = run(&["serve", wrong.path().to_str().unwrap(), "--listen", "127.0.0.1:0"], "");
        assert!(!done && problem.contains("clientes.csv"), "{problem}");
    }
}
