//! Letters to be sent, and those that were.

use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use serde::{Deserialize, Serialize};

use super::{
    PRUNED_AT_ONCE, Result, Rows, Tx, all, big, get, json, maybe_big, maybe_number, maybe_text, number, run, text,
    to_json,
};

/// What makes a letter part of a thread, and where answers to it go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Headers {
    /// Its own id, in angle brackets; one of its row when absent.
    pub message_id: Option<String>,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// The letters before it, the oldest first; the last is the one that it answers.
    pub references: Vec<String>,
}

/// Who a letter says that it is from, beyond the platform's address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sender {
    /// In the place of the platform's name.
    pub name: Option<String>,
    /// Who is answered.
    pub reply_to: Option<String>,
}

/// A letter as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailRow {
    /// Its id.
    pub id: String,
    /// From whom.
    pub sender: Sender,
    /// To whom.
    pub recipient: String,
    /// What it is about.
    pub subject: String,
    /// What it says, as plain text.
    pub body: String,
    /// Its further headers.
    pub headers: Headers,
    /// How often it was tried.
    pub attempts: u64,
    /// When it is tried next; absent once it was sent or given up.
    pub next_at: Option<Millis>,
    /// When it was sent.
    pub sent_at: Option<Millis>,
    /// Why it could not be sent, the last time.
    pub error: Option<String>,
    /// When it was written.
    pub created_at: Millis,
}

const COLUMNS: &str = "id, from_name, reply_to, recipient, subject, body, headers, attempts, next_at, sent_at, error, \
    created_at FROM mails";

fn read(row: &QueryResult) -> Result<MailRow> {
    Ok(MailRow {
        id: get(row, "id")?,
        sender: Sender { name: get(row, "from_name")?, reply_to: get(row, "reply_to")? },
        recipient: get(row, "recipient")?,
        subject: get(row, "subject")?,
        body: get(row, "body")?,
        headers: json(row, "headers")?,
        attempts: number(row, "attempts")?,
        next_at: maybe_number(row, "next_at")?,
        sent_at: maybe_number(row, "sent_at")?,
        error: get(row, "error")?,
        created_at: number(row, "created_at")?,
    })
}

/// Keeps a new letter, to be sent at once.
pub async fn create(
    tx: &Tx,
    sender: &Sender,
    recipient: &str,
    subject: &str,
    body: &str,
    headers: &Headers,
    at: Millis,
) -> Result<()> {
    let sql = "INSERT INTO mails (id, recipient, subject, body, attempts, next_at, created_at, from_name, reply_to, \
               headers) VALUES ($1, $2, $3, $4, 0, $5, $5, $6, $7, $8)";
    let (name, reply_to) = (maybe_text(sender.name.as_ref()), maybe_text(sender.reply_to.as_ref()));
    let headers = text(to_json(headers)?);
    let id = text(uuid::Uuid::now_v7());
    let values = [id, text(recipient), text(subject), text(body), big(at), name, reply_to, headers];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// Letters whose time has come, the oldest first.
pub async fn due(db: &impl ConnectionTrait, now: Millis, limit: u64) -> Rows<MailRow> {
    let sql = format!("SELECT {COLUMNS} WHERE next_at <= $1 ORDER BY next_at, id LIMIT $2");
    all(db, &sql, [big(now), big(limit)], read).await
}

/// All letters, the newest first.
pub async fn list(db: &impl ConnectionTrait, limit: u64) -> Rows<MailRow> {
    all(db, &format!("SELECT {COLUMNS} ORDER BY id DESC LIMIT $1"), [big(limit)], read).await
}

/// Keeps how an attempt went. What a letter said goes once it is sent: it may hold a link or an
/// address that lets somebody in.
pub async fn update(tx: &Tx, row: &MailRow) -> Result<()> {
    let sql = "UPDATE mails SET attempts = $2, next_at = $3, sent_at = $4, error = $5, body = $6, headers = $7 \
               WHERE id = $1";
    let values = [
        text(&row.id),
        big(row.attempts),
        maybe_big(row.next_at),
        maybe_big(row.sent_at),
        maybe_text(row.error.as_ref()),
        text(if row.next_at.is_some() { row.body.as_str() } else { "" }),
        text(if row.next_at.is_some() { to_json(&row.headers)? } else { "{}".into() }),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// Deletes some letters from before a time that are not to be sent any more; how many.
pub async fn prune(tx: &Tx, before: Millis) -> Result<u64> {
    let sql = "DELETE FROM mails WHERE id IN \
               (SELECT id FROM mails WHERE created_at < $1 AND next_at IS NULL ORDER BY id LIMIT $2)";
    Ok(run(&**tx, sql, [big(before), big(PRUNED_AT_ONCE)]).await?.rows_affected())
}
