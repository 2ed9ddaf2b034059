//! Layer: cgroups. Fixed memory, processor time and number of processes; a list of everything that belongs to a
//! sandbox; and one write that kills all of it.
//!
//! A sandbox's group is `vclouden/<name>` at the root of each hierarchy. Servers differ: all on v2, all on v1, or
//! controllers on v1 with a bare v2 tree beside them, which then serves to list and to kill.

mod meter;
mod v1;
mod v2;

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::Step;
use crate::{SandboxError, SandboxSpec};

pub use meter::Meter;

/// All sandboxes' groups are below one of this name.
const PARENT: &str = "vclouden";
/// How long what was killed may take to be gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// The controllers that set a sandbox's limits.
pub(crate) const CONTROLLERS: [&str; 3] = ["memory", "cpu", "pids"];

/// Refuses a name that would mean another group than a sandbox's own.
pub(crate) fn check_name(name: &str) -> Result<(), SandboxError> {
    let fits = (1..=128).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && !name.starts_with('.')
        // Names of the kernel's own files, `memory.max` and so on, have a dot after the controller.
        && !["cgroup.", "memory.", "cpu.", "pids.", "io."].iter().any(|prefix| name.starts_with(prefix));
    if fits {
        return Ok(());
    }
    Err(SandboxError::Specification(format!(
        "`{name}` cannot name a sandbox: 1 to 128 letters, digits, `-`, `_` and `.` are needed, a letter or digit first"
    )))
}

/// Where the hierarchies are mounted.
pub(crate) struct Hierarchies {
    /// The tree of v2.
    pub(crate) v2: Option<PathBuf>,
    /// Whether v2 has every controller, so that v1 is not needed.
    pub(crate) v2_limits: bool,
    /// The v1 hierarchy of each of [`CONTROLLERS`] that has one.
    pub(crate) v1: Vec<(&'static str, PathBuf)>,
}

impl Hierarchies {
    /// Finds them among the caller's mounts.
    pub(crate) fn find() -> io::Result<Hierarchies> {
        let mut found = Hierarchies { v2: None, v2_limits: false, v1: Vec::new() };
        for line in fs::read_to_string("/proc/self/mountinfo")?.lines() {
            // See proc_pid_mountinfo(5): fields, then optional ones up to a `-`, then type, source and options.
            let Some((left, right)) = line.split_once(" - ") else { continue };
            let Some(point) = left.split(' ').nth(4) else { continue };
            let mut right = right.split(' ');
            match right.next() {
                Some("cgroup2") if found.v2.is_none() => found.v2 = Some(point.into()),
                Some("cgroup") => {
                    let options = right.nth(1).unwrap_or_default();
                    for controller in CONTROLLERS {
                        let known = found.v1.iter().any(|(name, _)| *name == controller);
                        if !known && options.split(',').any(|option| option == controller) {
                            found.v1.push((controller, point.into()));
                        }
                    }
                }
                _ => {}
            }
        }
        if let Some(root) = &found.v2 {
            let there = fs::read_to_string(root.join("cgroup.controllers"))?;
            found.v2_limits = CONTROLLERS.iter().all(|name| there.split_whitespace().any(|word| word == *name));
        }
        Ok(found)
    }

    /// Every directory that the groups of a sandbox may have.
    fn groups(&self, name: &str) -> Vec<PathBuf> {
        let mut roots: Vec<&Path> = self.v2.iter().map(PathBuf::as_path).collect();
        if !self.v2_limits {
            roots.extend(self.v1.iter().map(|(_, root)| root.as_path()));
        }
        let mut groups: Vec<PathBuf> = roots.iter().map(|root| root.join(PARENT).join(name)).collect();
        // Two controllers may share one hierarchy.
        groups.dedup();
        groups
    }
}

/// The groups of one sandbox.
pub(crate) struct Groups {
    hierarchies: Hierarchies,
    name: String,
    /// The group of v2, open for `CLONE_INTO_CGROUP`.
    v2: Option<File>,
}

impl Groups {
    /// Makes the group of v2, with its limits where v2 has them. A process is cloned into it; then follows
    /// [`Groups::complete`].
    pub(crate) fn create(spec: &SandboxSpec) -> Result<Groups, SandboxError> {
        check_name(&spec.name)?;
        let hierarchies = Hierarchies::find().step("find the cgroup hierarchies")?;
        if !hierarchies.v2_limits
            && let Some(missing) =
                CONTROLLERS.iter().find(|name| !hierarchies.v1.iter().any(|(found, _)| found == *name))
        {
            let source = io::Error::from(ErrorKind::Unsupported);
            return Err(source).step(format_args!("limit a sandbox without the cgroup controller `{missing}`"));
        }
        let mut groups = Groups { hierarchies, name: spec.name.clone(), v2: None };
        if let Some(root) = &groups.hierarchies.v2 {
            let group = make(root, &spec.name, |parent, group| {
                if groups.hierarchies.v2_limits { v2::limit(root, parent, group, spec) } else { Ok(()) }
            })?;
            groups.v2 = Some(File::open(&group).step(format_args!("open {}", group.display()))?);
        }
        Ok(groups)
    }

