//! What a control plane and an edge may ask of Nimbus, the agent of one server: wire types and clients.
//!
//! JSON over HTTP/1.1 on a Unix socket (later also over mutual TLS). The paths are in [`client`].

pub mod client;
pub mod edge;
pub mod environment;
pub mod frames;
pub mod history;
pub mod latency;
pub mod pass;
pub mod patient;
pub mod proxies;
pub mod types;

pub use client::{Client, ClientError};
pub use environment::Environment;
pub use frames::{ExecFrame, TtyFrame};
pub use history::{DayUsage, HistoryPoint, HistoryRange, HistoryReport};
pub use patient::Patient;
pub use types::*;
