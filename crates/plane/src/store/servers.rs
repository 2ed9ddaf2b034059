//! Servers and how far their events have been read.

use domain::ServerId;
use nimbus_api::Millis;
use sea_orm::ConnectionTrait;

use super::{Result, Rows, Tx, all, big, get, number, parse, run, text};

/// A server as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRow {
    /// Its id.
    pub id: ServerId,
    /// Its host name when it was last seen.
    pub host: String,
    /// Sequence of the last event read from it.
    pub event_cursor: u64,
    /// Installations placed there.
    pub installations: u64,
}

/// Records a server that answered.
pub async fn seen(tx: &Tx, id: ServerId, host: &str, at: Millis) -> Result<()> {
    let sql = "INSERT INTO servers (id, host, event_cursor, created_at) VALUES ($1, $2, 0, $3) \
               ON CONFLICT (id) DO UPDATE SET host = excluded.host";
    run(&**tx, sql, [text(id), text(host), big(at)]).await?;
    Ok(())
}

/// Every server.
pub async fn list(db: &impl ConnectionTrait) -> Rows<ServerRow> {
    let sql = "SELECT s.id, s.host, s.event_cursor, (SELECT COUNT(*) FROM installations i \
               WHERE i.server = s.id AND i.state <> 'removed') AS installations FROM servers s ORDER BY s.id";
    all(db, sql, [], |row| {
        Ok(ServerRow {
            id: parse(row, "id")?,
            host: get(row, "host")?,
            event_cursor: number(row, "event_cursor")?,
            installations: number(row, "installations")?,
        })
    })
    .await
}

/// Records how far its events have been read.
pub async fn set_event_cursor(tx: &Tx, id: ServerId, sequence: u64) -> Result<()> {
    run(&**tx, "UPDATE servers SET event_cursor = $2 WHERE id = $1", [text(id), big(sequence)]).await?;
    Ok(())
}
