//! What a group of cgroup v2 is called and limited by: one tree for all controllers.
//! Source: Documentation/admin-guide/cgroup-v2.rst of the kernel.

use std::io;
use std::path::Path;

use super::{CONTROLLERS, PERIOD, field, number, processes, quota, write};
use crate::SandboxSpec;

/// Hands the controllers down from the root to the common parent and the group, and sets the limits.
pub(super) fn limit(root: &Path, parent: &Path, group: &Path, spec: &SandboxSpec) -> io::Result<()> {
    if !group.join("memory.max").exists() || !group.join("cpu.max").exists() || !group.join("pids.max").exists() {
        let all = CONTROLLERS.map(|name| format!("+{name}")).join(" ");
        write(&root.join("cgroup.subtree_control"), &all)?;
        write(&parent.join("cgroup.subtree_control"), &all)?;
    }
    write(&group.join("memory.max"), &spec.memory.to_string())?;
    let swap = group.join("memory.swap.max");
    if swap.exists() {
        write(&swap, "0")?;
    }
    // One process of a sandbox dying for want of memory leaves it half alive: all or nothing.
    write(&group.join("memory.oom.group"), "1")?;
    write(&group.join("cpu.max"), &format!("{} {PERIOD}", quota(spec)))?;
    write(&group.join("pids.max"), &processes(spec).to_string())
}

/// Kills everything in the group at once, also what is being forked meanwhile. Since Linux 5.14.
pub(super) fn kill(group: &Path) -> io::Result<()> {
    write(&group.join("cgroup.kill"), "1")
}

/// How many processes of the group were killed for want of memory.
pub(super) fn oom_kills(group: &Path) -> Option<u64> {
    field(&group.join("memory.events"), "oom_kill")
}

/// Bytes in use without the inactive page cache.
pub(super) fn memory_used(group: &Path) -> Option<u64> {
    let all = number(&group.join("memory.current"))?;
    Some(all.saturating_sub(field(&group.join("memory.stat"), "inactive_file").unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;

    /// Stands for a machine that has all controllers on v2, which those that run the tests need not have.
    #[test]
    fn limits_are_written_in_the_words_of_v2() {
        let root = tempfile::tempdir().unwrap();
        let parent = root.path().join("vclouden");
        let group = parent.join("x");
        fs::create_dir_all(&group).unwrap();
        let at = |name: &str| group.join(name);
        for name in ["memory.max", "memory.swap.max", "memory.oom.group", "cpu.max", "pids.max"] {
            fs::write(at(name), "").unwrap();
        }
        let spec = SandboxSpec {
            name: "x".to_owned(),
            hostname: String::new(),
            layers: Vec::new(),
            app: "/".into(),
            data: None,
            files: Vec::new(),
            command: Vec::new(),
            environment: BTreeMap::new(),
            directory: String::new(),
            uid: 1,
            gid: 1,
            first_id: 1,
            memory: 64 << 20,
            cpus_milli: 250,
            processes: 10,
            network: None,
        };
        limit(root.path(), &parent, &group, &spec).unwrap();
        let read = |name: &str| fs::read_to_string(at(name)).unwrap();
        assert_eq!(read("memory.max"), "67108864");
        assert_eq!(read("memory.swap.max"), "0");
        assert_eq!(read("memory.oom.group"), "1");
        assert_eq!(read("cpu.max"), "25000 100000");
        assert_eq!(read("pids.max"), "11");

        fs::write(at("memory.events"), "low 0\noom 2\noom_kill 1\noom_group_kill 0\n").unwrap();
        fs::write(at("memory.current"), "10000\n").unwrap();
        fs::write(at("memory.stat"), "anon 1\ninactive_file 4000\n").unwrap();
        assert_eq!(oom_kills(&group), Some(1));
        assert_eq!(memory_used(&group), Some(6000));

        // Without the controllers the files are not there until those are handed down.
        fs::remove_file(at("cpu.max")).unwrap();
        fs::write(root.path().join("cgroup.subtree_control"), "").unwrap();
        fs::write(parent.join("cgroup.subtree_control"), "").unwrap();
        assert!(limit(root.path(), &parent, &group, &spec).is_err());
        assert_eq!(fs::read_to_string(parent.join("cgroup.subtree_control")).unwrap(), "+memory +cpu +pids");
    }
}
