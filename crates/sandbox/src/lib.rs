//! One isolated unit: namespaces, a root file system made of layers, fixed limits, and what the processes inside may
//! ask of the kernel. One file per layer of defence. Home of nearly all `unsafe` of vClouden.

mod spec;

pub use spec::*;