    /// The group of v2.
    pub(crate) fn v2(&self) -> Option<BorrowedFd<'_>> {
        self.v2.as_ref().map(AsFd::as_fd)
    }

    /// Makes the groups of v1, with their limits; then follows [`enter`] with their [`Groups::doors`].
    pub(crate) fn complete(&self, spec: &SandboxSpec) -> Result<(), SandboxError> {
        for (controller, root) in self.v1() {
            make(root, &self.name, |_, group| v1::limit(controller, group, spec))?;
        }
        Ok(())
    }

    /// What a process needs to [`enter`] the groups of v1. It is born in that of v2.
    pub(crate) fn doors(&self) -> Result<Vec<OwnedFd>, SandboxError> {
        let mut roots: Vec<&Path> = self.v1().iter().map(|(_, root)| root.as_path()).collect();
        // Controllers may share a hierarchy.
        roots.sort_unstable();
        roots.dedup();
        roots.into_iter().map(|root| v1::door(&root.join(PARENT).join(&self.name))).collect()
    }

    /// Kills everything in them where one write does so: on v2 since Linux 5.14.
    pub(crate) fn kill(&self) -> Result<(), SandboxError> {
        let Some(root) = &self.hierarchies.v2 else { return Ok(()) };
        let killed = v2::kill(&root.join(PARENT).join(&self.name));
        tolerate(killed, ErrorKind::NotFound).step("kill the processes of the sandbox")
    }

    /// The processes in them.
    pub(crate) fn members(&self) -> io::Result<Vec<rustix::process::Pid>> {
        let root = self.hierarchies.v2.as_ref().or(self.hierarchies.v1.first().map(|(_, root)| root));
        let Some(root) = root else { return Ok(Vec::new()) };
        let list = tolerate_missing(fs::read_to_string(root.join(PARENT).join(&self.name).join("cgroup.procs")))?;
        // A 0 is a process that this process cannot name.
        Ok(list.lines().filter_map(|line| rustix::process::Pid::from_raw(line.parse().ok()?)).collect())
    }

    /// Whether the kernel killed something in them for want of memory.
    pub(crate) fn was_oom_killed(&self) -> bool {
        match self.hierarchies.memory(&self.name) {
            Some((true, group)) => v2::oom_kills(&group),
            Some((false, group)) => v1::oom_kills(&group),
            None => None,
        }
        .is_some_and(|kills| kills > 0)
    }

    /// Bytes of memory in use, without the part of the page cache that can be dropped at once.
    pub(crate) fn memory_used(&self) -> Option<u64> {
        match self.hierarchies.memory(&self.name)? {
            (true, group) => v2::memory_used(&group),
            (false, group) => v1::memory_used(&group),
        }
    }

    /// Removes them. What is left in them is killed first.
    pub(crate) fn remove(&self) -> Result<(), SandboxError> {
        remove(&self.hierarchies, &self.name)
    }

