//! What `app.js` declared for Rust to answer or to do, read once after it was evaluated.

use serde_json::{Map, Value};

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// Parts of the list of routes that Rust answers, in order.
    pub natives: Vec<Native>,
    /// What runs by itself.
    pub jobs: Vec<Job>,
    /// `app.set(name, value)`.
    pub settings: Map<String, Value>,
}

/// `app.resource('tareas')`, `app.static('/x', 'dir')`, `app.events('/changes', 'tareas')` and so on.
#[derive(Clone, Debug)]
pub struct Native {
    /// `resource`, `static`, `cors`, `collect`, `events` ...
    pub kind: String,
    /// The path at and below which it answers.
    pub path: String,
    /// As given; `resource` has `table`.
    pub options: Map<String, Value>,
}

/// Something that runs by itself. Its number is its place in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// By the clock: the five or six fields of cron.
    Cron(String),
    /// Every so many milliseconds.
    Every(u64),
    /// Once, so many milliseconds after the start.
    Once(u64),
}
