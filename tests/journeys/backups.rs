//! Copies of an installation's data: taken, listed, restored, deleted.

use std::time::Duration;

use testkit::Load;

use super::guest_book::{installed, publish};

#[test]
fn a_backup_brings_data_back_and_other_installations_are_not_touched() {
    let machine = installed();
    let backup =
        machine.json(&["backup", "create", "acme", "--label", "before more"])["id"].as_str().expect("an id").to_owned();
    for customer in ["acme", "globex"] {
        machine.request("POST", customer, "/notes", "later");
    }
    machine.cli(&["backup", "restore", "acme", &backup]);
    assert_eq!(machine.get("acme", "/notes").1, "first of acme\n");
    assert_eq!(machine.get("globex", "/notes").1, "first of globex\nlater\n");
    let list = machine.cli(&["backup", "list", "acme"]);
    assert!(list.contains(&backup[..8]) && list.contains("before more"), "{list}");
    machine.cli(&["backup", "delete", "acme", &backup]);
    let (_, said) = machine.fails(&["backup", "restore", "acme", &backup]);
    assert!(said.contains("backup"), "{said}");
}

#[test]
fn an_undo_can_be_undone() {
    let machine = installed();
    publish(&machine, "2", "well");
    machine.cli(&["deploy", "hola"]);
    machine.request("POST", "acme", "/notes", "written by version 2");
    machine.cli(&["rollback", "acme"]);
    assert_eq!(machine.get("acme", "/notes").1, "first of acme\n");
    let newest = |reason: &str| {
        let copies = machine.json(&["backup", "list", "acme"]);
        let copies = copies["items"].as_array().expect("a list").clone();
        let copy = copies.into_iter().rfind(|copy| copy["reason"] == reason).expect("a snapshot");
        (copy["name"].as_str().expect("a name").to_owned(), copy["version"].clone())
    };

    // Forward again, with what version 2 had written.
    let (name, version) = newest("before-rollback");
    assert_eq!(version, 2);
    let load = Load::begin(&["acme"], "/", Duration::from_millis(1));
    machine.cli(&["backup", "restore", "acme", &name]);
    assert_eq!(load.end().failures, Vec::<String>::new());
    assert_eq!(machine.get("acme", "/").1, "hola from acme, version 2\n");
    assert_eq!(machine.get("acme", "/notes").1, "first of acme\nwritten by version 2\n");
    assert_eq!(machine.get("globex", "/notes").1, "first of globex\n");

    // And back by what that replaced.
    machine.cli(&["backup", "restore", "acme", &newest("before-restore").0]);
    assert_eq!(machine.get("acme", "/").1, "hola from acme, version 1\n");
    assert_eq!(machine.get("acme", "/notes").1, "first of acme\n");

    // Only the data of then, for the version of now.
    machine.cli(&["backup", "restore", "acme", &name, "--data-only"]);
    assert_eq!(machine.get("acme", "/").1, "hola from acme, version 1\n");
    assert_eq!(machine.get("acme", "/notes").1, "first of acme\nwritten by version 2\n");
}
