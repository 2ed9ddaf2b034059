//! From root to nobody in particular, without a way back.

use anyhow::{Context, Result, ensure};
use caps::CapSet;
use rustix::process::{Gid, Uid, geteuid, umask};
use rustix::thread::{set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// Gives up all privileges: user and group `id` and no other group, no capability in any set, none to be gained by
/// executing a file. The process must be single-threaded, since threads have privileges of their own.
pub fn drop_to(id: u32) -> Result<()> {
    ensure!(id != 0, "user 0 is root: give another user");
    ensure!(geteuid().is_root(), "only root can change to user {id}");
    set_no_new_privs(true).context("cannot rule out new privileges")?;
    caps::clear(None, CapSet::Bounding).context("cannot empty the bounding set of capabilities")?;
    let (uid, gid) = (Uid::from_raw(id), Gid::from_raw(id));
    set_thread_groups(&[]).context("cannot leave all groups")?;
    set_thread_res_gid(gid, gid, gid).with_context(|| format!("cannot become group {id}"))?;
    set_thread_res_uid(uid, uid, uid).with_context(|| format!("cannot become user {id}"))?;
    umask(rustix::fs::Mode::from_raw_mode(0o077));
    for set in [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable, CapSet::Ambient, CapSet::Bounding] {
        let left = caps::read(None, set).context("cannot read the capabilities")?;
        ensure!(left.is_empty(), "capabilities are left: {left:?}");
    }
    ensure!(set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT).is_err(), "root is still within reach");
    Ok(())
}
