//! An application of tables and routes: published once, installed for two customers, its schema changed under them, put back.

use testkit::{Machine, Package};

/// A package made of `apps/tareas` and what a test changes of it.
fn tareas(machine: &Machine, name: &str, change: impl Fn(&std::path::Path)) -> std::path::PathBuf {
    let package = machine.scratch().join(name);
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../apps/tareas");
    testkit::machine::run("cp", &["-r", source.to_str().expect("UTF-8"), package.to_str().expect("UTF-8")]);
    change(&package);
    package
}

fn replace(package: &std::path::Path, file: &str, from: &str, to: &str) {
    let path = package.join(file);
    let text = std::fs::read_to_string(&path).expect("the package has it");
    assert!(text.contains(from), "{file} has no {from:?}");
    std::fs::write(path, text.replace(from, to)).expect("it can be written");
}

fn publish(machine: &Machine, package: &std::path::Path) {
    machine.cli(&["version", "publish", package.to_str().expect("UTF-8")]);
}

fn titles(machine: &Machine, installation: &str) -> Vec<String> {
    let (status, body) = machine.get(installation, "/tareas?limit=100");
    assert_eq!(status, 200, "{body}");
    let rows: serde_json::Value = serde_json::from_str(&body).expect("rows as JSON");
    let rows = rows.as_array().expect("a list");
    rows.iter().map(|row| row["titulo"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Two customers, each with a task of its own.
fn installed() -> Machine {
    let machine = Machine::new();
    machine.cli(&["app", "create", "tareas"]);
    publish(&machine, &tareas(&machine, "v1", |_| {}));
    for customer in ["acme", "globex"] {
        machine.cli(&["customer", "create", customer]);
        machine.cli(&["install", "tareas", "--customer", customer, "--name", customer]);
        let (status, body) = machine.get(customer, "/tareas");
        let rows: serde_json::Value = serde_json::from_str(&body).expect("rows as JSON");
        assert_eq!((status, rows.as_array().map(Vec::len)), (200, Some(10)), "{body}");
        let task = format!("{{\"titulo\": \"Tarea de {customer}\"}}");
        assert_eq!(post(customer, "/tareas", &task), 201);
    }
    machine
}

fn post(installation: &str, path: &str, body: &str) -> u16 {
    let headers = [("Content-Type", "application/json")];
    testkit::machine::request_with("POST", installation, path, &headers, body).expect("the edge answers").0
}

#[test]
fn each_customer_has_its_own_tasks_in_a_sandbox_with_nothing_but_cirrus() {
    let machine = installed();
    let (acme, globex) = (titles(&machine, "acme"), titles(&machine, "globex"));
    assert!(acme.contains(&"Tarea de acme".to_owned()) && !acme.contains(&"Tarea de globex".to_owned()), "{acme:?}");
    assert!(globex.contains(&"Tarea de globex".to_owned()), "{globex:?}");
    let pid = machine.json(&["installation", "show", "acme"])["live"]["pid"].as_u64().expect("it runs");
    let programs = testkit::machine::run("find", &[&format!("/proc/{pid}/root/bin"), "-type", "f"]);
    assert!(programs.trim_end().ends_with("/bin/cirrus") && programs.lines().count() == 1, "{programs}");
}

#[test]
fn a_changed_schema_is_applied_by_a_deployment_and_a_loss_is_refused_and_undone() {
    let machine = installed();
    publish(
        &machine,
        &tareas(&machine, "v2", |package| {
            let field = "titulo = { type = \"text\",";
            replace(package, "schema.toml", field, &format!("nota = {{ type = \"text\", max = 500 }}\n{field}"));
        }),
    );
    machine.cli(&["deploy", "tareas"]);
    assert_eq!(post("acme", "/tareas", "{\"titulo\": \"Con nota\", \"nota\": \"nueva\"}"), 201);
    assert!(titles(&machine, "globex").contains(&"Tarea de globex".to_owned()));

    publish(&machine, &tareas(&machine, "v3", |_| {}));
    let (_, said) = machine.fails(&["deploy", "tareas"]);
    assert!(said.contains("nota"), "what would be lost is named: {said}");
    assert!(titles(&machine, "acme").contains(&"Con nota".to_owned()));

    publish(
        &machine,
        &tareas(&machine, "v4", |package| {
            let schema = std::fs::read_to_string(package.join("schema.toml")).expect("the package has it");
            let schema = format!("lose = [\"tareas.nota\"]\n{schema}");
            std::fs::write(package.join("schema.toml"), schema).expect("it can be written");
        }),
    );
    machine.cli(&["deploy", "tareas"]);
    let (_, body) = machine.get("acme", "/tareas?limit=100");
    assert!(body.contains("Con nota") && !body.contains("\"nota\""), "only what the schema names is lost: {body}");
}

#[test]
fn code_and_data_go_back_together() {
    let machine = installed();
    publish(
        &machine,
        &tareas(&machine, "v2", |package| replace(package, "locales/es.toml", "\"Tareas\"", "\"Pendientes\"")),
    );
    machine.cli(&["deploy", "tareas"]);
    assert_eq!(post("acme", "/tareas", "{\"titulo\": \"Un error\"}"), 201);
    machine.cli(&["rollback", "tareas"]);
    let acme = titles(&machine, "acme");
    assert!(acme.contains(&"Tarea de acme".to_owned()) && !acme.contains(&"Un error".to_owned()), "{acme:?}");
    let (status, page) = machine.get("acme", "/");
    assert!(status == 200 && page.contains("<title>Tareas</title>"), "{status} {page}");
}

#[test]
fn a_handler_without_end_hurts_nobody_else() {
    let machine = Machine::new();
    machine.cli(&["app", "create", "lazo"]);
    machine.cli(&["customer", "create", "acme"]);
    let package = Package::empty(machine.scratch().join("lazo"))
        .file("vclouden.toml", "name = \"Lazo\"\nslug = \"lazo\"\nengine = \"cirrus\"\n")
        .file("cirrus.toml", "[script]\ncpu_seconds = 1\n")
        .file("app.js", "app.get('/', (q, r) => r.send('well'));\napp.get('/lazo', () => { for (;;) {} });");
    machine.cli(&["version", "publish", package.text()]);
    machine.cli(&["install", "lazo", "--customer", "acme", "--name", "lazo"]);
    let (status, body) = machine.get("lazo", "/lazo");
    assert!((500..=503).contains(&status), "{status} {body}");
    assert_eq!(machine.get("lazo", "/"), (200, "well".to_owned()));
    let log = machine.cli(&["installation", "logs", "lazo"]);
    assert!(log.contains("app.js:2"), "the log names the line: {log}");
}
