//! Where the author's triggers come in: before and after each create, update and delete, inside its transaction.

use super::{record::Record, schema::Table, store::Session};

/// What is about to happen, or has happened, to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A new row.
    Create,
    /// A row changes.
    Update,
    /// A row goes.
    Delete,
}

/// A trigger said no, or failed. All that happened since the write began is rolled back.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    /// The field it is about, when it is about one.
    pub field: Option<String>,
    /// For the person who sent the record.
    pub message: String,
    /// What made the trigger fail, when it did not choose to reject.
    #[source]
    pub source: Option<Box<dyn std::error::Error>>,
}

impl Rejection {
    /// A rejection with a message for people.
    pub fn new(message: impl Into<String>) -> Rejection {
        Rejection { field: None, message: message.into(), source: None }
    }
}

/// The triggers of an application. A hook may use the session it is given: what it writes belongs to the same write.
pub trait Hooks {
    /// Whether there is anything to call for this event of this table. `false` spares reading the old row, and lets
    /// links that cascade be followed by SQLite itself.
    fn watches(&self, _table: &Table, _event: Event) -> bool {
        true
    }

    /// Before the row is written. `new` (absent on delete) may be changed; it is validated again afterwards.
    fn before(
        &self,
        session: &Session,
        event: Event,
        table: &Table,
        old: Option<&Record>,
        new: Option<&mut Record>,
    ) -> Result<(), Rejection>;

    /// After the row is written, totals and formulas included.
    fn after(
        &self,
        session: &Session,
        event: Event,
        table: &Table,
        old: Option<&Record>,
        new: Option<&Record>,
    ) -> Result<(), Rejection>;
}

/// An application without triggers.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHooks;

impl Hooks for NoHooks {
    fn watches(&self, _table: &Table, _event: Event) -> bool {
        false
    }

    fn before(
        &self,
        _: &Session,
        _: Event,
        _: &Table,
        _: Option<&Record>,
        _: Option<&mut Record>,
    ) -> Result<(), Rejection> {
        Ok(())
    }

    fn after(&self, _: &Session, _: Event, _: &Table, _: Option<&Record>, _: Option<&Record>) -> Result<(), Rejection> {
        Ok(())
    }
}
