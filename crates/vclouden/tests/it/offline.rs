//! What works without a control plane, and what is said when there is none.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use crate::fake::{Ended, finish, vclouden};

fn run(arguments: &[&str]) -> Ended {
    let home = tempfile::tempdir().unwrap();
    let mut command = vclouden(arguments);
    command.env("XDG_CONFIG_HOME", home.path());
    finish(command, "")
}

const MANIFEST: &str = "name = \"Greeter\"\nslug = \"greeter\"\ncommand = [\"./greet\"]\n";

fn package(directory: &Path, manifest: &str) {
    fs::write(directory.join("vclouden.toml"), manifest).unwrap();
    fs::write(directory.join("greet"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(directory.join("greet"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn completions_are_made_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = run(&["completions", shell]);
        assert_eq!(ended.status, 0, "{}", ended.err);
        assert!(ended.out.contains("installation") && ended.out.contains("no-wait"), "{shell}");
    }
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    for wrong in [
        &["nonsense"][..],
        &["app", "create", "Not A Name"],
        &["version", "show", "hola", "0"],
        &["deploy"],
        &["rollback"],
        &["installation", "exec", "acme"],
        &["up", "--volume-size", "much"],
    ] {
        assert_eq!(run(wrong).status, 2, "{wrong:?}");
    }
}

#[test]
fn a_wrong_command_line_is_a_document_for_programs() {
    for (wrong, said) in [
        (&["--json", "nonsense"][..], "unrecognized subcommand 'nonsense'"),
        (&["deploy", "--json"], "<APP>"),
        (&["deploy", "hola", "--canry", "1", "--json"], "similar argument exists: '--canary'"),
        (&["version", "show", "hola", "0", "--json"], "whole number"),
        (&["--json", "app"], "a command is missing"),
        (&["--json", "--token", "\u{1}", "--api", "127.0.0.1:1", "status"], "characters that no token has"),
    ] {
        let ended = run(&[wrong, &[]].concat());
        assert_eq!((ended.status, ended.out.as_str()), (2, ""), "{wrong:?} {}", ended.err);
        let json: serde_json::Value = serde_json::from_str(&ended.err).unwrap_or_else(|_| panic!("{}", ended.err));
        let error = json["error"].as_str().unwrap();
        assert!(error.contains(said) && !error.contains("Usage:") && !error.contains('\n'), "{error}");
        assert!(!error.starts_with("error"), "{error}");
    }
    // For what is run inside, and for help, it is no wish.
    assert!(run(&["installation", "exec", "--", "x", "--json"]).err.contains("Usage:"));
    assert!(run(&["--json", "deploy", "--help"]).out.contains("Options of every command:"));
}

#[test]
fn an_api_that_is_not_there_ends_with_3_and_says_what_to_do() {
    let ended = run(&["--api", "127.0.0.1:1", "--token", "vco_x", "status"]);
    assert_eq!(ended.status, 3, "{}", ended.err);
    assert!(ended.err.starts_with("error: ") && ended.err.contains("vclouden up"), "{}", ended.err);
    assert!(ended.err.contains("127.0.0.1:1"), "{}", ended.err);
}

#[test]
fn an_api_that_is_not_there_is_told_before_a_missing_token() {
    let ended = run(&["--api", "127.0.0.1:1", "--json", "status"]);
    assert_eq!(ended.status, 3, "{}", ended.err);
    assert!(ended.err.contains("cannot reach the API at http://127.0.0.1:1"), "{}", ended.err);
    let json: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert!(json["error"].as_str().unwrap().contains("cannot reach"), "{json}");
}

#[test]
fn windows_line_ends_and_other_encodings_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    package(directory.path(), &format!("{MANIFEST}base = \"debian-12\"\n"));
    fs::write(directory.path().join("greet"), "#!/bin/sh\r\necho\r\n").unwrap();
    for command in [&["package", "check", path][..], &["--token", "x", "version", "publish", path]] {
        let ended = run(command);
        assert_eq!(ended.status, 1, "{}", ended.out);
        assert!(ended.err.contains("Windows line ends") && ended.err.contains("line 3"), "{}", ended.err);
    }
    fs::write(directory.path().join("vclouden.toml"), b"name = \"Gr\xfc\xdfe\"\n").unwrap();
    let ended = run(&["package", "check", path]);
    assert!(ended.status == 1 && ended.err.contains("not UTF-8"), "{}", ended.err);
    for (wrong, said) in [
        (&["backup", "restore", "acme", "x"][..], "vclouden backup list"),
        (&["version", "show", "hola", "99999999999"], "whole number"),
        (&["deploy", "hola", "--keep-hours", "721"], "1 to 720"),
    ] {
        let ended = run(wrong);
        assert!(ended.status == 2 && ended.err.contains(said), "{}", ended.err);
    }
}

#[test]
fn a_missing_token_is_explained() {
    let somebody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = somebody.local_addr().unwrap().to_string();
    let ended = run(&["--api", &address, "status"]);
    assert_eq!(ended.status, 1);
    assert!(ended.err.contains("--token") && ended.err.contains("VCLOUDEN_TOKEN"), "{}", ended.err);
}

#[test]
fn a_good_package_is_packed_the_same_every_time() {
    let directory = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    package(directory.path(), MANIFEST);
    let path = directory.path().to_str().unwrap();
    let check = run(&["package", "check", path]);
    assert_eq!(check.status, 0, "{}", check.err);
    assert!(check.out.contains("greeter (Greeter)"), "{}", check.out);
    let files: Vec<_> = ["a", "b"].map(|name| out.path().join(name)).into();
    for file in &files {
        assert_eq!(run(&["package", "pack", path, "-o", file.to_str().unwrap()]).status, 0);
    }
    assert_eq!(fs::read(&files[0]).unwrap(), fs::read(&files[1]).unwrap());
    assert_eq!(run(&["package", "check", files[0].to_str().unwrap()]).status, 0);
    let inside = directory.path().join("p.tar.gz");
    assert_eq!(run(&["package", "pack", path, "-o", inside.to_str().unwrap()]).status, 2);
}

#[test]
fn all_mistakes_are_told_at_once_with_their_lines() {
    let directory = tempfile::tempdir().unwrap();
    package(directory.path(), &MANIFEST.replace("slug", "slag").replace("[\"./greet\"]", "[]"));
    let ended = run(&["package", "check", directory.path().to_str().unwrap()]);
    assert_eq!(ended.status, 1);
    assert!(ended.err.contains("line 2") && ended.err.contains("line 3"), "{}", ended.err);
    package(directory.path(), &MANIFEST.replace("./greet", "./great"));
    let ended = run(&["package", "check", directory.path().to_str().unwrap()]);
    assert!(ended.err.contains("line 3") && ended.err.contains("great"), "{}", ended.err);
}

#[test]
fn a_reader_that_leaves_is_no_panic() {
    let mut child = vclouden(&["completions", "zsh"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let status = child.wait().unwrap();
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((status.code(), err.as_str()), (Some(141), ""));
}

#[test]
fn a_program_that_cannot_run_is_a_mistake_and_a_path_that_leads_nowhere_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    package(directory.path(), MANIFEST);
    let script = run(&["package", "check", path]);
    assert!(script.status == 0 && script.err.contains("warning: ") && script.err.contains("/bin/sh"), "{}", script.err);

    // Debian's own programs are linked dynamically.
    fs::copy("/bin/true", directory.path().join("greet")).unwrap();
    let ended = run(&["package", "check", path]);
    assert_eq!(ended.status, 1, "{}", ended.out);
    for expected in ["line 3: command", "linked dynamically", "ld-linux", "debian-12", "musl"] {
        assert!(ended.err.contains(expected), "{expected} is missing: {}", ended.err);
    }
    let publish = run(&["--token", "x", "version", "publish", path]);
    assert!(publish.status == 1 && publish.err.contains("linked dynamically"), "{}", publish.err);

    let command = "[\"./greet\", \"./data.json\", \"/app/greet\", \"/app/none/\", \"/data/x\", \"x\"]";
    package(directory.path(), &format!("{}base = \"debian-12\"\n", MANIFEST.replace("[\"./greet\"]", command)));
    fs::copy("/bin/true", directory.path().join("greet")).unwrap();
    let archive = tempfile::tempdir().unwrap();
    let file = archive.path().join("greeter.tar.gz");
    let file = file.to_str().unwrap();
    assert_eq!(run(&["package", "pack", path, "-o", file]).status, 0);
    for package in [path, file] {
        let ended = run(&["package", "check", package]);
        assert_eq!(ended.status, 0, "{}", ended.err);
        assert_eq!(ended.err.lines().count(), 2, "{}", ended.err);
        assert!(ended.err.contains("\"data.json\"") && ended.err.contains("\"none\""), "{}", ended.err);
        let json = run(&["--json", "package", "check", package]);
        let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
        assert_eq!(json["warnings"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn a_package_is_published_under_its_own_name_only() {
    let directory = tempfile::tempdir().unwrap();
    package(directory.path(), MANIFEST);
    let ended = run(&["--token", "x", "version", "publish", directory.path().to_str().unwrap(), "--app", "other"]);
    assert_eq!(ended.status, 1);
    assert!(ended.err.contains("slug = \"greeter\"") && ended.err.contains("--app"), "{}", ended.err);
}

#[test]
fn the_data_of_this_machine_is_not_in_a_package_of_cirrus() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    fs::create_dir(directory.path().join("data")).unwrap();
    for (name, content) in [
        ("vclouden.toml", "name = \"C\"\nslug = \"c\"\nengine = \"cirrus\"\n"),
        ("app.js", ""),
        ("data/data.sqlite", "rows of somebody"),
        ("data/secret", "a key"),
    ] {
        fs::write(directory.path().join(name), content).unwrap();
    }
    let check = run(&["package", "check", path]);
    assert_eq!(check.status, 0, "{}", check.err);
    assert!(check.out.contains("Engine:") && check.out.contains("Left out:"), "{}", check.out);
    let out = tempfile::tempdir().unwrap();
    let archive = out.path().join("c.tar.gz");
    let packed = run(&["package", "pack", path, "-o", archive.to_str().unwrap()]);
    assert_eq!(packed.status, 0, "{}", packed.err);
    let listed = std::process::Command::new("tar").arg("tzf").arg(&archive).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("app.js") && !listed.contains("data"), "{listed}");

    let whole = out.path().join("whole.tar.gz");
    let made = std::process::Command::new("tar").args(["czf", whole.to_str().unwrap(), "-C", path, "."]).status();
    assert!(made.unwrap().success());
    let check = run(&["package", "check", whole.to_str().unwrap()]);
    assert!(check.status == 1 && check.err.contains("data/data.sqlite"), "{} {}", check.out, check.err);
}
