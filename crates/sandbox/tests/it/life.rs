//! How sandboxes and their programs begin and end.

use std::time::{Duration, Instant};

use crate::world::{World, eventually};

#[test]
fn ends_are_reported_as_they_were() {
    let mut world = World::new();
    assert_eq!(world.run(&["true"]).end, "end: exit status 0");
    assert_eq!(world.shell("exit 42").end, "end: exit status 42");
    assert_eq!(world.shell("exit 255").end, "end: exit status 255");
    assert_eq!(world.shell("kill -9 $$").end, "end: killed by SIGKILL");
    assert_eq!(world.shell("kill -SEGV $$").end, "end: killed by SIGSEGV");
    assert_eq!(world.shell("kill -TERM $$").end, "end: killed by SIGTERM");
}

#[test]
fn signals_reach_the_application() {
    let mut world = World::new();
    let mut running = world
        .start("trap 'echo got hup' HUP; trap 'echo got term; exit 7' TERM; echo ready; while :; do sleep 0.02; done");
    running.until("ready");
    assert_eq!(running.ask("signal 1"), "done");
    running.until("got hup");
    assert!(running.ask("signal 19").contains("cannot be passed on"));
    assert!(running.ask("signal 99").contains("there is no signal 99"));
    assert_eq!(running.ask("signal 15"), "done");
    running.until("got term");
    assert_eq!(running.end(), "exit status 7");
}

#[test]
fn a_program_run_next_to_the_application_may_signal_it() {
    let mut world = World::new();
    let mut running =
        world.start("trap 'echo got hup' HUP; echo $$ > /run/pid; echo ready; while :; do sleep 0.02; done");
    running.until("ready");
    std::fs::write(world.path("data/reload"), "kill -HUP $(cat /run/pid)").unwrap();
    assert_eq!(running.ask("exec sh /data/reload"), "exit status 0");
    running.until("got hup");
    // The first process passes on what comes from inside, too, and cannot be killed from there.
    assert_eq!(running.ask("exec kill -HUP 1"), "exit status 0");
    running.until("got hup");
    assert_eq!(running.ask("exec kill -KILL 1"), "exit status 0");
    assert_eq!(running.ask("exec true"), "exit status 0");
    running.ask("kill");
    assert_eq!(running.end(), "killed by SIGKILL");
}

#[test]
fn orphans_are_reaped_and_do_not_outlive_the_application() {
    let mut world = World::new();
    let mut running = world.start("sh -c 'sleep 0.01 & sleep 0.01 & sleep 60 &'; echo ready; sleep 1000");
    running.until("ready");
    eventually("the first process has reaped two orphans and is the third's parent", || {
        let mut lines = Vec::new();
        assert_eq!(running.ask_collecting("exec ps", &mut lines), "exit status 0");
        lines.iter().any(|line| line.ends_with(" 1000     sleep 60"))
            && !lines.iter().any(|line| line.contains("[sleep]"))
    });
    running.ask("kill");
    running.end();
    assert_eq!(world.processes(), Vec::<u32>::new());
    let said = world.shell("sleep 1000 & exit 0");
    assert_eq!(said.end, "end: exit status 0");
    assert_eq!(world.processes(), Vec::<u32>::new());
}

#[test]
fn another_program_runs_in_it_just_as_confined() {
    let mut world = World::new();
    let mut running = world.start("echo ready; sleep 1000");
    running.until("ready");
    assert_eq!(
        running.ask("exec nothing"),
        "error: the command `nothing` is in none of the directories of PATH: /bin/"
    );
    assert_eq!(running.ask("exec false"), "error: the command `false` is in none of the directories of PATH: /bin/");
    let before = world.processes().len();
    assert_eq!(running.ask("exec sh /data/script"), "exit status 2");
    assert_eq!(world.processes().len(), before);

    std::fs::write(
        world.path("data/script"),
        "id; hostname; cat /proc/self/status; cat /proc/self/cgroup; touch /data/it /x; ps; sh -c 'kill -9 $$'; echo $?; kill -9 $$",
    )
    .unwrap();
    let mut lines = Vec::new();
    let end = running.ask_collecting("exec sh /data/script", &mut lines);
    let out = lines.join("\n");
    assert_eq!(end, "killed by SIGKILL");
    for line in ["uid=1000 gid=1000", "inside", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2", "137"] {
        assert!(out.contains(line), "{line} is not in {out}");
    }
    assert!(out.lines().filter(|line| line.contains(":memory:") || line.starts_with("0::")).all(|l| l.ends_with(":/")));
    assert!(out.contains("sleep 1000") && out.contains("sandbox-init"), "{out}");
    assert!(!world.path("base/x").exists() && world.path("data/it").exists());

    let probed = running.ask_collecting("exec probe", &mut lines);
    assert_eq!(probed, "exit status 0");
    assert!(lines.contains(&"mount 1".to_owned()) && lines.contains(&"clone3 38".to_owned()), "{lines:?}");
    running.ask("kill");
    assert_eq!(running.ask("exec true"), "error: the sandbox is not running any more");
    assert_eq!(running.end(), "killed by SIGKILL");
}

#[test]
fn it_dies_with_its_parent_and_can_be_swept() {
    let mut world = World::new();
    let mut running = world.start("trap '' TERM HUP INT; echo ready; sleep 1000 & sleep 1000; true");
    running.until("ready");
    eventually("both sleep", || world.processes().len() >= 4);
    assert!(!world.groups().is_empty());
    running.parent.kill().unwrap();
    running.parent.wait().unwrap();
    eventually("everything in the sandbox died", || world.processes().is_empty());
    assert!(!world.groups().is_empty());
    sandbox::sweep(&world.spec.name).unwrap();
    assert!(world.groups().is_empty());
    sandbox::sweep(&world.spec.name).unwrap();
    // The name can be used again.
    assert_eq!(world.run(&["true"]).end, "end: exit status 0");
}

#[test]
fn sweeping_kills_what_still_runs() {
    let mut world = World::new();
    let mut running = world.start("echo ready; sleep 1000");
    running.until("ready");
    let used = sandbox::memory_used(&world.spec.name).unwrap();
    assert!((4096..32 << 20).contains(&used), "{used} bytes");
    assert_eq!(sandbox::memory_used("nobody"), None);
    let second = world.run(&["true"]);
    assert!(second.end.contains("a sandbox of that name is still running"), "{second:?}");
    assert!(!world.processes().is_empty(), "the second start hurt the first");
    let began = Instant::now();
    sandbox::sweep(&world.spec.name).unwrap();
    assert!(world.groups().is_empty());
    // They leave their groups a moment before they are gone.
    eventually("everything in the sandbox died", || world.processes().is_empty());
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(running.end(), "killed by SIGKILL");
}
