//! One isolated unit: namespaces, a root file system made of layers, fixed limits, and what the processes inside may
//! ask of the kernel. One file per layer of defence. Home of nearly all `unsafe` of vClouden.
//!
//! [`start`] is what the parent does and `init` what the sandbox's first process does; `confine` has the order in which
//! a program gives up its powers; every other file is one layer, or a helper of these.
//!
//! | file | layer |
//! | --- | --- |
//! | `namespaces`, `ids` | its own view of processes, mounts, users, ... |
//! | `root`, `idmap`, `proc`, `devices` | its own file system |
//! | `cgroup` | fixed memory, processor time, number of processes |
//! | `network` | its own network |
//! | `capabilities`, `limits` | no power over the kernel |
//! | `seccomp` | few system calls |
//! | `landlock` | a second opinion on files and sockets |
//! | `apparmor` | what no program may do, wherever it gets |
//!
//! [`start`] and [`Sandbox::exec`] clone without executing, so their caller must be single-threaded.

pub mod apparmor;
mod capabilities;
mod cgroup;
mod channel;
mod check;
mod command;
mod confine;
mod detect;
mod devices;
mod error;
mod exec;
mod idmap;
mod ids;
mod init;
mod landlock;
mod limits;
mod namespaces;
pub mod network;
mod proc;
mod root;
mod sandbox;
mod seccomp;
mod signals;
mod spec;
mod start;
mod stdio;
mod terminal;
mod title;

pub use cgroup::{Meter, memory_used, sweep};
pub use detect::detect;
pub use error::SandboxError;
pub use exec::Executed;
pub use sandbox::{Exit, Sandbox};
pub use spec::*;
pub use start::start;
pub use stdio::Stdio;
pub use terminal::{TerminalSize, resize};
