//! Nimbus on a real kernel: as root, with mounts, packet filter and loop devices, in namespaces of the tests' own.

mod agent;
mod alone;
mod copies;
mod disk;
mod edge;
mod layers;
mod network;
mod operations;
mod torture;
mod volume;
