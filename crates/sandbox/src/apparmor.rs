//! Layer: AppArmor, where the kernel has it. A list of what programs may do that stays with them wherever they get,
//! also out of every other layer: no mounts, no settings of the machine, no capability, nobody else's processes.
//!
//! The kernel takes a profile in a binary form that only AppArmor's own compiler makes. So whoever starts sandboxes
//! gives it [`PROFILE`] by `apparmor_parser` beforehand; where that was not done, sandboxes start without this layer,
//! and [`crate::detect`] says so. Where it was, no program starts without it.
//!
//! Source: Documentation/admin-guide/LSM/apparmor.rst of the kernel, aa_change_onexec(2), aa_change_profile(2).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::detect::layer;
use crate::spec::Layer;

/// The profile, as `apparmor_parser --replace` reads it from its standard input.
pub const PROFILE: &str = include_str!("apparmor.profile");
/// Its name.
const NAME: &str = "vclouden-sandbox";

/// `Y` where the kernel was booted with it.
const ENABLED: &str = "/sys/module/apparmor/parameters/enabled";
/// One line for each profile: its name and, in parentheses, its mode.
const LOADED: &str = "/sys/kernel/security/apparmor/profiles";
/// Which profile the reading process is under, and becomes. It is AppArmor's own since Linux 5.8.
const NOW: &str = "/proc/self/attr/apparmor/current";
/// The same, from the next program on that it executes.
const ON_EXECUTE: &str = "/proc/self/attr/apparmor/exec";

/// Whether this kernel has it and was booted with it, so that the profile can be loaded.
#[must_use]
pub fn is_present() -> bool {
    fs::read_to_string(ENABLED).is_ok_and(|text| text.starts_with('Y'))
}

/// Whether sandboxes are put under the profile. Only root can tell, and not from inside a user namespace.
pub(crate) fn is_loaded() -> bool {
    mode().is_ok_and(|mode| mode.is_some())
}

/// The mode in which the profile is loaded, such as `enforce`.
fn mode() -> io::Result<Option<String>> {
    let find = |list: String| {
        let mode = list.lines().find_map(|line| line.strip_prefix(NAME)?.strip_prefix(" (")?.strip_suffix(')'))?;
        Some(mode.to_owned())
    };
    fs::read_to_string(LOADED).map(find)
}

/// What is to be said of this layer.
pub(crate) fn report() -> Layer {
    let (active, note) = match (Path::new(ENABLED).exists(), is_present(), mode()) {
        (false, ..) => (false, "not in this kernel".to_owned()),
        (_, false, _) => (false, "not in the kernel's boot parameters apparmor= or lsm=".to_owned()),
        (.., Err(error)) => (false, format!("{LOADED} cannot be read: {error}")),
        (.., Ok(None)) => (false, format!("the profile {NAME} is not loaded; Nimbus does that when it starts")),
        (.., Ok(Some(mode))) if mode == "enforce" => (true, format!("the profile {NAME}")),
        (.., Ok(Some(mode))) => (false, format!("the profile {NAME} does not forbid: its mode is {mode}")),
    };
    layer("apparmor", active, note)
}

/// What a guardian must open before it loses sight of its own `/proc/self`, for [`enter`].
pub(crate) fn door() -> io::Result<File> {
    OpenOptions::new().write(true).open(NOW)
}

/// Puts the calling process, which opened the door, under the profile for good.
pub(crate) fn enter(mut door: File) -> io::Result<()> {
    door.write_all(format!("changeprofile {NAME}").as_bytes())
}

/// Puts the calling process under the profile for good when it executes a program.
pub(crate) fn enter_on_execute() -> io::Result<()> {
    // In one piece, which the kernel takes as a whole.
    OpenOptions::new().write(true).open(ON_EXECUTE)?.write_all(format!("exec {NAME}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{NAME, PROFILE};

    #[test]
    fn the_profile_has_the_name_that_processes_ask_for() {
        assert!(PROFILE.contains(&format!("\nprofile {NAME} ")));
        // Children and who signals them must be under the same one.
        assert_eq!(PROFILE.matches(&format!("peer={{{NAME},")).count(), 2);
    }
}
