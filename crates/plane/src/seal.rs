//! Secrets that the store keeps for others, such as the password of a mail server: encrypted at rest with
//! XChaCha20-Poly1305 under a key that is in a file beside it, never in it. Who has only the store has no secret.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};

const NONCE: usize = 24;

/// Seals and opens.
pub struct Seal(XChaCha20Poly1305);

impl Seal {
    /// With the key of the file `path`, which is made when it is missing.
    pub fn open(path: &Path) -> io::Result<Self> {
        let key = match fs::read(path) {
            Ok(key) => key,
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(path)?,
            Err(error) => return Err(error),
        };
        let key: [u8; 32] = key.try_into().map_err(|_| io::Error::other("it must have 32 bytes; restore it"))?;
        Ok(Self(XChaCha20Poly1305::new(&key.into())))
    }

    /// A text that only this key opens, and only for this purpose.
    pub fn seal(&self, purpose: &str, text: &str) -> String {
        let mut nonce = [0_u8; NONCE];
        getrandom::fill(&mut nonce).expect("the kernel gives random bytes");
        let payload = Payload { msg: text.as_bytes(), aad: purpose.as_bytes() };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).expect("a setting is far below the cipher's limit");
        URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())
    }

    /// What was sealed for this purpose, if it was sealed with this key and nobody changed it.
    pub fn unseal(&self, purpose: &str, sealed: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: sealed, aad: purpose.as_bytes() };
        String::from_utf8(self.0.decrypt(&XNonce::from(*nonce), payload).ok()?).ok()
    }
}

fn make(path: &Path) -> io::Result<Vec<u8>> {
    let mut key = vec![0_u8; 32];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(&key)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_opens_it_for_the_same_purpose() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("seal.key");
        let sealed = Seal::open(&path).unwrap().seal("mail", "contraseña");
        let seal = Seal::open(&path).unwrap();
        assert_eq!(seal.unseal("mail", &sealed).as_deref(), Some("contraseña"));
        assert_eq!(seal.unseal("other", &sealed), None);
        let other = Seal::open(&directory.path().join("other.key")).unwrap();
        assert_eq!(other.unseal("mail", &sealed), None);
        let mut changed = sealed.into_bytes();
        changed[40] ^= 1;
        assert_eq!(seal.unseal("mail", &String::from_utf8(changed).unwrap()), None);
        fs::write(&path, "short").unwrap();
        assert!(Seal::open(&path).is_err());
    }
}
