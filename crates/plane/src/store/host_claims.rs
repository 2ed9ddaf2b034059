//! Host names that publishers say are theirs, proved or not yet.

use domain::Slug;
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{Result, Rows, Tx, all, big, get, maybe_number, number, one, parse, run, text};

/// A claim as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRow {
    /// Whose it is.
    pub publisher: Slug,
    /// The name.
    pub host: String,
    /// What stands in the record that proves it.
    pub token: String,
    /// When it was made, or made again.
    pub created_at: Millis,
    /// When the record was last looked for.
    pub checked_at: Option<Millis>,
    /// When it was first seen.
    pub proved_at: Option<Millis>,
}

const COLUMNS: &str = "c.publisher, c.host, c.token, c.created_at, c.checked_at, c.proved_at FROM host_claims c";

fn read(row: &QueryResult) -> Result<ClaimRow> {
    Ok(ClaimRow {
        publisher: parse(row, "publisher")?,
        host: get(row, "host")?,
        token: get(row, "token")?,
        created_at: number(row, "created_at")?,
        checked_at: maybe_number(row, "checked_at")?,
        proved_at: maybe_number(row, "proved_at")?,
    })
}

/// A publisher's claim to a name.
pub async fn of(db: &impl ConnectionTrait, publisher: &Slug, host: &str) -> Result<Option<ClaimRow>> {
    let sql = format!("SELECT {COLUMNS} WHERE c.publisher = $1 AND c.host = $2");
    one(db, &sql, [text(publisher), text(host)]).await?.map(|row| read(&row)).transpose()
}

/// The name that a publisher wants: the one that is not served yet, or else the one that is.
pub async fn wanted(db: &impl ConnectionTrait, publisher: &Slug) -> Result<Option<ClaimRow>> {
    let sql = format!(
        "SELECT {COLUMNS} LEFT JOIN brands b ON b.publisher = c.publisher WHERE c.publisher = $1 \
         ORDER BY CASE WHEN b.host = c.host THEN 1 ELSE 0 END, c.created_at DESC LIMIT 1"
    );
    one(db, &sql, [text(publisher)]).await?.map(|row| read(&row)).transpose()
}

/// Those that are not proved, made since a time, the one that was looked at least lately first.
pub async fn pending(db: &impl ConnectionTrait, since: Millis, limit: u64) -> Rows<ClaimRow> {
    let sql = format!(
        "SELECT {COLUMNS} WHERE c.proved_at IS NULL AND c.created_at > $1 \
         ORDER BY COALESCE(c.checked_at, 0), c.publisher, c.host LIMIT $2"
    );
    all(db, &sql, [big(since), big(limit)], read).await
}

/// Keeps a new claim; one that was made before has its record still, and is made again.
pub async fn put(tx: &Tx, publisher: &Slug, host: &str, token: &str, at: Millis) -> Result<()> {
    let sql = "INSERT INTO host_claims (publisher, host, token, created_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (publisher, host) DO UPDATE SET created_at = excluded.created_at";
    run(&**tx, sql, [text(publisher), text(host), text(token), big(at)]).await?;
    Ok(())
}

/// Notes that the record of a claim was looked for.
pub async fn checked(tx: &Tx, row: &ClaimRow, at: Millis) -> Result<()> {
    let sql = "UPDATE host_claims SET checked_at = $3 WHERE publisher = $1 AND host = $2";
    run(&**tx, sql, [text(&row.publisher), text(&row.host), big(at)]).await?;
    Ok(())
}

/// Notes that it was seen, and that nobody else's is worth anything any more.
pub async fn proved(tx: &Tx, row: &ClaimRow, at: Millis) -> Result<()> {
    run(&**tx, "UPDATE host_claims SET proved_at = NULL WHERE host = $1", [text(&row.host)]).await?;
    let sql = "UPDATE host_claims SET proved_at = $3 WHERE publisher = $1 AND host = $2";
    run(&**tx, sql, [text(&row.publisher), text(&row.host), big(at)]).await?;
    Ok(())
}

/// Forgets a publisher's but for those names.
pub async fn forget_but(tx: &Tx, publisher: &Slug, kept: [Option<&str>; 2]) -> Result<()> {
    let sql = "DELETE FROM host_claims WHERE publisher = $1 AND host <> $2 AND host <> $3";
    let [one, other] = kept.map(|host| text(host.unwrap_or_default()));
    run(&**tx, sql, [text(publisher), one, other]).await?;
    Ok(())
}
