//! Controls: the probes of the other tests, run outside a sandbox, where they get what they try for. A probe that fails
//! everywhere would prove nothing about a sandbox.

use std::process::Command;

use crate::calls::{CALLS, outcomes};
use crate::isolation::{POWERLESS, WRITES};
use crate::world::{World, must};

#[test]
fn outside_the_calls_are_made() {
    let world = World::new();
    for user in [0, 1000] {
        let said = world.outside(user, &["probe"]);
        let outcomes = outcomes(&said);
        assert_eq!(outcomes.len(), CALLS.len(), "{said}");
        let mut compared = 0;
        for (call, (name, code)) in CALLS.iter().zip(outcomes) {
            assert_eq!(name, call.name);
            if let Some(expected) = if user == 0 { call.root } else { call.user } {
                assert_eq!(code, expected, "{name} as user {user}");
                compared += usize::from(code != call.inside);
            }
        }
        // What user 1000 may do outside and not inside is refused by the system call filter, not for want of power.
        assert!(compared >= if user == 0 { 26 } else { 10 }, "user {user}: only {compared} calls differ");
    }
}

#[test]
fn outside_btrfs_does_what_everyone_may_ask_for() {
    let world = World::on_btrfs();
    let data = world.path("data/data");
    for (name, code) in outcomes(&world.outside(1000, &["probe", "btrfs", data.to_str().unwrap()])) {
        assert_eq!(code, 0, "{name}");
    }
    let made = std::fs::read_dir(data).unwrap().count();
    assert_eq!(made, 7, "five subvolumes and two files");
}

#[test]
fn outside_a_process_has_power() {
    let world = World::new();
    let said = world.outside(0, &["cat", "/proc/self/status"]);
    for line in ["CapPrm:", "CapEff:", "CapBnd:", "NoNewPrivs:", "Seccomp:", "Uid:"] {
        assert!(said.contains(line), "{line} is not in {said}");
        let powerless = POWERLESS.iter().find(|powerless| powerless.starts_with(line)).unwrap();
        assert!(!said.contains(powerless), "{powerless} is in {said}");
    }
}

#[test]
fn outside_the_same_root_can_be_written() {
    let world = World::new();
    std::fs::create_dir(world.path("base/dev/shm")).unwrap();
    let said = must(Command::new("chroot").arg(world.path("base")).args(["/bin/sh", "-c", WRITES]), "coreutils");
    assert_eq!(said.matches("yes ").count(), 11, "{said}");
    assert_eq!(said.matches("no ").count(), 0, "{said}");
    assert!(world.path("base/bin/x").exists());
}

#[test]
fn the_server_s_processes_can_be_signalled_from_outside_only() {
    let mut world = World::new();
    // Not "not permitted", which any other user's process would be: there is no such process.
    let me = std::process::id().to_string();
    let inside = world.run(&["probe", "signal", &me]);
    assert_eq!(outcomes(&inside.out), [("signal", libc::ESRCH)], "{inside:?}");
    let probe = world.path("base/bin/probe");
    assert_eq!(outcomes(&must(Command::new(probe).args(["signal", &me]), "probe")), [("signal", 0)]);
}

#[test]
fn abstract_sockets_of_the_same_network_can_be_reached_from_outside_only() {
    let landlock = sandbox::detect().into_iter().find(|layer| layer.name == "landlock").unwrap();
    // Older kernels' does not know them: nothing but the keeper and the sandbox is in that network, and the keeper has no
    // such socket.
    let inside = if landlock.note.contains("files, abstract sockets") { libc::EPERM } else { 0 };
    let mut world = World::new();
    world.link(21);
    let mut running = world.start("echo ready; sleep 1000");
    running.until("ready");
    assert_eq!(running.ask("listen keeper"), "done");
    let mut lines = Vec::new();
    assert_eq!(running.ask_collecting("exec probe abstract keeper", &mut lines), "exit status 0");
    assert_eq!(lines, [format!("abstract {inside}")], "{}", landlock.note);
    let network = format!("--net=/proc/{}/ns/net", running.parent.id());
    let mut outside = Command::new("nsenter");
    outside.arg(network).args(["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"]);
    outside.arg(world.path("base/bin/probe")).args(["abstract", "keeper"]);
    assert_eq!(outcomes(&must(&mut outside, "util-linux")), [("abstract", 0)]);
    running.ask("kill");
    assert_eq!(running.end(), "killed by SIGKILL");
}
