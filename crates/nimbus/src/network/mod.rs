//! The server's side of every sandbox's network: addresses, packet filter, forwarding.
//!
//! A sandbox hangs on a routed point-to-point link of its own (the keeper makes it). What it may reach is told by the
//! name of the link's end on the server: `vi-N` any public address, `vn-N` nothing, `vo-N` what its manifest names.
//! So the rules for the first two never change while sandboxes come and go. Nothing here outlives a restart of the
//! server: Nimbus calls [`prepare`] at its start, and [`allow`] for each installation.

mod addresses;
mod others;
mod resolvers;
mod rules;

use std::fs;
use std::io;

use domain::manifest::{Destination, Egress};
use nimbus_api::types::LayerReport;

use crate::tools::{self, ToolError};

pub use self::addresses::{GATEWAY, SLOTS, address, first_id, interface};
pub use self::resolvers::resolvers;

/// What went wrong with the network.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// A tool is missing.
    #[error("sandboxes cannot be kept apart on the network: {0}")]
    Tool(#[source] ToolError),
    /// The kernel refused rules.
    #[error(
        "the kernel refused the packet filter rules that keep sandboxes apart: {0}. The Debian package nftables, a \
         kernel with nf_tables and the right to change rules (root, and CAP_NET_ADMIN in a container) are needed"
    )]
    Refused(#[source] ToolError),
    /// Forwarding could not be turned on.
    #[error("cannot turn on packet forwarding in {path}: {source}. In a container, start it with that setting")]
    Forwarding {
        /// The setting's file.
        path: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// A slot out of range.
    #[error("slot {0} does not exist: slots go from {first} to {last}", first = SLOTS.start(), last = SLOTS.end())]
    NoSuchSlot(u32),
    /// Not an IPv4 network.
    #[error("\"{0}\" is not an IPv4 network in CIDR notation such as 203.0.113.0/24")]
    NoNetwork(String),
}

const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";

/// Puts the rules in force that hold for every sandbox, and turns on forwarding. Repeating it changes nothing for
/// sandboxes that run.
pub fn prepare() -> Result<Vec<LayerReport>, NetworkError> {
    let resolvers = resolvers();
    filter(&rules::all(&resolvers))?;
    let to_nobody = ["route", "replace", "unreachable", addresses::ALL, "metric", "65535"];
    tools::run("ip", &to_nobody).map_err(NetworkError::Tool)?;
    forward()?;
    let filter = LayerReport {
        name: "packet filter".to_owned(),
        active: true,
        note: "nftables: sandboxes reach neither each other, nor this server, nor private networks".to_owned(),
    };
    let listed: Vec<String> = resolvers.iter().map(ToString::to_string).collect();
    let dns = LayerReport {
        name: "name resolution".to_owned(),
        active: !resolvers.is_empty(),
        note: match listed.as_slice() {
            [] => "this server names no resolver that sandboxes could reach: put one into /etc/resolv.conf".to_owned(),
            some => format!("sandboxes ask {}", some.join(", ")),
        },
    };
    Ok(vec![filter, others::report(), dns])
}

/// Lets the sandbox of a slot reach what its manifest names. Only [`Egress::Only`] needs rules of its own; they replace
/// those that the slot had.
pub fn allow(slot: u32, egress: &Egress) -> Result<(), NetworkError> {
    checked(slot)?;
    let Egress::Only(destinations) = egress else { return Ok(()) };
    let networks = destinations.iter().map(network).collect::<Result<Vec<_>, _>>()?;
    filter(&rules::only(slot, &networks))
}

/// Drops the rules of a slot, if it has any.
pub fn forget(slot: u32) -> Result<(), NetworkError> {
    checked(slot)?;
    filter(&rules::forget(slot))
}

fn checked(slot: u32) -> Result<(), NetworkError> {
    if SLOTS.contains(&slot) { Ok(()) } else { Err(NetworkError::NoSuchSlot(slot)) }
}

fn network(destination: &Destination) -> Result<(rules::Network, Option<u16>), NetworkError> {
    let network = rules::Network::parse(&destination.network)
        .ok_or_else(|| NetworkError::NoNetwork(destination.network.chars().take(80).collect()))?;
    Ok((network, destination.port))
}

/// Hands a script to nftables, which takes all of it or nothing.
fn filter(script: &str) -> Result<(), NetworkError> {
    match tools::feed("nft", &["-f", "-"], script) {
        Ok(_) => Ok(()),
        Err(error @ ToolError::Failed { .. }) => Err(NetworkError::Refused(error)),
        Err(error) => Err(NetworkError::Tool(error)),
    }
}

fn forward() -> Result<(), NetworkError> {
    let failed = |source| NetworkError::Forwarding { path: FORWARDING, source };
    // Writing it resets other settings of the server, so only when it is needed.
    if fs::read_to_string(FORWARDING).map_err(failed)?.trim() == "1" {
        return Ok(());
    }
    fs::write(FORWARDING, "1").map_err(failed)
}
