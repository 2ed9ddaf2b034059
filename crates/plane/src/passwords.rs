//! Passwords: kept as argon2id hashes, checked slowly and few at a time.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::problem::{Answer, Refusal};

/// Fewest and most characters of a password.
const LENGTH: std::ops::RangeInclusive<usize> = 10..=200;

/// Most who wait for a turn: more would wait for longer than anybody does.
const QUEUE: usize = 64;

/// What is tried first by whoever guesses, as far as it is long enough to be accepted.
const COMMON: &[&str] = &[
    "1234567890",
    "0123456789",
    "0987654321",
    "1q2w3e4r5t",
    "1qaz2wsx3edc",
    "qwertyuiop",
    "qwerty1234",
    "qwerty12345",
    "password12",
    "password123",
    "password1234",
    "contraseña",
    "contrasena",
    "contraseña1",
    "contrasena1",
    "administrator",
    "administrador",
    "iloveyou123",
    "letmein123",
    "welcome123",
    "bienvenido",
    "bienvenidos",
    "changeme123",
    "1111111111",
];

/// Who checks and makes hashes: each takes 19 MiB and some tens of milliseconds, so only some at a time.
pub struct Passwords {
    turns: Arc<Semaphore>,
    /// Those who wait for a turn.
    queue: Arc<Semaphore>,
    /// The hash that is checked where there is none, so that the time it takes says nothing.
    nobodys: String,
}

impl Default for Passwords {
    fn default() -> Self {
        let nobodys = hash("nobody has this password").expect("argon2 works with its own parameters");
        Self { turns: Arc::new(Semaphore::new(2)), queue: Arc::new(Semaphore::new(QUEUE)), nobodys }
    }
}

fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())
}

fn fits(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

impl Passwords {
    /// Refuses what would be guessed soon.
    pub fn check(password: &str, mail: &str, name: &str) -> Answer<()> {
        let length = password.chars().count();
        let lower = password.to_lowercase();
        let own = [mail, mail.split('@').next().unwrap_or(""), name].iter().any(|own| lower == own.to_lowercase());
        let one = password.chars().next().is_some_and(|first| password.chars().all(|c| c == first));
        if LENGTH.contains(&length) && !own && !one && !COMMON.contains(&lower.as_str()) {
            return Ok(());
        }
        let detail = "a password has 10 to 200 characters and is not one that is guessed first, such as your name or \
                      1234567890; four words serve well";
        Err(Refusal::invalid("bad-password", detail))
    }

    fn place(&self) -> Answer<SemaphorePermit<'_>> {
        self.queue.try_acquire().map_err(|_| {
            let detail = "too many people log in at this moment; try again in a minute";
            Refusal { retry_after: Some(30), ..Refusal::new(http::StatusCode::SERVICE_UNAVAILABLE, "busy", detail) }
        })
    }

    /// The hash of a password.
    pub async fn hash(&self, password: String) -> Answer<String> {
        let _place = self.place()?;
        let _turn = self.turns.acquire().await.map_err(Refusal::internal)?;
        let hashed = tokio::task::spawn_blocking(move || hash(&password)).await.map_err(Refusal::internal)?;
        hashed.map_err(Refusal::internal)
    }

    /// Whether a password has that hash. Without a hash it takes as long and is wrong.
    pub async fn fits(&self, password: String, hash: Option<String>) -> Answer<bool> {
        let _place = self.place()?;
        let _turn = self.turns.acquire().await.map_err(Refusal::internal)?;
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobodys.clone());
        let fits = tokio::task::spawn_blocking(move || fits(&password, &hash)).await.map_err(Refusal::internal)?;
        Ok(fits && known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse battery".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.fits("correct horse battery".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.fits("correct horse batterz".into(), Some(hash)).await.unwrap());
        assert!(!passwords.fits("nobody has this password".into(), None).await.unwrap());
    }

    #[test]
    fn what_is_guessed_first_is_refused() {
        let check = |password: &str| Passwords::check(password, "rosa.perez@example.com", "Rosa Pérez");
        for good in ["correct horse", "contraseñas-de-rosa", "añadir ñandúes"] {
            assert!(check(good).is_ok(), "{good}");
        }
        let long = "x".repeat(201);
        for bad in
            ["", "short", "Rosa Pérez", "rosa.perez@example.com", "Rosa.Perez", "aaaaaaaaaaaa", "Qwerty12345", &long]
        {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
