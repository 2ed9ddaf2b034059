//! Customers' leave for support to open an installation.

use domain::InstallationId;
use nimbus_api::Millis;
use sea_orm::ConnectionTrait;

use super::{PRUNED_AT_ONCE, Result, Tx, big, get, number, one, parse, run, text};
use crate::wire::Leave;

/// The leave of an installation, if one serves at that moment.
pub async fn find(db: &impl ConnectionTrait, installation: InstallationId, now: Millis) -> Result<Option<Leave>> {
    let sql = "SELECT installation, granted_by, granted_at, until FROM leaves WHERE installation = $1 AND until > $2";
    let row = one(db, sql, [text(installation), big(now)]).await?;
    row.map(|row| {
        Ok(Leave {
            installation: parse(&row, "installation")?,
            granted_by: get(&row, "granted_by")?,
            granted_at: number(&row, "granted_at")?,
            until: number(&row, "until")?,
        })
    })
    .transpose()
}

/// Keeps a leave in place of the one before.
pub async fn set(tx: &Tx, leave: &Leave) -> Result<()> {
    let sql = "INSERT INTO leaves (installation, granted_by, granted_at, until) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (installation) DO UPDATE SET granted_by = excluded.granted_by, \
               granted_at = excluded.granted_at, until = excluded.until";
    let values = [text(leave.installation), text(&leave.granted_by), big(leave.granted_at), big(leave.until)];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// Ends the leave of an installation.
pub async fn delete(tx: &Tx, installation: InstallationId) -> Result<()> {
    run(&**tx, "DELETE FROM leaves WHERE installation = $1", [text(installation)]).await?;
    Ok(())
}

/// Deletes some that have ended; how many.
pub async fn prune(tx: &Tx, now: Millis) -> Result<u64> {
    let sql = "DELETE FROM leaves WHERE installation IN (SELECT installation FROM leaves WHERE until <= $1 LIMIT $2)";
    Ok(run(&**tx, sql, [big(now), big(PRUNED_AT_ONCE)]).await?.rows_affected())
}
