//! Bearer tokens, of which only hashes are kept.

use nimbus_api::Millis;
use sea_orm::ConnectionTrait;

use super::{Result, Tx, big, get, one, run, text};

/// Makes `sha256` (hexadecimal) the one token of `actor`.
pub async fn set(tx: &Tx, actor: &str, sha256: &str, at: Millis) -> Result<()> {
    run(&**tx, "DELETE FROM tokens WHERE actor = $1 OR sha256 = $2", [text(actor), text(sha256)]).await?;
    let sql = "INSERT INTO tokens (sha256, actor, created_at) VALUES ($1, $2, $3)";
    run(&**tx, sql, [text(sha256), text(actor), big(at)]).await?;
    Ok(())
}

/// Whose token has that hash.
pub async fn actor(db: &impl ConnectionTrait, sha256: &str) -> Result<Option<String>> {
    let row = one(db, "SELECT actor FROM tokens WHERE sha256 = $1", [text(sha256)]).await?;
    row.map(|row| get(&row, "actor")).transpose()
}
