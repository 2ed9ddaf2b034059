//! Create and remove, again and again: nothing may pile up.

use testkit::{Leftovers, Machine, Package};

/// Cycles; at this number a leak of one thing in a hundred cycles is found.
const CYCLES: usize = 200;

#[test]
fn create_and_remove_leaves_everything_as_it_was() {
    let machine = Machine::new();
    let package = Package::hola(machine.scratch().join("hola"), "1", "well", "");
    machine.cli(&["app", "create", "hola"]);
    machine.cli(&["version", "publish", package.text()]);
    machine.cli(&["customer", "create", "acme"]);
    let mut ids = Vec::new();
    let mut cycle = |name: &str| {
        machine.cli(&["install", "hola", "--customer", "acme", "--name", name]);
        let id = machine.json(&["installation", "show", name])["id"].as_str().expect("an id").to_owned();
        assert_eq!(machine.get(name, "/").0, 200);
        machine.cli(&["installation", "remove", name, "--yes"]);
        ids.push(id);
    };
    cycle("first");
    let before = Leftovers::now(&machine.data(), &[]);
    for n in 0..CYCLES {
        cycle(&format!("cycle-{n}"));
    }
    assert_eq!(Leftovers::now(&machine.data(), &ids), before);
}

#[test]
fn an_installation_that_is_there_is_counted() {
    let machine = Machine::new();
    let package = Package::hola(machine.scratch().join("hola"), "1", "well", "");
    machine.cli(&["app", "create", "hola"]);
    machine.cli(&["version", "publish", package.text()]);
    machine.cli(&["customer", "create", "acme"]);
    let before = Leftovers::now(&machine.data(), &[]);
    machine.cli(&["install", "hola", "--customer", "acme", "--name", "acme"]);
    let id = machine.json(&["installation", "show", "acme"])["id"].as_str().expect("an id").to_owned();
    let with = Leftovers::now(&machine.data(), &[id]);
    assert_ne!(with.processes, before.processes);
    assert!(!with.cgroups.is_empty());
    assert_ne!(with.interfaces, before.interfaces);
    assert_ne!(with.files, before.files);
}
