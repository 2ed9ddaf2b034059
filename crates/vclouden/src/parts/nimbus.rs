//! Nimbus's process: the only part that stays root.

use std::path::PathBuf;

use super::{Common, serve, shutdown};
use crate::failure::Outcome;

/// How it is set up.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    /// The data directory
    #[arg(long)]
    data: PathBuf,
    /// Directory of what can be lost
    #[arg(long)]
    cache: PathBuf,
    /// Installations answer at NAME.DOMAIN
    #[arg(long)]
    domain: String,
    /// User of the control plane, who may connect to nimbus.sock
    #[arg(long)]
    plane_uid: u32,
    /// User of the edge, who may connect to edge.sock
    #[arg(long)]
    edge_uid: u32,
    /// The program that keeps one installation
    #[arg(long)]
    keeper_program: String,
    /// The program of Cirrus, linked statically
    #[arg(long)]
    cirrus: PathBuf,
    /// Bytes of the data volume when it is made
    #[arg(long)]
    volume_bytes: Option<u64>,
    /// A file of faults to make on purpose, for tests
    #[cfg(debug_assertions)]
    #[arg(long)]
    faults: Option<PathBuf>,
}

/// Runs it until SIGTERM.
pub fn run(args: Args) -> Outcome {
    args.common.settle()?;
    let faults = faults(&args);
    let config = nimbus::Config {
        data: args.data,
        cache: args.cache,
        domain: args.domain,
        plane_uid: args.plane_uid,
        edge_uid: args.edge_uid,
        keeper: vec![args.keeper_program],
        cirrus: args.cirrus,
        volume_bytes: args.volume_bytes,
        workers: nimbus::Config::WORKERS,
    };
    serve("Nimbus", || Ok(nimbus::serve(config, faults, shutdown()?)))
}

#[cfg(debug_assertions)]
fn faults(args: &Args) -> Box<dyn nimbus::Faults> {
    match &args.faults {
        Some(file) => Box::new(journal::FaultFile::new(file)),
        None => Box::new(nimbus::NoFaults),
    }
}

#[cfg(not(debug_assertions))]
fn faults(_: &Args) -> Box<dyn nimbus::Faults> {
    Box::new(nimbus::NoFaults)
}
