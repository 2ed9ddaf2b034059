//! Packages with mistakes, seen from the command line: the error names the file, key or limit, and nothing changes.

use std::fs;

use testkit::{Machine, Package};

#[test]
fn mistakes_in_a_package_are_explained_before_anything_happens() {
    let machine = Machine::new();
    machine.cli(&["app", "create", "hola"]);
    machine.cli(&["customer", "create", "acme"]);
    let good = Package::hola(machine.scratch().join("good"), "1", "well", "");
    let manifest = fs::read_to_string(good.path().join("vclouden.toml")).unwrap();
    let cases: &[(&str, &str, &str, &[&str])] = &[
        ("unknown-key", "slug =", "slgu = \"x\"\nslug =", &["line 2", "slgu"]),
        ("no-command", "command = [\"./hola\"]\n", "", &["command"]),
        ("missing-program", "./hola", "./holla", &["holla"]),
        ("text-command", "[\"./hola\"]", "\"./hola\"", &["line 3", "command"]),
        ("too-much", "16 MiB", "16 TiB", &["memory"]),
        ("too-little", "16 MiB", "16 B", &["memory"]),
        ("no-unit", "\"16 MiB\"", "16", &["memory", "MiB"]),
        ("port", "port = 8080", "port = 99999", &["port"]),
        ("root", "command =", "user = \"root\"\ncommand =", &["user", "root"]),
        ("initial", "[stop]", "[data]\ninitial = \"nothing-here\"\n[stop]", &["nothing-here"]),
        ("engine", "command =", "engine = \"warp\"\ncommand =", &["engine", "warp"]),
        ("not-toml", "[http]", "[http", &["line"]),
    ];
    for (name, from, to, words) in cases {
        assert!(manifest.contains(from), "{name}: the sample package changed; change this test too");
        let bad = Package::hola(machine.scratch().join(name), "1", "well", "");
        fs::write(bad.path().join("vclouden.toml"), manifest.replace(from, to)).unwrap();
        for arguments in [["package", "check", bad.text()], ["version", "publish", bad.text()]] {
            let (status, said) = machine.fails(&arguments);
            assert_eq!(status, 1, "{name}: {said}");
            for word in *words {
                assert!(said.contains(word), "{name}: the error does not name {word}: {said}");
            }
        }
    }
    assert_eq!(machine.json(&["version", "list", "hola"])["items"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_program_that_cannot_run_is_refused_with_the_reason_and_leaves_nothing() {
    let machine = Machine::new();
    machine.cli(&["app", "create", "hola"]);
    machine.cli(&["customer", "create", "acme"]);
    let script = "#!/usr/bin/no-such-interpreter\n";
    let manifest = |command: &str| {
        format!(
            "name = \"Hola\"\nslug = \"hola\"\ncommand = [{command}]\n[http]\nport = 8080\nstart_timeout = \"3 s\"\n"
        )
    };
    let cases = [
        ("interpreter", "\"./start\"", "no-such-interpreter"),
        ("absent", "\"/usr/bin/absent\"", "/usr/bin/absent"),
        ("dies", "\"./hola\"", "exit"),
    ];
    for (name, command, word) in cases {
        let package = Package::hola(machine.scratch().join(name), "1", "well", "");
        let package = package.program("start", script);
        let text = manifest(command) + if name == "dies" { "[environment]\nHOLA_MODE = \"exit\"\n" } else { "" };
        let package = package.file("vclouden.toml", &text);
        machine.cli(&["version", "publish", package.text()]);
        let before = testkit::Leftovers::now(&machine.data(), &[]);
        let (status, said) = machine.fails(&["install", "hola", "--customer", "acme", "--name", name]);
        assert_eq!(status, 4, "{name}: {said}");
        assert!(said.contains(word), "{name}: the error does not name {word}: {said}");
        assert_eq!(testkit::Leftovers::now(&machine.data(), &[]), before, "{name} left something");
    }
}

#[test]
fn an_engine_that_is_not_there_is_named() {
    let machine = Machine::without_cirrus();
    machine.cli(&["app", "create", "tareas"]);
    machine.cli(&["customer", "create", "acme"]);
    let package = Package::empty(machine.scratch().join("tareas"))
        .file("vclouden.toml", "name = \"Tareas\"\nslug = \"tareas\"\nengine = \"cirrus\"\n")
        .file("app.js", "app.get('/', (req, res) => res.send('well'))");
    machine.cli(&["version", "publish", package.text()]);
    let (_, said) = machine.fails(&["install", "tareas", "--customer", "acme"]);
    assert!(said.contains("this server has no engine \"cirrus\""), "{said}");
    let shown = machine.json(&["installation", "show", "tareas-acme"]);
    assert_eq!(shown["state"], "failed", "{shown}");
}
