//! What is in the file with everything that a customer has, piece by piece as it is sent: the data of each installation as
//! it is now, the names of its variables, tickets with their files, people, usage, and a page that says what is what.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::Key;
use domain::state::InstallationState;
use futures_util::StreamExt;
use minijinja::{Value, context};
use sea_orm::ConnectionTrait;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

use crate::Plane;
use crate::access::Reach;
use crate::problem::Refusal;
use crate::server::{ByteStream, ServerError};
use crate::store::installations::{self, Filter, InstallationRow};
use crate::store::usage::{self, Wanted};
use crate::store::{StoreError, invitations, people, tickets};
use crate::variables::Owner;
use crate::web::console::events::harmless;
use crate::web::console::value;
use crate::web::design::View;
use crate::web::design::format::machine;
use crate::web::{months, view};
use crate::wire::{Customer, Ticket, TicketMessage, UsageBy, word};
use crate::zip::{Packing, Zip};

/// Bytes in a second that are taken at least, on average: whoever takes fewer for long has left.
const LEAST: u64 = 16 << 10;

/// Times that a server is asked for an archive while it makes too many, and the pause between two.
const TRIES: u32 = 60;
const PAUSE: Duration = Duration::from_secs(2);

/// Things of one look at the store.
const AT_ONCE: u64 = 200;

/// Lines of the table of usage.
const USAGE: u64 = 100_000;

/// Bytes of a file that are read at once.
const PIECE: usize = 64 << 10;

/// Most bytes of a file's name: with the folders before it, what every system takes.
const NAME: usize = 120;

/// Why it did not come to its end.
#[derive(Debug)]
pub enum Broken {
    /// Nobody is there any more.
    Left,
    /// Something failed.
    Why(String),
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self::Why(error.to_string())
    }
}

impl From<Refusal> for Broken {
    fn from(refusal: Refusal) -> Self {
        Self::Why(refusal.detail)
    }
}

type Sent<T = ()> = Result<T, Broken>;

fn why(error: impl std::fmt::Display) -> Broken {
    Broken::Why(error.to_string())
}

/// Every installation of a customer that is not removed.
pub async fn every_installation(db: &impl ConnectionTrait, customer: &Key) -> Result<Vec<InstallationRow>, StoreError> {
    let reach = Reach::Customer(customer.clone());
    let mut all: Vec<InstallationRow> = Vec::new();
    loop {
        let after = all.last().map(|row| row.name.to_string()).unwrap_or_default();
        let more = installations::list(db, &reach, &Filter::default(), &after, AT_ONCE).await?;
        if more.is_empty() {
            return Ok(all);
        }
        all.extend(more);
    }
}

/// For how long whoever reads may still keep it waiting. What is taken earns as much as it takes at the least rate, and never
/// more than there was at first; so neither who stops nor who takes a little now and then holds a place for ever.
struct Patience {
    most: Duration,
    left: Duration,
}

impl Patience {
    fn new(most: Duration) -> Self {
        Self { most, left: most }
    }

    /// So many bytes were taken after so long.
    fn taken(&mut self, bytes: usize, after: Duration) {
        let earned = Duration::from_millis(bytes as u64 * 1000 / LEAST);
        self.left = (self.left.saturating_sub(after) + earned).min(self.most);
    }
}

/// One such file.
pub struct CustomerArchive {
    plane: Arc<Plane>,
    view: View,
    customer: Customer,
    reach: Reach,
    /// In which everything is.
    folder: String,
    zip: Zip,
    bytes: u64,
    patience: Patience,
    to: Sender<Bytes>,
}

impl CustomerArchive {
    /// One of which nothing is sent yet.
    pub fn new(plane: Arc<Plane>, view: View, customer: Customer, folder: String, to: Sender<Bytes>) -> Self {
        let zip = Zip::new(plane.now());
        let reach = Reach::Customer(Key::new(customer.publisher.clone(), customer.slug.clone()));
        let patience = Patience::new(plane.patience);
        Self { plane, view, customer, reach, folder, zip, bytes: 0, patience, to }
    }

