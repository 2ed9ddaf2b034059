//! Nothing is left of a sandbox.

use std::fs;

use crate::world::{World, eventually};

#[test]
fn fifty_sandboxes_leave_everything_as_it_was() {
    let mut world = World::new();
    world.link(17);
    fs::create_dir(world.path("upper")).unwrap();
    world.spec.layers.insert(0, world.path("upper"));
    let mounts = || fs::read_to_string("/proc/thread-self/mountinfo").unwrap().lines().count();
    let interfaces = || fs::read_to_string("/proc/thread-self/net/dev").unwrap().lines().count();
    let before = (mounts(), interfaces());
    for round in 0..50 {
        let said = world.shell("sleep 1000 & exit 3");
        assert_eq!(said.end, "end: exit status 3", "round {round}: {said:?}");
        assert!(world.groups().is_empty(), "round {round}");
    }
    assert!(world.processes().is_empty());
    // The kernel takes a network namespace apart in its own time.
    eventually("the last interface is gone", || interfaces() == before.1);
    assert_eq!((mounts(), interfaces()), before);
}
