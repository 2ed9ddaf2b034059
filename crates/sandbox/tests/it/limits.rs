//! Fixed memory, processes and processor time.

use std::fs;
use std::time::Instant;

use crate::world::World;

#[test]
fn every_process_is_in_every_group() {
    let mut world = World::new();
    let mut running = world.start("sleep 1000 & echo ready; wait");
    running.until("ready");
    let mut processes = world.processes();
    processes.sort_unstable();
    assert_eq!(processes.len(), 3, "the first process, a shell and its child");
    assert!(!world.groups().is_empty());
    for group in world.groups() {
        let listed = fs::read_to_string(group.join("cgroup.procs")).unwrap();
        let mut listed: Vec<u32> = listed.lines().map(|line| line.parse().unwrap()).collect();
        listed.sort_unstable();
        assert_eq!(listed, processes, "{}", group.display());
    }
    // A group that is not the sandbox's own would show as a path that leads out.
    let mut lines = Vec::new();
    assert_eq!(running.ask_collecting("exec cat /proc/self/cgroup", &mut lines), "exit status 0");
    assert!(!lines.is_empty() && lines.iter().all(|line| line.ends_with(":/")), "{lines:?}");
    running.ask("kill");
    assert_eq!(running.end(), "killed by SIGKILL");
}

#[test]
fn too_much_memory_is_fatal_and_said_so() {
    let mut world = World::new();
    world.spec.memory = 16 << 20;
    let said = world.run(&["dd", "if=/dev/zero", "of=/dev/null", "bs=40M", "count=1"]);
    assert_eq!(said.end, "end: killed by SIGKILL, out of memory", "{}", said.out);
    // What is written to memory counts; here the file system is full before the memory is.
    let said = world.shell("dd if=/dev/zero of=/tmp/x bs=1M count=40 || echo full");
    assert!(said.out.contains("No space left on device") && said.out.contains("full"), "{said:?}");
    assert_eq!(said.end, "end: exit status 0");
}

#[test]
fn a_fork_bomb_stays_small() {
    let mut world = World::new();
    world.spec.processes = 20;
    let mut running = world.start(
        "mkfifo /tmp/f; echo begun; sh -c 'i=0; while [ $i -lt 100 ]; do sleep 100 & i=$((i+1)); done'; read x <> /tmp/f",
    );
    running.until("begun");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let count = world.processes().len();
    assert!((2..=21).contains(&count), "{count} processes");
    running.ask("kill");
    assert_eq!(running.end(), "killed by SIGKILL");
    assert_eq!(world.processes(), Vec::<u32>::new());
}

#[test]
fn a_tenth_of_a_processor_is_a_tenth() {
    let mut world = World::new();
    let script = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done";
    let mut took = |milli| {
        world.spec.cpus_milli = milli;
        let began = Instant::now();
        assert_eq!(world.shell(script).end, "end: exit status 0");
        began.elapsed()
    };
    let (whole, tenth) = (took(2000), took(50));
    assert!(tenth > whole * 2, "{whole:?} with two processors, {tenth:?} with a twentieth of one");
}
