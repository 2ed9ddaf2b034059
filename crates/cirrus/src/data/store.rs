//! The database of an application: one connection that writes, handed from session to session, and a reader for each
//! thread.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, config::DbConfig, functions::FunctionFlags};

use super::hooks::{Hooks, NoHooks};
use super::read::Read;
use super::schema::{OnDelete, Table};
use super::siblings::Ledger;
use super::versions::{Stamp, Versions};
use super::{Error, Schema};

/// The name of the database in the data directory.
pub const FILE: &str = "data.sqlite";
/// How long a session waits for the one before it, and a write for another process.
const PATIENCE: Duration = Duration::from_secs(10);
/// How deep writes may nest: triggers that write, whose triggers write.
pub(super) const MAX_DEPTH: u32 = 32;
/// How long nobody looks again whether another process wrote: shorter than a request to that one and the next to this.
const GLANCE: Duration = Duration::from_micros(100);
/// Prepared statements that a connection remembers.
const STATEMENTS: usize = 256;
/// The largest value or row, in bytes.
const LARGEST_ROW: i32 = 128 << 20;

/// An open database. Cheap to clone; every thread has one.
#[derive(Clone)]
pub struct Store {
    pub(super) shared: Arc<Shared>,
}

/// What all threads share.
pub(super) struct Shared {
    path: PathBuf,
    pub(super) schema: Schema,
    pub(super) versions: Versions,
    /// For each table, the tables that change with it: the masters it adds to, and theirs.
    pub(super) touched: Vec<Vec<usize>>,
    /// For each table, the tables that change when one of its rows is deleted: those that go or are cleared with it,
    /// too.
    pub(super) swept: Vec<Vec<usize>>,
    /// The running balances of each table, in the order of the schema.
    ledgers: Vec<Vec<Ledger>>,
    slot: Mutex<Slot>,
    free: Condvar,
}

impl Shared {
    fn ledger(&self, table: &str, balance: &str) -> Result<&Ledger, Error> {
        let (place, table) = self.schema.find(table)?;
        let found = table.balances.iter().position(|known| *known.name == *balance);
        let missing = || Error::Invalid(format!("{} has no balance {balance:?}", table.name));
        found.and_then(|at| self.ledgers[place].get(at)).ok_or_else(missing)
    }
}

/// The connection that writes.
enum Slot {
    /// Nobody writes. `seen` is SQLite's data version when it was put back.
    Free { connection: Connection, seen: i64 },
    /// A thread has a session.
    Taken { by: ThreadId },
}

impl Store {
    /// Opens the database of a data directory (made when it is not there) and applies the schema when nothing would be
    /// lost by it.
    pub fn open(dir: &Path, schema: Schema) -> Result<Store, Error> {
        let path = dir.join(FILE);
        std::fs::create_dir_all(dir).map_err(Error::file("cannot make", dir))?;
        let connection = connect(&path)?;
        connection.pragma_update(None, "journal_mode", "wal").map_err(Error::database("choosing the journal"))?;
        super::plan::apply_on_open(&connection, &schema)?;
        let seen = data_version(&connection)?;
        let shared = Shared {
            path,
            versions: Versions::new(schema.tables.len()),
            touched: touched(&schema),
            swept: swept(&schema),
            ledgers: schema.tables.iter().map(ledgers).collect::<Result<_, _>>()?,
            schema,
            slot: Mutex::new(Slot::Free { connection, seen }),
            free: Condvar::new(),
        };
        Ok(Store { shared: Arc::new(shared) })
    }

    /// Opens the database of a data directory with the schema that it has; `None` when there is no database.
    pub fn open_as_it_is(dir: &Path) -> Result<Option<Store>, Error> {
        super::plan::applied_to(dir)?.map(|schema| Store::open(dir, schema)).transpose()
    }

    /// The schema that is applied.
    pub fn schema(&self) -> &Schema {
        &self.shared.schema
    }

    /// The counters by which caches know what is still true.
    pub fn versions(&self) -> &Versions {
        &self.shared.versions
    }

    /// The database's file.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// A connection for reading, for one thread.
    pub fn reader(&self) -> Result<Reader, Error> {
        let connection = connect(&self.shared.path)?;
        connection.pragma_update(None, "query_only", true).map_err(Error::database("preparing a reader"))?;
        let seen = Cell::new(data_version(&connection)?);
        Ok(Reader { connection, shared: Arc::clone(&self.shared), seen, looked: Cell::new(None) })
    }

    /// A session without triggers. See [`Store::begin_with`].
    pub fn begin(&self) -> Result<Session, Error> {
        self.begin_with(Rc::new(NoHooks))
    }

