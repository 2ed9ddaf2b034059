//! What a specification must fulfil before anything is made of it, so that a mistake is named and not met half-way.

use std::path::Path;

use crate::{SandboxError, SandboxSpec};

/// Most ids of a sandbox.
pub(crate) const IDS: u32 = 65_536;
const LAYERS: usize = 32;
const FILES: usize = 64;
const ARGUMENTS: usize = 1_000;
const MEMORY: std::ops::RangeInclusive<u64> = (4 << 20)..=(1 << 46);

/// Refuses what cannot be, naming it.
pub(crate) fn check(spec: &SandboxSpec) -> Result<(), SandboxError> {
    let refuse = |what: String| Err(SandboxError::Specification(what));
    crate::cgroup::check_name(&spec.name)?;
    if spec.hostname.is_empty() || spec.hostname.len() > 64 {
        return refuse(format!("the host name `{}` has not 1 to 64 characters", spec.hostname));
    }
    if spec.layers.is_empty() || spec.layers.len() > LAYERS {
        return refuse(format!("{} layers, where 1 to {LAYERS} are possible", spec.layers.len()));
    }
    if spec.files.len() > FILES {
        return refuse(format!("{} files, at most {FILES} are possible", spec.files.len()));
    }
    for id in [("uid", spec.uid), ("gid", spec.gid)] {
        if id.1 == 0 || id.1 >= IDS - 1 {
            return refuse(format!("{} {} is not between 1 and {}", id.0, id.1, IDS - 2));
        }
    }
    if spec.first_id == 0 || spec.first_id.checked_add(IDS).is_none() {
        return refuse(format!("the first id {} leaves no room for {IDS} ids above 0", spec.first_id));
    }
    if !MEMORY.contains(&spec.memory) {
        return refuse(format!("{} bytes of memory, at least {} are needed", spec.memory, MEMORY.start()));
    }
    if spec.cpus_milli < 10 || spec.processes == 0 {
        return refuse("at least 10 thousandths of a processor and one process are needed".to_owned());
    }
    let inside = spec.files.iter().map(|(_, at)| at).chain(spec.data.iter().map(|(_, at)| at)).chain([&spec.directory]);
    for path in inside {
        if !is_plain_absolute(path) {
            return refuse(format!("`{path}` is not an absolute path without `.` and `..`"));
        }
    }
    if let Some((_, at)) = &spec.data
        && ["/", "/proc", "/dev", "/app", "/tmp", "/run"].contains(&at.trim_end_matches('/'))
    {
        return refuse(format!("the data directory cannot be shown at `{at}`, which has another use"));
    }
    if spec.environment.iter().any(|(key, value)| key.is_empty() || key.contains(['=', '\0']) || value.contains('\0')) {
        return refuse("an environment variable has an impossible name or a zero byte".to_owned());
    }
    check_command(&spec.command)
}

/// Refuses a command that could not even be looked for.
pub(crate) fn check_command(command: &[String]) -> Result<(), SandboxError> {
    match command.first() {
        None => Err(SandboxError::Command("no command was given".to_owned())),
        Some(program) if program.is_empty() => Err(SandboxError::Command("the command is empty".to_owned())),
        _ if command.len() > ARGUMENTS => Err(SandboxError::Command(format!("more than {ARGUMENTS} arguments"))),
        _ if command.iter().any(|word| word.contains('\0')) => {
            Err(SandboxError::Command("a word of the command has a zero byte".to_owned()))
        }
        _ => Ok(()),
    }
}

fn is_plain_absolute(path: &str) -> bool {
    use std::path::Component::{Normal, RootDir};
    !path.contains('\0')
        && path.starts_with('/')
        && path.split('/').all(|part| part != ".")
        && Path::new(path).components().all(|part| matches!(part, RootDir | Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::is_plain_absolute;

    #[test]
    fn paths_inside() {
        for good in ["/", "/data", "/var/lib/x", "/etc/resolv.conf"] {
            assert!(is_plain_absolute(good), "{good}");
        }
        for bad in ["", "data", "/../etc", "/a/../b", "/a/./b", "/a\0b"] {
            assert!(!is_plain_absolute(bad), "{bad}");
        }
    }
}
