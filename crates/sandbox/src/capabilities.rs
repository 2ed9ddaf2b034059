//! Layer: capabilities. None is left in any set, and none can come back.

use rustix::io::{Errno, Result};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs,
};

/// Empties the bounding set: no program can give a capability any more. Needs CAP_SETPCAP, so it comes before
/// [`drop_all`].
pub(crate) fn drop_bounding() -> Result<()> {
    for bit in 0..64 {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << bit)) {
            Ok(()) => {}
            // The kernel knows no capability of this number, nor any above it.
            Err(Errno::INVAL) if bit > 0 => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Empties the other four sets and rules out new privileges by set-user-id programs.
pub(crate) fn drop_all() -> Result<()> {
    clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    set_no_new_privs(true)
}
