//! Every step of every operation: fail before, fail after, do twice, undo twice, and kill -9 of Nimbus at each of these
//! moments. Afterwards the installation is as before or as asked, and nothing is left over.

use testkit::{Leftovers, Machine};

use crate::journeys::guest_book::{installed, publish};

/// Faults while going forward, and while going back after the step `stumble` has failed.
const FORWARD: &[&str] = &["before-do=fail", "after-do=fail", "after-do=twice", "before-do=kill", "after-do=kill"];
const BACK: &[&str] = &["before-undo=kill", "after-undo=kill", "after-undo=twice", "before-undo=fail"];

/// One operation under test.
struct Subject {
    verb: &'static str,
    steps: &'static [&'static str],
    /// The last step that can fail with a way back; none if there is no way back at all.
    stumble: Option<&'static str>,
}

/// What an installation answers: version and notes.
fn answer(machine: &Machine, name: &str) -> (String, String) {
    let version = machine.get(name, "/").1;
    (version.trim_end().rsplit(' ').next().unwrap_or_default().to_owned(), machine.get(name, "/notes").1)
}

/// Runs `work` under every fault of `subject`; `check` sees whether it says that it was done.
fn torture(
    machine: &mut Machine,
    subject: &Subject,
    mut work: impl FnMut(&Machine) -> bool,
    mut check: impl FnMut(&mut Machine, &str, bool),
) {
    let mut unreached = Vec::new();
    let mut cases: Vec<Vec<String>> = Vec::new();
    for step in subject.steps {
        cases.extend(FORWARD.iter().map(|fault| vec![format!("{}.{step}.{fault}", subject.verb)]));
        let Some(stumble) = subject.stumble else { continue };
        let trip = format!("{}.{stumble}.after-do=fail", subject.verb);
        cases.extend(BACK.iter().map(|fault| vec![trip.clone(), format!("{}.{step}.{fault}", subject.verb)]));
        if step == &stumble {
            break;
        }
    }
    assert!(cases.len() > 5, "{}: the list of steps is empty", subject.verb);
    for case in &cases {
        let faults: Vec<&str> = case.iter().map(String::as_str).collect();
        machine.set_faults(&faults);
        let done = work(machine);
        let unspent = machine.unspent_faults();
        machine.set_faults(&[]);
        machine.eventually("Nimbus is back", |machine| machine.part("nimbus").is_some());
        unreached.extend(unspent);
        check(machine, &faults.join(", then "), done);
    }
    assert_eq!(unreached, Vec::<String>::new(), "{}: faults that never happened", subject.verb);
}

/// The steps of a verb as Nimbus lists them.
fn subject(verb: &'static str, stumble: Option<&'static str>) -> Subject {
    let steps = nimbus::operations::steps(verb);
    assert!(stumble.is_none_or(|s| steps.contains(&s)), "{verb} has no step {stumble:?}: {steps:?}");
    Subject { verb, steps, stumble }
}

