//! Layer: limits of one process, beneath those of the cgroup. They may only be lowered: not every server's root may
//! raise them.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Most open files of one process.
const FILES: u64 = 65_536;

/// No core dumps, at most 65,536 open files (1,024 until a program asks for more, as old programs expect).
pub(crate) fn apply() -> rustix::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    let hard = getrlimit(Resource::Nofile).maximum.unwrap_or(FILES).min(FILES);
    setrlimit(Resource::Nofile, Rlimit { current: Some(hard.min(1024)), maximum: Some(hard) })
}
