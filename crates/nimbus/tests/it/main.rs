//! Nimbus on a real kernel: as root, with mounts, packet filter and loop devices, in namespaces of the tests' own.

mod alone;
mod layers;
mod network;
mod volume;
