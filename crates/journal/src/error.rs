//! What can go wrong with the journal itself; what goes wrong in a step is a [`StepError`](crate::StepError).

use std::path::PathBuf;

use uuid::Uuid;

/// An error of the journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Its file cannot be opened.
    #[error("the journal {path} cannot be opened: {source}; check that its disk is mounted, writable and not full")]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// It cannot be read.
    #[error("the journal cannot be read: {0}")]
    Read(#[from] rusqlite::Error),
    /// A record could not be written, so nothing may go on that depends on it.
    #[error("the journal cannot be written: {0}; check the space on its disk")]
    Write(String),
    /// The thread that writes is gone: the journal is being closed.
    #[error("the journal is closed")]
    Closed,
    /// Work was asked to halt; the operation goes on at the next start.
    #[error("Nimbus is stopping; the operation goes on when it is started again")]
    Halted,
    /// There is no such operation.
    #[error("there is no operation {0}; finished ones are forgotten after 30 days")]
    Unknown(Uuid),
    /// The same id was used for something else.
    #[error("operation {0} was asked for before with another content; choose a new id for new work")]
    Differs(Uuid),
    /// An operation's recorded state cannot be read back.
    #[error("the state of operation {id} cannot be understood: {source}")]
    State {
        /// Which operation.
        id: Uuid,
        /// Why.
        source: serde_json::Error,
    },
    /// An operation was left in a step that this version does not have.
    #[error(
        "operation {id} was left in step \"{step}\", which this version of the program does not have; \
         start the version that began it"
    )]
    NoSuchStep {
        /// Which operation.
        id: Uuid,
        /// The recorded step.
        step: String,
    },
}
