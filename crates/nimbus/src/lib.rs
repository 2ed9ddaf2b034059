//! Nimbus: the agent of one server.
//!
//! It is told operations by the control plane, runs each as a list of journaled steps, keeps the installations on its
//! volume running through their keepers, and tells the edge where they are. It can be killed at any moment: what it
//! keeps running does not notice, and the next Nimbus takes up every operation where it was.
//!
//! To read: [`operations`] (what happens when ...), `engine` (what they work with), `recover` (what happens at a
//! start), `http` (how it is asked).

mod apparmor;
mod disk;
mod edge;
mod engine;
mod error;
mod events;
mod failures;
mod files;
mod healthy;
mod history;
mod http;
mod keepers;
pub mod layers;
pub mod network;
pub mod operations;
mod queue;
mod recover;
mod registry;
mod routes;
mod serve;
mod server;
mod sheet;
mod sockets;
mod spec;
mod tools;
mod upkeep;
pub mod volume;
mod waits;

pub use error::NimbusError;
pub use journal::{FaultPlan, Faults, NoFaults};
pub use serve::{Config, serve};
