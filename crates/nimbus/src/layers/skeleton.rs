//! The layer under applications that bring everything themselves: mount points and a handful of files in `/etc`
//! without which even static programs stumble.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::io;
use super::{LayersError, hex, once};

/// Directories, with the modes that are not 0755.
const DIRECTORIES: [(&str, u32); 22] = [
    ("app", 0o755),
    ("bin", 0o755),
    ("data", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("lib", 0o755),
    ("lib64", 0o755),
    ("media", 0o755),
    ("mnt", 0o755),
    ("opt", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("sbin", 0o755),
    ("srv", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("usr/bin", 0o755),
    ("var", 0o755),
    ("var/tmp", 0o1777),
];

/// Files of `/etc`.
const FILES: [(&str, &str); 6] = [
    ("passwd", "root:x:0:0:root:/root:/sbin/nologin\n"),
    ("group", "root:x:0:\n"),
    ("hosts", super::files::HOSTS),
    ("resolv.conf", ""),
    ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    ("hostname", "sandbox\n"),
];

/// The layer, made when it is not there. Its name is its content's hash: a later version makes its own.
pub(super) fn skeleton(cache: &Path) -> Result<PathBuf, LayersError> {
    let content = Sha256::digest(format!("{DIRECTORIES:?}{FILES:?}{USERS:?}"));
    once::once(cache, "skeleton", &hex(&content)[..16], fill)
}

/// What is in it, put into an empty directory.
pub(super) fn fill(root: &Path) -> Result<(), LayersError> {
    for (name, mode) in DIRECTORIES {
        let path = root.join(name);
        fs::create_dir(&path).map_err(io("make", &path))?;
        set_mode(&path, mode)?;
    }
    for (name, content) in FILES {
        put(&root.join("etc").join(name), content)?;
    }
    add_users(root, &USERS)
}

/// A user with a group of the same name and number: name, number, home.
pub(super) type NewUser = (&'static str, u32, &'static str);

/// The user that applications run as unless they say otherwise, in every base.
pub(super) const APP: NewUser = ("app", 1000, "/app");
const USERS: [NewUser; 2] = [APP, ("nobody", 65534, "/")];

/// Appends users to a root's `/etc/passwd` and `/etc/group`.
pub(super) fn add_users(root: &Path, users: &[NewUser]) -> Result<(), LayersError> {
    for (name, id, home) in users {
        append(&root.join("etc/passwd"), &format!("{name}:x:{id}:{id}:{name}:{home}:/sbin/nologin\n"))?;
        append(&root.join("etc/group"), &format!("{name}:x:{id}:\n"))?;
    }
    Ok(())
}

fn append(path: &Path, line: &str) -> Result<(), LayersError> {
    let text = fs::read_to_string(path).map_err(io("read", path))?;
    put(path, &(text + line))
}

/// Writes a file of mode 0644, in place of whatever has its name.
pub(super) fn put(path: &Path, content: &str) -> Result<(), LayersError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io("replace", path)(error)),
        _ => fs::write(path, content).map_err(io("write", path))?,
    }
    set_mode(path, 0o644)
}

/// Sets a mode whatever the process's mask is.
pub(super) fn set_mode(path: &Path, mode: u32) -> Result<(), LayersError> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(io("set the mode of", path))
}
