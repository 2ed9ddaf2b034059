//! How a command ends when it does not end well: the message for a person and the exit status for a program.

use std::fmt;

use plane::wire::Problem;
use serde_json::{Value, json};

/// What every command answers.
pub type Outcome<T = ()> = Result<T, Failure>;

/// A command that did not do what was asked. Messages say what happened, why, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Refused or failed: exit status 1.
    #[error("{0}")]
    Refused(String),
    /// The API refused: exit status 1.
    #[error("{message}")]
    Problem {
        /// For people.
        message: String,
        /// As the API said it.
        problem: Box<Problem>,
    },
    /// The command line is wrong: exit status 2.
    #[error("{0}")]
    Usage(String),
    /// The API does not answer: exit status 3.
    #[error("{0}")]
    Unreachable(String),
    /// It was begun, failed, and everything is as it was before: exit status 4.
    #[error("{0}")]
    Undone(String),
    /// A program that was run in a sandbox ended with this status; nothing to add.
    #[error("exit status {0}")]
    Program(i32),
}

impl Failure {
    /// Refused or failed, with this message.
    pub fn refused(message: impl fmt::Display) -> Self {
        Failure::Refused(message.to_string())
    }

    /// A wrong command line, with this message.
    pub fn usage(message: impl fmt::Display) -> Self {
        Failure::Usage(message.to_string())
    }

    /// A command line that cannot be read, as one message: what is wrong, without the help that is meant for a person.
    pub fn wrong_usage(error: &clap::Error) -> Self {
        use clap::error::ErrorKind;
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            return Failure::usage("a command is missing; --help lists them");
        }
        let text = error.render().to_string();
        let what = text.split("\n\nUsage:").next().unwrap_or_default();
        let what = what.split("\n\nFor more information").next().unwrap_or_default();
        let lines = what.trim_start_matches("error: ").lines().map(str::trim).filter(|line| !line.is_empty());
        Failure::usage(lines.collect::<Vec<_>>().join("; "))
    }

    /// The failure as a document for programs: the API's own problem, or `{"error": "..."}`.
    pub fn json(&self) -> Value {
        match self {
            Failure::Problem { problem, .. } => json!(problem),
            other => json!({ "error": other.to_string() }),
        }
    }

    /// The exit status, as `EXIT_STATUSES` documents it.
    pub fn status(&self) -> i32 {
        match self {
            Failure::Refused(_) | Failure::Problem { .. } => 1,
            Failure::Usage(_) => 2,
            Failure::Unreachable(_) => 3,
            Failure::Undone(_) => 4,
            Failure::Program(status) => *status,
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::Refused(format!("{error:#}"))
    }
}

/// Shown at the end of every `--help`.
pub const EXIT_STATUSES: &str = "Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 the API cannot be reached, \
                                 4 it was begun, failed and was undone.";