    fn v1(&self) -> &[(&'static str, PathBuf)] {
        if self.hierarchies.v2_limits { &[] } else { &self.hierarchies.v1 }
    }
}

/// Moves the calling process, which must be single-threaded, into the groups behind these doors.
pub(crate) fn enter(doors: Vec<OwnedFd>) -> Result<(), SandboxError> {
    doors.into_iter().try_for_each(v1::enter)
}

/// Kills whatever is in the groups of that name and removes them; does nothing when there are none. For use after a
/// keeper was killed.
///
/// # Errors
/// When a process cannot be killed within ten seconds, or a group cannot be removed.
pub fn sweep(name: &str) -> Result<(), SandboxError> {
    check_name(name)?;
    remove(&Hierarchies::find().step("find the cgroup hierarchies")?, name)
}

/// Bytes of memory that the sandbox of that name uses, for somebody who is not its parent; nothing when there is none.
#[must_use]
pub fn memory_used(name: &str) -> Option<u64> {
    Meter::find().ok()?.memory(name)
}

/// Makes a group below the common parent and prepares it. The parent may vanish meanwhile, because whoever removes the
/// last group removes it too; then again.
fn make(root: &Path, name: &str, prepare: impl Fn(&Path, &Path) -> io::Result<()>) -> Result<PathBuf, SandboxError> {
    let parent = root.join(PARENT);
    let group = parent.join(name);
    let attempt = || -> io::Result<()> {
        tolerate(fs::create_dir(&parent), ErrorKind::AlreadyExists)?;
        match fs::create_dir(&group) {
            // Left behind by one that ended, perhaps shared by two controllers: it may be used when it is empty.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if !fs::read_to_string(group.join("cgroup.procs"))?.trim().is_empty() {
                    return Err(io::Error::new(ErrorKind::AlreadyExists, "a sandbox of that name is still running"));
                }
            }
            other => other?,
        }
        prepare(&parent, &group)
    };
    let mut result = attempt();
    for _ in 0..20 {
        match &result {
            Err(error) if error.kind() == ErrorKind::NotFound => result = attempt(),
            _ => break,
        }
    }
    result.step(format_args!("make the cgroup {}", group.display()))?;
    Ok(group)
}

fn remove(hierarchies: &Hierarchies, name: &str) -> Result<(), SandboxError> {
    let deadline = Instant::now() + PATIENCE;
    for group in hierarchies.groups(name) {
        let mut pause = Duration::from_micros(200);
        loop {
            match fs::remove_dir(&group) {
                Ok(()) => break,
                Err(error) if error.kind() == ErrorKind::NotFound => break,
                Err(error) if error.kind() == ErrorKind::ResourceBusy && Instant::now() < deadline => {
                    kill_listed(&group).step(format_args!("kill what is in {}", group.display()))?;
                    sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(20));
                }
                Err(error) => return Err(error).step(format_args!("remove the cgroup {}", group.display())),
            }
        }
        // Only the last one can.
        if let Some(parent) = group.parent() {
            let _ = fs::remove_dir(parent);
        }
    }
    Ok(())
}

/// Kills every process of a group of either version.
fn kill_listed(group: &Path) -> io::Result<()> {
    if v2::kill(group).is_ok() {
        return Ok(());
    }
    for line in tolerate_missing(fs::read_to_string(group.join("cgroup.procs")))?.lines() {
        // A 0 is a process that this process cannot name.
        if let Some(pid) = line.parse().ok().and_then(rustix::process::Pid::from_raw) {
            match rustix::process::kill_process(pid, rustix::process::Signal::KILL) {
                Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

fn tolerate(result: io::Result<()>, kind: ErrorKind) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == kind => Ok(()),
        other => other,
    }
}

fn tolerate_missing(result: io::Result<String>) -> io::Result<String> {
    match result {
        // Gone already, or going.
        Err(error) if error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENODEV) => {
            Ok(String::new())
        }
        other => other,
    }
}

/// Writes a value into a file of the kernel's; unlike `fs::write` it never makes one.
fn write(file: &Path, value: &str) -> io::Result<()> {
    use std::io::Write;
    fs::OpenOptions::new().write(true).open(file)?.write_all(value.as_bytes())
}

/// The number after `key` in a file of `key number` lines.
fn field(file: &Path, key: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// Microseconds of processor time in a period of [`PERIOD`].
fn quota(spec: &SandboxSpec) -> u64 {
    u64::from(spec.cpus_milli) * PERIOD / 1000
}

/// Microseconds of one accounting period, the kernel's default.
const PERIOD: u64 = 100_000;

/// The limit of processes; the sandbox's own first process is not the application's affair.
fn processes(spec: &SandboxSpec) -> u64 {
    u64::from(spec.processes) + 1
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn a_name_is_never_another_group() {
        for bad in ["", ".", "..", "a/b", "../x", "cgroup.procs", "memory.max", " ", "ä", "a\n"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        assert!(check_name("i-0198c1d2.x_1").is_ok());
        assert!(check_name(&"x".repeat(129)).is_err());
    }
}
