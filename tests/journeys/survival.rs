//! Whatever dies above them, the installations go on, and what comes back finds them as they were.

use std::time::Duration;

use testkit::{Load, Machine};

use super::guest_book::{installed, publish};

fn pid(machine: &Machine, name: &str) -> u64 {
    machine.json(&["installation", "show", name])["live"]["pid"].as_u64().expect("it runs")
}

#[test]
fn sandboxes_outlive_ctrl_c_and_kill_and_are_found_again() {
    let mut machine = installed();
    let before = (pid(&machine, "acme"), pid(&machine, "globex"));
    machine.interrupt();
    machine.start();
    assert_eq!((pid(&machine, "acme"), pid(&machine, "globex")), before, "Ctrl-C restarted something");
    machine.kill();
    machine.start();
    assert_eq!((pid(&machine, "acme"), pid(&machine, "globex")), before, "kill -9 restarted something");
    assert_eq!(machine.get("acme", "/notes").1, "first of acme\n");
}

#[test]
fn the_edge_serves_while_nimbus_and_the_control_plane_are_dead() {
    let mut machine = installed();
    let load = Load::begin(&["acme", "globex"], "/", Duration::from_millis(1));
    for part in ["nimbus", "plane", "nimbus", "plane"] {
        // It may still be coming back from the last time.
        machine.eventually("it runs", |machine| machine.part(part).is_some());
        machine.kill_part(part);
        std::thread::sleep(Duration::from_millis(300));
    }
    let outcome = load.end();
    assert_eq!(outcome.failures, Vec::<String>::new());
    // Each of the two was answered each time; how often says how fast this machine is.
    assert!(outcome.good >= 8, "{outcome:?}");
}

#[test]
fn a_deployment_goes_on_when_its_drivers_are_killed_under_it() {
    let mut machine = installed();
    for (number, part) in [("2", "nimbus"), ("3", "plane")] {
        publish(&machine, number, "well");
        machine.cli(&["deploy", "hola", "--no-wait"]);
        machine.kill_part(part);
        machine.eventually("both have the new version", |machine| {
            ["acme", "globex"].iter().all(|name| {
                matches!(testkit::machine::request("GET", name, "/", ""), Ok((200, text))
                    if text.ends_with(&format!("version {number}\n")))
                    && machine.part(part).is_some()
            })
        });
        assert_eq!(machine.get("acme", "/notes").1, "first of acme\n");
    }
}

#[test]
fn a_stopped_installation_stays_stopped_across_a_restart() {
    let mut machine = installed();
    machine.cli(&["installation", "stop", "acme"]);
    assert_eq!(machine.get("acme", "/").0, 503);
    machine.kill();
    machine.start();
    assert_eq!(machine.get("acme", "/").0, 503);
    assert_eq!(machine.get("globex", "/").0, 200);
    machine.cli(&["installation", "start", "acme"]);
    assert_eq!(machine.get("acme", "/notes").1, "first of acme\n");
}
