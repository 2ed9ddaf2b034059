//! Real sandboxes, from outside and from inside. Needs root and Debian's `busybox-static`.

mod apparmor;
mod calls;
mod controls;
mod detection;
mod errors;
mod isolation;
mod leftovers;
mod life;
mod limits;
mod network;
mod world;
