//! The keeper: the small process that is the parent of one sandbox's processes.
//!
//! One per awake installation. It starts the application, watches it through a pidfd, checks its health, brings it
//! back when it dies, rotates its logs, and tells whoever asks on its socket. It outlives Nimbus: a new Nimbus finds
//! the keepers that run by the lock each holds on its directory. It is single-threaded and small on purpose.

mod application;
mod client;
mod clock;
mod connection;
mod directory;
mod error;
mod executions;
mod health;
mod keep;
pub mod logs;
mod policy;
pub mod protocol;
mod run;
mod server;

pub use client::{Client, ExecHandle, Watch};
pub use directory::is_alive;
pub use error::{KeeperError, Result};
pub use run::{EXIT_FAILED, EXIT_LOCKED, EXIT_SPEC, run};