    /// Begins a transaction that writes. Waits for the session before it; a thread that has one already is refused.
    pub fn begin_with(&self, hooks: Rc<dyn Hooks>) -> Result<Session, Error> {
        let (connection, seen) = self.take()?;
        let begun = connection.execute_batch("BEGIN IMMEDIATE").map_err(Error::database("beginning to write"));
        let checked = begun.and_then(|()| self.notice(&connection, seen));
        if let Err(error) = checked {
            drop(connection.execute_batch("ROLLBACK"));
            self.give_back(connection);
            return Err(error);
        }
        Ok(Session {
            connection: Some(connection),
            store: self.clone(),
            hooks,
            dirty: RefCell::new(vec![false; self.shared.schema.tables.len()]),
            depth: Cell::new(0),
            broken: RefCell::new(None),
            begun: Instant::now(),
            writes: Cell::new(0),
        })
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        // Every change of the slot is a single assignment, so a panic elsewhere leaves it whole.
        self.shared.slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn take(&self) -> Result<(Connection, i64), Error> {
        let me = thread::current().id();
        let until = Instant::now() + PATIENCE;
        let mut slot = self.slot();
        loop {
            match &*slot {
                Slot::Free { .. } => break,
                Slot::Taken { by } if *by == me => {
                    return Err(Error::Busy("this thread has an open session already".to_owned()));
                }
                Slot::Taken { .. } => {}
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::Busy("another write takes too long".to_owned()));
            }
            let waited = self.shared.free.wait_timeout(slot, left);
            slot = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        match std::mem::replace(&mut *slot, Slot::Taken { by: me }) {
            Slot::Free { connection, seen } => Ok((connection, seen)),
            Slot::Taken { .. } => unreachable!("the loop ends when it is free"),
        }
    }

    fn give_back(&self, connection: Connection) {
        let seen = data_version(&connection).unwrap_or(-1);
        *self.slot() = Slot::Free { connection, seen };
        self.shared.free.notify_one();
    }

    /// On the connection that writes, SQLite's data version only moves when another process wrote.
    fn notice(&self, connection: &Connection, seen: i64) -> Result<(), Error> {
        if data_version(connection)? != seen {
            self.shared.versions.raise_all();
            super::plan::same_schema(connection, &self.shared.schema)?;
        }
        Ok(())
    }

    /// Notices writes of other processes without writing; `false` when that cannot be told just now.
    fn notice_idle(&self) -> Result<bool, Error> {
        let mut slot = self.slot();
        match &mut *slot {
            // A session holds SQLite's write lock and noticed when it began; one that is just beginning will notice.
            Slot::Taken { .. } => Ok(false),
            Slot::Free { connection, seen } => {
                let now = data_version(connection)?;
                if now != *seen {
                    self.shared.versions.raise_all();
                    *seen = now;
                }
                Ok(true)
            }
        }
    }
}

/// The function that looks for a text in another without regard to case: SQLite's own only knows the letters a to z.
/// Queries use it, the schema never does, so that other tools can read and write the tables.
pub(super) const CONTAINS: &str = "cirrus_contains";

fn contains(context: &rusqlite::functions::Context<'_>) -> rusqlite::Result<bool> {
    let (Ok(text), Ok(wanted)) = (context.get_raw(0).as_str(), context.get_raw(1).as_str()) else { return Ok(false) };
    // Nobody looks at the clock in here, so the time must grow with the text and not with both.
    Ok(text.to_lowercase().contains(wanted))
}

/// The function that compares a whole text with a pattern in which `%` is anything, without regard to case.
pub(super) const LIKE: &str = "cirrus_like";

fn like(context: &rusqlite::functions::Context<'_>) -> rusqlite::Result<bool> {
    let (Ok(text), Ok(pattern)) = (context.get_raw(0).as_str(), context.get_raw(1).as_str()) else { return Ok(false) };
    let text = text.to_lowercase();
    let Some((first, others)) = pattern.split_once('%') else { return Ok(text == pattern) };
    let (middle, last) = others.rsplit_once('%').unwrap_or(("", others));
    let Some(rest) = text.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else { return Ok(false) };
    let after = |rest: &mut &str, part: &str| {
        let found = rest.find(part).map(|at| &rest[at + part.len()..]);
        *rest = found.unwrap_or_default();
        found.map(drop)
    };
    let mut rest = rest;
    Ok(middle.split('%').try_for_each(|part| after(&mut rest, part)).is_some())
}

/// Opens the file with everything that all connections have in common.
pub(super) fn connect(path: &Path) -> Result<Connection, Error> {
    let failed = Error::database("opening the database");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(&failed)?;
    connection.busy_timeout(PATIENCE).map_err(&failed)?;
    connection
        .execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; \
             PRAGMA trusted_schema = OFF; PRAGMA cache_size = -2000; PRAGMA journal_size_limit = 67108864;",
        )
        .map_err(&failed)?;
    // Without it every `LIMIT ?` prepares its statement anew at each binding.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(&failed)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).map_err(&failed)?;
    connection.set_limit(rusqlite::limits::Limit::SQLITE_LIMIT_LENGTH, LARGEST_ROW).map_err(&failed)?;
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function(CONTAINS, 2, flags, contains).map_err(&failed)?;
    connection.create_scalar_function(LIKE, 2, flags, like).map_err(&failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

fn data_version(connection: &Connection) -> Result<i64, Error> {
    let failed = Error::database("looking for other writers");
    let mut statement = connection.prepare_cached("PRAGMA data_version").map_err(&failed)?;
    statement.query_row([], |row| row.get(0)).map_err(&failed)
}

fn ledgers(table: &Table) -> Result<Vec<Ledger>, Error> {
    table.balances.iter().map(|balance| super::plan::ledger(table, balance)).collect()
}

/// For each table, itself and all masters that change with it.
fn touched(schema: &Schema) -> Vec<Vec<usize>> {
    closures(schema, |table| table.accumulate.iter().map(|adds| adds.master.to_string()).collect())
}

/// For each table, itself and all that changes with the deletion of a row.
fn swept(schema: &Schema) -> Vec<Vec<usize>> {
    closures(schema, |table| {
        let followers = schema.links_to(&table.name).filter(|(_, link)| link.on_delete != OnDelete::Restrict);
        let masters = table.accumulate.iter().map(|adds| adds.master.to_string());
        followers.map(|(follower, _)| follower.name.to_string()).chain(masters).collect()
    })
}

/// For each table, all tables that can be reached from it.
fn closures(schema: &Schema, next: impl Fn(&Table) -> Vec<String>) -> Vec<Vec<usize>> {
    let place = |name: &String| schema.tables.iter().position(|table| *table.name == **name);
    let steps: Vec<Vec<usize>> =
        schema.tables.iter().map(|table| next(table).iter().filter_map(place).collect()).collect();
    let closure = |start: usize| {
        let mut all = vec![start];
        let mut at = 0;
        while at < all.len() {
            for reached in &steps[all[at]] {
                if !all.contains(reached) {
                    all.push(*reached);
                }
            }
            at += 1;
        }
        all
    };
    (0..schema.tables.len()).map(closure).collect()
}

/// A connection for reading. One for each thread.
pub struct Reader {
    connection: Connection,
    shared: Arc<Shared>,
    seen: Cell<i64>,
    /// When it was last looked whether another process wrote.
    looked: Cell<Option<Instant>>,
}

impl Read for Reader {
    fn connection(&self) -> &Connection {
        &self.connection
    }

    fn ledger(&self, table: &str, balance: &str) -> Result<&Ledger, Error> {
        self.shared.ledger(table, balance)
    }

    fn schema(&self) -> &Schema {
        &self.shared.schema
    }
}

impl Reader {
    /// The stamp of some tables (by their places in the schema), for a cache: what was read **after** taking a stamp is
    /// true while the stamp stays the same. `None` in the rare moment when it cannot be told whether another process
    /// wrote. What this process wrote counts at once, what another wrote after [`GLANCE`] at the latest.
    pub fn stamp(&self, tables: &[usize]) -> Result<Option<Stamp>, Error> {
        let moment = Instant::now();
        if self.looked.get().is_some_and(|looked| moment - looked < GLANCE) {
            return Ok(Some(self.shared.versions.stamp(tables)));
        }
        let now = data_version(&self.connection)?;
        if now != self.seen.get() {
            let store = Store { shared: Arc::clone(&self.shared) };
            if !store.notice_idle()? {
                return Ok(None);
            }
            self.seen.set(now);
        }
        self.looked.set(Some(moment));
        Ok(Some(self.shared.versions.stamp(tables)))
    }

    /// Runs several questions against one state of the database.
    pub fn consistently<T>(&self, questions: impl FnOnce(&Reader) -> Result<T, Error>) -> Result<T, Error> {
        let failed = Error::database("reading consistently");
        self.connection.execute_batch("BEGIN").map_err(&failed)?;
        let answer = questions(self);
        self.connection.execute_batch("ROLLBACK").map_err(&failed)?;
        answer
    }

    /// Stops the questions of this reader from another thread: they end with [`Error::TooSlow`].
    pub fn interrupt_handle(&self) -> rusqlite::InterruptHandle {
        self.connection.get_interrupt_handle()
    }

    /// From now on, a question that is still running at `deadline` ends with [`Error::TooSlow`]. `None` takes it away.
    pub fn set_deadline(&self, deadline: Option<Instant>) -> Result<(), Error> {
        set_deadline(&self.connection, deadline)
    }
}

fn set_deadline(connection: &Connection, deadline: Option<Instant>) -> Result<(), Error> {
    const OPERATIONS: std::ffi::c_int = 10_000; // some tenths of a millisecond
    let handler = deadline.map(|deadline| move || Instant::now() > deadline);
    connection.progress_handler(OPERATIONS, handler).map_err(Error::database("setting a deadline"))
}

/// An open transaction that writes. It belongs to its thread; dropped without [`Session::commit`] it is rolled back.
///
/// All methods take `&self`, so that a trigger that runs inside a write can write again.
pub struct Session {
    /// Only `None` while it ends.
    connection: Option<Connection>,
    store: Store,
    pub(super) hooks: Rc<dyn Hooks>,
    dirty: RefCell<Vec<bool>>,
    depth: Cell<u32>,
    broken: RefCell<Option<String>>,
    begun: Instant,
    writes: Cell<u64>,
}

impl Read for Session {
    fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("the connection leaves only when the session ends")
    }

    fn ledger(&self, table: &str, balance: &str) -> Result<&Ledger, Error> {
        self.store.shared.ledger(table, balance)
    }

    fn schema(&self) -> &Schema {
        &self.store.shared.schema
    }
}

impl Session {
    /// Runs something that is done whole or not at all. Nests.
    pub fn atomically<T, E: From<Error>>(&self, work: impl FnOnce(&Session) -> Result<T, E>) -> Result<T, E> {
        self.usable()?;
        let depth = self.depth.get() + 1;
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep(MAX_DEPTH).into());
        }
        self.run(&format!("SAVEPOINT s{depth}"))?;
        self.depth.set(depth);
        // When `work` panics, the session is dropped and rolled back whole.
        let result = work(self);
        self.depth.set(depth - 1);
        match result {
            Ok(value) => {
                self.usable()?;
                self.run(&format!("RELEASE s{depth}"))?;
                Ok(value)
            }
            Err(error) => {
                if self.usable().is_ok() {
                    self.run(&format!("ROLLBACK TO s{depth}; RELEASE s{depth}"))?;
                }
                Err(error)
            }
        }
    }

    /// Makes everything durable. When it returns, the rows are on the disk and caches know that they are old.
    pub fn commit(mut self) -> Result<(), Error> {
        self.usable()?;
        set_deadline(self.connection(), None)?;
        self.run("COMMIT")?;
        for (table, _) in self.dirty.borrow().iter().enumerate().filter(|(_, dirty)| **dirty) {
            self.store.shared.versions.raise(table);
        }
        self.end();
        Ok(())
    }

    /// Takes everything back. The same as dropping the session.
    pub fn rollback(self) {
        drop(self);
    }

    /// Rows written so far, and for how long the session has been open: by these a worker decides when a batch of jobs
    /// is large or old enough to be committed.
    pub fn size(&self) -> (u64, Duration) {
        (self.writes.get(), self.begun.elapsed())
    }

    /// The store it writes to.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// From now on until the session ends, a statement that is still running at `deadline` ends with
    /// [`Error::TooSlow`].
    pub fn set_deadline(&self, deadline: Option<Instant>) -> Result<(), Error> {
        set_deadline(self.connection(), deadline)
    }

    /// Notes that a table, and all that changes with it, was written.
    pub(super) fn note(&self, table: usize) {
        self.note_all(&self.store.shared.touched[table]);
    }

    /// Notes that a row of a table was deleted, with all that follows from it.
    pub(super) fn note_delete(&self, table: usize) {
        self.note_all(&self.store.shared.swept[table]);
    }

    fn note_all(&self, tables: &[usize]) {
        self.writes.set(self.writes.get() + 1);
        let mut dirty = self.dirty.borrow_mut();
        tables.iter().for_each(|table| dirty[*table] = true);
    }

    /// Refuses to go on after SQLite took the transaction back (a full disk, for example).
    pub(super) fn usable(&self) -> Result<(), Error> {
        if let Some(reason) = &*self.broken.borrow() {
            return Err(Error::Broken(reason.clone()));
        }
        if self.connection().is_autocommit() {
            let reason = "SQLite ended the transaction".to_owned();
            *self.broken.borrow_mut() = Some(reason.clone());
            return Err(Error::Broken(reason));
        }
        Ok(())
    }

    fn run(&self, sql: &str) -> Result<(), Error> {
        let result = self.connection().execute_batch(sql);
        if let Err(error) = &result
            && self.connection().is_autocommit()
        {
            *self.broken.borrow_mut() = Some(error.to_string());
        }
        result.map_err(Error::database("ending or beginning a part of a transaction"))
    }

    fn end(&mut self) {
        if let Some(connection) = self.connection.take() {
            if !connection.is_autocommit() {
                // Fails only when SQLite rolled back already.
                drop(connection.execute_batch("ROLLBACK"));
            }
            // A deadline of this session is none of the next; taking it away cannot fail on an open connection.
            drop(set_deadline(&connection, None));
            self.store.give_back(connection);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end();
    }
}
