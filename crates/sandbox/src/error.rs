//! What can go wrong, in words for the person who asked for the sandbox.

use std::io;

use thiserror::Error;

/// Why a sandbox could not be made, used or removed.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// The specification asks for something that cannot be.
    #[error("the sandbox's specification cannot be used: {0}")]
    Specification(String),
    /// The program cannot be run: it is missing, not executable, lacks its interpreter, and so on.
    #[error("{0}")]
    Command(String),
    /// The kernel refused a step.
    #[error("cannot {step}: {source}")]
    System {
        /// What was tried, as a verb and its object: `mount /proc`.
        step: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The kernel refused a step because this machine lacks a layer of defence that every sandbox needs.
    #[error("this machine cannot run sandboxes: {layers}; found when trying to {step}: {source}")]
    Missing {
        /// The missing layers, each with why and what to do.
        layers: String,
        /// What was tried.
        step: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The sandbox has ended or was killed in the meantime.
    #[error("the sandbox is not running any more")]
    Ended,
}

/// Turns the kernel's answer to one step into a [`SandboxError`].
pub(crate) trait Step<T> {
    /// `step` completes the sentence "cannot ...".
    fn step(self, step: impl ToString) -> Result<T, SandboxError>;
}

impl<T, E: Into<io::Error>> Step<T> for Result<T, E> {
    fn step(self, step: impl ToString) -> Result<T, SandboxError> {
        self.map_err(|source| SandboxError::System { step: step.to_string(), source: source.into() })
    }
}

/// The result of a raw system call.
pub(crate) fn checked(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
