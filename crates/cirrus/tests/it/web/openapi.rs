//! What `/openapi.json` promises, put to the test by schemathesis: requests made from the document, right and wrong ones,
//! alone and one after the other, and every answer judged by it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::world::{App, Server, cirrus};

/// Requests to each operation, beside those that try each limit of each parameter.
const EXAMPLES: &str = "10";

fn program() -> PathBuf {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/schemathesis/bin/schemathesis");
    assert!(program.is_file(), "schemathesis is missing: `scripts/need test` puts it into target/ (python3-venv)");
    program
}

/// Whether nothing was found, and what was said.
fn judged(server: &Server, options: &[&str]) -> (bool, String) {
    let scratch = tempfile::tempdir().unwrap();
    let mut command = Command::new(program());
    command.arg("run").arg(format!("http://{}/openapi.json", server.address));
    command.args(["--checks", "all", "--seed", "7", "--generation-database", "none", "--no-color"]).args(options);
    command.current_dir(scratch.path()).env("HOME", scratch.path()).env("NO_PROXY", "*");
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn keeps_its_word(name: &str, operations: &str, options: &[&str]) {
    let scratch = tempfile::tempdir().unwrap();
    let mut command = cirrus();
    command.arg("serve").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps").join(name));
    command.arg("--data").arg(scratch.path()).args(["--listen", "127.0.0.1:0"]);
    let server = Server::start(command);
    let (clean, report) = judged(&server, &[&["--max-examples", EXAMPLES], options].concat());
    let log: Vec<String> = server.log.try_iter().collect();
    assert!(clean, "{report}\n{}", log.join("\n"));
    assert!(report.contains(&format!("{operations} selected / {operations} total")), "{report}");
    assert_eq!(log, [""; 0], "the server has something to say");
}

#[test]
fn tareas_keeps_its_word() {
    keeps_its_word("tareas", "12", &[]);
}

#[test]
fn vbase_keeps_its_word() {
    // That a mail has an @ is a `check` of its schema, which no OpenAPI document can say.
    keeps_its_word("vbase", "6", &["--exclude-checks", "positive_data_acceptance"]);
}

#[test]
fn a_broken_word_is_found() {
    let app =
        App::new(&[("app.js", "app.get('/tareas', (req, res) => res.json([{ id: 'x' }])); app.resource('tareas');")]);
    let (clean, report) =
        judged(&app.serve(), &["--phases", "fuzzing", "--max-examples", "3", "--include-path", "/tareas"]);
    assert!(!clean && report.contains("schema"), "{report}");
}
