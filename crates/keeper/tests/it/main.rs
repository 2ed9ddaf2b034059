//! Keepers as processes, with real sandboxes, in network and mount namespaces of the test's own.

mod bench;
mod clients;
mod exec;
mod failures;
mod life;
mod logging;
mod world;
