//! The journal with a toy operation: whatever happens at whatever step, it ends finished or undone.

mod matrix;
mod records;
mod toy;
