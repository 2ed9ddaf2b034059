//! Worker threads: everything that writes or waits runs here, each thread with its own JavaScript runtime. Started on
//! demand, ended when idle.

mod outgoing;
mod pool;
mod schedule;
mod trust;
mod worker;

pub use pool::{Job, Pool};
pub use schedule::Schedule;
pub use trust::Trust;
pub use worker::WorkerContext;
