//! All SQL of the control plane, one file per noun, so that nothing else knows how things are kept.
//!
//! SQLite in WAL mode, or PostgreSQL: the same SQL for both. One connection writes and several read: a transaction never
//! meets another writer of this control plane, so it cannot fail for being busy. Writers of other control planes on the
//! same PostgreSQL are held back by [`lock_app`], which every transaction about an application's versions, installations
//! or deployments begins with.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::Key;
use log::LevelFilter;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, Statement, TransactionTrait, TryGetable, Value,
};

pub mod answers;
pub mod apps;
pub mod attachments;
pub mod attention;
pub mod brands;
pub mod customers;
pub mod deliveries;
pub mod deployments;
pub mod device_logins;
pub mod documents;
pub mod events;
pub mod factors;
pub mod host_claims;
pub mod idempotency;
pub mod installations;
pub mod invitations;
pub mod leaves;
pub mod links;
pub mod logos;
pub mod mails;
pub mod operations;
pub mod passkeys;
pub mod people;
pub mod ports;
pub mod publishers;
mod reach;
pub mod servers;
pub mod sessions;
pub mod settings;
pub mod sign_on;
pub mod snapshots;
pub mod tickets;
pub mod tokens;
pub mod told;
pub mod unread;
pub mod usage;
pub mod versions;
pub mod webhooks;

