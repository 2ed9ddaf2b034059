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
fn a_new_application_can_be_published_as_the_guide_says() {
    let dir = tempfile::tempdir().unwrap();
    assert!(run(&["new", dir.path().join("tareas").to_str().unwrap()], "").0);
    let package = std::fs::read_to_string(dir.path().join("tareas/vclouden.toml")).unwrap();
    let guide = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cirrus/guide.md");
    assert!(std::fs::read_to_string(guide).unwrap().contains(&package), "{package}");
}

#[test]
fn a_check_makes_nothing() {
    let app = App::tasks();
    let path = app.path().to_str().unwrap();
    let (done, out, problem) = run(&["check", path], "");
    assert!(done && out.contains("no data"), "{out}{problem}");
    assert!(!app.path().join("data").exists());
    // Nor does it change the tables that are there to what the schema says now.
    assert!(run(&["plan", path, "--apply"], "").0);
    app.write("schema.toml", "[tables.otra.fields]\na = { type = \"integer\" }\n");
    let (done, out, problem) = run(&["check", path], "");
    assert!(done && out.contains("cirrus plan"), "{out}{problem}");
    let (_, plan, _) = run(&["plan", path], "");
    assert!(plan.contains("+ otra"), "{plan}");
    app.write("schema.toml", "[tables.otra.fields]\na = { type = \"nada\" }\n");
    assert!(!run(&["check", path], "").0);
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
    assert!(!done && problem.contains("line 2"), "{problem}");
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
    // Masters come first, whatever the files are called. Triggers of app.js are not for it.
    app.write("initial-data/02-clientes.csv", "id,nombre\n1,Ana\n");
    app.write("initial-data/01-tareas.json", r#"[{"titulo":"x","cliente":1,"importe":"2.50"}]"#);
    app.write(
        "app.js",
        "app.resource('tareas'); db.table('tareas').before('create', (t) => { t.titulo = t.titulo + '!'; });",
    );
    let server = app.serve();
    let rows = server.get("/tareas").value();
    assert_eq!((&rows[0]["doble"], &rows[0]["titulo"]), (&json!("5.00"), &json!("x")));
    assert_eq!(server.send("DELETE", "/tareas/1", &[], b"").status, 204);
    drop(server);
    assert_eq!(app.serve().get("/tareas").value(), json!([]));
}

/// A schema unless it is that of the tasks, files of `initial-data/`, and what is said of them.
type Wrong<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn wrong_initial_data_says_where() {
    const CYCLE: &str = "[tables.a.fields]\nb = { type = \"link\", to = \"b\" }\n\
                         [tables.b.fields]\na = { type = \"link\", to = \"a\" }\n";
    let all: [Wrong; 6] = [
        ("", &[("clientes.csv", "nombre\nAna\nAna\n")], &["clientes.csv", "line 3: clientes: nombre: "]),
        (
            "",
            &[("tareas.csv", "titulo,cliente\nx,7\n")],
            &["tareas.csv", "line 2: tareas: cliente: clientes has no row 7"],
        ),
        ("", &[("tareas.csv", "titulo,hora\nx,7\n")], &["tareas.csv", "line 1: ", "hora"]),
        ("", &[("nada.csv", "titulo\nx\n")], &["nada.csv", "nada"]),
        (
            CYCLE,
            &[("a.csv", "b\n1\n"), ("b.json", r#"[{}, {"a": 1}]"#)],
            &["row 2: b: a: a has no row 1", "leave the link empty"],
        ),
        // A row may link to an earlier one of its own table.
        (
            "[tables.a.fields]\na = { type = \"link\", to = \"a\" }",
            &[("a.csv", "id,a\n1,\n2,1\n3,4\n")],
            &["line 4: a: a: "],
        ),
    ];
    for (schema, files, wanted) in all {
        let app = App::tasks();
        if !schema.is_empty() {
            app.write("schema.toml", schema);
            app.write("app.js", "");
        }
        files.iter().for_each(|(name, text)| app.write(&format!("initial-data/{name}"), text));
        // The second start begins again.
        for _ in 0..2 {
            let (done, _, problem) = run(&["serve", app.path().to_str().unwrap(), "--listen", "127.0.0.1:0"], "");
            assert!(!done, "{files:?}");
            wanted.iter().for_each(|wanted| assert!(problem.contains(wanted), "{wanted:?} in {problem}"));
        }
    }
}
