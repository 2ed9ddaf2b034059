//! The control plane's process.

use std::path::PathBuf;

use super::{Common, Listen, serve, shutdown};
use crate::failure::Outcome;

/// How it is set up.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    /// `stdin` for a listening socket as standard input, or an address
    #[arg(long)]
    listen: Listen,
    /// Directory of its store and archives
    #[arg(long)]
    data: PathBuf,
    /// Socket of Nimbus
    #[arg(long)]
    nimbus_socket: PathBuf,
    /// Where installations answer, with `{name}` in it
    #[arg(long)]
    edge_url: String,
    /// SHA-256 of the operator's token
    #[arg(long)]
    operator_token_sha256: String,
}

/// Runs it until SIGTERM.
pub fn run(args: Args) -> Outcome {
    args.common.settle()?;
    let listen = args.listen.open()?;
    let config = plane::Config::new(listen, args.data, args.nimbus_socket, args.edge_url, args.operator_token_sha256);
    serve("the control plane", || Ok(plane::serve(config, shutdown()?)))
}
