//! What is recorded, and how it is read back.
//!
//! The database is SQLite in WAL mode with `synchronous = FULL`: what a commit returned from survives a power cut.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use domain::state::OperationState;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::writer::Writer;
use crate::{Clock, JournalError};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS operations (
    arrival      INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    verb         TEXT NOT NULL,
    subject      TEXT NOT NULL,
    request      TEXT NOT NULL,
    state        TEXT NOT NULL,
    progress     TEXT,              -- the operation's own state as JSON; absent until its first step begins
    sequence     INTEGER NOT NULL DEFAULT 0,
    error        TEXT,
    requested_at INTEGER NOT NULL,
    ended_at     INTEGER
);
CREATE INDEX IF NOT EXISTS operations_by_subject ON operations (subject, arrival);
CREATE INDEX IF NOT EXISTS operations_by_state ON operations (state, arrival);
CREATE TABLE IF NOT EXISTS steps (
    operation INTEGER NOT NULL REFERENCES operations (arrival) ON DELETE CASCADE,
    sequence  INTEGER NOT NULL,     -- from 1
    name      TEXT NOT NULL,
    direction TEXT NOT NULL,
    began_at  INTEGER NOT NULL,
    ended_at  INTEGER,
    error     TEXT,
    PRIMARY KEY (operation, sequence)
) WITHOUT ROWID;
";

/// Which way a step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Forward.
    Do,
    /// Back.
    Undo,
}

impl Direction {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Do => "do",
            Self::Undo => "undo",
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOperation {
    /// Chosen by the caller; the same id is the same operation.
    pub id: Uuid,
    /// Its verb.
    pub verb: String,
    /// What it is about: operations are listed by it.
    pub subject: Uuid,
    /// The request as JSON.
    pub request: String,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requested {
    /// It is new and recorded: somebody has to run it.
    New(Operation),
    /// It was asked for before.
    Known(Operation),
}

/// An operation as recorded. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its id.
    pub id: Uuid,
    /// Its verb.
    pub verb: String,
    /// What it is about.
    pub subject: Uuid,
    /// The request as JSON; of one that has ended only its SHA-256 in hexadecimal, since it may have held secrets.
    pub request: String,
    /// Its state.
    pub state: OperationState,
    /// What was done and undone, in order.
    pub steps: Vec<StepRecord>,
    /// Why it failed or is stuck.
    pub error: Option<String>,
    /// When it was asked for.
    pub requested_at: u64,
    /// When it ended.
    pub ended_at: Option<u64>,
}

/// One step, done or undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRecord {
    /// Its name.
    pub name: String,
    /// Which way it went.
    pub direction: Direction,
    /// When it began.
    pub began_at: u64,
    /// When it ended; absent while it is under way.
    pub ended_at: Option<u64>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// Where an operation is: what a run begins with.
pub(crate) struct Position {
    pub arrival: i64,
    pub verb: String,
    pub state: OperationState,
    pub progress: Option<String>,
    pub sequence: i64,
    pub error: Option<String>,
    /// The last step's name, direction and whether it ended.
    pub step: Option<(String, Direction, bool)>,
}

/// The journal of one server.
pub struct Journal {
    pub(crate) writer: Writer,
    reader: Mutex<Connection>,
    pub(crate) clock: Arc<dyn Clock>,
    changed: Box<dyn Fn(Uuid) + Send + Sync>,
    halted: AtomicBool,
}

impl Journal {
    /// Opens the journal, or makes it. `changed` hears the id of an operation after each of its records; it must not
    /// take long.
    pub fn open(
        path: &Path,
        clock: Arc<dyn Clock>,
        changed: impl Fn(Uuid) + Send + Sync + 'static,
    ) -> Result<Self, JournalError> {
        let open = || -> Result<(Connection, Connection), rusqlite::Error> {
            let writer = connect(path)?;
            writer.execute_batch(SCHEMA)?;
            Ok((writer, connect(path)?))
        };
        let (writer, reader) = open().map_err(|source| JournalError::Open { path: path.to_owned(), source })?;
        Ok(Self {
            writer: Writer::start(writer).map_err(|error| JournalError::Write(error.to_string()))?,
            reader: Mutex::new(reader),
            clock,
            changed: Box::new(changed),
            halted: AtomicBool::new(false),
        })
    }

    /// Records a request; the second one with the same id is known already, or refused when it differs.
    pub fn request(&self, new: NewOperation) -> Result<Requested, JournalError> {
        let now = self.clock.now() as i64;
        let id = new.id;
        let (is_new, operation) = self.writer.write(move |db| {
            let inserted = db.prepare_cached(
                "INSERT INTO operations (id, verb, subject, request, state, requested_at) VALUES (?, ?, ?, ?, ?, ?) \
                 ON CONFLICT (id) DO NOTHING",
            )?
            .execute(params![
                new.id.to_string(),
                new.verb,
                new.subject.to_string(),
                new.request,
                OperationState::Running.as_str(),
                now
            ])?;
            let operation = find(db, new.id)?.ok_or(JournalError::Unknown(new.id))?;
            let same = operation.request == new.request || operation.request == digest(&new.request);
            if !same || operation.subject != new.subject {
                return Err(JournalError::Differs(new.id));
            }
            Ok((inserted == 1, operation))
        })?;
        if !is_new {
            return Ok(Requested::Known(operation));
        }
        self.tell(id);
        Ok(Requested::New(operation))
    }

