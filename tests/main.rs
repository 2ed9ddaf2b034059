//! Tests of the whole.
//!
//! - `house`: the shape of the code itself: who depends on whom, how long files are.
//! - `journeys`: what a person does, from the command line to the kernel.
//! - `torture`: faults at every step.
//! - `hostile`: attacks, bad input, limits.

mod hostile;
mod house;
mod journeys;
mod torture;
