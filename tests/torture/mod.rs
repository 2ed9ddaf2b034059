//! Faults on purpose: at every step, at every moment, and by the hundred.

mod cycles;
mod steps;
