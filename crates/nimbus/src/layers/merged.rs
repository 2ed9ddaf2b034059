//! Looks into layers as the kernel's overlay would show them, without mounting anything: who a user is, and whether a
//! directory is there.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use domain::manifest::User;
use sha2::{Digest, Sha256};

use super::error::io;
use super::{LayersError, hex, once, skeleton};

/// Names listed in an error message.
const LISTED: usize = 40;
/// User ids that a program may have inside.
const IDS: std::ops::RangeInclusive<u32> = 1..=65_533;

/// What one layer says about a path.
enum Said {
    /// Nothing: ask the layer below.
    Nothing,
    /// There is no such file, whatever layers below have.
    Hidden,
    /// It has it.
    Has(PathBuf, fs::Metadata),
}

/// What is seen at a path (relative, of plain names) in layers, topmost first. Links are not followed.
fn seen(layers: &[PathBuf], path: &Path) -> Result<Option<(PathBuf, fs::Metadata)>, LayersError> {
    for layer in layers {
        match ask(layer, path)? {
            Said::Nothing => {}
            Said::Hidden => return Ok(None),
            Said::Has(path, found) => return Ok(Some((path, found))),
        }
    }
    Ok(None)
}

fn ask(layer: &Path, path: &Path) -> Result<Said, LayersError> {
    let mut at = layer.to_owned();
    let mut opaque = false;
    let mut found = None;
    for part in path.components() {
        at.push(part);
        let here = match fs::symlink_metadata(&at) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(if opaque { Said::Hidden } else { Said::Nothing });
            }
            other => other.map_err(io("look at", &at))?,
        };
        // How overlayfs marks a deleted file.
        if here.file_type().is_char_device() && here.rdev() == 0 {
            return Ok(Said::Hidden);
        }
        if !here.is_dir() && at != layer.join(path) {
            return Ok(Said::Hidden);
        }
        opaque |= here.is_dir() && is_opaque(&at);
        found = Some(here);
    }
    Ok(found.map_or(Said::Nothing, |found| Said::Has(at, found)))
}

/// Whether a directory replaces what layers below have under its name, as an overlay mounted with `userxattr` marks it.
fn is_opaque(directory: &Path) -> bool {
    let mut value = [0; 1];
    matches!(rustix::fs::lgetxattr(directory, "user.overlay.opaque", &mut value[..]), Ok(1)) && value == *b"y"
}

/// The user and group ids of a user inside.
pub(super) fn resolve_user(layers: &[PathBuf], user: &User) -> Result<(u32, u32), LayersError> {
    let passwd = match seen(layers, Path::new("etc/passwd"))? {
        Some((path, found)) if found.is_file() => fs::read_to_string(&path).map_err(io("read", &path))?,
        _ => String::new(),
    };
    let lines = || passwd.lines().filter_map(entry);
    let (uid, gid) = match user {
        // An id need not be anybody's.
        User::Id(id) => lines().find(|(_, uid, _)| uid == id).map_or((*id, *id), |(_, uid, gid)| (uid, gid)),
        User::Name(name) => match lines().find(|(known, ..)| known == name) {
            Some((_, uid, gid)) => (uid, gid),
            None => {
                let usable = lines().filter(|(_, uid, _)| IDS.contains(uid));
                let known = usable.take(LISTED).map(|(name, ..)| name.to_owned()).collect();
                return Err(LayersError::NoUser { name: name.chars().take(80).collect(), known });
            }
        },
    };
    match (IDS.contains(&uid), IDS.contains(&gid)) {
        (false, _) => Err(LayersError::BadUser(uid)),
        (true, true) => Ok((uid, gid)),
        // Such as "games" in group 60, but never root's group.
        (true, false) => Ok((uid, uid)),
    }
}

/// Name, user id and group id of a line of passwd(5).
fn entry(line: &str) -> Option<(&str, u32, u32)> {
    let mut fields = line.split(':');
    let (name, _password) = (fields.next()?, fields.next()?);
    Some((name, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// A layer that adds the mount point of a data directory, when the others have none there.
pub(super) fn mount_point(cache: &Path, layers: &[PathBuf], directory: &str) -> Result<Option<PathBuf>, LayersError> {
    let bad = |why: String| LayersError::BadDirectory { directory: directory.chars().take(200).collect(), why };
    let Ok(inside) = Path::new(directory).strip_prefix("/") else {
        return Err(bad("it does not begin with \"/\"".to_owned()));
    };
    let plain = inside.components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || inside.as_os_str().is_empty() || directory.len() > 1000 {
        return Err(bad("a path below \"/\" without \"..\", at most 1000 bytes long, is needed".to_owned()));
    }
    // The layer's directories take the place of those of the same name below it: they must look like them.
    let (mut path, mut modes, mut missing) = (PathBuf::new(), Vec::new(), false);
    for part in inside.components() {
        path.push(part);
        modes.push(match seen(layers, &path)? {
            Some((_, found)) if found.is_dir() => (found.mode() & 0o7777, found.uid(), found.gid()),
            Some((at, found)) if found.is_symlink() => {
                let to = fs::read_link(&at).map_err(io("read", &at))?;
                return Err(bad(format!("/{} is a link to {}: name the place itself", path.display(), to.display())));
            }
            Some(_) => return Err(bad(format!("/{} is a file", path.display()))),
            None => {
                missing = true;
                (0o755, 0, 0)
            }
        });
    }
    if !missing {
        return Ok(None);
    }
    let name = hex(&Sha256::digest(format!("{directory}{modes:?}")));
    once::once(cache, "mountpoints", &name, |root| make(root, inside, &modes)).map(Some)
}

/// Makes a directory with all above it, with those modes and owners.
fn make(root: &Path, inside: &Path, modes: &[(u32, u32, u32)]) -> Result<(), LayersError> {
    let mut path = root.to_owned();
    for (part, (mode, uid, gid)) in inside.components().zip(modes) {
        path.push(part);
        fs::create_dir(&path).map_err(io("make", &path))?;
        std::os::unix::fs::chown(&path, Some(*uid), Some(*gid)).map_err(io("give away", &path))?;
        skeleton::set_mode(&path, *mode)?;
    }
    Ok(())
}
