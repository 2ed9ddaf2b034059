//! Applications that die: brought back at once, given up when they die too often, held by the edge meanwhile.

use std::time::{Duration, Instant};

use testkit::Load;

use super::guest_book::installed;

#[test]
fn a_crash_is_repaired_before_the_next_request_is_answered() {
    let machine = installed();
    for _ in 0..3 {
        let crash = testkit::machine::request("POST", "acme", "/crash", "");
        assert!(!matches!(crash, Ok((200, _))), "{crash:?}");
        assert_eq!(machine.get("acme", "/notes"), (200, "first of acme\n".into()));
    }
    let restarts = machine.json(&["installation", "show", "acme"])["live"]["restarts"].as_u64();
    assert_eq!(restarts, Some(3));
    assert!(machine.cli(&["installation", "logs", "acme"]).contains("SIGABRT"));
}

#[test]
fn one_that_takes_too_much_memory_dies_alone() {
    let machine = installed();
    let load = Load::begin(&["globex"], "/", Duration::from_millis(2));
    assert_ne!(testkit::machine::request("POST", "acme", "/eat?mib=64", "").map(|a| a.0), Ok(200));
    assert_eq!(machine.get("acme", "/").0, 200);
    let exit = machine.json(&["installation", "show", "acme"])["live"]["last_exit"].to_string();
    assert!(exit.contains("memory"), "{exit}");
    assert_eq!(load.end().failures, Vec::<String>::new());
}

#[test]
fn one_that_dies_again_and_again_is_given_up_and_starts_when_asked() {
    let mut machine = installed();
    machine.eventually("its keeper gives up", |machine| {
        testkit::machine::request("POST", "acme", "/crash", "").ok();
        machine.json(&["installation", "show", "acme"])["live"]["phase"] == "failed"
    });
    assert_eq!(machine.json(&["installation", "show", "acme"])["live"]["restarts"], 5);
    machine.eventually("the edge says so", |_| {
        let asked = Instant::now();
        let answer = testkit::machine::request("GET", "acme", "/notes", "");
        matches!(answer, Ok((503, text)) if text.contains("operator")) && asked.elapsed() < Duration::from_secs(2)
    });
    machine.cli(&["installation", "restart", "acme"]);
    assert_eq!(machine.get("acme", "/notes").1, "first of acme\n");
}
