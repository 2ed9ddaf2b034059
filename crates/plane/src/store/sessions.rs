//! Browsers in which somebody has logged in. Only hashes of what their cookies hold are kept.

use domain::{PersonId, SessionId, Slug};
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{Result, Rows, Tx, all, big, get, maybe_parse, maybe_text, number, one, parse, run, text};

/// A session as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub person: PersonId,
    /// From where it was begun.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
    /// When it was begun.
    pub created_at: Millis,
    /// When it was last used, to some minutes.
    pub seen_at: Millis,
    /// Through whose provider it was begun: it reaches that publisher's things only.
    pub publisher: Option<Slug>,
}

const COLUMNS: &str = "id, person, address, agent, created_at, seen_at, publisher FROM sessions";

fn read(row: &QueryResult) -> Result<SessionRow> {
    Ok(SessionRow {
        id: parse(row, "id")?,
        person: parse(row, "person")?,
        address: get(row, "address")?,
        agent: get(row, "agent")?,
        created_at: number(row, "created_at")?,
        seen_at: number(row, "seen_at")?,
        publisher: maybe_parse(row, "publisher")?,
    })
}

/// Keeps a new session under the hash of its cookie.
pub async fn create(tx: &Tx, sha256: &str, new: &SessionRow) -> Result<()> {
    let sql = "INSERT INTO sessions (sha256, id, person, address, agent, created_at, seen_at, publisher) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = [
        text(sha256),
        text(new.id),
        text(new.person),
        text(&new.address),
        text(&new.agent),
        big(new.created_at),
        big(new.seen_at),
        maybe_text(new.publisher.as_ref()),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// The session whose cookie has that hash.
pub async fn find(db: &impl ConnectionTrait, sha256: &str) -> Result<Option<SessionRow>> {
    let sql = format!("SELECT {COLUMNS} WHERE sha256 = $1");
    one(db, &sql, [text(sha256)]).await?.map(|row| read(&row)).transpose()
}

/// Somebody's sessions, those used last first.
pub async fn of(db: &impl ConnectionTrait, person: PersonId) -> Rows<SessionRow> {
    let sql = format!("SELECT {COLUMNS} WHERE person = $1 ORDER BY seen_at DESC, id");
    all(db, &sql, [text(person)], read).await
}

/// Keeps that it was used.
pub async fn seen(tx: &Tx, id: SessionId, at: Millis) -> Result<()> {
    run(&**tx, "UPDATE sessions SET seen_at = $2 WHERE id = $1", [text(id), big(at)]).await?;
    Ok(())
}

/// Ends a session of somebody; `false` when they have none of that id.
pub async fn end(tx: &Tx, person: PersonId, id: SessionId) -> Result<bool> {
    let sql = "DELETE FROM sessions WHERE person = $1 AND id = $2";
    Ok(run(&**tx, sql, [text(person), text(id)]).await?.rows_affected() > 0)
}

/// Ends all sessions of somebody but perhaps one.
pub async fn end_all(tx: &Tx, person: PersonId, but: Option<SessionId>) -> Result<()> {
    let but = but.map(|id| id.to_string()).unwrap_or_default();
    run(&**tx, "DELETE FROM sessions WHERE person = $1 AND id <> $2", [text(person), text(but)]).await?;
    Ok(())
}

/// Deletes those that were begun before `begun` or last used before `used`.
pub async fn prune(tx: &Tx, begun: Millis, used: Millis) -> Result<u64> {
    let sql = "DELETE FROM sessions WHERE created_at < $1 OR seen_at < $2";
    Ok(run(&**tx, sql, [big(begun), big(used)]).await?.rows_affected())
}
