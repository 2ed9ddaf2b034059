//! What webhooks were sent, and what they are to be sent.

use domain::{DeliveryId, WebhookId};
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{
    PRUNED_AT_ONCE, Result, Rows, Tx, all, big, get, maybe_big, maybe_number, maybe_text, number, one, parse, run, text,
};

/// A delivery as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its id, the same for every attempt.
    pub id: DeliveryId,
    /// To where.
    pub webhook: WebhookId,
    /// The event's name.
    pub event: String,
    /// What is sent.
    pub body: String,
    /// How often it was tried.
    pub attempts: u64,
    /// When it is tried next; absent once it was delivered or given up.
    pub next_at: Option<Millis>,
    /// When it was delivered.
    pub delivered_at: Option<Millis>,
    /// When it was last tried.
    pub tried_at: Option<Millis>,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// How that answer began.
    pub response: Option<String>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// Milliseconds that it took.
    pub duration_ms: Option<u64>,
    /// When it was written.
    pub created_at: Millis,
}

impl DeliveryRow {
    /// One that was not tried yet.
    pub fn new(webhook: WebhookId, event: &str, body: String, at: Millis) -> Self {
        Self {
            id: DeliveryId::new(),
            webhook,
            event: event.to_owned(),
            body,
            attempts: 0,
            next_at: Some(at),
            delivered_at: None,
            tried_at: None,
            status: None,
            response: None,
            error: None,
            duration_ms: None,
            created_at: at,
        }
    }
}

const COLUMNS: &str = "id, webhook, event, body, attempts, next_at, delivered_at, tried_at, status, response, error, \
    duration_ms, created_at FROM webhook_deliveries";

fn read(row: &QueryResult) -> Result<DeliveryRow> {
    Ok(DeliveryRow {
        id: parse(row, "id")?,
        webhook: parse(row, "webhook")?,
        event: get(row, "event")?,
        body: get(row, "body")?,
        attempts: number(row, "attempts")?,
        next_at: maybe_number(row, "next_at")?,
        delivered_at: maybe_number(row, "delivered_at")?,
        tried_at: maybe_number(row, "tried_at")?,
        status: maybe_number(row, "status")?,
        response: get(row, "response")?,
        error: get(row, "error")?,
        duration_ms: maybe_number(row, "duration_ms")?,
        created_at: number(row, "created_at")?,
    })
}

/// Keeps a new one.
pub async fn create(tx: &Tx, new: &DeliveryRow) -> Result<()> {
    let sql = "INSERT INTO webhook_deliveries (id, webhook, event, body, attempts, next_at, created_at) \
               VALUES ($1, $2, $3, $4, 0, $5, $6)";
    let values = [
        text(new.id),
        text(new.webhook),
        text(&new.event),
        text(&new.body),
        maybe_big(new.next_at),
        big(new.created_at),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// Those of a webhook, the newest first, those before `before`.
pub async fn list(
    db: &impl ConnectionTrait,
    webhook: WebhookId,
    before: Option<DeliveryId>,
    limit: u64,
) -> Rows<DeliveryRow> {
    // After every id.
    let before = before.map_or_else(|| "g".to_owned(), |id| id.to_string());
    let sql = format!("SELECT {COLUMNS} WHERE webhook = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
    all(db, &sql, [text(webhook), text(before), big(limit)], read).await
}

/// The one of that id.
pub async fn find(db: &impl ConnectionTrait, webhook: WebhookId, id: DeliveryId) -> Result<Option<DeliveryRow>> {
    let sql = format!("SELECT {COLUMNS} WHERE webhook = $1 AND id = $2");
    one(db, &sql, [text(webhook), text(id)]).await?.map(|row| read(&row)).transpose()
}

/// Those of a webhook that are still to be made, in the order of their events.
pub async fn to_make(db: &impl ConnectionTrait, webhook: WebhookId, limit: u64) -> Rows<DeliveryRow> {
    let sql = format!("SELECT {COLUMNS} WHERE webhook = $1 AND next_at IS NOT NULL ORDER BY id LIMIT $2");
    all(db, &sql, [text(webhook), big(limit)], read).await
}

/// The webhooks of which some have come due.
pub async fn due(db: &impl ConnectionTrait, now: Millis) -> Rows<WebhookId> {
    let sql = "SELECT DISTINCT webhook FROM webhook_deliveries WHERE next_at <= $1 ORDER BY webhook";
    all(db, sql, [big(now)], |row| parse(row, "webhook")).await
}

/// Takes one up: nobody else tries it before `until`. `false` when somebody has already.
pub async fn claim(tx: &Tx, row: &DeliveryRow, until: Millis) -> Result<bool> {
    let sql = "UPDATE webhook_deliveries SET next_at = $3, attempts = attempts + 1 WHERE id = $1 AND next_at = $2";
    Ok(run(&**tx, sql, [text(row.id), maybe_big(row.next_at), big(until)]).await?.rows_affected() > 0)
}

/// Keeps how an attempt went.
pub async fn update(tx: &Tx, row: &DeliveryRow) -> Result<()> {
    let sql = "UPDATE webhook_deliveries SET attempts = $2, next_at = $3, delivered_at = $4, tried_at = $5, \
               status = $6, response = $7, error = $8, duration_ms = $9 WHERE id = $1";
    let values = [
        text(row.id),
        big(row.attempts),
        maybe_big(row.next_at),
        maybe_big(row.delivered_at),
        maybe_big(row.tried_at),
        maybe_big(row.status.map(u64::from)),
        maybe_text(row.response.as_ref()),
        maybe_text(row.error.as_ref()),
        maybe_big(row.duration_ms),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// Gives up everything that a webhook was still to be sent.
pub async fn give_up(tx: &Tx, webhook: WebhookId) -> Result<()> {
    let sql = "UPDATE webhook_deliveries SET next_at = NULL WHERE webhook = $1 AND next_at IS NOT NULL";
    run(&**tx, sql, [text(webhook)]).await?;
    Ok(())
}

/// Deletes some from before a time that are not to be made any more; how many.
pub async fn prune(tx: &Tx, before: Millis) -> Result<u64> {
    let sql = "DELETE FROM webhook_deliveries WHERE id IN \
               (SELECT id FROM webhook_deliveries WHERE created_at < $1 AND next_at IS NULL ORDER BY id LIMIT $2)";
    Ok(run(&**tx, sql, [big(before), big(PRUNED_AT_ONCE)]).await?.rows_affected())
}