    /// An operation with its steps.
    pub fn find(&self, id: Uuid) -> Result<Option<Operation>, JournalError> {
        find(&self.reader(), id)
    }

    /// The newest operations, newest first, of one subject or of all; at most `limit`.
    pub fn list(&self, subject: Option<Uuid>, limit: u32) -> Result<Vec<Operation>, JournalError> {
        let db = self.reader();
        let subject = subject.map(|id| id.to_string());
        let ids = ids(
            &db,
            "SELECT id FROM operations WHERE ?1 IS NULL OR subject = ?1 ORDER BY arrival DESC LIMIT ?2",
            params![subject, limit],
        )?;
        ids.into_iter().filter_map(|id| find(&db, id).transpose()).collect()
    }

    /// Everything that is neither finished nor undone, in order of arrival: what is to be taken up at a start.
    pub fn unfinished(&self) -> Result<Vec<Operation>, JournalError> {
        let db = self.reader();
        let ids = ids(
            &db,
            "SELECT id FROM operations WHERE state IN (?1, ?2) ORDER BY arrival",
            params![OperationState::Running.as_str(), OperationState::Stuck.as_str()],
        )?;
        ids.into_iter().filter_map(|id| find(&db, id).transpose()).collect()
    }

    /// Forgets ended operations that are older than `age`, and all but the newest `keep`. Returns how many.
    pub fn prune(&self, keep: u32, age: Duration) -> Result<usize, JournalError> {
        let before = self.clock.now().saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)) as i64;
        self.writer.write(move |db| {
            Ok(db.execute(
                "DELETE FROM operations WHERE state IN (?1, ?2) AND (ended_at < ?3 OR arrival <= \
                 (SELECT arrival FROM operations ORDER BY arrival DESC LIMIT 1 OFFSET ?4))",
                params![OperationState::Finished.as_str(), OperationState::Undone.as_str(), before, keep],
            )?)
        })
    }

    /// Lets no further step begin: every run returns [`JournalError::Halted`] and is taken up at the next start.
    pub fn halt(&self) {
        self.halted.store(true, Ordering::SeqCst);
    }

    /// Whether [`Journal::halt`] was called; a step that waits for long should look and give up.
    pub fn is_halted(&self) -> bool {
        self.halted.load(Ordering::SeqCst)
    }

    pub(crate) fn position(&self, id: Uuid) -> Result<Position, JournalError> {
        let db = self.reader();
        let found = db
            .query_row(
                "SELECT arrival, verb, state, progress, sequence, error FROM operations WHERE id = ?",
                [id.to_string()],
                |row| {
                    Ok(Position {
                        arrival: row.get(0)?,
                        verb: row.get(1)?,
                        state: parsed(row, 2)?,
                        progress: row.get(3)?,
                        sequence: row.get(4)?,
                        error: row.get(5)?,
                        step: None,
                    })
                },
            )
            .optional()?;
        let mut position = found.ok_or(JournalError::Unknown(id))?;
        position.step = db
            .query_row(
                "SELECT name, direction, ended_at FROM steps WHERE operation = ? ORDER BY sequence DESC LIMIT 1",
                [position.arrival],
                |row| Ok((row.get(0)?, direction(row, 1)?, row.get::<_, Option<i64>>(2)?.is_some())),
            )
            .optional()?;
        Ok(position)
    }

    pub(crate) fn tell(&self, id: Uuid) {
        (self.changed)(id);
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What is kept of a request that is over.
pub(crate) fn digest(request: &str) -> String {
    Sha256::digest(request).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    // What is overwritten or deleted does not stay in the file.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;",
    )?;
    Ok(connection)
}

fn ids(db: &Connection, sql: &str, with: impl rusqlite::Params) -> Result<Vec<Uuid>, JournalError> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(with, |row| parsed(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn find(db: &Connection, id: Uuid) -> Result<Option<Operation>, JournalError> {
    let mut statement = db.prepare_cached(
        "SELECT id, verb, subject, request, state, error, requested_at, ended_at, arrival FROM operations WHERE id = ?",
    )?;
    let found = statement
        .query_row([id.to_string()], |row| {
            let operation = Operation {
                id: parsed(row, 0)?,
                verb: row.get(1)?,
                subject: parsed(row, 2)?,
                request: row.get(3)?,
                state: parsed(row, 4)?,
                steps: Vec::new(),
                error: row.get(5)?,
                requested_at: row.get::<_, i64>(6)? as u64,
                ended_at: row.get::<_, Option<i64>>(7)?.map(|at| at as u64),
            };
            Ok((operation, row.get::<_, i64>(8)?))
        })
        .optional()?;
    let Some((mut operation, arrival)) = found else { return Ok(None) };
    let mut statement = db.prepare_cached(
        "SELECT name, direction, began_at, ended_at, error FROM steps WHERE operation = ? ORDER BY sequence",
    )?;
    let steps = statement.query_map([arrival], |row| {
        Ok(StepRecord {
            name: row.get(0)?,
            direction: direction(row, 1)?,
            began_at: row.get::<_, i64>(2)? as u64,
            ended_at: row.get::<_, Option<i64>>(3)?.map(|at| at as u64),
            error: row.get(4)?,
        })
    })?;
    operation.steps = steps.collect::<Result<_, _>>()?;
    Ok(Some(operation))
}

fn direction(row: &Row<'_>, column: usize) -> rusqlite::Result<Direction> {
    Ok(if row.get_ref(column)?.as_str()? == Direction::Undo.as_str() { Direction::Undo } else { Direction::Do })
}

fn parsed<T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}
