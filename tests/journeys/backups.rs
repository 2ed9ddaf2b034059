//! Copies of an installation's data: taken, listed, restored, deleted.

use super::guest_book::installed;

#[test]
fn a_backup_brings_data_back_and_other_installations_are_not_touched() {
    let machine = installed();
    let backup = machine.json(&["backup", "create", "acme"])["id"].as_str().expect("an id").to_owned();
    for customer in ["acme", "globex"] {
        machine.request("POST", customer, "/notes", "later");
    }
    machine.cli(&["backup", "restore", "acme", &backup]);
    assert_eq!(machine.get("acme", "/notes").1, "first of acme\n");
    assert_eq!(machine.get("globex", "/notes").1, "first of globex\nlater\n");
    assert!(machine.cli(&["backup", "list", "acme"]).contains(&backup[..8]));
    machine.cli(&["backup", "delete", "acme", &backup]);
    let (_, said) = machine.fails(&["backup", "restore", "acme", &backup]);
    assert!(said.contains("backup"), "{said}");
}
