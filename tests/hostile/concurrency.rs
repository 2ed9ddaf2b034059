//! Two people at once: defined outcomes.

use std::thread;

use crate::journeys::guest_book::{installed, publish};

#[test]
fn of_two_deployments_at_once_the_second_is_refused_by_name() {
    let machine = installed();
    publish(&machine, "2", "well");
    publish(&machine, "3", "deaf");
    machine.cli(&["deploy", "hola", "--version", "3", "--no-wait"]);
    let (status, said) = machine.fails(&["deploy", "hola", "--version", "2"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("deploy"), "{said}");
}

#[test]
fn removing_twice_at_once_and_what_is_gone_ends_the_same() {
    let machine = installed();
    let outcomes: Vec<_> = thread::scope(|scope| {
        let remove = || machine.try_cli(&["installation", "remove", "acme", "--yes"]).status;
        let both = [scope.spawn(remove), scope.spawn(remove)];
        both.into_iter().map(|t| t.join().expect("no panic")).collect()
    });
    assert!(outcomes.iter().any(std::process::ExitStatus::success), "{outcomes:?}");
    assert_eq!(machine.get("acme", "/").0, 404);
    assert_eq!(machine.get("globex", "/").0, 200);
    assert_eq!(machine.fails(&["installation", "remove", "acme", "--yes"]).0, 1);
}

#[test]
fn what_is_in_use_is_not_deleted() {
    let machine = installed();
    let (_, said) = machine.fails(&["app", "delete", "hola"]);
    assert!(said.contains("acme") && said.contains("globex"), "{said}");
    let (_, said) = machine.fails(&["install", "hola", "--customer", "acme", "--name", "globex"]);
    assert!(said.contains("globex"), "{said}");
    let (_, said) = machine.fails(&["install", "hola", "--customer", "nobody"]);
    assert!(said.contains("nobody"), "{said}");
}
