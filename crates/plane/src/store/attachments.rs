//! Files that came with the texts of tickets. What is in them is on disk, by digest.

use domain::{AttachmentId, MessageId, TicketId};
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{PRUNED_AT_ONCE, Result, Rows, Tx, all, big, count, get, number, one, parse, run, text};
use crate::wire::Attachment;

const COLUMNS: &str = "f.id, f.name, f.bytes, f.sha256";

fn read(row: &QueryResult) -> Result<Attachment> {
    Ok(Attachment {
        id: parse(row, "id")?,
        name: get(row, "name")?,
        bytes: number(row, "bytes")?,
        sha256: get(row, "sha256")?,
    })
}

/// Keeps a file that is not yet part of a text.
pub async fn create(tx: &Tx, new: &Attachment, sender: &str, at: Millis) -> Result<()> {
    let sql = "INSERT INTO attachments (id, sender, name, bytes, sha256, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
    let values = [text(new.id), text(sender), text(&new.name), big(new.bytes), text(&new.sha256), big(at)];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// How many files of a sender are not yet part of a text.
pub async fn count_waiting(db: &impl ConnectionTrait, sender: &str) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS n FROM attachments WHERE sender = $1 AND message IS NULL";
    count(db, sql, [text(sender)]).await
}

/// Makes a file of its sender part of a text; `false` when they have no such file that is not part of one.
pub async fn attach(tx: &Tx, id: AttachmentId, sender: &str, message: MessageId) -> Result<bool> {
    let sql = "UPDATE attachments SET message = $3 WHERE id = $1 AND sender = $2 AND message IS NULL";
    Ok(run(&**tx, sql, [text(id), text(sender), text(message)]).await?.rows_affected() > 0)
}

/// The files of a ticket, each with its text, as they came.
pub async fn of_ticket(db: &impl ConnectionTrait, ticket: TicketId) -> Rows<(MessageId, Attachment)> {
    let sql = format!(
        "SELECT {COLUMNS}, f.message FROM attachments f JOIN ticket_messages m ON m.id = f.message \
         WHERE m.ticket = $1 ORDER BY f.id"
    );
    all(db, &sql, [text(ticket)], |row| Ok((parse(row, "message")?, read(row)?))).await
}

/// A file of a ticket; without `notes` only if the customer sees it.
pub async fn find(
    db: &impl ConnectionTrait,
    ticket: TicketId,
    id: AttachmentId,
    notes: bool,
) -> Result<Option<Attachment>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM attachments f JOIN ticket_messages m ON m.id = f.message \
         WHERE f.id = $1 AND m.ticket = $2 AND m.internal <= $3"
    );
    one(db, &sql, [text(id), text(ticket), big(notes.into())]).await?.map(|row| read(&row)).transpose()
}

/// Whether any row needs what has that digest.
pub async fn needs(db: &impl ConnectionTrait, sha256: &str) -> Result<bool> {
    Ok(count(db, "SELECT COUNT(*) AS n FROM attachments WHERE sha256 = $1", [text(sha256)]).await? > 0)
}

/// Deletes a file of its sender that is part of no text.
pub async fn discard(tx: &Tx, id: AttachmentId, sender: &str) -> Result<()> {
    let sql = "DELETE FROM attachments WHERE id = $1 AND sender = $2 AND message IS NULL";
    run(&**tx, sql, [text(id), text(sender)]).await?;
    Ok(())
}

/// Deletes some files from before a time that never became part of a text; how many.
pub async fn prune(tx: &Tx, before: Millis) -> Result<u64> {
    let sql = "DELETE FROM attachments WHERE id IN \
               (SELECT id FROM attachments WHERE message IS NULL AND created_at < $1 LIMIT $2)";
    Ok(run(&**tx, sql, [big(before), big(PRUNED_AT_ONCE)]).await?.rows_affected())
}

/// Bytes of all files in the tickets of the customer whose ticket this is.
pub async fn bytes_of_customer(db: &impl ConnectionTrait, ticket: TicketId) -> Result<u64> {
    let sql = "SELECT CAST(COALESCE(SUM(f.bytes), 0) AS BIGINT) AS n FROM attachments f \
               JOIN ticket_messages m ON m.id = f.message JOIN tickets t ON t.id = m.ticket \
               JOIN tickets o ON o.publisher = t.publisher AND o.customer = t.customer WHERE o.id = $1";
    count(db, sql, [text(ticket)]).await
}
