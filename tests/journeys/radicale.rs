//! A real application from Debian: calendars of two customers, upgraded, broken twice, intact.

use std::fs;
use std::path::PathBuf;

use testkit::machine::request_with;
use testkit::{Machine, Package};

/// The `Authorization` of alice; Radicale with `auth = none` takes any password.
const ALICE: (&str, &str) = ("Authorization", "Basic YWxpY2U6eA==");

fn event(summary: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//vclouden//test//EN\r\nBEGIN:VEVENT\r\nUID:meeting-1\r\n\
         DTSTAMP:20261122T100000Z\r\nDTSTART:20261123T100000Z\r\nDTEND:20261123T110000Z\r\nSUMMARY:{summary}\r\n\
         END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

fn dav(method: &str, installation: &str, path: &str, body: &str) -> (u16, String) {
    let headers = [ALICE, ("Depth", "1"), ("Content-Type", "text/calendar; charset=utf-8")];
    request_with(method, installation, path, &headers, body).expect("the edge answers")
}

/// A copy of the package with another command or setting.
fn version(machine: &Machine, name: &str, change: (&str, &str)) -> Package {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("apps/radicale");
    let manifest = fs::read_to_string(source.join("vclouden.toml")).unwrap();
    assert!(manifest.contains(change.0), "the package changed; change this test too");
    let config = fs::read_to_string(source.join("radicale.conf")).unwrap();
    Package::empty(machine.scratch().join(name))
        .file("vclouden.toml", &manifest.replace(change.0, change.1))
        .file("radicale.conf", &config)
        .program("spoil", "#!/bin/sh\nfind /data -name '*.ics' -exec sh -c 'echo spoiled > \"$1\"' - {} \\;\nexit 3\n")
}

/// The calendar as CalDAV reports it.
fn calendar(customer: &str) -> String {
    let query = "<?xml version=\"1.0\"?><C:calendar-query xmlns:D=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\">\
         <D:prop><C:calendar-data/></D:prop><C:filter><C:comp-filter name=\"VCALENDAR\"/></C:filter></C:calendar-query>";
    let (status, text) = dav("REPORT", customer, "/alice/work/", query);
    assert_eq!(status, 207, "{text}");
    text
}

#[test]
fn radicale_is_upgraded_and_survives_two_bad_versions_with_its_calendars() {
    let machine = Machine::new();
    let command = "command = [\"radicale\", \"--config\", \"/app/radicale.conf\"]";
    let first = version(&machine, "v1", (command, command));
    machine.cli(&["app", "create", "radicale"]);
    machine.cli(&["version", "publish", first.text()]);
    for customer in ["acme", "globex"] {
        machine.cli(&["customer", "create", customer]);
        machine.cli(&["install", "radicale", "--customer", customer, "--name", customer]);
        let (status, text) = dav("MKCALENDAR", customer, "/alice/work/", "");
        assert_eq!(status, 201, "{text}");
        let (status, text) = dav("PUT", customer, "/alice/work/meeting-1.ics", &event(&format!("Plan of {customer}")));
        assert_eq!(status, 201, "{text}");
    }
    let intact = || {
        for (customer, other) in [("acme", "globex"), ("globex", "acme")] {
            let text = calendar(customer);
            assert!(text.contains(&format!("SUMMARY:Plan of {customer}")), "{text}");
            assert!(!text.contains(&format!("Plan of {other}")), "another customer's data: {text}");
        }
    };
    intact();

    let second = version(&machine, "v2", ("memory = \"128 MiB\"", "memory = \"160 MiB\""));
    machine.cli(&["version", "publish", second.text()]);
    machine.cli(&["deploy", "radicale"]);
    intact();
    assert_eq!(machine.json(&["installation", "show", "acme"])["version"], 2);

    let third = version(&machine, "v3", (command, "command = [\"radicalle\"]"));
    machine.cli(&["version", "publish", third.text()]);
    let (status, said) = machine.fails(&["deploy", "radicale"]);
    assert_eq!(status, 4, "{said}");
    assert!(said.contains("radicalle"), "the error should name the command: {said}");
    intact();

    let fourth = version(&machine, "v4", (command, "command = [\"./spoil\"]"));
    machine.cli(&["version", "publish", fourth.text()]);
    assert_eq!(machine.fails(&["deploy", "radicale"]).0, 4);
    intact();
    assert_eq!(machine.json(&["installation", "show", "globex"])["version"], 2);
}
