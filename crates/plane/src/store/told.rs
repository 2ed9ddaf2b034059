//! Who wrote to a publisher and was told that nobody here knows their address.

use domain::Slug;
use nimbus_api::Millis;

use super::{PRUNED_AT_ONCE, Result, Tx, big, count, run, text};

/// How many were told since a time.
pub async fn since(tx: &Tx, publisher: &Slug, at: Millis) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS n FROM strangers_told WHERE publisher = $1 AND at > $2";
    count(&**tx, sql, [text(publisher), big(at)]).await
}

/// Notes that somebody is told; `false` when they were.
pub async fn note(tx: &Tx, publisher: &Slug, sha256: &str, at: Millis) -> Result<bool> {
    let sql = "INSERT INTO strangers_told (publisher, sha256, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    Ok(run(&**tx, sql, [text(publisher), text(sha256), big(at)]).await?.rows_affected() > 0)
}

/// Forgets some of long ago; how many.
pub async fn prune(tx: &Tx, before: Millis) -> Result<u64> {
    let sql = "DELETE FROM strangers_told WHERE (publisher, sha256) IN \
               (SELECT publisher, sha256 FROM strangers_told WHERE at < $1 LIMIT $2)";
    Ok(run(&**tx, sql, [big(before), big(PRUNED_AT_ONCE)]).await?.rows_affected())
}
