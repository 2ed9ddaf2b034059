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
