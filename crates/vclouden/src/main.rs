//! The vclouden binary.
fn main() {}
