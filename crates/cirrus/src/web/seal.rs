//! Texts that only this application can read and make: cookies of sessions, tokens of forms, cursors.
//! XChaCha20-Poly1305 with a random nonce; a text sealed for one purpose opens for no other.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};

use super::secret::{Secret, random};

const NONCE: usize = 24;

/// Seals and opens with keys derived from the application's secret.
pub struct Seals {
    cipher: XChaCha20Poly1305,
}

impl std::fmt::Debug for Seals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seals(..)")
    }
}

impl Seals {
    /// Of this secret.
    pub fn new(secret: &Secret) -> Self {
        Self { cipher: XChaCha20Poly1305::new(&secret.key("seal").into()) }
    }

    /// Base64url of nonce and sealed content. The error: no randomness, or more than a cipher can take.
    pub fn seal(&self, purpose: &str, content: &[u8]) -> Result<String, String> {
        let nonce = random::<NONCE>().map_err(|error| format!("there is no randomness: {error}"))?;
        let payload = Payload { msg: content, aad: purpose.as_bytes() };
        let sealed =
            self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| "too long to be sealed".to_owned())?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// The content, if it was sealed here for this purpose and nobody changed it.
    pub fn open(&self, purpose: &str, text: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        self.cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: purpose.as_bytes() }).ok()
    }

    /// A readable value and proof that it is ours.
    pub fn sign(&self, purpose: &str, value: &str) -> Result<String, String> {
        // A sealed nothing whose associated data is the value: a message authentication code.
        Ok(format!("{value}.{}", self.seal(&format!("{purpose}\0{value}"), b"")?))
    }

    /// The value, if the proof is right.
    pub fn unsign<'a>(&self, purpose: &str, signed: &'a str) -> Option<&'a str> {
        let (value, proof) = signed.rsplit_once('.')?;
        self.open(&format!("{purpose}\0{value}"), proof)?;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_here_for_this_opens() {
        let seals = Seals::new(&Secret::of(b"one"));
        let text = seals.seal("session", b"hola").unwrap();
        assert_eq!(seals.open("session", &text).unwrap(), b"hola");
        assert_ne!(text, seals.seal("session", b"hola").unwrap());
        assert_eq!(seals.open("csrf", &text), None);
        assert_eq!(Seals::new(&Secret::of(b"two")).open("session", &text), None);
        for place in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(seals.open("session", std::str::from_utf8(&bytes).unwrap()), None);
        }
        for short in ["", "AAAA", "ñ"] {
            assert_eq!(seals.open("session", short), None);
        }
        let signed = seals.sign("cookie", "a.b").unwrap();
        assert_eq!(seals.unsign("cookie", &signed), Some("a.b"));
        assert_eq!(seals.unsign("cookie", &signed.replace("a.b", "a.c")), None);
    }
}
