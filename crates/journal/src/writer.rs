//! The one thread that writes. Whatever is waiting when it looks goes into one transaction and so into one fsync:
//! a hundred operations at the same time cost hardly more flushes than one.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use crate::JournalError;

/// The most records of one transaction.
const BATCH: usize = 256;

/// Changes the database and returns who wants to hear that it is committed, or why not.
type Job = Box<dyn FnOnce(&Connection) -> Reply + Send>;
type Reply = Box<dyn FnOnce(Option<String>) + Send>;

/// The writing side of the journal's database.
pub(crate) struct Writer {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread, which owns the connection.
    pub(crate) fn start(connection: Connection) -> std::io::Result<Self> {
        let (jobs, receiver) = channel();
        let thread =
            std::thread::Builder::new().name("journal".into()).spawn(move || write_all(&connection, &receiver))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Makes a change and returns when it is on disk.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let (answer, answers) = channel();
        let job: Job = Box::new(move |connection| {
            let changed = in_savepoint(connection, change);
            Box::new(move |failure| {
                let result = match failure {
                    Some(why) => Err(JournalError::Write(why)),
                    None => changed,
                };
                // Nobody listens any more when its thread is gone.
                let _ = answer.send(result);
            })
        });
        self.jobs.as_ref().ok_or(JournalError::Closed)?.send(job).map_err(|_| JournalError::Closed)?;
        answers.recv().map_err(|_| JournalError::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // It panics only when SQLite does; the process is ending anyway.
            let _ = thread.join();
        }
    }
}

/// One change of a batch: when it fails, the others of the batch stay.
fn in_savepoint<T>(
    connection: &Connection,
    change: impl FnOnce(&Connection) -> Result<T, JournalError>,
) -> Result<T, JournalError> {
    let write = |sql: &str| connection.execute_batch(sql).map_err(|error| JournalError::Write(error.to_string()));
    write("SAVEPOINT job")?;
    let changed = change(connection).map_err(|error| match error {
        JournalError::Read(why) => JournalError::Write(why.to_string()),
        other => other,
    });
    if changed.is_err() {
        write("ROLLBACK TO job")?;
    }
    write("RELEASE job")?;
    changed
}

fn write_all(connection: &Connection, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let begun = connection.execute_batch("BEGIN IMMEDIATE");
        let mut replies = Vec::new();
        for job in std::iter::once(first).chain(jobs.try_iter().take(BATCH - 1)) {
            replies.push(job(connection));
        }
        let committed = begun.and_then(|()| connection.execute_batch("COMMIT"));
        if committed.is_err()
            && !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "the journal could not roll back");
        }
        let failure = committed.err().map(|error| error.to_string());
        for reply in replies {
            reply(failure.clone());
        }
    }
}
