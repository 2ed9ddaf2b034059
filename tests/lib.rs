//! Tests of the whole: as a person would use it, under faults, and under attack. See `main.rs`.
