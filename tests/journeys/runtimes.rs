//! Programs of other kinds than the guest book: interpreted ones, with data of their own to begin with, and shell
//! scripts; and what is said about those that cannot run.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use testkit::{Machine, Package};

const NOTES: &str = include_str!("programs/notes.py");

/// The notes in Python; `more` is appended to the manifest.
fn notes(machine: &Machine, name: &str, more: &str) -> Package {
    let manifest = "name = \"Notes\"\nslug = \"notes\"\nbase = \"debian-12\"\ndependencies = [\"python3\"]\n\
        command = [\"python3\", \"notes.py\"]\n[limits]\nmemory = \"64 MiB\"\ndisk = \"64 MiB\"\n\
        [http]\nport = 8000\nhealth = \"/\"\n";
    let first = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes (text) VALUES ('welcome');";
    Package::empty(machine.scratch().join(name))
        .file("vclouden.toml", &format!("{manifest}{more}\n"))
        .file("notes.py", NOTES)
        .file("seed/first.sql", first)
}

/// A shell script on Debian without HTTP.
fn script(machine: &Machine, slug: &str, text: &str, more: &str) -> Package {
    let manifest =
        format!("name = \"{slug}\"\nslug = \"{slug}\"\nbase = \"debian-12\"\ncommand = [\"./run\"]\n{more}\n");
    Package::empty(machine.scratch().join(slug)).file("vclouden.toml", &manifest).program("run", text)
}

