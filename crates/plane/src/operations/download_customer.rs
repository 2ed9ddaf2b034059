//! Hands out everything that a customer has as one file, which is made while it is sent: nothing of it is ever on the
//! control plane's disk, so what breaks off leaves nothing behind and is asked for again. The audit has who took it.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use domain::Key;
use futures_util::StreamExt;
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;

use super::delete_customer::unknown_customer;
use super::{Actor, Thing, thing_event};
use crate::Plane;
use crate::customer_archive::{Broken, CustomerArchive, every_installation};
use crate::problem::{Answer, Refusal};
use crate::server::ByteStream;
use crate::store::{customers, events};
use crate::web::design::View;
use crate::web::design::format::machine;
use crate::whence;
use crate::wire::Outcome;

/// Such files of a publisher's customers at a time: fewer than archives that a server makes at a time, so that others get
/// theirs. And those of all.
const OF_PUBLISHER: usize = 2;
const AT_ONCE: usize = 8;

/// Pieces that wait to be sent.
const BACKLOG: usize = 8;

/// Whose files are being made.
#[derive(Default)]
pub struct Downloads(Mutex<HashSet<Key>>);

/// The place of one of them.
struct Place {
    plane: Arc<Plane>,
    customer: Key,
}

impl Place {
    fn take(plane: &Arc<Plane>, customer: &Key) -> Answer<Self> {
        let mut all = plane.downloads.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.contains(customer) {
            let detail = "everything is being downloaded already; wait for the end of that, or end it";
            return Err(Refusal::conflict("download-under-way", detail));
        }
        let of_publisher = all.iter().filter(|other| other.publisher == customer.publisher).count();
        if of_publisher >= OF_PUBLISHER || all.len() >= AT_ONCE {
            return Err(Refusal::slow_down(60));
        }
        all.insert(customer.clone());
        Ok(Self { plane: plane.clone(), customer: customer.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.plane.downloads.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.customer);
    }
}

/// A file that is made while it is sent.
pub struct Download {
    /// What to call it.
    pub name: String,
    /// What is in it.
    pub pieces: ByteStream,
}

/// Begins it. Refused when a server is silent: nobody is to wait for a file that will break off.
pub async fn download_customer(plane: &Arc<Plane>, actor: &Actor, view: View, customer: &Key) -> Answer<Download> {
    let found = customers::find(plane.store.read(), customer).await?;
    let found = found.ok_or_else(|| unknown_customer(&customer.slug))?;
    let place = Place::take(plane, customer)?;
    let rows = every_installation(plane.store.read(), customer).await?;
    let servers: BTreeSet<_> = rows.iter().map(|row| row.server).collect();
    for server in servers {
        plane.servers.get(server)?.server.report().await?;
    }
    note(plane, actor, customer, &found.name, Outcome::Accepted, json!({})).await?;
    let (sender, receiver) = mpsc::channel::<Bytes>(BACKLOG);
    let folder = format!("{}-{}", customer.slug, &machine(plane.now())[..10]);
    let name = format!("{folder}.zip");
    let archive = CustomerArchive::new(plane.clone(), view, found.clone(), folder, sender.clone());
    let (plane, actor, customer) = (plane.clone(), actor.clone(), customer.clone());
    let end = Arc::new(AtomicBool::new(false));
    let whole = end.clone();
    tokio::spawn(whence::from(whence::current(), async move {
        let sent = archive.send(rows).await;
        let all = sent.is_ok();
        let (outcome, detail) = match sent {
            Ok(bytes) => (Outcome::Done, json!({ "bytes": bytes })),
            Err(Broken::Left) => (Outcome::Failed, json!({ "why": "the connection broke, or was too slow" })),
            Err(Broken::Why(why)) => {
                tracing::warn!(%customer, why, "what a customer has was not sent to its end");
                (Outcome::Failed, json!({ "why": why }))
            }
        };
        if let Err(refusal) = note(&plane, &actor, &customer, &found.name, outcome, detail).await {
            tracing::error!(why = refusal.detail, "the end of a download could not be recorded");
        }
        drop(place);
        // The pieces end with the sender: here, or without being whole.
        whole.store(all, Ordering::Release);
        drop(sender);
    }));
    Ok(Download { name, pieces: until_whole(receiver, end) })
}

/// The pieces. When they end without being all, that is an error, so that what breaks off never looks whole.
fn until_whole(receiver: mpsc::Receiver<Bytes>, whole: Arc<AtomicBool>) -> ByteStream {
    let pieces = futures_util::stream::unfold(Some(receiver), move |receiver| {
        let whole = whole.clone();
        async move {
            let mut receiver = receiver?;
            match receiver.recv().await {
                Some(piece) => Some((Ok(piece), Some(receiver))),
                None if whole.load(Ordering::Acquire) => None,
                None => Some((Err(io::Error::other("it was not sent to its end")), None)),
            }
        }
    });
    pieces.boxed()
}

async fn note(plane: &Plane, actor: &Actor, customer: &Key, name: &str, outcome: Outcome, detail: Json) -> Answer<()> {
    let thing = Thing::customer(customer, Some(name.to_owned()));
    let tx = plane.store.write().await?;
    events::record(&tx, &thing_event(plane, actor.name(), "customer.download", thing, outcome, detail)).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(())
}
