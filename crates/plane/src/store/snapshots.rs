//! What is known of the copies of data that servers keep, as of the last operation on each installation.

use std::collections::BTreeMap;

use domain::{BackupId, InstallationId};
use nimbus_api::{Millis, SnapshotReport};
use sea_orm::{ConnectionTrait, QueryResult};

use super::{Result, Rows, Tx, all, big, from_word, get, maybe_big, maybe_number, maybe_parse, maybe_text, number};
use super::{parse, run, text};
use crate::wire::word;

fn read(row: &QueryResult) -> Result<SnapshotReport> {
    Ok(SnapshotReport {
        name: get(row, "name")?,
        reason: from_word(row, "reason")?,
        backup: maybe_parse(row, "backup")?,
        version: number(row, "version")?,
        artifact: parse(row, "artifact")?,
        taken_at: number(row, "taken_at")?,
        expires_at: maybe_number(row, "expires_at")?,
    })
}

/// Copies of an installation's data, oldest first.
pub async fn of(db: &impl ConnectionTrait, installation: InstallationId) -> Rows<SnapshotReport> {
    let sql = "SELECT name, reason, backup, version, artifact, taken_at, expires_at FROM snapshots WHERE installation = $1 \
               ORDER BY taken_at";
    all(db, sql, [text(installation)], read).await
}

/// Replaces what is known by what its server reports. The label of a backup that is not there goes.
pub async fn replace(tx: &Tx, installation: InstallationId, snapshots: &[SnapshotReport]) -> Result<()> {
    run(&**tx, "DELETE FROM snapshots WHERE installation = $1", [text(installation)]).await?;
    for snapshot in snapshots {
        let sql = "INSERT INTO snapshots (installation, reason, backup, version, artifact, taken_at, expires_at, name) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let values = [
            text(installation),
            text(word(&snapshot.reason)),
            maybe_text(snapshot.backup),
            big(snapshot.version.into()),
            text(&snapshot.artifact),
            big(snapshot.taken_at),
            maybe_big(snapshot.expires_at),
            text(&snapshot.name),
        ];
        run(&**tx, sql, values).await?;
    }
    let sql = "DELETE FROM labels WHERE installation = $1 \
               AND NOT EXISTS (SELECT 1 FROM snapshots s WHERE s.installation = $1 AND s.backup = labels.backup)";
    run(&**tx, sql, [text(installation)]).await?;
    Ok(())
}

/// Keeps what a person calls a backup that is about to be made.
pub async fn label(tx: &Tx, installation: InstallationId, backup: BackupId, label: &str) -> Result<()> {
    let sql = "INSERT INTO labels (backup, installation, label) VALUES ($1, $2, $3)";
    run(&**tx, sql, [text(backup), text(installation), text(label)]).await?;
    Ok(())
}

/// What a person calls the backups of an installation.
pub async fn labels(db: &impl ConnectionTrait, installation: InstallationId) -> Result<BTreeMap<BackupId, String>> {
    let sql = "SELECT backup, label FROM labels WHERE installation = $1";
    let rows = all(db, sql, [text(installation)], |row| Ok((parse(row, "backup")?, get(row, "label")?))).await?;
    Ok(rows.into_iter().collect())
}

/// Forgets a copy that its server deleted.
pub async fn expired(tx: &Tx, installation: InstallationId, taken_at: Millis) -> Result<()> {
    let sql = "DELETE FROM snapshots WHERE installation = $1 AND taken_at = $2 AND expires_at IS NOT NULL";
    run(&**tx, sql, [text(installation), big(taken_at)]).await?;
    Ok(())
}
