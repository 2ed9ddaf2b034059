//! What this machine must have, and what it should have.

use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::failure::{Failure, Outcome};

/// A program of the machine.
struct Tool {
    name: &'static str,
    /// The Debian and Ubuntu package that has it.
    package: &'static str,
    /// What is missing without it; `None` when nothing works without it.
    without: Option<&'static str>,
}

const TOOLS: &[Tool] = &[
    Tool { name: "nft", package: "nftables", without: None },
    Tool { name: "ip", package: "iproute2", without: None },
    Tool { name: "mount", package: "mount", without: None },
    Tool { name: "btrfs", package: "btrfs-progs", without: Some("snapshots are copies: slower, and no disk quotas") },
    Tool { name: "mkfs.btrfs", package: "btrfs-progs", without: Some("no btrfs volume can be made") },
    Tool { name: "mmdebstrap", package: "mmdebstrap", without: Some("no application with base debian-12 can run") },
];

/// Namespaces, mounts and control groups belong to root.
pub fn check_root() -> Outcome {
    if geteuid().is_root() {
        return Ok(());
    }
    Err(Failure::refused(
        "`vclouden up` must be run as root: it makes sandboxes out of namespaces, mounts and control groups. Run it \
         with sudo; what faces the network gives its privileges up at once",
    ))
}

/// Every necessary tool, or an error that names all packages to install. What is only useful comes back as notes.
pub fn check_tools() -> Outcome<Vec<String>> {
    let missing: Vec<&Tool> = TOOLS.iter().filter(|tool| find(tool.name).is_none()).collect();
    let mut necessary = missing.iter().filter(|tool| tool.without.is_none()).peekable();
    if necessary.peek().is_some() {
        let names: Vec<&str> = necessary.clone().map(|tool| tool.name).collect();
        let packages: Vec<&str> = necessary.map(|tool| tool.package).collect();
        return Err(Failure::refused(format!(
            "missing on this machine: {}. On Debian and Ubuntu: apt-get install {}",
            names.join(", "),
            packages.join(" ")
        )));
    }
    let note = |tool: &&Tool| {
        let without = tool.without.unwrap_or_default();
        format!("{} is missing: {without}. On Debian and Ubuntu: apt-get install {}", tool.name, tool.package)
    };
    Ok(missing.iter().map(note).collect())
}

/// The keeper's program, which is installed beside this one.
pub fn keeper(program: &Path) -> Outcome<PathBuf> {
    let keeper = program.with_file_name("vclouden-keeper");
    if keeper.is_file() {
        return Ok(keeper);
    }
    Err(Failure::refused(format!(
        "{} is missing: vclouden and vclouden-keeper belong together. Build it with `cargo build -p keeper`, or copy \
         it to where vclouden is",
        keeper.display()
    )))
}

/// In `PATH` or in the system's directories, which the `PATH` of a service may lack.
pub fn find(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from);
    let mut directories = std::env::split_paths(&path).filter(|directory| directory.is_absolute()).chain(system);
    directories.find_map(|directory| Some(directory.join(tool)).filter(|file| file.is_file()))
}
