//! Random texts that let somebody in: tokens, sessions, links. Only their hashes are kept.

use sha2::{Digest, Sha256};

/// A new one and its hash.
pub struct Secret {
    /// What its owner gets to see once.
    pub text: String,
    /// What is kept: SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

impl Secret {
    /// One of 256 random bits that begins with `prefix`.
    pub fn new(prefix: &str) -> Self {
        let mut random = [0_u8; 32];
        getrandom::fill(&mut random).expect("the kernel gives random bytes");
        let text = format!("{prefix}{}", hex(&random));
        Self { sha256: sha256(&text), text }
    }
}

/// What is kept of a secret.
pub fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
