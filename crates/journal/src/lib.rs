//! Durable steps: an operation is a list of steps with `do` and `undo`, recorded before and after each, so that a
//! kill at any moment ends, after a restart, in *finished* or *undone* and never half.
//!
//! The rules that make it true:
//! - a step is recorded as begun before anything of it happens, and as ended after everything of it has happened;
//! - every `act` and every `undo` may be done again at any time, also when it was only half done before;
//! - a failed step is undone together with all that came before it, latest first;
//! - an undo that fails is tried again, then the operation is *stuck* with the reason: it is taken up again at every
//!   start and whenever a person asks. A step may be a point of no return; from there on a failure leads to *stuck*,
//!   never back.
//!
//! What is recorded is on disk before the next step begins. One thread writes for all: records of operations that run
//! at the same time share one commit.

mod clock;
mod error;
mod fault_file;
mod faults;
mod records;
mod run;
mod step;
mod writer;

pub use clock::{Clock, SystemClock};
pub use error::JournalError;
pub use fault_file::FaultFile;
pub use faults::{BadFault, Fault, FaultPlan, Faults, Moment, NoFaults};
pub use records::{Direction, Journal, NewOperation, Operation, Requested, StepRecord};
pub use step::{Step, StepError};
