//! nimbus.

pub mod layers;
pub mod network;
mod tools;
pub mod volume;
