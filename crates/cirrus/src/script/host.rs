//! What the author's JavaScript may ask of the program around it: one narrow trait, so that an engine can be loaded and
//! tested without a server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::data::{Error, Session, Store};
use crate::web::{Request, Response};

/// The program around an engine, shared by all threads.
pub trait Host: Send + Sync {
    /// The application's directory: `app.js`, its modules, views, public files.
    fn directory(&self) -> &Path;

    /// What JavaScript may use of time and memory.
    fn limits(&self) -> &Limits;

    /// The application's tables.
    fn store(&self) -> &Store;

    /// Whether there is such a view.
    fn has_view(&self, view: &str) -> bool;

    /// Renders a view with these values; the error is for the log.
    fn render(&self, view: &str, values: Value, request: &Request) -> Result<String, String>;

    /// The session of a request; empty when there is none or its cookie was tampered with.
    fn open_session(&self, request: &Request) -> Map<String, Value>;

    /// The `Set-Cookie` value that carries this session; an empty session removes the cookie.
    fn seal_session(&self, request: &Request, session: &Map<String, Value>) -> Result<String, String>;

    /// Who a session says that it is (its `_user`), as the table of people says now; null when that is over.
    fn user(&self, claim: &Value) -> Result<Value, Error> {
        Ok(claim.clone())
    }

    /// The hash of a password that may be one. Takes tens of milliseconds.
    fn hash_password(&self, _password: &str) -> Result<String, Error> {
        Err(no_people())
    }

    /// Keeps the hash of somebody's password.
    fn store_password(&self, _session: &Session, _user: i64, _hash: String) -> Result<(), Error> {
        Err(no_people())
    }

    /// A cookie's value with its signature.
    fn sign(&self, value: &str) -> String;

    /// The value of a signed cookie, when the signature is ours.
    fn unsign(&self, signed: &str) -> Option<String>;

    /// A text of the application's locales in the request's language.
    fn translate(&self, key: &str, values: &Map<String, Value>, request: &Request) -> String;

    /// Says again, in the request's language, what the data layer said of fields: in the detail of a problem and in
    /// its errors.
    fn say_again(&self, _detail: &mut String, _errors: &mut Value, _request: &Request) {}

    /// Answers a native declaration (`resource` and so on) that a request reached, on a worker; `None` when it does not
    /// know the path after all.
    fn native(
        &self,
        declared: &super::Native,
        request: &Request,
        worker: &crate::work::WorkerContext<'_>,
    ) -> Option<Response>;

    /// Where mail leaves.
    fn mail(&self) -> &crate::config::Mail;

    /// Whom `fetch` and mail believe.
    fn trust(&self) -> &crate::work::Trust;

    /// Where uploaded files are.
    fn uploads(&self) -> PathBuf;
}

fn no_people() -> Error {
    Error::Invalid("this application has no users: write [users] table = \"usuarios\" in cirrus.toml".to_owned())
}

/// What JavaScript may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Processor time of a handler on the thread that answers; beyond it, it is run again on a worker.
    pub inline: Duration,
    /// Processor time of one uninterrupted run of a handler on a worker.
    pub run: Duration,
    /// From the arrival of a request at a worker to its answer, waits included.
    pub answer: Duration,
    /// Bytes of one JavaScript runtime.
    pub memory: usize,
    /// Bytes of one JavaScript runtime's stack.
    pub stack: usize,
    /// Worker threads.
    pub workers: usize,
    /// Requests that may wait for a worker.
    pub queue: usize,
    /// Bytes of an answer that a handler makes.
    pub body: usize,
    /// An idle worker ends after this.
    pub idle: Duration,
    /// Whether GET handlers may run on the thread that answers. Without it all of JavaScript runs on the workers.
    pub inline_handlers: bool,
    /// Bytes of results that one runtime remembers; 0 remembers none.
    pub results: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            inline: Duration::from_millis(5),
            run: Duration::from_secs(5),
            answer: Duration::from_secs(30),
            memory: 32 << 20,
            stack: 512 << 10,
            workers: 1,
            queue: 1024,
            body: 32 << 20,
            idle: Duration::from_secs(10),
            inline_handlers: true,
            results: 1 << 20,
        }
    }
}
