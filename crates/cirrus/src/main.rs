//! The command line of Cirrus.

fn main() {}
