//! Layer: Landlock, where the kernel has it, as much as it has. A second opinion on what the mounts say: everything
//! can be read and executed, but written only below a few directories; and no reaching, by abstract Unix socket, for
//! processes outside.
//!
//! Signals are not scoped: the application and each program that is run next to it later are domains of their own, so
//! that `kill -HUP` from one to the other would be refused; and the pid namespace shows no process outside anyway.

#![allow(unsafe_code)]

use std::io;

use ::landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, Scope,
};

/// The newest set of rights this code knows; older kernels get what they have.
const RIGHTS: ABI = ABI::V6;

/// Rules for processes that see the sandbox's root, to be put in force by [`Rules::apply`] when all else is done.
pub(crate) struct Rules(RulesetCreated);

impl Rules {
    /// Opens the directories of the rules, so it comes while they may be opened. `data` may be written, too.
    pub(crate) fn new(data: Option<&str>) -> io::Result<Rules> {
        let read = AccessFs::from_read(RIGHTS);
        let mut rules = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(RIGHTS))
            .and_then(|rules| rules.scope(Scope::AbstractUnixSocket))
            .and_then(Ruleset::create)
            .map_err(io::Error::other)?;
        let writable = ["/tmp", "/run", "/dev"].into_iter().chain(data).map(|path| (path, AccessFs::from_all(RIGHTS)));
        // Names of threads are written to /proc/self; what matters in /proc is mounted read-only.
        let proc = [("/proc", read | AccessFs::WriteFile | AccessFs::Truncate)];
        for (path, rights) in [("/", read)].into_iter().chain(proc).chain(writable) {
            let directory = PathFd::new(path).map_err(io::Error::other)?;
            rules = rules.add_rule(PathBeneath::new(directory, rights)).map_err(io::Error::other)?;
        }
        Ok(Rules(rules))
    }

    /// Puts them in force for the calling thread and what it starts.
    pub(crate) fn apply(self) -> io::Result<()> {
        self.0.restrict_self().map(drop).map_err(io::Error::other)
    }
}

/// The version of the kernel's Landlock, if it has one.
pub(crate) fn version() -> Option<i64> {
    const LANDLOCK_CREATE_RULESET_VERSION: libc::c_uint = 1;
    // SAFETY: with this flag the call takes no ruleset and only answers a number.
    let answer = unsafe {
        let none = std::ptr::null::<libc::c_void>();
        libc::syscall(libc::SYS_landlock_create_ruleset, none, 0, LANDLOCK_CREATE_RULESET_VERSION)
    };
    (answer > 0).then_some(answer)
}
