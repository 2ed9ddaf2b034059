//! The edge's process.

use std::path::PathBuf;
use std::time::Duration;

use super::{Common, Listen, serve, shutdown};
use crate::failure::Outcome;

/// How long requests in flight may go on at the end; `up` waits a little longer before it kills.
const GRACE: Duration = Duration::from_secs(5);

/// How it is set up.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    /// `stdin` for a listening socket as standard input, or an address
    #[arg(long)]
    listen: Listen,
    /// Socket on which Nimbus tells the routes
    #[arg(long)]
    nimbus_socket: PathBuf,
    /// Installations answer at NAME.DOMAIN
    #[arg(long)]
    domain: String,
    /// Directory in which it remembers them
    #[arg(long)]
    state: PathBuf,
}

/// Runs it until SIGTERM.
pub fn run(args: Args) -> Outcome {
    args.common.settle()?;
    let listen = args.listen.open()?;
    let config = edge::Config {
        listen,
        nimbus_socket: args.nimbus_socket,
        state_dir: args.state,
        domain: args.domain,
        limits: edge::Limits { grace: GRACE, ..edge::Limits::default() },
    };
    serve("the edge", || Ok(edge::serve(config, shutdown()?)))
}
