//! Server-sent events: tells browsers that a table changed. One watcher looks at the counters of tables while somebody
//! listens, so it also sees what other processes write; with nobody there it does not run.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use tokio::sync::mpsc;

use super::{Body, Response, problem};
use crate::{
    app::App,
    data::{Reader, Stamp},
};

/// How often the watcher looks.
const PERIOD: Duration = Duration::from_millis(200);
/// A comment this often keeps proxies from closing and finds readers that are gone.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Events that a slow reader may be behind; more are the same to it: "it changed".
const BEHIND: usize = 16;

struct Listener {
    table: usize,
    seen: Option<Stamp>,
    sender: mpsc::Sender<Bytes>,
}

/// Those who listen.
pub struct Events {
    app: Arc<App>,
    listeners: RefCell<Vec<Listener>>,
    watching: Cell<bool>,
    closed: Cell<bool>,
}

impl Events {
    /// Nobody yet.
    pub fn new(app: Arc<App>) -> Rc<Self> {
        Rc::new(Self { app, listeners: RefCell::default(), watching: Cell::new(false), closed: Cell::new(false) })
    }

    /// A response that tells of every change of this table (by its place in the schema).
    pub fn subscribe(self: &Rc<Self>, table: usize) -> Response {
        if self.listeners.borrow().len() >= self.app.config.limits.events || self.closed.get() {
            return problem::busy("too many are listening");
        }
        let reader = match self.app.store.reader() {
            Ok(reader) => reader,
            Err(error) => return problem::busy(&error.to_string()),
        };
        let (sender, parts) = mpsc::channel(BEHIND);
        // The channel is new and empty.
        let _ = sender.try_send(Bytes::from_static(b"retry: 2000\n\n"));
        let seen = reader.stamp(&[table]).ok().flatten();
        self.listeners.borrow_mut().push(Listener { table, seen, sender });
        if !self.watching.replace(true) {
            tokio::task::spawn_local(self.clone().watch(reader));
        }
        let mut response = Response::empty(StatusCode::OK);
        response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        response.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // Nginx would hold the parts back otherwise.
        response.headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        response.body = Body::Stream(parts);
        response
    }

    /// Ends all streams.
    pub fn close(&self) {
        self.closed.set(true);
        self.listeners.borrow_mut().clear();
    }

    async fn watch(self: Rc<Self>, reader: Reader) {
        let mut heartbeat = Instant::now();
        let mut number = 0_u64;
        loop {
            tokio::time::sleep(PERIOD).await;
            let beat = heartbeat.elapsed() >= HEARTBEAT;
            if beat {
                heartbeat = Instant::now();
            }
            number += 1;
            self.listeners.borrow_mut().retain_mut(|listener| {
                if beat && listener.sender.try_send(Bytes::from_static(b": here\n\n")).is_err() {
                    return !listener.sender.is_closed();
                }
                let now = reader.stamp(&[listener.table]).ok().flatten();
                if now.is_some() && now != listener.seen {
                    listener.seen = now;
                    let name = &self.app.store.schema().tables[listener.table].name;
                    let event = format!("id: {number}\nevent: change\ndata: {{\"table\":\"{name}\"}}\n\n");
                    // A full channel already holds a change that this reader has not read.
                    let _ = listener.sender.try_send(event.into());
                }
                !listener.sender.is_closed()
            });
            if self.listeners.borrow().is_empty() {
                self.watching.set(false);
                return;
            }
        }
    }
}
