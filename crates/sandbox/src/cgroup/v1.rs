//! What a group of cgroup v1 is called and limited by: one hierarchy per controller.
//! Source: Documentation/admin-guide/cgroup-v1 of the kernel.

use std::io;
use std::path::Path;

use super::{PERIOD, field, number, processes, quota, write};
use crate::SandboxSpec;

/// Sets the limits of one controller.
pub(super) fn limit(controller: &str, group: &Path, spec: &SandboxSpec) -> io::Result<()> {
    match controller {
        "memory" => {
            write(&group.join("memory.limit_in_bytes"), &spec.memory.to_string())?;
            let with_swap = group.join("memory.memsw.limit_in_bytes");
            // Only there when the kernel accounts for swap.
            if with_swap.exists() { write(&with_swap, &spec.memory.to_string()) } else { Ok(()) }
        }
        "cpu" => {
            write(&group.join("cpu.cfs_period_us"), &PERIOD.to_string())?;
            write(&group.join("cpu.cfs_quota_us"), &quota(spec).to_string())
        }
        _ => write(&group.join("pids.max"), &processes(spec).to_string()),
    }
}

/// How many processes of the group were killed for want of memory.
pub(super) fn oom_kills(group: &Path) -> Option<u64> {
    field(&group.join("memory.oom_control"), "oom_kill")
}

/// Bytes in use without the inactive page cache.
pub(super) fn memory_used(group: &Path) -> Option<u64> {
    let all = number(&group.join("memory.usage_in_bytes"))?;
    Some(all.saturating_sub(field(&group.join("memory.stat"), "total_inactive_file").unwrap_or(0)))
}
