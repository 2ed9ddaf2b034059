//! Why installations need somebody.

use std::collections::HashSet;

use domain::{InstallationId, ServerId};
use nimbus_api::Millis;
use sea_orm::ConnectionTrait;

use super::{Result, Rows, Tx, all, big, from_word, number, one, parse, run, text};
use crate::access::Reach;
use crate::wire::{Attention, Need, word};

/// Notes a reason; whether it is news.
pub async fn set(tx: &Tx, installation: InstallationId, need: Need, since: Millis) -> Result<bool> {
    let sql = "INSERT INTO attention (installation, need, since) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    Ok(run(&**tx, sql, [text(installation), text(word(&need)), big(since)]).await?.rows_affected() > 0)
}

/// Takes a reason away; whether there was one.
pub async fn clear(tx: &Tx, installation: InstallationId, need: Need) -> Result<bool> {
    let sql = "DELETE FROM attention WHERE installation = $1 AND need = $2";
    Ok(run(&**tx, sql, [text(installation), text(word(&need))]).await?.rows_affected() > 0)
}

/// Takes all reasons of an installation away.
pub async fn forget(tx: &Tx, installation: InstallationId) -> Result<()> {
    run(&**tx, "DELETE FROM attention WHERE installation = $1", [text(installation)]).await?;
    Ok(())
}

/// Which installations have that reason.
pub async fn with(db: &impl ConnectionTrait, need: Need) -> Result<HashSet<InstallationId>> {
    let sql = "SELECT installation FROM attention WHERE need = $1";
    let rows = all(db, sql, [text(word(&need))], |row| parse(row, "installation")).await?;
    Ok(rows.into_iter().collect())
}

/// Those within reach, the newest first. They are few, and `CROSS JOIN` has SQLite begin with them.
pub async fn list(db: &impl ConnectionTrait, reach: &Reach, limit: u64) -> Rows<Attention> {
    let mut values = vec![big(limit)];
    let mine = reach.sql("i.publisher", "i.customer", &mut values);
    let sql = format!(
        "SELECT i.name, i.publisher, i.app, i.customer, a.need, a.since FROM attention a \
         CROSS JOIN installations i WHERE i.id = a.installation AND i.state <> 'removed'{mine} \
         ORDER BY a.since DESC, i.name LIMIT $1"
    );
    all(db, &sql, values, |row| {
        Ok(Attention {
            installation: parse(row, "name")?,
            publisher: parse(row, "publisher")?,
            app: parse(row, "app")?,
            customer: parse(row, "customer")?,
            need: from_word(row, "need")?,
            since: number(row, "since")?,
        })
    })
    .await
}

/// How many there are within reach.
pub async fn count(db: &impl ConnectionTrait, reach: &Reach) -> Result<u64> {
    let mut values = Vec::new();
    let mine = reach.sql("i.publisher", "i.customer", &mut values);
    let sql = format!(
        "SELECT COUNT(*) AS n FROM attention a CROSS JOIN installations i WHERE i.id = a.installation \
         AND i.state <> 'removed'{mine}"
    );
    Ok(one(db, &sql, values).await?.map(|row| number(&row, "n")).transpose()?.unwrap_or(0))
}

/// Bytes that the data of each installation on a server may have.
pub async fn disks(db: &impl ConnectionTrait, server: ServerId) -> Rows<(InstallationId, u64)> {
    let sql = "SELECT id, disk FROM installations WHERE server = $1 AND state <> 'removed' AND disk > 0";
    all(db, sql, [text(server)], |row| Ok((parse(row, "id")?, number(row, "disk")?))).await
}

/// Installations that run, of which backups are made (more than one is held), and none since a time. Where nobody makes
/// backups there is none that is late.
pub async fn with_late_backup(db: &impl ConnectionTrait, since: Millis) -> Result<HashSet<InstallationId>> {
    let sql = "SELECT i.id FROM installations i JOIN snapshots s ON s.installation = i.id AND s.backup IS NOT NULL \
               WHERE i.state = 'running' GROUP BY i.id HAVING COUNT(*) > 1 AND MAX(s.taken_at) < $1";
    let rows = all(db, sql, [big(since)], |row| parse(row, "id")).await?;
    Ok(rows.into_iter().collect())
}
