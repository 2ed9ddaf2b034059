//! vClouden's program: the command line, `up` and the processes that it starts.
//!
//! A library only so that tests can walk the command line and feed the parts; `main.rs` is all of the program.

mod api;
pub mod cli;
mod config;
mod down;
pub mod failure;
mod folder;
mod follow;
pub mod output;
mod package;
pub mod parts;
mod progress;
mod sending;
mod tls;
mod up;