/// Publishes it with its application, and installs it under the application's name for the customer acme.
fn install(machine: &Machine, app: &str, package: &Package) -> Result<(), String> {
    machine.cli(&["version", "publish", package.text(), "--create"]);
    machine.try_cli(&["customer", "create", "acme"]);
    let output = machine.try_cli(&["install", app, "--customer", "acme", "--name", app]);
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[test]
fn a_python_program_begins_with_its_initial_data_and_a_migration_of_its_sqlite_is_taken_back() {
    let machine = Machine::new();
    let first = notes(&machine, "v1", "[data]\ninitial = \"seed\"");
    install(&machine, "notes", &first).expect("it installs");
    machine.cli(&["customer", "create", "globex"]);
    machine.cli(&["install", "notes", "--customer", "globex", "--name", "globex"]);
    assert_eq!(machine.get("notes", "/"), (200, "welcome".into()));
    assert_eq!(machine.request("POST", "notes", "/", "of acme").1, "welcome\nof acme");
    assert_eq!(machine.get("globex", "/").1, "welcome", "each customer has data of their own");

    let second = notes(&machine, "v2", "[data]\ninitial = \"seed\"\n[environment]\nMIGRATE = \"1\"");
    machine.cli(&["version", "publish", second.text()]);
    machine.cli(&["deploy", "notes"]);
    assert_eq!(machine.get("notes", "/").1, "welcome\nof acme", "initial data is copied once, at installation");
    assert_eq!(machine.request("POST", "notes", "/", "after the migration").1, "welcome\nof acme\nafter the migration");

    machine.cli(&["rollback", "--app", "notes"]);
    assert_eq!(machine.get("notes", "/").1, "welcome\nof acme", "the former program reads the former schema");
    assert_eq!(machine.request("POST", "globex", "/", "of globex").1, "welcome\nof globex");
}

#[test]
fn a_program_keeps_its_data_where_it_wants_as_the_debian_user_it_wants() {
    let machine = Machine::new();
    let more = "[data]\ninitial = \"seed\"\ndirectory = \"/var/lib/notes\"";
    let package = notes(&machine, "v1", more);
    let manifest = std::fs::read_to_string(package.path().join("vclouden.toml")).unwrap();
    let package = package.file("vclouden.toml", &manifest.replace("[limits]", "user = \"www-data\"\n[limits]"));
    install(&machine, "notes", &package).expect("it installs");
    assert_eq!(machine.get("notes", "/who").1, "33 /var/lib/notes notes");
    assert_eq!(machine.request("POST", "notes", "/", "one").1, "welcome\none");
    let owners =
        machine.cli(&["installation", "exec", "notes", "--", "stat", "-c", "%U %n", "/var/lib/notes/notes.sqlite"]);
    assert_eq!(owners, "www-data /var/lib/notes/notes.sqlite\n");
    machine.cli(&["installation", "restart", "notes"]);
    assert_eq!(machine.get("notes", "/").1, "welcome\none");
}

#[test]
fn a_script_that_ignores_the_request_to_end_is_killed_after_its_grace_with_all_its_children() {
    let machine = Machine::new();
    let text = "#!/bin/sh\ntrap '' TERM\nfor child in 1 2 3; do setsid sh -c 'trap \"\" TERM; sleep 7777' & done\n\
        echo begun with three children\nwhile :; do sleep 1; done\n";
    let package = script(&machine, "stubborn", text, "[stop]\ngrace = \"1 s\"");
    install(&machine, "stubborn", &package).expect("it installs");
    assert!(machine.cli(&["installation", "logs", "stubborn"]).contains("begun with three children"));
    assert_eq!(machine.get("stubborn", "/").0, 404, "one without HTTP has no pages");
    let pid = machine.json(&["installation", "show", "stubborn"])["live"]["pid"].as_u64().expect("it runs");
    let namespace = std::fs::read_link(format!("/proc/{pid}/ns/pid")).expect("its pid namespace");
    let inhabitants = || -> BTreeSet<PathBuf> {
        let processes = std::fs::read_dir("/proc").expect("/proc").flatten().map(|process| process.path());
        processes.filter(|p| std::fs::read_link(p.join("ns/pid")).is_ok_and(|n| n == namespace)).collect()
    };
    let before = inhabitants();
    assert!(before.len() >= 5, "the script, its children and the sandbox's init");
    let begin = Instant::now();
    machine.cli(&["installation", "stop", "stubborn"]);
    let took = begin.elapsed();
    assert!(took >= Duration::from_secs(1), "its grace is 1 s: {took:?}");
    // The kernel gives the namespace's number to the next one that anybody makes.
    assert!(inhabitants().is_disjoint(&before));
    machine.cli(&["installation", "start", "stubborn"]);
}

#[test]
fn what_cannot_run_is_told_in_words_that_say_what_to_do() {
    let machine = Machine::new();
    let python = "base = \"debian-12\"\ndependencies = [\"python3\"]\n";
    let http = "[http]\nport = 8000\nstart_timeout = \"8 s\"";
    let cases = [
        (
            "local",
            format!(
                "{python}command = [\"python3\", \"-m\", \"http.server\", \"8000\", \"--bind\", \"127.0.0.1\"]\n{http}"
            ),
            "0.0.0.0:8000",
        ),
        ("wrong", format!("{python}command = [\"pyhton3\", \"x.py\"]\n{http}"), "pyhton3"),
        (
            "quits",
            "base = \"debian-12\"\ncommand = [\"sh\", \"-c\", \"echo my last words; exit 7\"]".into(),
            "my last words",
        ),
        ("huge", "base = \"debian-12\"\ncommand = [\"sleep\", \"9\"]\n[limits]\nmemory = \"64 GiB\"".into(), "memory"),
        ("stranger", "base = \"debian-12\"\ncommand = [\"sleep\", \"9\"]\nuser = \"gustav\"".into(), "gustav"),
    ];
    for (slug, manifest, words) in cases {
        let package = Package::empty(machine.scratch().join(slug));
        let package = package.file("vclouden.toml", &format!("name = \"{slug}\"\nslug = \"{slug}\"\n{manifest}\n"));
        let said = install(&machine, slug, &package).expect_err("it cannot run");
        assert!(said.contains(words), "{slug}: {said}");
        machine.cli(&["installation", "remove", slug, "--yes"]);
    }
    let processes = machine.json(&["status"]);
    assert_eq!(processes["installations"], serde_json::json!({}), "{processes}");
}
