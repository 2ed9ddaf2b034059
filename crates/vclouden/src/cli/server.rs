//! `vclouden server`.

use std::path::PathBuf;

use clap::Subcommand;
use domain::manifest::Base;
use plane::wire::Server;

use super::{Context, example};
use crate::api::Api;
use crate::failure::{Failure, Outcome};
use crate::output::human::{bytes, cpus};
use crate::output::table::{Cell, Facts, Table};
use crate::output::{json, json_list, line, note};

/// What can be done with servers.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// List all servers
    #[command(visible_alias = "ls", after_help = example!("vclouden server list"))]
    List,
    /// Show a server and which layers of defence are in force on it
    #[command(after_help = example!("vclouden server show", "vclouden server show my-host"))]
    Show {
        /// Its id or host name [default: the only one]
        #[arg(value_name = "SERVER")]
        server: Option<String>,
    },
    /// Build bases and dependencies beforehand into a cache on this machine; asks no API
    #[command(after_help = example!(
        "sudo vclouden server prepare --base debian-12 --dependencies python3,radicale",
        "sudo vclouden server prepare --cache /srv/cache",
    ))]
    Prepare(Prepare),
}

/// What to build.
#[derive(Debug, clap::Args)]
pub struct Prepare {
    /// The base
    #[arg(long, default_value = "debian-12", value_parser = base)]
    base: Base,
    /// Debian packages on top of it, as one manifest names them
    #[arg(long, value_delimiter = ',', value_name = "PACKAGE,...")]
    dependencies: Vec<String>,
    /// Directory of the cache
    #[arg(long, default_value = "/var/lib/vclouden/nimbus/cache", value_name = "DIR")]
    cache: PathBuf,
}

fn base(text: &str) -> Result<Base, String> {
    serde_json::from_value(text.into()).map_err(|_| "there are `empty` and `debian-12`".into())
}

impl Noun {
    /// Does what asks the API.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        match self {
            Noun::List => {
                let servers: Vec<Server> = api.list("/servers", &[]).await?;
                if context.json {
                    return json_list(&servers);
                }
                print_list(&servers);
            }
            Noun::Show { server } => {
                let server = find(&api, server.as_deref()).await?;
                if context.json {
                    return json(&server);
                }
                print_one(&server);
            }
            Noun::Prepare(args) => return prepare(args, context),
        }
        Ok(())
    }
}

/// Builds without asking the API.
pub fn prepare(args: Prepare, context: &Context) -> Outcome {
    if !rustix::process::geteuid().is_root() {
        return Err(Failure::refused("building a base needs root: run it with sudo"));
    }
    let mut dependencies = args.dependencies;
    dependencies.retain(|package| !package.is_empty());
    dependencies.sort();
    dependencies.dedup();
    let failed = |error: &dyn std::fmt::Display| Failure::refused(format!("cannot prepare: {error}"));
    std::fs::create_dir_all(&args.cache).map_err(|error| failed(&error))?;
    note("Preparing; a base that is not there yet takes about a minute.");
    let layers = nimbus::layers::Layers::open(&args.cache).map_err(|error| failed(&error))?;
    let root = layers.root(args.base, &dependencies, "/data").map_err(|error| failed(&error))?;
    if context.json {
        return json(&serde_json::json!({ "layers": root }));
    }
    line(format!("Ready in {}:", args.cache.display()));
    root.iter().for_each(|layer| line(format!("  {}", layer.display())));
    Ok(())
}

/// The server with that id or host name, or the only one.
async fn find(api: &Api, wanted: Option<&str>) -> Outcome<Server> {
    let mut servers: Vec<Server> = api.list("/servers", &[]).await?;
    let count = servers.len();
    if let Some(wanted) = wanted {
        servers.retain(|server| server.host == wanted || server.id.to_string() == wanted);
    }
    match (servers.pop(), servers.is_empty(), wanted) {
        (Some(server), true, _) => Ok(server),
        (Some(_), false, _) => Err(Failure::usage("there are several: name one by its id, see `vclouden server list`")),
        (None, _, Some(wanted)) => {
            Err(Failure::refused(format!("there is no server {wanted} among {count}. See `vclouden server list`")))
        }
        (None, _, None) => Err(Failure::refused("no server has been seen yet. See `vclouden status`")),
    }
}

fn share(taken: String, total: String) -> String {
    format!("{taken} of {total}")
}

fn print_list(servers: &[Server]) {
    let mut table = Table::new(&["SERVER", "HOST", "STATE", "INSTALLATIONS", "MEMORY", "DISK", "STORAGE"]);
    for server in servers {
        let report = server.report.as_ref();
        let dash = || "-".to_owned();
        let memory = report.map_or_else(dash, |r| share(bytes(r.memory.taken), bytes(r.memory.total)));
        let disk = report.map_or_else(dash, |r| share(bytes(r.disk.taken), bytes(r.disk.total)));
        table.row([
            server.id.to_string().into(),
            server.host.as_str().into(),
            if server.reachable { Cell::state("running") } else { Cell::state("failed") },
            Cell::number(server.installations),
            memory.into(),
            disk.into(),
            report.map_or_else(dash, |r| r.storage.clone()).into(),
        ]);
    }
    table.print("No server has been seen yet. See `vclouden status`.");
}

fn print_one(server: &Server) {
    let mut facts = Facts::new();
    facts.fact("Server", server.id.to_string()).fact("Host", server.host.as_str());
    facts.fact("Installations", server.installations.to_string()).maybe("Error", server.error.clone());
    let Some(report) = &server.report else { return facts.print() };
    facts.fact("Version", report.version.as_str());
    facts.fact("CPUs promised", share(cpus(report.cpus_milli.taken), cpus(report.cpus_milli.total)));
    facts.fact("Memory promised", share(bytes(report.memory.taken), bytes(report.memory.total)));
    facts.fact("Disk used", share(bytes(report.disk.taken), bytes(report.disk.total)));
    facts.fact("Disk promised", bytes(report.disk_promised));
    if let Some(host) = &report.host_disk {
        let growth = format!("the volume may grow by {}", bytes(host.growth));
        facts.fact("Host's disk", format!("{} free of {}; {growth}", bytes(host.free), bytes(host.total)));
    }
    facts.fact("Storage", report.storage.as_str());
    if let Some(volume) = &report.volume {
        facts.fact("Volume", volume.path.as_str()).maybe("Image", volume.image.clone()).fact("Volume id", &*volume.id);
    }
    facts.fact("Edge", if report.edge_connected { "connected" } else { "NOT connected" });
    for warning in &report.warnings {
        facts.fact("Warning", Cell::state_as("failed", warning.message.as_str()));
    }
    facts.print();
    let mut table = Table::new(&["LAYER", "ACTIVE", "NOTE"]);
    for layer in &report.layers {
        let active = Cell::state(if layer.active { "yes" } else { "no" });
        table.row([layer.name.as_str().into(), active, layer.note.as_str().into()]);
    }
    line("");
    table.print("No layers of defence.");
}
