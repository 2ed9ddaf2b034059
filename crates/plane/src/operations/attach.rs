//! Keeps a file that is to become part of a ticket's text.

use std::path::PathBuf;

use domain::{AttachmentId, MessageId};

use super::ticket::Author;
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::{Tx, attachments};
use crate::wire::Attachment;

/// Most bytes of a file.
pub const FILE_BYTES: u64 = 10 << 20;

/// Most files of one text.
pub const FILES: usize = 5;

/// Most files that somebody has sent and not used.
const WAITING: u64 = 20;

/// Most bytes of the files of one ticket.
const TICKET_BYTES: u64 = 200 << 20;

/// Most bytes of the files of all tickets of a customer.
const CUSTOMER_BYTES: u64 = 1 << 30;

/// A file that was received.
pub struct Received {
    /// What its sender calls it.
    pub name: String,
    /// Where it is; it is moved from there.
    pub path: PathBuf,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// Keeps it for its sender to use. It is durable with its row, or not there at all.
pub async fn attach(plane: &Plane, sender: &str, file: Received) -> Answer<Attachment> {
    let _changing = plane.artifacts.lock().await;
    let tx = plane.store.write().await?;
    if attachments::count_waiting(&*tx, sender).await? >= WAITING {
        let detail = format!("{WAITING} of your files wait to be part of a message; use those, or wait a day");
        return Err(Refusal::conflict("too-many-files", detail));
    }
    let kept = keep(plane, &tx, sender, file).await?;
    tx.commit().await?;
    Ok(kept)
}

/// The same within a transaction. The caller holds [`crate::artifacts::Artifacts::lock`] until it is committed.
pub async fn keep(plane: &Plane, tx: &Tx, sender: &str, file: Received) -> Answer<Attachment> {
    plane.artifacts.keep_attachment(&file.path, &file.sha256).map_err(Refusal::internal)?;
    let id = AttachmentId::new();
    let kept = Attachment { id, name: harmless(&file.name), bytes: file.bytes, sha256: file.sha256 };
    attachments::create(tx, &kept, sender, plane.now()).await?;
    Ok(kept)
}

/// Deletes files of their sender that became part of no text, for what they were to be part of was refused.
pub async fn discard(plane: &Plane, sender: &str, files: &[Attachment]) -> Answer<()> {
    let tx = plane.store.write().await?;
    for file in files {
        attachments::discard(&tx, file.id, sender).await?;
    }
    tx.commit().await?;
    for file in files {
        forget_unneeded(plane, &file.sha256).await?;
    }
    Ok(())
}

/// Deletes a file of which no row tells.
pub async fn forget_unneeded(plane: &Plane, sha256: &str) -> Answer<()> {
    let _changing = plane.artifacts.lock().await;
    if attachments::needs(plane.store.read(), sha256).await? {
        return Ok(());
    }
    plane.artifacts.delete_attachment(sha256).map_err(Refusal::internal)
}

/// Makes files of an author part of a text.
pub async fn use_files(
    tx: &Tx,
    author: &Author,
    ticket: domain::TicketId,
    message: MessageId,
    files: &[AttachmentId],
) -> Answer<()> {
    if files.len() > FILES {
        return Err(too_many_files());
    }
    for id in files {
        if !attachments::attach(tx, *id, &author.sender, message).await? {
            let detail = format!("there is no file {id} of yours that waits to be part of a message; send it again");
            return Err(Refusal::invalid("unknown-attachment", detail));
        }
    }
    let all: u64 = attachments::of_ticket(&**tx, ticket).await?.iter().map(|(_, file)| file.bytes).sum();
    if all > TICKET_BYTES {
        let detail =
            format!("the files of this ticket would have more than {} MiB; open another one", TICKET_BYTES >> 20);
        return Err(Refusal::conflict("ticket-full", detail));
    }
    if attachments::bytes_of_customer(&**tx, ticket).await? > CUSTOMER_BYTES {
        let detail = format!(
            "the files of your tickets have more than {} MiB together; ask for old ones to be deleted",
            CUSTOMER_BYTES >> 20
        );
        return Err(Refusal::conflict("tickets-full", detail));
    }
    Ok(())
}

/// More files than one text may have.
pub fn too_many_files() -> Refusal {
    let detail = format!("these are more than {FILES} files, the most of one message; send the rest with another one");
    Refusal::invalid("too-many-files", detail)
}

/// The name of a file without what leads elsewhere.
fn harmless(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or("");
    let mut name: String = last.chars().filter(|c| !c.is_control()).take(150).collect();
    name = name.trim().trim_start_matches('.').to_owned();
    if name.is_empty() { "file".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn a_name_leads_nowhere() {
        assert_eq!(harmless("../../etc/passwd"), "passwd");
        assert_eq!(harmless("C:\\Users\\x\\informe año.pdf"), "informe año.pdf");
        assert_eq!(harmless("a\r\nb\0.txt"), "ab.txt");
        assert_eq!(harmless(".."), "file");
    }
}
