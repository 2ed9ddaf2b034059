//! Host names that publishers say are theirs, proved or not yet.

use domain::Slug;
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{Result, Rows, Tx, all, big, get, maybe_big, maybe_number, number, one, parse, run, text};

/// A claim as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRow {
    /// Whose it is.
    pub publisher: Slug,
    /// The name.
    pub host: String,
    /// What stands in the record that proves it.
    pub token: String,
    /// When it was made.
    pub created_at: Millis,
    /// When the record was last looked for.
    pub checked_at: Option<Millis>,
}

const COLUMNS: &str = "c.publisher, c.host, c.token, c.created_at, c.checked_at FROM host_claims c";

fn read(row: &QueryResult) -> Result<ClaimRow> {
    Ok(ClaimRow {
        publisher: parse(row, "publisher")?,
        host: get(row, "host")?,
        token: get(row, "token")?,
        created_at: number(row, "created_at")?,
        checked_at: maybe_number(row, "checked_at")?,
    })
}

/// A publisher's.
pub async fn of(db: &impl ConnectionTrait, publisher: &Slug) -> Result<Option<ClaimRow>> {
    let sql = format!("SELECT {COLUMNS} WHERE c.publisher = $1");
    one(db, &sql, [text(publisher)]).await?.map(|row| read(&row)).transpose()
}

/// Those that are not proved, made since a time, the one that was looked at least lately first.
pub async fn pending(db: &impl ConnectionTrait, since: Millis, limit: u64) -> Rows<ClaimRow> {
    let sql = format!(
        "SELECT {COLUMNS} LEFT JOIN brands b ON b.publisher = c.publisher \
         WHERE COALESCE(b.host, '') <> c.host AND c.created_at > $1 \
         ORDER BY COALESCE(c.checked_at, 0), c.publisher LIMIT $2"
    );
    all(db, &sql, [big(since), big(limit)], read).await
}

/// Keeps a claim in place of the one before.
pub async fn set(tx: &Tx, row: &ClaimRow) -> Result<()> {
    let sql = "INSERT INTO host_claims (publisher, host, token, created_at, checked_at) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (publisher) DO UPDATE SET host = excluded.host, token = excluded.token, \
               created_at = excluded.created_at, checked_at = excluded.checked_at";
    let checked_at = maybe_big(row.checked_at);
    let values = [text(&row.publisher), text(&row.host), text(&row.token), big(row.created_at), checked_at];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// Notes that the record of a claim was looked for.
pub async fn checked(tx: &Tx, row: &ClaimRow, at: Millis) -> Result<()> {
    let sql = "UPDATE host_claims SET checked_at = $3 WHERE publisher = $1 AND host = $2";
    run(&**tx, sql, [text(&row.publisher), text(&row.host), big(at)]).await?;
    Ok(())
}

/// Forgets a publisher's.
pub async fn forget(tx: &Tx, publisher: &Slug) -> Result<()> {
    run(&**tx, "DELETE FROM host_claims WHERE publisher = $1", [text(publisher)]).await?;
    Ok(())
}
