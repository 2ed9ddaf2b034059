//! The JavaScript of the author: one QuickJS runtime per thread, the API it sees, and its limits.

mod database;
mod declared;
mod effects;
mod engine;
mod host;
mod ledger;
mod machine;
mod modules;
mod natives;
pub mod outgoing;
mod people;
mod prelude;
mod quickjs;
mod routes;
mod state;
#[cfg(test)]
mod torture;
mod triggers;
mod uploads;
mod urls;

pub use declared::{Declared, Job, Native};
pub use effects::fetched;
pub use engine::{Engine, Inline};
pub use host::{Host, Limits};
pub use machine::{LoadError, Machine};
pub use state::{Effect, Outcome, Role, thread_time};
