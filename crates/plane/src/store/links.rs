//! Links that were sent to an address to prove whose it is. Each works once; only hashes are kept.

use domain::PersonId;
use nimbus_api::Millis;
use serde::{Deserialize, Serialize};

use super::{Result, Tx, big, one, parse, run, text};
use crate::wire::word;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// To choose a new password.
    Reset,
}

/// Keeps a new link under its hash, in place of others of the same person for the same purpose.
pub async fn create(tx: &Tx, sha256: &str, purpose: Purpose, person: PersonId, expires_at: Millis) -> Result<()> {
    let sql = "DELETE FROM links WHERE person = $1 AND purpose = $2";
    run(&**tx, sql, [text(person), text(word(&purpose))]).await?;
    let sql = "INSERT INTO links (sha256, purpose, person, expires_at) VALUES ($1, $2, $3, $4)";
    run(&**tx, sql, [text(sha256), text(word(&purpose)), text(person), big(expires_at)]).await?;
    Ok(())
}

/// Uses a link up; whose it is, if it was good.
pub async fn take(tx: &Tx, sha256: &str, purpose: Purpose, now: Millis) -> Result<Option<PersonId>> {
    let sql = "DELETE FROM links WHERE sha256 = $1 AND purpose = $2 AND expires_at > $3 RETURNING person";
    let row = one(&**tx, sql, [text(sha256), text(word(&purpose)), big(now)]).await?;
    row.map(|row| parse(&row, "person")).transpose()
}

/// Deletes those that ended before a time.
pub async fn prune(tx: &Tx, before: Millis) -> Result<u64> {
    Ok(run(&**tx, "DELETE FROM links WHERE expires_at < $1", [big(before)]).await?.rows_affected())
}
