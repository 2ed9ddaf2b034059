//! What cannot be started says why, and leaves nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::world::World;

fn refused(world: &mut World, command: &[&str], reason: &str) {
    let said = world.run(command);
    assert!(said.end.contains(reason), "`{reason}` was expected of {command:?}: {said:?}");
    assert!(world.processes().is_empty() && world.groups().is_empty(), "{command:?} left something");
}

#[test]
fn commands_that_cannot_run() {
    let mut world = World::new();
    let write = |name: &str, text: &str, mode: u32| {
        fs::write(world.path("app").join(name), text).unwrap();
        fs::set_permissions(world.path("app").join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    write("plain", "no program", 0o644);
    write("odd", "no program", 0o755);
    write("script", "#!/usr/bin/python9 -u\nprint()", 0o755);
    write("windows", "#!/bin/sh\r\necho\r\n", 0o755);
    write("private", "#!/bin/sh\n", 0o700);
    // A dynamic program whose loader is not in the layers.
    fs::remove_dir_all(world.path("base/lib64")).unwrap();
    refused(&mut world, &["/app/x"], "the command `/app/x` does not exist");
    refused(&mut world, &["/app/hello/x"], "a part of its path is not a directory");
    refused(&mut world, &["/app/plain"], "the command `/app/plain` is not executable (its mode is 0644)");
    refused(&mut world, &["/app/odd"], "is neither a program for this machine nor a script");
    refused(&mut world, &["/app/script"], "needs the interpreter `/usr/bin/python9`, which does not exist");
    refused(&mut world, &["/app/windows"], "carriage return: the file has Windows line ends; save it with Unix line");
    refused(&mut world, &["/app/private"], "may not be executed by the application's user");
    refused(&mut world, &["/app"], "the command `/app` is a directory");
    refused(&mut world, &["gunicorn"], "the command `gunicorn` is in none of the directories of PATH: /bin/");
    #[cfg(target_arch = "x86_64")]
    refused(&mut world, &["probe"], "needs the interpreter `/lib64/ld-linux-x86-64.so.2`");
    refused(&mut world, &[], "no command was given");
    refused(&mut world, &["a\0b"], "zero byte");
    world.spec.directory = "/nowhere".to_owned();
    refused(&mut world, &["true"], "the working directory `/nowhere` cannot be entered: No such file");
}

#[test]
fn specifications_that_cannot_be() {
    type Spoil = fn(&mut sandbox::SandboxSpec);
    let mut world = World::new();
    let good = world.spec.clone();
    let cases: [(Spoil, &str); 14] = [
        (|spec| spec.name = String::new(), "cannot name a sandbox"),
        (|spec| spec.name = "../x".to_owned(), "cannot name a sandbox"),
        (|spec| spec.uid = 0, "uid 0 is not between 1 and"),
        (|spec| spec.gid = 70_000, "gid 70000 is not between 1 and"),
        (|spec| spec.first_id = 0, "the first id 0 leaves no room"),
        (|spec| spec.layers.clear(), "0 layers"),
        (|spec| spec.layers[0] = "/not/there".into(), "cannot show /not/there in the sandbox: No such file"),
        (|spec| spec.app = "/not/app".into(), "cannot show /not/app in the sandbox: No such file"),
        (|spec| spec.memory = 4096, "4096 bytes of memory"),
        (|spec| spec.processes = 0, "one process"),
        (|spec| spec.directory = "data".to_owned(), "`data` is not an absolute path"),
        (|spec| spec.data.as_mut().unwrap().1 = "/data/../etc".to_owned(), "is not an absolute path without"),
        (|spec| spec.data.as_mut().unwrap().1 = "/srv/x".to_owned(), "the layers have no `/srv/x`"),
        (|spec| spec.data.as_mut().unwrap().1 = "/proc".to_owned(), "has another use"),
    ];
    for (spoil, reason) in cases {
        world.spec = good.clone();
        spoil(&mut world.spec);
        let said = world.run(&["true"]);
        assert!(said.end.contains(reason), "`{reason}` was expected: {said:?}");
        world.spec = good.clone();
        assert!(world.processes().is_empty() && world.groups().is_empty());
    }
}
