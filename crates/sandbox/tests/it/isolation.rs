//! What a program in a sandbox sees, and what it may not.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::calls::{CALLS, outcomes};
use crate::world::World;

/// What the status of a process without power says.
pub const POWERLESS: [&str; 10] = [
    "CapInh:\t0000000000000000",
    "CapPrm:\t0000000000000000",
    "CapEff:\t0000000000000000",
    "CapBnd:\t0000000000000000",
    "CapAmb:\t0000000000000000",
    "NoNewPrivs:\t1",
    "Seccomp:\t2",
    "Groups:\t",
    "Uid:\t1000\t1000\t1000\t1000",
    "SigIgn:\t0000000000000000",
];

/// Says where a file can be made.
pub const WRITES: &str = "for d in / /bin /etc /app /data /tmp /run /dev /dev/shm /proc /var; do
    if touch $d/x 2>/dev/null; then echo yes $d; else echo no $d; fi; done
    ";

#[test]
fn the_program_has_no_power() {
    let mut world = World::new();
    let said = world.shell("id; cat /proc/self/status; echo ---; cat /proc/1/status");
    assert_eq!(said.end, "end: exit status 0", "{}", said.out);
    assert!(said.out.contains("uid=1000 gid=1000\n"), "{}", said.out);
    // The same holds for the first process.
    for status in said.out.split("---") {
        for line in POWERLESS {
            assert!(status.contains(line), "{line} is not in {status}");
        }
    }
}

#[test]
fn dangerous_calls_are_refused_and_ordinary_ones_work() {
    let mut world = World::new();
    let said = world.run(&["probe"]);
    assert_eq!(said.end, "end: exit status 0", "{}", said.out);
    let outcomes = outcomes(&said.out);
    let apparmor = sandbox::detect().iter().any(|layer| layer.name == "apparmor" && layer.active);
    let expected = CALLS.iter().map(|call| match call.name {
        // It is asked before power is.
        "raw-ip" if apparmor => (call.name, libc::EACCES),
        name => (name, call.inside),
    });
    let expected: Vec<_> = expected.collect();
    assert_eq!(outcomes, expected);
}

#[test]
fn nothing_that_only_btrfs_has() {
    let mut world = World::on_btrfs();
    let said = world.run(&["probe", "btrfs", "/data"]);
    assert_eq!(said.end, "end: exit status 0", "{}", said.out);
    let outcomes = outcomes(&said.out);
    assert!(outcomes.len() > 10, "{}", said.out);
    for (name, code) in outcomes {
        assert_eq!(code, if name.starts_with("may-") { 0 } else { libc::EPERM }, "{name}");
    }
    let inside: Vec<_> =
        fs::read_dir(world.path("data/data")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(inside.len(), 2, "{inside:?}");
}

#[test]
fn it_sees_only_its_own_world() {
    let mut world = World::new();
    fs::write(world.path("secret"), "of the server").unwrap();
    let script = format!(
        "hostname; ls /; ls /dev; cat {}/secret; cat /proc/1/cmdline; echo; ls /proc/1/fd; ls /sys; \
         ps | grep -v -e ps -e grep -e sh; cat /proc/self/cgroup; ip link; cat /app/hello; cat /proc/1/environ",
        world.path("").display()
    );
    let said = world.shell(&script);
    let out = &said.out;
    assert!(out.starts_with("inside\napp\nbin\ndata\ndev\n"), "{out}");
    assert!(out.contains("hello from the package"), "{out}");
    assert!(!out.contains("of the server") && !out.contains(".json"), "{out}");
    assert!(out.contains("sandbox-init"), "{out}");
    assert!(!out.contains("examples/run"), "{out}");
    assert!(out.contains("ls: /proc/1/fd: Permission denied") || out.contains("can't open '/proc/1/fd'"), "{out}");
    assert!(out.contains("1: lo: <LOOPBACK,UP,LOWER_UP>") && !out.contains("eth0"), "{out}");
    let groups: Vec<_> = out.lines().filter(|line| line.contains(":memory:") || line.starts_with("0::")).collect();
    assert!(!groups.is_empty() && groups.iter().all(|line| line.ends_with(":/")), "{groups:?}");
    let processes = out.lines().filter(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit()));
    assert!(processes.clone().count() < 20, "{out}");
}

#[test]
fn only_data_and_memory_can_be_written() {
    let mut world = World::new();
    let script = WRITES.to_owned()
        + "for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/sys/net/ipv4/ip_forward; do
        if echo 1 2>/dev/null > $f; then echo yes $f; else echo no $f; fi; done
        cat /proc/kcore | head -c 1; cat /proc/kallsyms | head -c 1; echo out > /dev/stdout; echo err > /dev/stderr
        echo name > /proc/self/comm && echo renamed";
    let said = world.shell(&script);
    let yes: Vec<_> = said.out.lines().filter_map(|line| line.strip_prefix("yes ")).collect();
    assert_eq!(yes, ["/data", "/tmp", "/run", "/dev/shm"], "{}", said.out);
    assert!(said.out.contains("out\n") && said.out.contains("err\n") && said.out.contains("renamed\n"), "{}", said.out);
    // On disk the file belongs to the ids inside, whatever range the sandbox has.
    let file = fs::metadata(world.path("data/x")).unwrap();
    assert_eq!((file.uid(), file.gid()), (1000, 1000));
    world.spec.first_id = world.spec.first_id.wrapping_add(65_536);
    let said = world.shell("stat -c %u:%g /data/x && echo more > /data/x && cat /data/x");
    assert_eq!(said.out, "1000:1000\nmore\n");
}

#[test]
fn layers_lie_on_top_of_each_other() {
    let mut world = World::new();
    for (layer, text) in [("upper", "upper"), ("base", "lower")] {
        fs::create_dir_all(world.path(layer).join("etc")).unwrap();
        fs::write(world.path(layer).join("etc/which"), text).unwrap();
    }
    fs::write(world.path("base/etc/below"), "below").unwrap();
    fs::write(world.path("base/etc/resolv.conf"), "of the layer").unwrap();
    fs::write(world.path("resolv.conf"), "of the server").unwrap();
    world.spec.layers.insert(0, world.path("upper"));
    world.spec.files = vec![
        (world.path("resolv.conf"), "/etc/resolv.conf".to_owned()),
        (world.path("resolv.conf"), "/etc/not-there".to_owned()),
    ];
    let said = world.shell(
        "cat /etc/which /etc/below /etc/resolv.conf; echo; touch /etc/x; touch /data/y && echo wrote; ls /etc;
         stat -c %u:%g /etc/which; grep -c . /proc/self/mountinfo; readlink /proc/self/exe",
    );
    assert!(said.out.starts_with("upperbelowof the server\nwrote\nbelow\nresolv.conf\nwhich\n0:0\n"), "{}", said.out);
    assert!(said.out.contains("touch: /etc/x: Read-only file system"), "{}", said.out);
}

#[test]
fn a_link_in_a_layer_leads_nowhere_outside() {
    let mut world = World::new();
    let target = world.path("target");
    fs::create_dir(&target).unwrap();
    fs::remove_dir(world.path("base/run")).unwrap();
    std::os::unix::fs::symlink(&target, world.path("base/run")).unwrap();
    let said = world.shell("touch /run/x");
    assert!(said.end.contains("the layers have no `/run` of the right kind"), "{said:?}");
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
}
