//! `vclouden-keeper DIR`: the keeper as a program of its own. Nimbus starts one for each awake installation.
//!
//! It is no part of the large binary, so that each keeper brings no more than itself into memory and into the network
//! namespace that it shares with an application.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(directory), None) => keeper::run(directory.as_ref()),
        _ => {
            eprintln!("vclouden-keeper: Nimbus calls it with the directory of one installation, and nobody else does");
            ExitCode::from(2)
        }
    }
}
