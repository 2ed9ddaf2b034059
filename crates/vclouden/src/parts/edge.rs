//! The edge's process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use nimbus_api::proxies::Proxy;

use super::{Facing, SECRET, serve, shutdown};
use crate::failure::Outcome;

/// How long requests in flight may go on at the end; `up` waits a little longer before it kills.
const GRACE: Duration = Duration::from_secs(5);

/// How it is set up.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    facing: Facing,
    /// Installations answer at NAME.DOMAIN
    #[arg(long)]
    domain: String,
    /// Address of the control plane, whose passes let people into applications
    #[arg(long)]
    plane: Option<SocketAddr>,
    /// A proxy, or a network of them, that is believed about whom it brings
    #[arg(long = "trusted-proxy")]
    trusted_proxies: Vec<Proxy>,
    /// By which the control plane knows that the edge speaks
    #[arg(long, env = SECRET, hide_env_values = true)]
    secret: HeaderValue,
    /// Directory in which it remembers them
    #[arg(long)]
    state: PathBuf,
}

/// Runs it until SIGTERM.
pub fn run(args: Args) -> Outcome {
    let config = edge::Config {
        listen: args.facing.settle()?,
        nimbus_socket: args.facing.nimbus_socket,
        state_dir: args.state,
        domain: args.domain,
        plane: args.plane.map(|address| edge::PlaneAddress { address, secret: args.secret }),
        trusted_proxies: args.trusted_proxies,
        limits: edge::Limits { grace: GRACE, ..edge::Limits::default() },
    };
    serve("the edge", || Ok(edge::serve(config, shutdown()?)))
}