/// Numbered, never changed once released; each runs once, all that are missing in one transaction.
const MIGRATIONS: &[(i64, &str)] = &[
    (1, include_str!("migrations/0001_begin.sql")),
    (2, include_str!("migrations/0002_operations.sql")),
    (3, include_str!("migrations/0003_rollbacks.sql")),
    (4, include_str!("migrations/0004_keeping.sql")),
    (5, include_str!("migrations/0005_copies.sql")),
    (6, include_str!("migrations/0006_publishers.sql")),
    (7, include_str!("migrations/0007_people.sql")),
    (8, include_str!("migrations/0008_factors.sql")),
    (9, include_str!("migrations/0009_tickets.sql")),
    (10, include_str!("migrations/0010_webhooks.sql")),
    (11, include_str!("migrations/0011_variables.sql")),
    (12, include_str!("migrations/0012_brands.sql")),
    (13, include_str!("migrations/0013_coming_in.sql")),
    (16, include_str!("migrations/0016_limits.sql")),
    (17, include_str!("migrations/0017_usage.sql")),
    (18, include_str!("migrations/0018_documents.sql")),
    (19, include_str!("migrations/0019_host_claims.sql")),
    (21, include_str!("migrations/0021_logos.sql")),
    (22, include_str!("migrations/0022_unread.sql")),
    (23, include_str!("migrations/0023_attention.sql")),
    (24, include_str!("migrations/0024_indexes.sql")),
    (25, include_str!("migrations/0025_indexes.sql")),
    (26, include_str!("migrations/0026_host_claims.sql")),
    (27, include_str!("migrations/0027_turns.sql")),
    (29, include_str!("migrations/0029_addresses.sql")),
    (30, include_str!("migrations/0030_passkeys.sql")),
    (31, include_str!("migrations/0031_lanes.sql")),
];

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused.
    #[error("the control plane's store failed: {0}")]
    Database(#[from] DbErr),
    /// A row holds what this version of the control plane cannot read.
    #[error("the control plane's store holds a {what} that cannot be read: {why}")]
    Row {
        /// The kind of thing.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A rule of the domain forbids the change.
    #[error(transparent)]
    Transition(#[from] domain::state::IllegalTransition),
    /// A newer control plane has used this store.
    #[error(
        "{path} was written by a newer control plane (its schema is {found}, this one knows {known}): \
         run that version or a newer one"
    )]
    Newer {
        /// The store.
        path: String,
        /// Its schema's number.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
}

/// Most rows that one transaction of pruning deletes of a kind: others want to write meanwhile.
/// A limit that is none.
pub const ALL: u64 = i64::MAX.cast_unsigned();

const PRUNED_AT_ONCE: u64 = 2_000;

/// The result of everything here.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Rows of a query, or their loss.
pub(crate) type Rows<T> = Result<Vec<T>>;

/// Where a store is.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// In a file, with SQLite.
    File(PathBuf),
    /// In a database of PostgreSQL: `postgres://user:password@host/database`.
    Postgres(String),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::File(path) => write!(f, "the store {}", path.display()),
            // Behind the password, if there is one.
            Location::Postgres(url) => write!(f, "the store at {}", url.rsplit('@').next().unwrap_or_default()),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The store.
pub struct Store {
    writer: DatabaseConnection,
    readers: DatabaseConnection,
}

impl Store {
    /// Opens a store, in a file that is created when missing, and brings its schema up to date.
    pub async fn open(location: &Location) -> Result<Store> {
        let writer = connect(location, 1).await?;
        migrate(&writer, location).await?;
        let readers = connect(location, 4).await?;
        Ok(Store { writer, readers })
    }

    /// Has SQLite look at what tables hold, where that changed: it chooses among indexes by it, and without it takes a
    /// publisher's index where an installation's would do. PostgreSQL does so by itself.
    /// <https://www.sqlite.org/lang_analyze.html#recommended_usage_pattern>
    pub async fn look_at_sizes(&self) -> Result<()> {
        if self.writer.get_database_backend() == DbBackend::Sqlite {
            self.writer.execute_unprepared("PRAGMA optimize = 0x10002").await?;
        }
        Ok(())
    }

    /// For queries outside of transactions.
    pub fn read(&self) -> &DatabaseConnection {
        &self.readers
    }

    /// Begins a transaction; waits for the one before to end. Dropped without [`Tx::commit`], it changes nothing.
    pub async fn write(&self) -> Result<Tx> {
        Ok(Tx(self.writer.begin().await?))
    }
}

/// A transaction.
pub struct Tx(DatabaseTransaction);

impl Tx {
    /// Makes everything durable.
    pub async fn commit(self) -> Result<()> {
        Ok(self.0.commit().await?)
    }
}

impl std::ops::Deref for Tx {
    type Target = DatabaseTransaction;
    fn deref(&self) -> &DatabaseTransaction {
        &self.0
    }
}

async fn connect(location: &Location, connections: u32) -> Result<DatabaseConnection> {
    let mut options = match location {
        Location::File(path) => file_options(path),
        Location::Postgres(url) => ConnectOptions::new(url),
    };
    options
        .max_connections(connections)
        .min_connections(1)
        .sqlx_logging_level(LevelFilter::Trace)
        // What takes that long holds people up: an index is wanting, or the disk is in trouble.
        .sqlx_slow_statements_logging_settings(LevelFilter::Warn, Duration::from_secs(1))
        .acquire_timeout(Duration::from_secs(30));
    Ok(Database::connect(options).await?)
}

fn file_options(path: &Path) -> ConnectOptions {
    let file = path.to_owned();
    let mut options = ConnectOptions::new("sqlite::memory:");
    options
        // Connections to a file do not go stale: never close, never ask.
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .test_before_acquire(false)
        .map_sqlx_sqlite_opts(move |sqlite| {
            sqlite
                .filename(&file)
                .in_memory(false)
                .shared_cache(false)
                .create_if_missing(true)
                .foreign_keys(true)
                .busy_timeout(Duration::from_secs(10))
                .pragma("journal_mode", "WAL")
                // What a person was told is accepted must survive a power cut.
                .pragma("synchronous", "FULL")
        });
    options
}

/// Several control planes may start at the same moment: one of them migrates, the others wait for it. The number is
/// vClouden's own, of no meaning.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7862534)";

async fn migrate(db: &DatabaseConnection, location: &Location) -> Result<()> {
    let tx = db.begin().await?;
    if matches!(location, Location::Postgres(_)) {
        tx.execute_unprepared(LOCK).await?;
    }
    tx.execute_unprepared("CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY)").await?;
    let found = one(&tx, "SELECT COALESCE(MAX(number), 0) AS n FROM migrations", []).await?;
    let found: i64 = found.map(|row| get(&row, "n")).transpose()?.unwrap_or(0);
    let known = MIGRATIONS.last().map_or(0, |(number, _)| *number);
    if found > known {
        return Err(StoreError::Newer { path: location.to_string(), found, known });
    }
    // Numbers are given when work begins, and not all work ends in that order.
    let done: Vec<i64> = all(&tx, "SELECT number FROM migrations", [], |row| get(row, "number")).await?;
    for (number, text) in MIGRATIONS.iter().filter(|(number, _)| !done.contains(number)) {
        tx.execute_unprepared(text).await?;
        run(&tx, "INSERT INTO migrations (number) VALUES ($1)", [(*number).into()]).await?;
    }
    Ok(tx.commit().await?)
}

/// Holds back every other transaction about this application until the present one has ended; tells whether the
/// application exists.
pub async fn lock_app(tx: &Tx, app: &Key) -> Result<bool> {
    let sql = "UPDATE apps SET slug = slug WHERE publisher = $1 AND slug = $2";
    let done = run(&**tx, sql, [text(&app.publisher), text(&app.slug)]).await?;
    Ok(done.rows_affected() > 0)
}

/// The condition for what comes after `key` in the order of publisher and slug.
fn after_key(table: &str, key: &Key, values: &mut Vec<Value>) -> String {
    values.extend([text(&key.publisher), text(&key.slug)]);
    let last = values.len();
    format!(" AND ({table}.publisher, {table}.slug) > (${}, ${last})", last - 1)
}

/// The condition for a slug or a name that has `wanted` in it.
fn named_like(table: &str, wanted: &str, values: &mut Vec<Value>) -> String {
    values.push(containing(wanted));
    let last = values.len();
    format!(" AND ({table}.slug LIKE ${last} ESCAPE '\\' OR LOWER({table}.name) LIKE ${last} ESCAPE '\\')")
}

/// What `LIKE .. ESCAPE '\\'` finds a text with: what a person types is no pattern.
fn containing(wanted: &str) -> Value {
    let pattern = wanted.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    text(format!("%{pattern}%"))
}

pub(crate) async fn run(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<ExecResult> {
    Ok(db.execute_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await?)
}

pub(crate) async fn one(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Option<QueryResult>> {
    Ok(db.query_one_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await?)
}

pub(crate) async fn all<T>(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
    read: impl Fn(&QueryResult) -> Result<T>,
) -> Rows<T> {
    let rows = db.query_all_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await?;
    rows.iter().map(read).collect()
}

/// The single number that a query answers.
pub(crate) async fn count(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64> {
    let row = one(db, sql, values).await?;
    Ok(row.map(|row| number(&row, "n")).transpose()?.unwrap_or(0))
}

pub(crate) fn get<T: TryGetable>(row: &QueryResult, column: &str) -> Result<T> {
    Ok(row.try_get::<T>("", column)?)
}

/// A count, time or size; the store has no unsigned numbers.
pub(crate) fn number<T: TryFrom<i64>>(row: &QueryResult, column: &str) -> Result<T> {
    let value: i64 = get(row, column)?;
    T::try_from(value).map_err(|_| StoreError::Row { what: "number", why: format!("{value} in column {column}") })
}

pub(crate) fn maybe_number<T: TryFrom<i64>>(row: &QueryResult, column: &str) -> Result<Option<T>> {
    let value: Option<i64> = get(row, column)?;
    let convert = |value: i64| {
        T::try_from(value).map_err(|_| StoreError::Row { what: "number", why: format!("{value} in column {column}") })
    };
    value.map(convert).transpose()
}

/// A name, id or state, kept as text.
pub(crate) fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(row: &QueryResult, column: &str) -> Result<T> {
    let text: String = get(row, column)?;
    text.parse().map_err(|why: T::Err| StoreError::Row { what: "text", why: format!("column {column}: {why}") })
}

pub(crate) fn maybe_parse<T: std::str::FromStr<Err: std::fmt::Display>>(
    row: &QueryResult,
    column: &str,
) -> Result<Option<T>> {
    let text: Option<String> = get(row, column)?;
    text.map(|text| {
        text.parse().map_err(|why: T::Err| StoreError::Row { what: "text", why: format!("column {column}: {why}") })
    })
    .transpose()
}

/// A value without content, kept as [`crate::wire::word`].
pub(crate) fn from_word<T: serde::de::DeserializeOwned>(row: &QueryResult, column: &str) -> Result<T> {
    let text: String = get(row, column)?;
    let read = serde_json::from_value(serde_json::Value::String(text));
    read.map_err(|why| StoreError::Row { what: "word", why: format!("column {column}: {why}") })
}

/// A value kept as JSON.
pub(crate) fn json<T: serde::de::DeserializeOwned>(row: &QueryResult, column: &str) -> Result<T> {
    let text: String = get(row, column)?;
    serde_json::from_str(&text).map_err(|why| StoreError::Row { what: "value", why: format!("column {column}: {why}") })
}

/// A value as JSON, to be kept.
pub(crate) fn to_json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|why| StoreError::Row { what: "value", why: why.to_string() })
}

/// A count, time or size as the store keeps it.
pub(crate) fn big(value: u64) -> Value {
    Value::from(i64::try_from(value).unwrap_or(i64::MAX))
}

/// Like [`big`], perhaps absent.
pub(crate) fn maybe_big(value: Option<u64>) -> Value {
    Value::from(value.map(|value| i64::try_from(value).unwrap_or(i64::MAX)))
}

/// An id, name or state as the store keeps it.
pub(crate) fn text(value: impl ToString) -> Value {
    Value::from(value.to_string())
}

/// Like [`text`], perhaps absent.
pub(crate) fn maybe_text(value: Option<impl ToString>) -> Value {
    Value::from(value.map(|value| value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a control plane of schema 3 may hold.
    const OLD: &str = "INSERT INTO apps VALUES ('hola', 'Hola', 4, 1); \
        INSERT INTO customers VALUES ('acme', 'ACME', 1); INSERT INTO servers VALUES ('s', 'here', 0, 1); \
        INSERT INTO versions VALUES ('hola', 1, 'a', 1, 1, 1, NULL, '{}', 1, 'o'), ('hola', 2, 'b', 1, 1, 1, NULL, \
            '{}', 1, 'o'), ('hola', 3, 'c', 1, 1, 1, NULL, '{}', 1, 'o'), ('hola', 4, 'd', 1, 1, 1, NULL, '{}', 1, 'o'); \
        INSERT INTO installations VALUES ('i', 'hola-acme', 'hola', 'acme', 's', 1, 1, 1, 'removed', NULL, 'why', 5, 6); \
        INSERT INTO deployments VALUES ('1', 'deploy', 'hola', 1, 1, 48, 'failed', 'no', 'o', 1, 1, 1), \
            ('2', 'deploy', 'hola', 1, 1, 48, 'finished', NULL, 'o', 2, 2, 1), \
            ('3', 'deploy', 'hola', 2, 1, 48, 'failed', 'no', 'o', 3, 3, 1), \
            ('4', 'deploy', 'hola', 3, 1, 48, 'finished', NULL, 'o', 4, 4, 1), \
            ('5', 'rollback', 'hola', NULL, 0, 48, 'finished', NULL, 'o', 5, 5, 1); \
        INSERT INTO deployment_steps VALUES ('5', 'i', 0, 0, 3, 1, 'finished', NULL, 5, 5, 1, NULL);";

    #[tokio::test]
    async fn a_store_of_before_is_brought_up_to_date() {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::File(directory.path().join("store.sqlite"));
        let before = connect(&location, 1).await.unwrap();
        before.execute_unprepared("CREATE TABLE migrations (number BIGINT PRIMARY KEY)").await.unwrap();
        for (number, text) in &MIGRATIONS[..3] {
            before.execute_unprepared(text).await.unwrap();
            run(&before, "INSERT INTO migrations VALUES ($1)", [(*number).into()]).await.unwrap();
        }
        before.execute_unprepared(OLD).await.unwrap();
        before.close().await.unwrap();

        let store = Store::open(&location).await.unwrap();
        let sql = "SELECT number FROM versions WHERE withdrawn = 1 ORDER BY number";
        let withdrawn: Vec<u32> = all(store.read(), sql, [], |row| number(row, "number")).await.unwrap();
        assert_eq!(withdrawn, [2, 3], "one failed, one was rolled back from, one was mended, one was never deployed");
        let row = one(store.read(), "SELECT error, removed_at FROM installations", []).await.unwrap().unwrap();
        assert_eq!(
            (get::<String>(&row, "error").unwrap(), number::<u64>(&row, "removed_at").unwrap()),
            ("why".into(), 6)
        );
        let tx = store.write().await.unwrap();
        customers::delete(&tx, &"main:acme".parse().unwrap()).await.unwrap();
        tx.commit().await.unwrap();
    }
}
