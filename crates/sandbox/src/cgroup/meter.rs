//! What sandboxes use, for somebody who is not their parent and looks at many.

use std::io;
use std::path::{Path, PathBuf};

use super::{Hierarchies, PARENT, check_name, field, v1, v2};

/// Knows where to look.
pub struct Meter(Hierarchies);

impl Meter {
    /// Finds the groups' places among the caller's mounts, which is the dear part.
    ///
    /// # Errors
    /// When the mounts cannot be read.
    pub fn find() -> io::Result<Meter> {
        Hierarchies::find().map(Meter)
    }

    /// Bytes of memory that the sandbox of that name uses, and milliseconds of processor time that it has used, where
    /// the server can tell; nothing when there is no such sandbox.
    #[must_use]
    pub fn read(&self, name: &str) -> Option<(u64, Option<u64>)> {
        Some((self.memory(name)?, self.cpu_ms(name)))
    }

    pub(super) fn memory(&self, name: &str) -> Option<u64> {
        check_name(name).ok()?;
        match self.0.memory(name)? {
            (true, group) => v2::memory_used(&group),
            (false, group) => v1::memory_used(&group),
        }
    }

    /// Every group of v2 counts this, whatever controllers it has.
    fn cpu_ms(&self, name: &str) -> Option<u64> {
        let group = self.0.v2.as_ref()?.join(PARENT).join(name);
        field(&group.join("cpu.stat"), "usage_usec").map(|usec| usec / 1000)
    }
}

impl Hierarchies {
    /// The group of that name that limits memory, and whether it is v2's.
    pub(super) fn memory(&self, name: &str) -> Option<(bool, PathBuf)> {
        let group = |root: &Path| root.join(PARENT).join(name);
        if self.v2_limits {
            return self.v2.as_deref().map(|root| (true, group(root)));
        }
        self.v1.iter().find(|(controller, _)| *controller == "memory").map(|(_, root)| (false, group(root)))
    }
}
