//! The main job: publish, install for several customers, upgrade under traffic, break on purpose, put back.

use std::time::Duration;

use testkit::{Load, Machine, Package};

/// A machine with the guest book published and installed for two customers, each with a note.
pub fn installed() -> Machine {
    let machine = Machine::new();
    let package = Package::hola(machine.scratch().join("v1"), "1", "well", "");
    machine.cli(&["app", "create", "hola"]);
    machine.cli(&["version", "publish", package.text()]);
    for customer in ["acme", "globex"] {
        machine.cli(&["customer", "create", customer]);
        machine.cli(&["install", "hola", "--customer", customer, "--name", customer]);
        assert_eq!(machine.get(customer, "/"), (200, format!("hola from {customer}, version 1\n")));
        assert_eq!(machine.request("POST", customer, "/notes", &format!("first of {customer}")).0, 201);
    }
    machine
}

/// Publishes a further version of the guest book; its number.
pub fn publish(machine: &Machine, version: &str, mode: &str) -> String {
    let package = Package::hola(machine.scratch().join(format!("v{version}")), version, mode, "");
    let published = machine.json(&["version", "publish", package.text()]);
    published["number"].to_string()
}

#[test]
fn an_upgrade_under_traffic_loses_no_request_and_no_data() {
    let machine = installed();
    assert_eq!(publish(&machine, "2", "well"), "2");
    let load = Load::begin(&["acme", "globex", "acme", "globex"], "/", Duration::from_millis(1));
    machine.cli(&["deploy", "hola"]);
    let outcome = load.end();
    assert_eq!(outcome.failures, Vec::<String>::new());
    assert!(outcome.good > 20, "{outcome:?}");
    for customer in ["acme", "globex"] {
        assert_eq!(machine.get(customer, "/"), (200, format!("hola from {customer}, version 2\n")));
        assert_eq!(machine.get(customer, "/notes"), (200, format!("first of {customer}\n")));
    }
}

#[test]
fn a_version_that_does_not_become_healthy_is_undone_with_its_data() {
    let machine = installed();
    for (number, mode) in [("2", "unhealthy"), ("3", "corrupt"), ("4", "exit"), ("5", "deaf")] {
        assert_eq!(publish(&machine, number, mode), number);
        let load = Load::begin(&["acme", "globex"], "/", Duration::from_millis(5));
        let (status, said) = machine.fails(&["deploy", "hola"]);
        let outcome = load.end();
        assert_eq!(status, 4, "{said}");
        assert_eq!(outcome.failures, Vec::<String>::new(), "{mode}");
        for customer in ["acme", "globex"] {
            assert_eq!(machine.get(customer, "/").1, format!("hola from {customer}, version 1\n"), "{mode}");
            assert_eq!(machine.get(customer, "/notes").1, format!("first of {customer}\n"), "{mode}");
        }
    }
    let (_, said) = machine.fails(&["deploy", "hola", "--version", "4"]);
    assert!(said.contains("told to die at its start"), "the application's own last words are missing: {said}");
    let undone = machine.json(&["operation", "list", "--installation", "acme", "-n", "1"])["items"][0]["id"].clone();
    let log = machine.cli(&["operation", "logs", undone.as_str().expect("an id")]);
    assert!(log.contains("told to die at its start") && !log.contains("version 1"), "{log}");
    let shown = machine.cli(&["deployment", "show", "hola"]);
    assert!(shown.contains("vclouden operation logs"), "{shown}");
}

#[test]
fn a_failed_install_leaves_its_log() {
    let machine = Machine::new();
    let package = Package::hola(machine.scratch().join("v1"), "1", "exit", "");
    machine.cli(&["version", "publish", package.text(), "--create"]);
    machine.cli(&["customer", "create", "acme"]);
    let (status, said) = machine.fails(&["install", "hola", "--customer", "acme", "--name", "acme"]);
    assert_eq!(status, 4, "{said}");
    let log = machine.cli(&["installation", "logs", "acme"]);
    assert!(log.contains("told to die at its start"), "{log}");
    let (_, said) = machine.fails(&["customer", "delete", "acme"]);
    assert!(said.contains("acme"), "the record of what failed is its own: {said}");
    machine.cli(&["installation", "remove", "acme", "--yes"]);
    machine.cli(&["customer", "delete", "acme"]);
    machine.cli(&["app", "delete", "hola"]);
}

#[test]
fn a_rollback_by_hand_brings_back_code_and_data_and_can_be_limited_to_one() {
    let machine = installed();
    publish(&machine, "2", "well");
    machine.cli(&["deploy", "hola"]);
    for customer in ["acme", "globex"] {
        machine.request("POST", customer, "/notes", "written by version 2");
    }
    machine.cli(&["rollback", "acme"]);
    assert_eq!(machine.get("acme", "/").1, "hola from acme, version 1\n");
    assert_eq!(machine.get("acme", "/notes").1, "first of acme\n");
    assert_eq!(machine.get("globex", "/").1, "hola from globex, version 2\n");
    machine.cli(&["rollback", "hola"]);
    assert_eq!(machine.get("globex", "/").1, "hola from globex, version 1\n");
    assert_eq!(machine.get("globex", "/notes").1, "first of globex\n");
    let (_, said) = machine.fails(&["rollback", "acme"]);
    assert!(said.contains("acme"), "{said}");
}

#[test]
fn a_version_in_use_cannot_be_deleted_and_a_download_is_byte_identical() {
    let machine = installed();
    let archive = machine.scratch().join("hola.tar.gz");
    let copy = machine.scratch().join("copy.tar.gz");
    let package = Package::hola(machine.scratch().join("v2"), "2", "well", "");
    machine.cli(&["package", "pack", package.text(), "-o", archive.to_str().unwrap()]);
    machine.cli(&["version", "publish", archive.to_str().unwrap()]);
    machine.cli(&["version", "download", "hola", "2", "-o", copy.to_str().unwrap()]);
    assert_eq!(std::fs::read(&archive).unwrap(), std::fs::read(&copy).unwrap());
    let (_, said) = machine.fails(&["version", "delete", "hola", "1"]);
    assert!(said.contains("acme"), "it should name who uses it: {said}");
    machine.cli(&["version", "delete", "hola", "2"]);
    assert_eq!(publish(&machine, "3", "well"), "3", "a deleted number is not used again");
    machine.cli(&["deploy", "hola"]);
    let (_, said) = machine.fails(&["version", "delete", "hola", "1"]);
    assert!(said.contains("roll"), "a live rollback needs version 1: {said}");
}
