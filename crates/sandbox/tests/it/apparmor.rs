//! AppArmor, where the kernel has it; where it has not, that this is said, and that sandboxes are made all the same.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use sandbox::apparmor::{PROFILE, is_present};

use crate::calls::outcomes;
use crate::world::{World, eventually, must};

/// What a process under the profile reads about itself, and a line for one without.
const PROFILED: &str = "vclouden-sandbox (enforce)";
const NONE: &str = "none";
/// Makes a shell's next program one under the profile.
const ENTER: &str = "echo exec vclouden-sandbox > /proc/self/attr/apparmor/exec";

/// Loads the profile, as Nimbus does, and compares the report with the kernel. Whether there is AppArmor.
fn is_active() -> bool {
    let report = || sandbox::detect().into_iter().find(|layer| layer.name == "apparmor").expect("it is reported");
    if !is_present() {
        let report = report();
        assert!(!report.active && report.note.starts_with("not in "), "{report:?}");
        return false;
    }
    let mut parser = Command::new("apparmor_parser");
    let mut parser = parser.args(["--replace", "--quiet"]).stdin(Stdio::piped()).spawn().unwrap_or_else(|error| {
        panic!("apparmor_parser: {error}; install Debian's apparmor: {}", report().note);
    });
    parser.stdin.take().unwrap().write_all(PROFILE.as_bytes()).unwrap();
    assert!(parser.wait().unwrap().success());
    let report = report();
    assert!(report.active && report.note.contains("vclouden-sandbox"), "{report:?}");
    true
}

fn expected() -> &'static str {
    if is_active() { PROFILED } else { NONE }
}

#[test]
fn every_process_of_a_sandbox_is_under_the_profile() {
    let expected = expected();
    let mut world = World::new();
    fs::write(
        world.path("data/who"),
        "who() { cat /proc/$1/attr/apparmor/current 2>/dev/null || echo none; }
         who self; who 1; sh -c 'cat /proc/self/attr/apparmor/current 2>/dev/null || echo none'",
    )
    .unwrap();
    // The program, the first process, and a child.
    let said = world.shell(". /data/who");
    assert_eq!(said.out.lines().collect::<Vec<_>>(), [expected; 3], "{said:?}");

    // And one that is run later, together with its parent, which is not seen from inside.
    let mut running = world.start("echo ready; sleep 1000");
    running.until("ready");
    let mut lines = Vec::new();
    assert_eq!(running.ask_collecting("exec sh /data/who", &mut lines), "exit status 0");
    assert_eq!(lines, [expected; 3]);
    let profile = |pid: &u32| {
        let label = fs::read_to_string(format!("/proc/{pid}/attr/apparmor/current"));
        label.map_or_else(|_| NONE.to_owned(), |label| label.trim_end().to_owned())
    };
    assert_ne!(profile(&running.parent.id()), PROFILED, "the keeper is free");
    fs::write(world.path("data/wait"), "until [ -e /data/go ]; do sleep 0.02; done").unwrap();
    let later = thread::spawn(move || {
        assert_eq!(running.ask("exec sh /data/wait"), "exit status 0");
        running
    });
    // The first process, the program, the later one's parent, that one, and its `sleep`, on and off.
    eventually("four processes are under the profile", || {
        let profiles: Vec<_> = world.processes().iter().map(profile).collect();
        profiles.iter().filter(|label| *label == expected).count() >= 4
    });
    fs::write(world.path("data/go"), "").unwrap();
    let mut running = later.join().unwrap();
    running.ask("kill");
    assert_eq!(running.end(), "killed by SIGKILL");
}

#[test]
fn nobody_gets_out_of_the_profile() {
    let active = is_active();
    let mut world = World::new();
    let said = world.shell(
        "for f in exec current; do echo 'exec unconfined' > /proc/self/attr/apparmor/$f; done
         echo changeprofile unconfined > /proc/1/attr/apparmor/current",
    );
    let refused = if active { "Permission denied" } else { "nonexistent directory" };
    assert_eq!(said.out.matches(refused).count(), 3, "{said:?}");
}

/// Outside a sandbox, as root, so that nothing else stands in the way.
#[test]
fn the_profile_alone_refuses_what_no_sandbox_may() {
    let active = is_active();
    let world = World::new();
    let bin = world.path("base/bin");
    let bin = bin.display();
    // The namespace's own, and what it is already.
    let rename = "h=/proc/sys/kernel/hostname; echo x > $h && echo renamed; cat /proc/self/attr/apparmor/current; true";
    let script = format!("PATH={bin}; {rename}");
    assert!(world.outside(0, &["sh", "-c", &script]).contains("renamed"), "as a control");
    if !active {
        return;
    }
    let profiled = |rest: &str| world.outside(0, &["sh", "-c", &format!("PATH={bin}; {ENTER}; exec {rest}")]);
    assert_eq!(profiled(&format!("sh -c '{rename}'")).trim_end(), PROFILED);

    // This process, which root may signal.
    let mut signal = Command::new(world.path("base/bin/sh"));
    let words = format!("PATH={bin}; {ENTER}; exec probe signal {}", std::process::id());
    assert_eq!(outcomes(&must(signal.args(["-c", &words]), "busybox-static")), [("signal", libc::EACCES)]);

    let said = profiled("probe");
    let outcomes = outcomes(&said);
    let code = |name: &str| outcomes.iter().find(|(probe, _)| *probe == name).unwrap_or_else(|| panic!("{name}")).1;
    // That root can do these is what the controls show.
    let refused = ["mount", "mknod-device", "umount", "fsopen", "open_tree", "chroot", "unshare", "sethostname"];
    for name in refused.into_iter().chain(["af-packet", "raw-ip"]) {
        assert!([libc::EPERM, libc::EACCES].contains(&code(name)), "{name} {}", code(name));
    }
    for name in ["may-tcp", "may-tcp6", "may-unix", "may-netlink-route", "may-thread", "clone3"] {
        assert!([0, libc::EINVAL].contains(&code(name)), "{name} {}", code(name));
    }
}
