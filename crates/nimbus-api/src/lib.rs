//! What a control plane and an edge may ask of Nimbus, the agent of one server: wire types and clients.
//!
//! JSON over HTTP/1.1 on a Unix socket (later also over mutual TLS). The paths are in [`client`].

pub mod client;
pub mod edge;
pub mod frames;
pub mod latency;
pub mod patient;
pub mod types;

pub use client::{Client, ClientError};
pub use frames::{ExecFrame, TtyFrame};
pub use patient::Patient;
pub use types::*;
