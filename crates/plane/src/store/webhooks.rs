//! Where publishers want to be told of events.

use domain::{Slug, WebhookId};
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{Result, Rows, Tx, all, big, get, maybe_big, maybe_number, maybe_text, number, one, parse, run, text};
use crate::access::Reach;

/// A webhook as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookRow {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub publisher: Slug,
    /// Where events are sent.
    pub url: String,
    /// Which events; all when empty.
    pub events: Vec<String>,
    /// What signs them, sealed.
    pub secret: String,
    /// The sequence of the last event that was looked at.
    pub seen: u64,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Millis,
    /// Since when nothing was delivered that was tried.
    pub failing_since: Option<Millis>,
    /// Since when nothing is tried any more.
    pub disabled_at: Option<Millis>,
    /// Why not.
    pub disabled_because: Option<String>,
}

impl WebhookRow {
    /// Whether it is for such an event.
    pub fn wants(&self, event: &str) -> bool {
        self.events.is_empty() || self.events.iter().any(|one| one == event)
    }
}

const COLUMNS: &str = "id, publisher, url, events, secret, seen, created_by, created_at, failing_since, disabled_at, \
    disabled_because FROM webhooks";

fn read(row: &QueryResult) -> Result<WebhookRow> {
    let events: String = get(row, "events")?;
    Ok(WebhookRow {
        id: parse(row, "id")?,
        publisher: parse(row, "publisher")?,
        url: get(row, "url")?,
        events: events.split_whitespace().map(str::to_owned).collect(),
        secret: get(row, "secret")?,
        seen: number(row, "seen")?,
        created_by: get(row, "created_by")?,
        created_at: number(row, "created_at")?,
        failing_since: maybe_number(row, "failing_since")?,
        disabled_at: maybe_number(row, "disabled_at")?,
        disabled_because: get(row, "disabled_because")?,
    })
}

/// Keeps a new one.
pub async fn create(tx: &Tx, new: &WebhookRow) -> Result<()> {
    let sql = "INSERT INTO webhooks (id, publisher, url, events, secret, seen, created_by, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = [
        text(new.id),
        text(&new.publisher),
        text(&new.url),
        text(new.events.join(" ")),
        text(&new.secret),
        big(new.seen),
        text(&new.created_by),
        big(new.created_at),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// Those within reach, in the order in which they were made.
pub async fn list(db: &impl ConnectionTrait, reach: &Reach, after: Option<WebhookId>, limit: u64) -> Rows<WebhookRow> {
    let mut values = vec![text(after.map(|id| id.to_string()).unwrap_or_default()), big(limit)];
    let mine = reach.publisher_sql("publisher", &mut values);
    all(db, &format!("SELECT {COLUMNS} WHERE id > $1{mine} ORDER BY id LIMIT $2"), values, read).await
}

/// The one of that id, if it is within reach.
pub async fn find_within(db: &impl ConnectionTrait, reach: &Reach, id: WebhookId) -> Result<Option<WebhookRow>> {
    let mut values = vec![text(id)];
    let mine = reach.publisher_sql("publisher", &mut values);
    one(db, &format!("SELECT {COLUMNS} WHERE id = $1{mine}"), values).await?.map(|row| read(&row)).transpose()
}

/// How many a publisher has.
pub async fn count(db: &impl ConnectionTrait, publisher: &Slug) -> Result<u64> {
    super::count(db, "SELECT COUNT(*) AS n FROM webhooks WHERE publisher = $1", [text(publisher)]).await
}

/// Those that have not looked at every event up to `last`.
pub async fn behind(db: &impl ConnectionTrait, last: u64) -> Rows<WebhookRow> {
    let sql = format!("SELECT {COLUMNS} WHERE seen < $1 AND disabled_at IS NULL ORDER BY id");
    all(db, &sql, [big(last)], read).await
}

/// Keeps that events were looked at up to `to`; `false` when another control plane was faster.
pub async fn looked(tx: &Tx, row: &WebhookRow, to: u64) -> Result<bool> {
    let sql = "UPDATE webhooks SET seen = $3 WHERE id = $1 AND seen = $2";
    Ok(run(&**tx, sql, [text(row.id), big(row.seen), big(to)]).await?.rows_affected() > 0)
}

/// Keeps everything that can change but what was looked at, unless it begins anew.
pub async fn update(tx: &Tx, row: &WebhookRow) -> Result<()> {
    let sql = "UPDATE webhooks SET url = $2, events = $3, failing_since = $4, disabled_at = $5, disabled_because = $6, \
               seen = CASE WHEN seen < $7 THEN $7 ELSE seen END WHERE id = $1";
    let values = [
        text(row.id),
        text(&row.url),
        text(row.events.join(" ")),
        maybe_big(row.failing_since),
        maybe_big(row.disabled_at),
        maybe_text(row.disabled_because.as_ref()),
        big(row.seen),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// Deletes one with its deliveries.
pub async fn delete(tx: &Tx, id: WebhookId) -> Result<()> {
    run(&**tx, "DELETE FROM webhook_deliveries WHERE webhook = $1", [text(id)]).await?;
    run(&**tx, "DELETE FROM webhooks WHERE id = $1", [text(id)]).await?;
    Ok(())
}

/// Deletes those of a publisher that is deleted.
pub async fn forget(tx: &Tx, publisher: &Slug) -> Result<()> {
    let sql = "DELETE FROM webhook_deliveries WHERE webhook IN (SELECT id FROM webhooks WHERE publisher = $1)";
    run(&**tx, sql, [text(publisher)]).await?;
    run(&**tx, "DELETE FROM webhooks WHERE publisher = $1", [text(publisher)]).await?;
    Ok(())
}