    /// Sends all of it; how many bytes that were.
    pub async fn send(mut self, rows: Vec<InstallationRow>) -> Sent<u64> {
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            found.push(self.installation(row).await?);
        }
        let tickets = self.tickets().await?;
        self.people().await?;
        self.usage().await?;
        // What says what is what comes last: only now is it known what there is.
        let values = context! {
            customer => value(&self.customer),
            installations => found,
            tickets,
            made_at => self.plane.now(),
        };
        for (name, template) in [("index.html", "archive/index.html"), ("README.txt", "archive/readme.txt")] {
            let text = self.plane.pages.html(&self.view, template, values.clone()).map_err(why)?;
            self.file(name, text.as_bytes()).await?;
        }
        let end = std::mem::replace(&mut self.zip, Zip::new(0)).finish();
        self.pass(end).await?;
        Ok(self.bytes)
    }

    async fn pass(&mut self, piece: Vec<u8>) -> Sent {
        if piece.is_empty() {
            return Ok(());
        }
        let (bytes, begun) = (piece.len(), Instant::now());
        match tokio::time::timeout(self.patience.left, self.to.send(piece.into())).await {
            Ok(Ok(())) => {}
            _ => return Err(Broken::Left),
        }
        self.patience.taken(bytes, begun.elapsed());
        self.bytes += bytes as u64;
        Ok(())
    }

    async fn more(&mut self, bytes: &[u8]) -> Sent {
        let packed = self.zip.write(bytes).map_err(why)?;
        self.pass(packed).await
    }

    async fn begin(&mut self, name: &str, packing: Packing) -> Sent {
        let head = self.zip.begin(&format!("{}/{name}", self.folder), packing);
        self.pass(head).await
    }

    async fn end(&mut self) -> Sent {
        let end = self.zip.end().map_err(why)?;
        self.pass(end).await
    }

    async fn file(&mut self, name: &str, bytes: &[u8]) -> Sent {
        self.begin(name, Packing::Small).await?;
        self.more(bytes).await?;
        self.end().await
    }

    /// An installation's part; what the page says of it.
    async fn installation(&mut self, row: InstallationRow) -> Sent<Value> {
        let plane = self.plane.clone();
        let db = plane.store.read();
        let folder = format!("installations/{}", row.name);
        let own = plane.variables(db, &Owner::Installation(row.id)).await?.shown(false);
        let of_app = plane.variables(db, &Owner::App(row.app_key())).await?.shown(true);
        let mut names: Vec<String> = own.into_iter().chain(of_app).map(|variable| variable.name).collect();
        names.sort();
        names.dedup();
        let shown = view::installation(&plane, db, row.clone()).await?;
        let about = json!({ "installation": shown, "variables": names });
        self.file(&format!("{folder}/installation.json"), &serde_json::to_vec_pretty(&about).map_err(why)?).await?;
        let missing = match row.state {
            InstallationState::Running | InstallationState::Stopped => self.data(&row, &folder).await?,
            state => Some(plane.pages.text(self.view.language, &format!("state-{state}"))),
        };
        Ok(context! { folder, missing, variables => names, ..value(&shown) })
    }

    /// Its data; or why there is none.
    async fn data(&mut self, row: &InstallationRow, folder: &str) -> Sent<Option<String>> {
        let mut archive = match self.open(row).await {
            Ok(archive) => archive,
            // It says no to this one only. Everything else is there all the same, and the page says what is not.
            Err(ServerError::Refused { message, .. }) => return Ok(Some(message)),
            Err(ServerError::Unreachable(error)) => return Err(Broken::Why(error)),
        };
        self.begin(&format!("{folder}/data.tar.gz"), Packing::None).await?;
        while let Some(piece) = archive.next().await {
            self.more(&piece.map_err(why)?).await?;
        }
        self.end().await?;
        Ok(None)
    }

    /// Its data as it is now. A server that makes too many archives is asked again.
    async fn open(&self, row: &InstallationRow) -> Result<ByteStream, ServerError> {
        let mut left = TRIES;
        loop {
            let asked = match self.plane.servers.get(row.server) {
                Ok(handle) => handle.server.archive(row.id, None).await,
                Err(error) => Err(error),
            };
            match asked {
                Err(ServerError::Unreachable(_)) if left > 0 && !self.to.is_closed() => left -= 1,
                other => return other,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Every ticket, as the customer sees it; what the page says of each.
    async fn tickets(&mut self) -> Sent<Vec<Value>> {
        let plane = self.plane.clone();
        let mut told = Vec::new();
        let mut before = i64::MAX as u64;
        loop {
            let some = tickets::by_number(plane.store.read(), &self.reach, before, AT_ONCE).await?;
            let Some(last) = some.last() else { return Ok(told) };
            before = last.number;
            for ticket in some {
                told.push(self.ticket(ticket).await?);
            }
        }
    }

    async fn ticket(&mut self, ticket: Ticket) -> Sent<Value> {
        let plane = self.plane.clone();
        let folder = format!("tickets/{}", ticket.number);
        let mut messages: Vec<TicketMessage> = Vec::new();
        loop {
            let after = messages.last().map(|message| message.id);
            let more = tickets::messages(plane.store.read(), ticket.id, false, after, AT_ONCE).await?;
            if more.is_empty() {
                break;
            }
            messages.extend(more);
        }
        let mut shown = Vec::with_capacity(messages.len());
        let mut count = 0;
        for message in &messages {
            let mut files = Vec::with_capacity(message.attachments.len());
            for file in &message.attachments {
                count += 1;
                let name = format!("files/{count}-{}", file_name(&file.name));
                let there = self.attachment(&file.sha256, &format!("{folder}/{name}")).await?;
                files.push(context! { name, there });
            }
            shown.push(context! { files, ..value(message) });
        }
        let about = json!({ "ticket": ticket, "messages": messages });
        self.file(&format!("{folder}/ticket.json"), &serde_json::to_vec_pretty(&about).map_err(why)?).await?;
        let values = context! { ticket => value(&ticket), messages => shown };
        let page = plane.pages.html(&self.view, "archive/ticket.html", values).map_err(why)?;
        self.file(&format!("{folder}/index.html"), page.as_bytes()).await?;
        Ok(context! { folder, ..value(&ticket) })
    }

    /// A file that came with a ticket; whether it is there.
    async fn attachment(&mut self, sha256: &str, name: &str) -> Sent<bool> {
        let mut file = match tokio::fs::File::open(self.plane.artifacts.attachment(sha256)).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(why(error)),
        };
        self.begin(name, Packing::Small).await?;
        let mut piece = vec![0; PIECE];
        loop {
            let count = file.read(&mut piece).await.map_err(why)?;
            if count == 0 {
                break;
            }
            self.more(&piece[..count]).await?;
        }
        self.end().await?;
        Ok(true)
    }

    async fn people(&mut self) -> Sent {
        let db = self.plane.store.read();
        let mut file = csv::Writer::from_writer(Vec::new());
        file.write_record(["name", "mail", "role", "since", "state"]).map_err(why)?;
        for member in people::members(db, &self.reach).await? {
            let (name, mail) = (harmless(member.person.name), harmless(member.person.mail));
            file.write_record([name, mail, word(&member.role), machine(member.since), "member".into()]).map_err(why)?;
        }
        for invited in invitations::of(db, &self.reach).await? {
            let (mail, role) = (harmless(invited.mail), word(&invited.membership.role));
            file.write_record([String::new(), mail, role, String::new(), "invited".into()]).map_err(why)?;
        }
        let table = file.into_inner().map_err(why)?;
        self.file("people.csv", &table).await
    }

    async fn usage(&mut self) -> Sent {
        let wanted = Wanted { by: UsageBy::Installation, ..Wanted::default() };
        let mut all = usage::list(self.plane.store.read(), &self.reach, &wanted, "", USAGE).await?;
        all.sort_by(|a, b| (&a.month, &a.name).cmp(&(&b.month, &b.name)));
        self.file("usage.csv", &months::csv(&all)?).await
    }
}

/// A name that every system takes for a file.
fn file_name(name: &str) -> String {
    let good = |c: char| if c.is_control() || "\\/:*?\"<>|".contains(c) { '_' } else { c };
    let name: String = name.chars().map(good).collect();
    let name = without_end(&name);
    // The ending says what it is: what stands before it is cut.
    let (begin, ending) = match name.rfind('.') {
        Some(at) if name.len() - at <= NAME / 4 => name.split_at(at),
        _ => (name, ""),
    };
    let begin = &begin[..begin.floor_char_boundary(NAME - ending.len())];
    format!("{}{ending}", without_end(begin))
}

/// Some systems leave these away at a name's end, and then do not find the file.
fn without_end(name: &str) -> &str {
    name.trim_end_matches(['.', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_files_everywhere() {
        assert_eq!(file_name("a/../b: \"año\"?.pdf"), "a_.._b_ _año__.pdf");
        assert_eq!(file_name(&"x".repeat(500)).len(), NAME);
        let long = file_name(&format!("{}.tar.gz", "ñ😀".repeat(100)));
        assert!(long.len() <= NAME && long.len() > NAME - 4 && long.ends_with("ñ.gz"), "{long}");
        assert_eq!(file_name("Factura #12 . .pdf. ."), "Factura #12.pdf");
        assert_eq!(file_name(&format!("a.{}", "é".repeat(100))).len(), NAME);
    }

    #[test]
    fn who_takes_little_is_not_waited_for_for_ever() {
        let seconds = Duration::from_secs;
        let mut patience = Patience::new(seconds(120));
        patience.taken(1 << 30, seconds(1));
        assert_eq!(patience.left, seconds(120), "who was quick before has no more of it");
        patience.taken(PIECE, seconds(4));
        assert_eq!(patience.left, seconds(120), "just enough");
        patience.taken(PIECE, seconds(60));
        patience.taken(PIECE, seconds(60));
        assert_eq!(patience.left, seconds(8), "a piece a minute is too little");
    }
}
