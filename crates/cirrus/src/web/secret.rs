//! The application's secret: made once in its data directory, so that several instances over the same data share
//! sessions. Every use derives its own key from it, so that one use can never be turned against another.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use sha2::{Digest, Sha256};

use crate::{config::Config, error::Error};

/// Bytes of randomness in the file.
const LENGTH: usize = 32;

/// The application's secret.
pub struct Secret([u8; 32]);

impl Secret {
    /// The one of the environment, of the configuration, or of `data/secret`, which is made when missing.
    pub fn load(config: &Config, data: &Path) -> Result<Self, Error> {
        let path = data.join("secret");
        let given = std::env::var("CIRRUS_SECRET").ok().or_else(|| config.session.secret.clone());
        if let Some(text) = given {
            if text.len() < LENGTH {
                let problem = "CIRRUS_SECRET is shorter than 32 characters and could be guessed".to_owned();
                return Err(Error::Secret { path, problem });
            }
            return Ok(Self::of(text.as_bytes()));
        }
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(&path).map_err(|source| Error::Write { path: path.clone(), source })?;
                // Another instance may have been first: what is in the file counts.
                fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?
            }
            Err(source) => return Err(Error::Read { path, source }),
        };
        if bytes.len() < LENGTH {
            let problem =
                "shorter than 32 bytes; remove it and a new one is made (everybody must log in again)".to_owned();
            return Err(Error::Secret { path, problem });
        }
        Ok(Self::of(&bytes))
    }

    /// The secret made of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest([b"cirrus secret\0".as_slice(), bytes].concat()).into())
    }

    /// The key for one use.
    pub fn key(&self, purpose: &str) -> [u8; 32] {
        // The secret is uniformly random and of fixed length, so a hash of it and a name is a key derivation.
        Sha256::new().chain_update(self.0).chain_update(purpose.as_bytes()).finalize().into()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

fn make(path: &Path) -> io::Result<()> {
    let beside = path.with_extension(format!("{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(&random::<LENGTH>()?)?;
    file.sync_all()?;
    // A link appears whole or not at all, and does not replace what another instance made in the meantime.
    let linked = fs::hard_link(&beside, path);
    fs::remove_file(&beside)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Bytes that nobody can guess.
pub fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}
