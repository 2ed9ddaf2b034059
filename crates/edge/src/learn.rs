//! The link to Nimbus: learns routes and confirms them. When it is lost the edge serves what it knows and connects
//! again, for as long as it takes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nimbus_api::edge::{FromEdge, RouteMode, ToEdge};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::hold::drained;
use crate::route::Applied;
use crate::tcp::Ports;
use crate::{Edge, EdgeError};

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Lines that wait to be written to Nimbus.
const QUEUE: usize = 1024;

/// Keeps the link for ever.
pub(crate) async fn run(edge: Arc<Edge>, socket: PathBuf, mut ports: Ports) {
    // What the last run wrote down; failures are logged now and told to Nimbus with its first table.
    ports.fit().await;
    let mut pause = FIRST_PAUSE;
    let mut said = false;
    loop {
        match UnixStream::connect(&socket).await {
            Ok(stream) => {
                let mut session = Session { edge: &edge, ports: &mut ports, heard: false };
                let end = session.run(stream).await;
                edge.stats.linked.store(false, Ordering::Relaxed);
                if session.heard {
                    (pause, said) = (FIRST_PAUSE, false);
                }
                if !std::mem::replace(&mut said, true) {
                    let why = end.err().map_or_else(|| "it closed the link".to_owned(), |error| error.to_string());
                    tracing::warn!(%why, "lost Nimbus; serving the routes that are known");
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut said, true) {
                    tracing::warn!(%error, socket = %socket.display(), "cannot reach Nimbus; trying for ever");
                }
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

struct Session<'a> {
    edge: &'a Arc<Edge>,
    ports: &'a mut Ports,
    heard: bool,
}

impl Session<'_> {
    async fn run(&mut self, stream: UnixStream) -> Result<(), EdgeError> {
        let (read, write) = stream.into_split();
        let (say, lines) = mpsc::channel(QUEUE);
        tokio::spawn(speak(write, lines));
        // Ends with this session.
        let mut teller = JoinSet::new();
        teller.spawn(tell_served(self.edge.clone(), say.clone()));
        let mut reader = BufReader::new(read);
        let mut line = Vec::new();
        while self.edge.limits.read_line(&mut reader, &mut line).await? {
            let message: ToEdge = match serde_json::from_slice(&line) {
                Ok(message) => message,
                Err(error) => {
                    tracing::error!(%error, "a line from Nimbus is not understood and passed over");
                    continue;
                }
            };
            if !std::mem::replace(&mut self.heard, true) {
                self.edge.stats.linked.store(true, Ordering::Relaxed);
                tracing::info!("linked to Nimbus");
            }
            let applied = self.edge.routes.apply(message, &self.edge.limits);
            let failed = self.ports.fit().await;
            for line in failed {
                say.send(line).await.map_err(|_| EdgeError::LinkWrite)?;
            }
            for applied in applied {
                confirm(applied, &say).await?;
            }
        }
        Ok(())
    }
}

impl crate::Limits {
    /// Reads one line; false at the end.
    async fn read_line(&self, reader: &mut BufReader<OwnedReadHalf>, line: &mut Vec<u8>) -> Result<bool, EdgeError> {
        line.clear();
        let most = self.line as u64 + 1;
        reader.take(most).read_until(b'\n', line).await.map_err(EdgeError::Link)?;
        match line.last() {
            Some(b'\n') => Ok(true),
            Some(_) if line.len() as u64 == most => Err(EdgeError::LongLine { limit: self.line }),
            _ => Ok(false),
        }
    }
}

/// Tells Nimbus that a route is in force: at once, or when a hold has emptied.
async fn confirm((site, live): Applied, say: &mpsc::Sender<FromEdge>) -> Result<(), EdgeError> {
    let (installation, serial) = (live.route.installation, live.route.serial);
    if !matches!(live.route.mode, RouteMode::Hold { .. }) {
        let line = FromEdge::Applied { installation, serial, in_flight: 0 };
        return say.send(line).await.map_err(|_| EdgeError::LinkWrite);
    }
    let say = say.clone();
    tokio::spawn(async move {
        if let Some(in_flight) = drained(&site, &live).await
            && say.send(FromEdge::Applied { installation, serial, in_flight }).await.is_err()
        {
            tracing::debug!(%installation, serial, "the link ended before a hold was confirmed");
        }
    });
    Ok(())
}

/// Tells from time to time what passed through.
async fn tell_served(edge: Arc<Edge>, say: mpsc::Sender<FromEdge>) {
    loop {
        sleep(edge.limits.served_every).await;
        for (installation, site) in edge.routes.table().sites() {
            let Some(served) = site.traffic.take() else { continue };
            if say.send(FromEdge::Served { installation: *installation, served }).await.is_err() {
                return;
            }
        }
    }
}

/// Writes lines until there are no more senders or the link breaks, which its reader notices too.
async fn speak(mut write: OwnedWriteHalf, mut lines: mpsc::Receiver<FromEdge>) {
    while let Some(line) = lines.recv().await {
        let mut text = serde_json::to_vec(&line).expect("wire types are plain data");
        text.push(b'\n');
        if let Err(error) = write.write_all(&text).await {
            return tracing::debug!(%error, "cannot write to Nimbus");
        }
    }
}
