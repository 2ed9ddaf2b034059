//! The operator's token: made once, kept by root, saved where the command line of those who use this machine finds it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use nix::unistd::{Gid, Uid, User, setegid, seteuid};
use sha2::{Digest, Sha256};

use crate::config::{self, Saved};
use crate::output::note;

/// Random bytes of a token.
const BYTES: usize = 32;
const PREFIX: &str = "vco_";

/// Reads the token, or makes one.
pub fn load_or_make(path: &Path) -> Result<String> {
    let shown = path.display();
    match fs::symlink_metadata(path) {
        Ok(found) => {
            ensure!(
                found.is_file() && found.uid() == 0,
                "{shown} is not a file of root's. Delete it: a new token is made then"
            );
            fs::set_permissions(path, Permissions::from_mode(0o600))
                .with_context(|| format!("cannot protect {shown}"))?;
            let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
            let token = text.trim();
            let good = token.len() >= 40 && token.starts_with(PREFIX) && token.bytes().all(|b| b.is_ascii_graphic());
            ensure!(good, "{shown} does not hold a token. Delete it: a new one is made then");
            Ok(token.to_owned())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(path),
        Err(error) => Err(error).with_context(|| format!("cannot look at {shown}")),
    }
}

/// A text that nobody guesses.
pub fn random() -> Result<String> {
    let mut random = [0; BYTES];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut random)).context("cannot read /dev/urandom")?;
    Ok(hexadecimal(&random))
}

fn make(path: &Path) -> Result<String> {
    let token = format!("{PREFIX}{}", random()?);
    let temporary = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        writeln!(file, "{token}")?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(token)
}

/// The SHA-256 of a token, which is all that the control plane gets to know of it.
pub fn hash(token: &str) -> String {
    hexadecimal(&Sha256::digest(token))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Saves address and token for root and, under sudo, for the person who called it. Returns where.
///
/// Whoever cannot be served is told, but keeps nothing from starting: the token is also printed. `quiet` spares that.
pub fn save_for_people(api: &str, token: &str, quiet: bool) -> Result<Vec<PathBuf>> {
    let saved = Saved { api: Some(api.to_owned()), token: Some(token.to_owned()) };
    let person = invoking_user();
    let mut places = Vec::new();
    let problem = |error: anyhow::Error| {
        if !quiet {
            note(format!("note: commands will want --token: {error:#}"));
        }
    };
    if let Some(path) = config::saved_path()
        && person.as_ref().is_none_or(|person| !path.starts_with(&person.dir))
    {
        match config::save(&path, &saved) {
            Ok(()) => places.push(path),
            Err(error) => problem(error),
        }
    }
    if let Some(person) = person {
        let path = person.dir.join(".config/vclouden/config.toml");
        match as_user(&person, || config::save(&path, &saved)) {
            Ok(()) => places.push(path),
            Err(error) => problem(error),
        }
    }
    Ok(places)
}

/// Who called sudo, unless that is root.
fn invoking_user() -> Option<User> {
    let name = std::env::var("SUDO_USER").ok()?;
    let user = User::from_name(&name).ok()??;
    (!user.uid.is_root()).then_some(user)
}

/// Does something with the rights of `person`, so that no link of theirs leads root astray. The process must be
/// single-threaded.
fn as_user(person: &User, work: impl FnOnce() -> Result<()>) -> Result<()> {
    setegid(person.gid).and_then(|()| seteuid(person.uid)).with_context(|| format!("cannot act as {}", person.name))?;
    let result = work();
    seteuid(Uid::from_raw(0)).and_then(|()| setegid(Gid::from_raw(0))).context("cannot become root again")?;
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_kept_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("operator-token");
        let made = load_or_make(&path).unwrap();
        assert_eq!(made.len(), PREFIX.len() + 2 * BYTES);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(load_or_make(&path).unwrap(), made);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_hash_is_sha256() {
        assert_eq!(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_file_that_is_no_token_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("operator-token");
        fs::write(&path, "").unwrap();
        let error = load_or_make(&path).unwrap_err().to_string();
        assert!(error.contains("Delete it"), "{error}");
    }
}
