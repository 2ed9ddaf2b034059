//! Gives a test mount and network namespaces of its own, so that tests run side by side and leave nothing behind.

use nix::sched::{CloneFlags, unshare};
use rustix::mount::{MountPropagationFlags, mount_change};

/// To be called first in a test: what the test's thread and its children mount and configure stays theirs.
pub fn alone() {
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET).expect("tests of servers run as root");
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE).unwrap();
}

/// Runs a command line of the shell and returns what it wrote.
pub fn sh(line: &str) -> String {
    let output = std::process::Command::new("sh").args(["-euc", line]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {said}");
    String::from_utf8(output.stdout).unwrap()
}
