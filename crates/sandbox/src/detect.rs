//! Which layers of defence this machine has.

use std::fs;
use std::path::Path;

use crate::cgroup::{CONTROLLERS, Hierarchies};
use crate::spec::Layer;
use crate::{SandboxError, apparmor, idmap, landlock, seccomp};

/// What every sandbox needs; without one of these none is started.
const REQUIRED: [&str; 6] = [
    "user namespaces",
    "pid, mount, ipc, uts and network namespaces",
    "idmapped mounts",
    "overlay",
    "seccomp",
    "cgroups",
];

/// Looks at this machine. Changes nothing, and may be called by any thread. Only root is told about AppArmor.
#[must_use]
pub fn detect() -> Vec<Layer> {
    let mut layers = vec![user_namespaces(), other_namespaces(), cgroup_namespace()];
    layers.extend(cgroups());
    layers.extend([idmapped_mounts(), overlay(), seccomp_filter(), landlock_rules(), apparmor::report()]);
    layers
}

/// Says which required layers are missing when a step failed because of that.
pub(crate) fn explain(error: SandboxError) -> SandboxError {
    let SandboxError::System { step, source } = error else { return error };
    let missing: Vec<String> = detect()
        .into_iter()
        .filter(|layer| !layer.active && REQUIRED.contains(&layer.name.as_str()))
        .map(|layer| format!("{} ({})", layer.name, layer.note))
        .collect();
    if missing.is_empty() {
        return SandboxError::System { step, source };
    }
    SandboxError::Missing { layers: format!("it lacks {}", missing.join(" and ")), step, source }
}

pub(crate) fn layer(name: &str, active: bool, note: impl Into<String>) -> Layer {
    Layer { name: name.to_owned(), active, note: note.into() }
}

fn user_namespaces() -> Layer {
    let name = REQUIRED[0];
    match fs::read_to_string("/proc/sys/user/max_user_namespaces").map(|most| most.trim().to_owned()) {
        Ok(most) if most == "0" => {
            layer(name, false, "switched off; set the sysctl user.max_user_namespaces to 65536, say")
        }
        Ok(most) => layer(name, true, format!("65,536 ids for each sandbox; at most {most} namespaces")),
        Err(_) => layer(name, false, "the kernel was built without them (CONFIG_USER_NS)"),
    }
}

fn other_namespaces() -> Layer {
    let missing: Vec<_> = ["pid", "mnt", "ipc", "uts", "net"].into_iter().filter(|kind| !has_namespace(kind)).collect();
    let name = REQUIRED[1];
    if missing.is_empty() {
        return layer(name, true, "each sandbox has its own");
    }
    layer(name, false, format!("the kernel was built without {}", missing.join(", ")))
}

fn cgroup_namespace() -> Layer {
    let active = has_namespace("cgroup");
    layer("cgroup namespace", active, if active { "each sandbox has its own" } else { "not in this kernel" })
}

fn has_namespace(kind: &str) -> bool {
    Path::new("/proc/self/ns").join(kind).exists()
}

fn cgroups() -> Vec<Layer> {
    let found = match Hierarchies::find() {
        Ok(found) => found,
        Err(error) => return vec![layer(REQUIRED[5], false, format!("cannot be found: {error}"))],
    };
    let mut layers = Vec::new();
    let mut absent = Vec::new();
    for controller in CONTROLLERS {
        let v1 = found.v1.iter().find(|(name, _)| *name == controller);
        let note = match (&found.v2, v1) {
            (Some(root), _) if found.v2_limits => format!("cgroup v2 at {}", root.display()),
            (_, Some((_, root))) => format!("cgroup v1 at {}", root.display()),
            _ => {
                absent.push(controller);
                "no mounted cgroup hierarchy has it".to_owned()
            }
        };
        layers.push(layer(&format!("cgroup {controller}"), !absent.contains(&controller), note));
    }
    let (active, note) = if absent.is_empty() {
        (true, "fixed memory, processor time and number of processes".to_owned())
    } else {
        (false, format!("no controller for {}; mount cgroup v2 at /sys/fs/cgroup", absent.join(", ")))
    };
    layers.insert(0, layer(REQUIRED[5], active, note));
    let kill = match (&found.v2, release() >= (5, 14)) {
        (Some(root), true) => (true, format!("in the v2 tree at {}", root.display())),
        (Some(_), false) => (false, "this kernel is older than 5.14; the pid namespace kills, too".to_owned()),
        (None, _) => (false, "no cgroup v2 is mounted; the pid namespace kills, too".to_owned()),
    };
    layers.push(layer("cgroup.kill", kill.0, kill.1));
    layers
}

fn idmapped_mounts() -> Layer {
    match (idmap::is_available(), release() >= (5, 12)) {
        (true, true) => layer(REQUIRED[2], true, "files on disk belong to ids from 0, whatever the sandbox's range is"),
        _ => layer(REQUIRED[2], false, "Linux 5.12 or newer is needed"),
    }
}

fn overlay() -> Layer {
    let note = "layers are put together inside the user namespace";
    if release() < (5, 11) {
        return layer(REQUIRED[3], false, "Linux 5.11 or newer is needed in user namespaces");
    }
    if fs::read_to_string("/proc/filesystems").is_ok_and(|list| list.contains("\toverlay\n")) {
        return layer(REQUIRED[3], true, note);
    }
    if may_load("overlay") {
        return layer(REQUIRED[3], true, format!("{note}; the kernel loads its module at first use"));
    }
    layer(REQUIRED[3], false, "not in this kernel, nor a module that it may load")
}

/// Whether the kernel finds a module of that name when it is first asked for what the module does.
fn may_load(module: &str) -> bool {
    let locked = fs::read_to_string("/proc/sys/kernel/modules_disabled").map_or(true, |text| text.trim() != "0");
    let list = format!("/lib/modules/{}/modules.dep", rustix::system::uname().release().to_string_lossy());
    // Each line is `path/to/name.ko[.xz]: what it depends on`; see modules.dep(5).
    let file = format!("/{module}.ko");
    !locked
        && fs::read_to_string(list).is_ok_and(|list| {
            list.lines().any(|line| line.split_once(':').is_some_and(|(path, _)| path.contains(&file)))
        })
}

fn seccomp_filter() -> Layer {
    let active = seccomp::is_available();
    let note = if active { "a list of allowed system calls" } else { "not in this kernel (CONFIG_SECCOMP_FILTER)" };
    layer(REQUIRED[4], active, note)
}

fn landlock_rules() -> Layer {
    match landlock::version() {
        Some(version) if version >= 6 => layer("landlock", true, format!("ABI {version}: files, abstract sockets")),
        Some(version) => layer("landlock", true, format!("ABI {version}: files; abstract sockets from ABI 6")),
        None => layer("landlock", false, "not in this kernel, or not in its boot parameter lsm="),
    }
}

/// The kernel's version, major and minor.
fn release() -> (u32, u32) {
    let name = rustix::system::uname();
    let mut parts = name.release().to_str().unwrap_or_default().split(['.', '-']).map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}
