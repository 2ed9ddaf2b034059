//! Answers to requests with an `Idempotency-Key`, kept so that a repetition gets the same one.

use nimbus_api::Millis;
use sea_orm::ConnectionTrait;

use super::{Result, Tx, big, get, maybe_number, one, run, text};

/// A request that was seen before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Hash of the request.
    pub request: String,
    /// Its answer, unless it is under way or the control plane died in the middle of it.
    pub answer: Option<Answer>,
}

/// An answer to be given again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Media type of the body, if it has one.
    pub media_type: Option<String>,
    /// The body.
    pub body: String,
}

/// Claims a key for a request; what is known of it when it was claimed before.
pub async fn claim(tx: &Tx, actor: &str, key: &str, request: &str, at: Millis) -> Result<Option<Seen>> {
    let sql = "INSERT INTO idempotency (actor, key, request, at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (actor, key) DO NOTHING";
    if run(&**tx, sql, [text(actor), text(key), text(request), big(at)]).await?.rows_affected() > 0 {
        return Ok(None);
    }
    find(&**tx, actor, key).await
}

async fn find(db: &impl ConnectionTrait, actor: &str, key: &str) -> Result<Option<Seen>> {
    let sql = "SELECT request, status, media_type, body FROM idempotency WHERE actor = $1 AND key = $2";
    let Some(row) = one(db, sql, [text(actor), text(key)]).await? else { return Ok(None) };
    let status: Option<u16> = maybe_number(&row, "status")?;
    let answer = match status {
        None => None,
        Some(status) => Some(Answer { status, media_type: get(&row, "media_type")?, body: get(&row, "body")? }),
    };
    Ok(Some(Seen { request: get(&row, "request")?, answer }))
}

/// Keeps the answer to a claimed key.
pub async fn answer(tx: &Tx, actor: &str, key: &str, answer: &Answer) -> Result<()> {
    let sql = "UPDATE idempotency SET status = $3, media_type = $4, body = $5 WHERE actor = $1 AND key = $2";
    let values = [
        text(actor),
        text(key),
        big(answer.status.into()),
        super::maybe_text(answer.media_type.as_ref()),
        text(&answer.body),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// Gives a claimed key free, because nothing was done.
pub async fn release(tx: &Tx, actor: &str, key: &str) -> Result<()> {
    run(&**tx, "DELETE FROM idempotency WHERE actor = $1 AND key = $2", [text(actor), text(key)]).await?;
    Ok(())
}

/// Forgets keys claimed before `before`.
pub async fn forget(tx: &Tx, before: Millis) -> Result<()> {
    run(&**tx, "DELETE FROM idempotency WHERE at < $1", [big(before)]).await?;
    Ok(())
}
