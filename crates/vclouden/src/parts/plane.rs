//! The control plane's process.

use std::path::PathBuf;

use super::{Facing, SECRET, serve, shutdown};
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
    /// Where people find the console
    #[arg(long)]
    console_url: String,
    /// Where they find publishers' portals, with `{publisher}` in it
    #[arg(long)]
    portal_url: String,
    /// Addresses or networks of proxies whose `X-Forwarded-For` is believed; with `=forwarded` their `Forwarded`
    #[arg(long = "trusted-proxy")]
    trusted_proxies: Vec<nimbus_api::proxies::Proxy>,
    /// PostgreSQL in place of a file in the data directory
    #[arg(long, env = "VCLOUDEN_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// By which it knows that the edge speaks
    #[arg(long, env = SECRET, hide_env_values = true)]
    edge_secret: Option<String>,
    /// SHA-256 of the operator's token
    #[arg(long)]
    operator_token_sha256: String,
}

/// Runs it until SIGTERM.
pub fn run(args: Args) -> Outcome {
    let listen = args.facing.settle()?;
    let socket = args.facing.nimbus_socket;
    let mut config = plane::Config::new(listen, args.data, socket, args.edge_url, args.operator_token_sha256);
    config.trusted_proxies = args.trusted_proxies;
    (config.console_url, config.portal_url) = (args.console_url, args.portal_url);
    config.edge_secret = args.edge_secret;
    if let Some(url) = args.database {
        config.store = plane::store::Location::Postgres(url);
    }
    serve("the control plane", || Ok(plane::serve(config, shutdown()?)))
}
