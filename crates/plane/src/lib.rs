//! The control plane: the only place that knows people, applications, versions and where things should run.

pub mod wire;
