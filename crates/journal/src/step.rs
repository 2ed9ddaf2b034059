//! A step, and why one fails.

use std::error::Error;
use std::fmt;

/// One step of an operation with state `S`, done with the help of `C`.
pub struct Step<C: ?Sized, S> {
    /// Its name: unique in its operation, and never changed once operations may be under way with it.
    pub name: &'static str,
    /// Does it. May be called again after it was done or half done.
    pub act: fn(&C, &mut S) -> Result<(), StepError>,
    /// Puts back what it did. May be called when nothing or half of it was done, and again.
    pub undo: fn(&C, &mut S) -> Result<(), StepError>,
    /// Whether there is no way back once it has begun.
    pub point_of_no_return: bool,
}

impl<C: ?Sized, S> Step<C, S> {
    /// A step that can be undone.
    pub const fn new(
        name: &'static str,
        act: fn(&C, &mut S) -> Result<(), StepError>,
        undo: fn(&C, &mut S) -> Result<(), StepError>,
    ) -> Self {
        Self { name, act, undo, point_of_no_return: false }
    }

    /// A step that changes nothing, so that there is nothing to undo.
    pub const fn pure(name: &'static str, act: fn(&C, &mut S) -> Result<(), StepError>) -> Self {
        Self { name, act, undo: |_, _| Ok(()), point_of_no_return: false }
    }

    /// A step from which on there is no way back.
    pub const fn last_way(name: &'static str, act: fn(&C, &mut S) -> Result<(), StepError>) -> Self {
        Self { name, act, undo: |_, _| Ok(()), point_of_no_return: true }
    }
}

impl<C: ?Sized, S> fmt::Debug for Step<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Why a step failed: what happened, why, and what to do, in words for people.
///
/// It is made from any error by `?`; it is no `Error` itself, as `anyhow::Error` is none.
pub struct StepError {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StepError {
    /// With a message of its own.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// The error this was made from.
    pub fn source(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.source.as_deref()
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for StepError {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let text = inner.to_string();
            // Messages for people often quote their cause already.
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            cause = inner.source();
        }
        Self { message, source: Some(Box::new(error)) }
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
