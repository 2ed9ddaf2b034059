//! The control plane's process.

use std::path::PathBuf;

use super::{Facing, serve, shutdown};
use crate::failure::Outcome;

/// How it is set up.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    facing: Facing,
    /// Directory of its store and archives
    #[arg(long)]
    data: PathBuf,
    /// Where installations answer, with `{name}` in it
    #[arg(long)]
    edge_url: String,
    /// SHA-256 of the operator's token
    #[arg(long)]
    operator_token_sha256: String,
}

/// Runs it until SIGTERM.
pub fn run(args: Args) -> Outcome {
    let listen = args.facing.settle()?;
    let socket = args.facing.nimbus_socket;
    let config = plane::Config::new(listen, args.data, socket, args.edge_url, args.operator_token_sha256);
    serve("the control plane", || Ok(plane::serve(config, shutdown()?)))
}
