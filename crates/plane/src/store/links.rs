//! Links that were sent to an address to prove whose it is. Each works once; only hashes are kept.

use domain::PersonId;
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};
use serde::{Deserialize, Serialize};

use super::{Result, Tx, big, get, maybe_text, one, parse, run, text};
use crate::wire::word;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// To choose a new password.
    Reset,
    /// To have another mail address.
    Mail,
}

/// What a link that was good says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Whose it is.
    pub person: PersonId,
    /// The address that it was sent to, where that is not yet theirs.
    pub mail: Option<String>,
}

fn read(row: &QueryResult) -> Result<Link> {
    Ok(Link { person: parse(row, "person")?, mail: get(row, "mail")? })
}

/// Keeps a new link under its hash, in place of others of the same person for the same purpose.
pub async fn create(tx: &Tx, sha256: &str, purpose: Purpose, link: &Link, expires_at: Millis) -> Result<()> {
    let sql = "DELETE FROM links WHERE person = $1 AND purpose = $2";
    run(&**tx, sql, [text(link.person), text(word(&purpose))]).await?;
    let sql = "INSERT INTO links (sha256, purpose, person, expires_at, mail) VALUES ($1, $2, $3, $4, $5)";
    let (whose, mail) = (text(link.person), maybe_text(link.mail.as_ref()));
    run(&**tx, sql, [text(sha256), text(word(&purpose)), whose, big(expires_at), mail]).await?;
    Ok(())
}

/// What a link says, while it is good.
pub async fn find(db: &impl ConnectionTrait, sha256: &str, purpose: Purpose, now: Millis) -> Result<Option<Link>> {
    let sql = "SELECT person, mail FROM links WHERE sha256 = $1 AND purpose = $2 AND expires_at > $3";
    let row = one(db, sql, [text(sha256), text(word(&purpose)), big(now)]).await?;
    row.map(|row| read(&row)).transpose()
}

/// Uses a link up; what it says, if it was good.
pub async fn take(tx: &Tx, sha256: &str, purpose: Purpose, now: Millis) -> Result<Option<Link>> {
    let sql = "DELETE FROM links WHERE sha256 = $1 AND purpose = $2 AND expires_at > $3 RETURNING person, mail";
    let row = one(&**tx, sql, [text(sha256), text(word(&purpose)), big(now)]).await?;
    row.map(|row| read(&row)).transpose()
}

/// Deletes all of a person.
pub async fn forget(tx: &Tx, person: PersonId) -> Result<()> {
    run(&**tx, "DELETE FROM links WHERE person = $1", [text(person)]).await?;
    Ok(())
}

/// Deletes those that ended before a time.
pub async fn prune(tx: &Tx, before: Millis) -> Result<u64> {
    Ok(run(&**tx, "DELETE FROM links WHERE expires_at < $1", [big(before)]).await?.rows_affected())
}
