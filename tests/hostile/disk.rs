//! A full disk: of one installation, and of the whole volume.

use std::fs;

use testkit::machine::run;
use testkit::{Machine, Package};

use crate::journeys::guest_book::installed;

#[test]
fn an_installation_that_fills_its_disk_hurts_nobody_else() {
    let machine = installed();

    let line = "x".repeat(512 << 10);
    let refused = (0..200).map(|_| machine.request("POST", "acme", "/notes", &line)).find(|(status, _)| *status != 201);
    let (status, said) = refused.expect("64 MiB of disk took 100 MiB");
    assert_eq!(status, 500, "{said}");
    assert_eq!(machine.request("POST", "globex", "/notes", "still writes").0, 201);
    assert_eq!(machine.get("globex", "/notes").1, "first of globex\nstill writes\n");
    assert_eq!(machine.get("acme", "/").0, 200);
}

#[test]
fn a_full_volume_refuses_with_the_reason_and_loses_nothing() {
    let mut machine = Machine::new();
    machine.cli(&["app", "create", "hola"]);
    machine.cli(&["customer", "create", "acme"]);
    let package = |machine: &Machine, version: &str| {
        let package = Package::hola(machine.scratch().join(version), version, "well", "");
        let manifest = fs::read_to_string(package.path().join("vclouden.toml")).unwrap();
        fs::copy("/bin/busybox", package.path().join("busybox")).expect("the Debian package busybox-static is needed");
        let package = package.file("vclouden.toml", &manifest.replace("64 MiB", "2 GiB"));
        machine.cli(&["version", "publish", package.text()]);
    };
    package(&machine, "1");
    machine.cli(&["install", "hola", "--customer", "acme", "--name", "acme"]);
    machine.request("POST", "acme", "/notes", "before the disk was full");

    let fill = ["dd", "if=/dev/zero", "of=/data/fill", "bs=1M", "count=4096"];
    let fill = [&["installation", "exec", "acme", "--", "/app/busybox"], &fill[..]].concat();
    let (_, said) = machine.fails(&fill);
    assert!(said.contains("No space"), "{said}");
    package(&machine, "2");
    let (version, said) = match machine.try_cli(&["deploy", "hola"]) {
        output if output.status.success() => ("2", String::new()),
        output => ("1", String::from_utf8_lossy(&output.stderr).into_owned()),
    };
    if version == "1" {
        assert!(
            said.contains("space") || said.contains("full"),
            "the error does not say that the disk is full: {said}"
        );
    }
    assert_eq!(machine.get("acme", "/").1, format!("hola from acme, version {version}\n"));
    assert_eq!(machine.get("acme", "/notes").1, "before the disk was full\n");
    let install = machine.try_cli(&["install", "hola", "--customer", "acme", "--name", "late"]);
    if !install.status.success() {
        let said = String::from_utf8_lossy(&install.stderr);
        assert!(said.contains("space") || said.contains("full"), "{said}");
    }

    machine.cli(&["installation", "exec", "acme", "--", "/app/busybox", "rm", "/data/fill"]);
    // btrfs gives space back a moment after the last snapshot that shares it is gone.
    machine.eventually("a deployment works again", |machine| machine.try_cli(&["deploy", "hola"]).status.success());
    package(&machine, "3");
    machine.cli(&["deploy", "hola"]);
    assert_eq!(machine.get("acme", "/").1, "hola from acme, version 3\n");
    assert_eq!(machine.get("acme", "/notes").1, "before the disk was full\n");
}

#[test]
fn a_full_disk_under_the_control_plane_refuses_a_version_and_keeps_the_others() {
    let mut machine = installed();
    machine.interrupt();
    let plane = machine.data().join("plane");
    let small = machine.scratch().join("small");
    fs::create_dir(&small).unwrap();
    run("mount", &["-t", "tmpfs", "-o", "size=6m", "tmpfs", small.to_str().unwrap()]);
    run("cp", &["-a", &format!("{}/.", plane.display()), small.to_str().unwrap()]);
    run("chown", &["--reference", plane.to_str().unwrap(), small.to_str().unwrap()]);
    run("chmod", &["--reference", plane.to_str().unwrap(), small.to_str().unwrap()]);
    run("mount", &["--move", small.to_str().unwrap(), plane.to_str().unwrap()]);
    machine.start();
    let package = Package::hola(machine.scratch().join("large"), "2", "well", "");
    // What does not compress: eight mebibytes of a linear congruential generator.
    let mut state = 1_u64;
    let noise: Vec<u8> = (0..8 << 20)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect();
    fs::write(package.path().join("noise"), noise).unwrap();
    let (status, said) = machine.fails(&["version", "publish", package.text()]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("space") || said.contains("full"), "{said}");
    assert_eq!(machine.json(&["version", "list", "hola"])["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(machine.get("acme", "/notes").1, "first of acme\n");
    assert_eq!(crate::journeys::guest_book::publish(&machine, "2", "well"), "2");
    machine.interrupt();
    run("umount", &[plane.to_str().unwrap()]);
}