fn ids(machine: &Machine) -> Vec<String> {
    let list = machine.json(&["installation", "list"]);
    let items = list["items"].as_array().expect("a list").iter();
    items.map(|i| i["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn switch_ends_as_before_or_as_asked() {
    let mut machine = installed();
    publish(&machine, "2", "well");
    let before = Leftovers::now(&machine.data(), &ids(&machine));
    torture(
        &mut machine,
        &subject("switch", Some("check")),
        |machine| machine.try_cli(&["deploy", "hola", "--version", "2", "--canary", "0"]).status.success(),
        |machine, fault, done| {
            for name in ["acme", "globex"] {
                let (version, notes) = answer(machine, name);
                assert_eq!(notes, format!("first of {name}\n"), "{fault}: {name} lost data");
                assert!(version == "1" || version == "2", "{fault}: {name} answers {version}");
                assert!(!done || version == "2", "{fault}: said done, but {name} runs version {version}");
                if version == "2" {
                    machine.cli(&["rollback", name]);
                }
            }
            let after = Leftovers::now(&machine.data(), &ids(machine));
            assert_eq!((after.processes.len(), &after.cgroups), (before.processes.len(), &before.cgroups), "{fault}");
            assert_eq!((&after.mounts, &after.loops), (&before.mounts, &before.loops), "{fault}");
            assert_eq!(after.interfaces.len(), before.interfaces.len(), "{fault}");
        },
    );
}

#[test]
fn install_ends_in_an_installation_or_in_nothing() {
    let mut machine = installed();
    let before = Leftovers::now(&machine.data(), &ids(&machine));
    let mut number = 0;
    torture(
        &mut machine,
        &subject("install", Some("check")),
        |machine| {
            number += 1;
            let name = format!("new-{number}");
            machine.try_cli(&["install", "hola", "--customer", "acme", "--name", &name]).status.success()
        },
        |machine, fault, done| {
            let list = machine.json(&["installation", "list"]);
            let new = list["items"]
                .as_array()
                .expect("a list")
                .iter()
                .find(|i| i["name"].as_str().is_some_and(|n| n.starts_with("new-")));
            let name = new.map(|i| (i["name"].as_str().unwrap_or_default().to_owned(), i["state"].clone()));
            if let Some((name, state)) = name {
                assert_eq!(machine.get(&name, "/").0 == 200, done, "{fault}: {name} is {state}, done: {done}");
                machine.cli(&["installation", "remove", &name, "--yes"]);
            } else {
                assert!(!done, "{fault}: said done, and is not there");
            }
            assert_eq!(Leftovers::now(&machine.data(), &ids(machine)), before, "{fault} left something");
        },
    );
}

#[test]
fn restore_ends_with_the_old_data_or_the_new() {
    let mut machine = installed();
    let backup = machine.json(&["backup", "create", "acme"])["id"].as_str().expect("an id").to_owned();
    machine.request("POST", "acme", "/notes", "later");
    let later = "first of acme\nlater\n";
    torture(
        &mut machine,
        &subject("restore", Some("check")),
        |machine| machine.try_cli(&["backup", "restore", "acme", &backup]).status.success(),
        |machine, fault, done| {
            let (version, notes) = answer(machine, "acme");
            assert_eq!(version, "1", "{fault}");
            let expected = if done { "first of acme\n" } else { later };
            assert_eq!(notes, expected, "{fault}: done: {done}");
            if notes != later {
                machine.request("POST", "acme", "/notes", "later");
            }
        },
    );
}

#[test]
fn rollback_ends_with_the_old_version_or_the_new() {
    let mut machine = installed();
    publish(&machine, "2", "well");
    let forward = |machine: &Machine| {
        machine.cli(&["deploy", "hola", "--version", "2"]);
        machine.request("POST", "acme", "/notes", "by version 2");
    };
    forward(&machine);
    torture(
        &mut machine,
        &subject("rollback", Some("check")),
        |machine| machine.try_cli(&["rollback", "acme"]).status.success(),
        |machine, fault, done| {
            let (version, notes) = answer(machine, "acme");
            let expected = if done { ("1", "first of acme\n") } else { ("2", "first of acme\nby version 2\n") };
            assert_eq!((version.as_str(), notes.as_str()), expected, "{fault}: done: {done}");
            if done {
                forward(machine);
            }
        },
    );
}

#[test]
fn remove_goes_through_whatever_happens() {
    let mut machine = installed();
    let before = Leftovers::now(&machine.data(), &ids(&machine));
    let mut number = 0;
    let mut known = Vec::new();
    torture(
        &mut machine,
        &subject("remove", None),
        |machine| {
            number += 1;
            let name = format!("old-{number}");
            machine.cli(&["install", "hola", "--customer", "acme", "--name", &name]);
            known = ids(machine);
            machine.try_cli(&["installation", "remove", &name, "--yes"]).status.success()
        },
        |machine, fault, _| {
            let list = machine.json(&["installation", "list"]);
            for item in list["items"].as_array().expect("a list") {
                let name = item["name"].as_str().unwrap_or_default();
                if name.starts_with("old-") {
                    assert_eq!(machine.get(name, "/").0, 200, "{fault}: neither there nor removed");
                    machine.cli(&["installation", "remove", name, "--yes"]);
                }
            }
            assert_eq!(Leftovers::now(&machine.data(), &ids(machine)), before, "{fault} left something");
        },
    );
}
