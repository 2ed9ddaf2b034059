//! What the thread of connections reads with: a connection on which no question may hold up the others, and the lists
//! that it remembers.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::HeaderValue;

use crate::{
    app::App,
    data::{Error, Read, Reader, Stamp},
    results::Results,
    script::thread_time,
};

/// Operations of SQLite between two looks at the clock: some tenths of a millisecond.
const OPERATIONS: std::ffi::c_int = 10_000;

/// A list as it was answered.
#[derive(Clone, Debug)]
pub struct List {
    /// The rows.
    pub body: Bytes,
    /// Their entity tag.
    pub tag: HeaderValue,
    /// `Link` to the next page.
    pub link: Option<HeaderValue>,
    /// `X-Total-Count`.
    pub total: Option<HeaderValue>,
}

/// The means of reading of the thread of connections.
pub struct Reading {
    reader: Reader,
    /// Processor time of the thread when the questions of this request were first looked at; 0 before.
    begun: Arc<AtomicU64>,
    most: usize,
    lists: RefCell<Results<List>>,
}

impl Reading {
    /// Over the tables of an application.
    pub fn new(app: &App) -> Result<Self, Error> {
        let reader = app.store.reader()?;
        let begun = Arc::new(AtomicU64::new(0));
        let (since, budget) = (begun.clone(), Duration::from_millis(app.config.script.inline_ms));
        // The clock is only looked at when a question is not a quick one: most cost nothing more.
        let late = move || {
            let now = u64::try_from(thread_time().as_nanos()).unwrap_or(u64::MAX);
            match since.load(Ordering::Relaxed) {
                0 => since.store(now, Ordering::Relaxed),
                since => return u128::from(now.saturating_sub(since)) > budget.as_nanos(),
            }
            false
        };
        let set = reader.connection().progress_handler(OPERATIONS, Some(late));
        set.map_err(Error::database("bounding the time of questions"))?;
        Ok(Self { reader, begun, most: app.config.limits.results, lists: RefCell::default() })
    }

    /// Begins a request: its questions have the budget of processor time (`script.inline_ms`); beyond it they end with
    /// [`Error::TooSlow`], and a worker asks again.
    pub fn begin(&self) -> &Reader {
        self.begun.store(0, Ordering::Relaxed);
        &self.reader
    }

    /// The state of a table, to remember what is read after; `None` when nothing is to be remembered.
    pub fn stamp(&self, table: usize) -> Option<Stamp> {
        if self.most == 0 { None } else { self.reader.stamp(&[table]).ok().flatten() }
    }

    /// The list of a question, if it is still true.
    pub fn list(&self, question: &str, now: Stamp) -> Option<List> {
        self.lists.borrow().get(question, now).cloned()
    }

    /// Remembers a list.
    pub fn keep(&self, question: &str, stamp: Stamp, list: &List) {
        self.lists.borrow_mut().keep(self.most, question, stamp, list.body.len(), list.clone());
    }

    /// Whether the database answers.
    pub fn healthy(&self) -> Result<(), Error> {
        let failed = Error::database("looking whether the database answers");
        let question = "SELECT count(*) FROM (SELECT 1 FROM sqlite_schema LIMIT 1)";
        let mut statement = self.reader.connection().prepare_cached(question).map_err(&failed)?;
        statement.query_row([], |_| Ok(())).map_err(&failed)
    }
}
