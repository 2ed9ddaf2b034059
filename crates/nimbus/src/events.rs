//! What happened on this server, numbered without gaps across restarts: the last 10,000 events.
//!
//! One thread writes them; whatever came together is one commit. An event can be read once it is on disk, so that no
//! number is ever used for two.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use domain::InstallationId;
use journal::Clock;
use nimbus_api::{NimbusEvent, NimbusEventKind};
use rusqlite::{Connection, params};
use tokio::sync::watch;

use crate::error::NimbusError;

/// Events that are kept.
const KEPT: usize = 10_000;
/// Events that go into one commit.
const BATCH: usize = 256;

type New = (u64, Option<InstallationId>, NimbusEventKind);

/// All events.
pub struct Events {
    clock: Arc<dyn Clock>,
    new: Sender<New>,
    kept: Arc<Mutex<VecDeque<NimbusEvent>>>,
    newest: watch::Receiver<u64>,
}

impl Events {
    /// Opens the record, or makes it.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, NimbusError> {
        let db = Connection::open(path)?;
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE IF NOT EXISTS events (sequence INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL);",
        )?;
        let mut kept = VecDeque::new();
        {
            let mut statement = db.prepare("SELECT event FROM events ORDER BY sequence")?;
            for text in statement.query_map([], |row| row.get::<_, String>(0))? {
                // An event of another version is of no use, and no reason not to start.
                kept.extend(serde_json::from_str::<NimbusEvent>(&text?).ok());
            }
        }
        let last: Option<u64> = db
            .query_row("SELECT max(seq) FROM sqlite_sequence WHERE name = 'events'", [], |row| {
                row.get::<_, Option<i64>>(0)
            })?
            .map(|last| last as u64);
        let last = last.unwrap_or(0);
        let (tell, newest) = watch::channel(last);
        let kept = Arc::new(Mutex::new(kept));
        let (new, news) = channel();
        let writer = Writer { db, kept: kept.clone(), tell, last };
        let started = std::thread::Builder::new().name("events".into()).spawn(move || writer.write_all(&news));
        started.map_err(|source| NimbusError::Io { what: "start a thread for", path: path.to_owned(), source })?;
        Ok(Self { clock, new, kept, newest })
    }

    /// Records an event, soon.
    pub fn push(&self, installation: Option<InstallationId>, what: NimbusEventKind) {
        if self.new.send((self.clock.now(), installation, what)).is_err() {
            tracing::error!("an event is lost: its thread has ended");
        }
    }

    /// The events after that one, at most `limit`.
    pub fn after(&self, sequence: u64, limit: usize) -> Vec<NimbusEvent> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = kept.partition_point(|event| event.sequence <= sequence);
        kept.range(begin..).take(limit).cloned().collect()
    }

    /// The number of the newest event, now and after every change.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.newest.clone()
    }
}

struct Writer {
    db: Connection,
    kept: Arc<Mutex<VecDeque<NimbusEvent>>>,
    tell: watch::Sender<u64>,
    last: u64,
}

impl Writer {
    fn write_all(mut self, news: &Receiver<New>) {
        while let Ok(first) = news.recv() {
            let mut events = Vec::new();
            for (at, installation, what) in std::iter::once(first).chain(news.try_iter().take(BATCH - 1)) {
                let sequence = self.last + 1 + events.len() as u64;
                events.push(NimbusEvent { sequence, at, installation, what });
            }
            if let Err(error) = self.write(&events) {
                tracing::error!(%error, lost = events.len(), "events cannot be recorded");
                continue;
            }
            self.last += events.len() as u64;
            {
                let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(events);
                let surplus = kept.len().saturating_sub(KEPT);
                kept.drain(..surplus);
            }
            self.tell.send_replace(self.last);
        }
    }

    fn write(&mut self, events: &[NimbusEvent]) -> Result<(), rusqlite::Error> {
        let transaction = self.db.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO events (sequence, event) VALUES (?, ?)")?;
            for event in events {
                let text = serde_json::to_string(event)
                    .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
                insert.execute(params![event.sequence as i64, text])?;
            }
            let end = self.last + events.len() as u64;
            let before = end.saturating_sub(KEPT as u64) as i64;
            transaction.prepare_cached("DELETE FROM events WHERE sequence <= ?")?.execute([before])?;
        }
        transaction.commit()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use journal::SystemClock;
    use nimbus_api::Phase;

    use super::*;

    #[test]
    fn numbers_go_on_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events.sqlite");
        for round in 0..3_u64 {
            let events = Events::open(&path, Arc::new(SystemClock)).unwrap();
            for phase in [Phase::Starting, Phase::Healthy] {
                events.push(None, NimbusEventKind::PhaseChanged { phase, exit: None });
            }
            let end = Instant::now() + Duration::from_secs(10);
            while *events.newest().borrow() < 2 * round + 2 {
                assert!(Instant::now() < end);
                std::thread::yield_now();
            }
            let numbers: Vec<_> = events.after(1, 100).iter().map(|event| event.sequence).collect();
            assert_eq!(numbers, (2..=2 * round + 2).collect::<Vec<_>>());
            assert_eq!(events.after(0, 1).len(), 1);
        }
    }
}
