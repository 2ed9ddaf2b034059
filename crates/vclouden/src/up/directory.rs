//! The data directory: who owns what in it, and that only one `up` uses it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{FlockOperation, flock};

use super::{EDGE_USER, PLANE_USER};

/// A data directory that this process alone uses, for as long as it lives.
#[derive(Debug)]
pub struct DataDirectory {
    root: PathBuf,
    _lock: File,
}

/// Whether a data directory is in use.
#[derive(Debug)]
pub enum Held {
    /// By nobody; by this process from now on.
    Free(File),
    /// By the process with this id, as it wrote down itself.
    By(Option<i32>),
}

impl DataDirectory {
    /// Makes what is missing, corrects owners and modes of what is there, and locks it.
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        fs::create_dir_all(path).with_context(|| format!("cannot make {shown}. Name another directory with --data"))?;
        let root = path.canonicalize().with_context(|| format!("cannot find {shown}"))?;
        check_reach(&root)?;
        let lock = match lock(&root)? {
            Held::Free(lock) => lock,
            Held::By(Some(process)) => {
                bail!("another `vclouden up` (process {process}) uses {shown}. Use that one, or end it first")
            }
            Held::By(None) => bail!("another `vclouden up` uses {shown}. Use that one, or end it first"),
        };
        let directory = DataDirectory { root, _lock: lock };
        let parts = [("plane", PLANE_USER, 0o700), ("edge", EDGE_USER, 0o700), ("nimbus", 0, 0o700), ("run", 0, 0o755)];
        for (name, user, mode) in parts {
            directory.part(name, user, mode)?;
        }
        Ok(directory)
    }

    /// Makes one of its directories, or corrects it.
    fn part(&self, name: &str, user: u32, mode: u32) -> Result<()> {
        let path = self.root.join(name);
        let shown = path.display();
        if let Err(error) = fs::create_dir(&path)
            && error.kind() != std::io::ErrorKind::AlreadyExists
        {
            return Err(error).with_context(|| format!("cannot make {shown}"));
        }
        let found = fs::symlink_metadata(&path).with_context(|| format!("cannot look at {shown}"))?;
        ensure!(found.is_dir(), "{shown} is no directory. Move it away");
        chown(&path, Some(user), Some(user)).with_context(|| format!("cannot give {shown} to user {user}"))?;
        fs::set_permissions(&path, Permissions::from_mode(mode)).with_context(|| format!("cannot protect {shown}"))
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The control plane's directory.
    pub fn plane(&self) -> PathBuf {
        self.root.join("plane")
    }

    /// The edge's directory.
    pub fn edge(&self) -> PathBuf {
        self.root.join("edge")
    }

    /// Nimbus's directory.
    pub fn nimbus(&self) -> PathBuf {
        self.root.join("nimbus")
    }

    /// Where Nimbus listens to the control plane.
    pub fn nimbus_socket(&self) -> PathBuf {
        self.root.join("run/nimbus.sock")
    }

    /// Where Nimbus listens to the edge.
    pub fn edge_socket(&self) -> PathBuf {
        self.root.join("run/edge.sock")
    }

    /// The operator's token.
    pub fn token(&self) -> PathBuf {
        self.root.join("operator-token")
    }
}

/// Control plane and edge are other users: they must be able to come by all directories above theirs. And nobody else
/// may be able to put something into the place of what is kept.
fn check_reach(root: &Path) -> Result<()> {
    for directory in root.ancestors() {
        let shown = directory.display();
        let found = fs::metadata(directory).with_context(|| format!("cannot look at {shown}"))?;
        ensure!(
            found.mode() & 0o001 != 0,
            "the control plane's user cannot come by {shown}: its mode is {:04o}. Run `chmod o+x {shown}`, or name \
             another directory with --data",
            found.mode() & 0o7777
        );
        let sticky = found.mode() & 0o1000 != 0;
        let private = found.mode() & 0o022 == 0 || (sticky && directory != root);
        ensure!(
            private && (found.uid() == 0 || directory != root),
            "{shown} can be changed by others than its owner root (owner {}, mode {:04o}), and with it everything below. \
             Run `chown root {shown}` and `chmod go-w {shown}`, or name another directory with --data",
            found.uid(),
            found.mode() & 0o7777
        );
    }
    Ok(())
}

/// Locks a data directory, unless somebody has it.
pub fn lock(root: &Path) -> Result<Held> {
    let path = root.join("up.lock");
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = file.with_context(|| format!("cannot open {}", path.display()))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut text = String::new();
            let read = file.take(32).read_to_string(&mut text).ok();
            return Ok(Held::By(read.and_then(|_| text.trim().parse().ok())));
        }
        Err(error) => return Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
    file.rewind().and_then(|()| file.set_len(0)).and_then(|()| writeln!(file, "{}", std::process::id()))?;
    Ok(Held::Free(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_user() {
        let directory = tempfile::tempdir().unwrap();
        let Held::Free(held) = lock(directory.path()).unwrap() else { panic!("it is free") };
        let me = std::process::id() as i32;
        assert!(matches!(lock(directory.path()).unwrap(), Held::By(Some(pid)) if pid == me));
        drop(held);
        assert!(matches!(lock(directory.path()).unwrap(), Held::Free(_)));
    }

    #[test]
    fn a_directory_that_others_cannot_come_by_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let refused = |mode| {
            fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
            check_reach(directory.path()).unwrap_err().to_string()
        };
        let error = refused(0o700);
        assert!(error.contains("chmod o+x"), "{error}");
        let error = refused(0o777);
        assert!(error.contains("chmod go-w"), "{error}");
    }
}
