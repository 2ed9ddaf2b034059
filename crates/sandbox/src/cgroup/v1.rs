//! What a group of cgroup v1 is called and limited by: one hierarchy per controller.
//! Source: Documentation/admin-guide/cgroup-v1 of the kernel.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use super::{PERIOD, field, number, processes, quota, write};
use crate::error::Step;
use crate::{SandboxError, SandboxSpec};

/// Opens a group for [`enter`]. The kernel asks whoever opened it for permission, not who goes through.
pub(super) fn door(group: &Path) -> Result<OwnedFd, SandboxError> {
    let tasks = group.join("tasks");
    let opened = File::options().write(true).open(&tasks);
    Ok(opened.step(format_args!("open {}", tasks.display()))?.into())
}

/// Moves the calling thread, the only one of its process, into a group. A process that is moved by another one, or as
/// a whole, waits until no processor can be in the middle of a fork (`cgroup_threadgroup_rwsem`: an RCU period, 5 to
/// 15 ms); a thread that moves itself is known not to be, since Linux 5.4.
pub(super) fn enter(door: OwnedFd) -> Result<(), SandboxError> {
    // Zero is whoever writes it.
    rustix::io::write(&door, b"0").map(drop).step("move into the sandbox's cgroups")
}

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
