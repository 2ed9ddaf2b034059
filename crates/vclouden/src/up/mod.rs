//! `vclouden up`: everything on one machine. Binds the public sockets, makes the data directory and the operator's
//! token, starts Nimbus, edge and control plane, and brings back whichever of them dies.
//!
//! All of it happens on the main thread: the kernel ends the children when the *thread* that started them ends.

mod children;
mod directory;
mod logs;
mod needs;
mod ready;
mod sockets;
mod summary;
mod token;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::example;
use crate::failure::Outcome;
use crate::output::note;
use children::{Children, Setup};

pub use directory::{DataDirectory, Held, lock};
pub use needs::find as find_tool;

/// The user and group that the control plane runs as. Not in `/etc/passwd`: nobody logs in as it.
pub const PLANE_USER: u32 = 64201;
/// The user and group that the edge runs as.
pub const EDGE_USER: u32 = 64202;
/// Where everything is kept unless somebody says otherwise.
pub const DEFAULT_DATA: &str = "/var/lib/vclouden";

/// How to set it up.
#[derive(Debug, clap::Args)]
#[command(after_help = example!(
    "sudo vclouden up",
    "sudo vclouden up --edge 0.0.0.0:80 --domain apps.example.com --volume-size \"200 GiB\"",
))]
pub struct Args {
    /// Directory of everything that is kept
    #[arg(long, default_value = DEFAULT_DATA, value_name = "DIR")]
    data: PathBuf,
    /// Directory of what can be lost: unpacked packages and bases; may be shared [default: DATA/nimbus/cache]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// The program of Cirrus, which runs applications with engine = "cirrus" [default: cirrus beside this program]
    #[arg(long, value_name = "FILE")]
    cirrus: Option<PathBuf>,
    /// Address and port of the API [default: 127.0.0.1:7878]
    // A text, and with the same name as the global option that it replaces here.
    #[arg(long, value_name = "ADDR")]
    api: Option<String>,
    /// Address and port on which installations answer
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
    edge: SocketAddr,
    /// Installations answer at NAME.DOMAIN
    #[arg(long, default_value = "localhost", value_parser = domain_name)]
    domain: String,
    /// Where people find an installation when a proxy is before the edge, such as https://{name}.apps.example.com
    /// [default: http://NAME.DOMAIN and the edge's port]
    #[arg(long, value_name = "URL", conflicts_with = "domain", value_parser = installation_url)]
    installation_url: Option<Installations>,
    /// Where people find the console [default: http://localhost and the API's port]
    #[arg(long, value_name = "URL")]
    console_url: Option<String>,
    /// Where customers find a publisher's portal, with {publisher} in it [default: beside installations]
    #[arg(long, value_name = "URL", value_parser = portal_url)]
    portal_url: Option<String>,
    /// A proxy before the API or the edge, or a network of them, whose X-Forwarded-For is believed, or with
    /// =forwarded its Forwarded; may be repeated
    #[arg(long = "trusted-proxy", value_name = "ADDR[/BITS][=forwarded]")]
    trusted_proxies: Vec<nimbus_api::proxies::Proxy>,
    /// PostgreSQL for the control plane's records in place of a file: postgres://user:password@host/database
    #[arg(long, env = "VCLOUDEN_DATABASE", hide_env_values = true, value_name = "URL")]
    database: Option<String>,
    /// Size of the data volume when it is made; the file grows with what is stored [default: 80 % of what is free]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    volume_size: Option<u64>,
    /// Show the logs of the three processes here instead of writing them to files in the data directory
    #[arg(long, short)]
    verbose: bool,
}

fn size(text: &str) -> Result<u64, String> {
    domain::manifest::size::parse(text).map_err(|error| error.to_string())
}

/// Where installations answer, and the address that people write.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Installations {
    domain: String,
    url: String,
}

fn installation_url(text: &str) -> Result<Installations, String> {
    let url = text.trim_end_matches('/');
    let rest = ["http://{name}.", "https://{name}."].iter().find_map(|start| url.strip_prefix(start));
    let rest = rest.ok_or("write an address whose host name begins with {name}, such as https://{name}.example.com")?;
    let (domain, port) = rest.split_once(':').map_or((rest, None), |(domain, port)| (domain, Some(port)));
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err("nothing comes after the host name and its port, such as https://{name}.example.com:8443".into());
    }
    Ok(Installations { domain: domain_name(domain)?, url: url.to_owned() })
}

fn portal_url(text: &str) -> Result<String, String> {
    if text.starts_with("http") && text.contains("//{publisher}.") {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    Err("write an address whose host name begins with {publisher}, such as https://{publisher}.example.com".into())
}

/// A host name of labels as RFC 1123 wants them, in lower case.
fn domain_name(text: &str) -> Result<String, String> {
    let label = |label: &str| label.parse::<domain::InstallationName>().is_ok();
    // The installation's name of at most 63 characters and a dot come before it; a host name has at most 253.
    if text.len() <= 189 && text.split('.').all(label) {
        Ok(text.to_owned())
    } else {
        Err("give a domain such as `localhost` or `apps.example.com`, in lower case".into())
    }
}

/// Runs everything until SIGINT or SIGTERM.
pub fn run(args: Args, json: bool) -> Outcome {
    let api = args.api.as_deref().unwrap_or("127.0.0.1:7878");
    let api: SocketAddr = api.strip_prefix("http://").unwrap_or(api).trim_end_matches('/').parse().map_err(|_| {
        crate::failure::Failure::usage(format!("--api {api}: give an address and a port, such as 127.0.0.1:7878"))
    })?;
    needs::check_root()?;
    let notes = needs::check_tools()?;
    let directory = DataDirectory::open(&args.data)?;
    let api = sockets::bind(api, "--api")?;
    let edge = sockets::bind(args.edge, "--edge")?;
    let token = token::load_or_make(&directory.token())?;
    let api_url = sockets::url(api.local_addr().context("the API's socket has no address")?);
    let saved = token::save_for_people(&api_url, &token, json)?;
    let port = api.local_addr().context("the API's socket has no address")?.port();
    let console_url = args.console_url.unwrap_or_else(|| format!("http://localhost:{port}"));
    let console_url = console_url.trim_end_matches('/').to_owned();
    let edge_port = edge.local_addr().context("the edge's socket has no address")?.port();
    let by_port = Installations { url: edge_url(&args.domain, edge_port), domain: args.domain };
    let Installations { domain, url: edge_url } = args.installation_url.unwrap_or(by_port);
    let portal_url = args.portal_url.unwrap_or_else(|| edge_url.replace("{name}", "{publisher}"));
    let program = std::env::current_exe().context("cannot find this program")?;
    let setup = Setup {
        keeper: needs::keeper(&program)?,
        cirrus: absolute(args.cirrus)?.unwrap_or_else(|| program.with_file_name("cirrus")),
        program,
        cache: absolute(args.cache)?.unwrap_or_else(|| directory.nimbus().join("cache")),
        directory,
        token_hash: token::hash(&token),
        edge_secret: token::random()?,
        edge_url,
        console_url,
        portal_url,
        trusted_proxies: args.trusted_proxies,
        database: args.database,
        domain,
        volume_size: args.volume_size,
        api,
        edge,
        verbose: args.verbose,
    };
    let summary = summary::Summary { api: api_url, token, saved, notes, json };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    let result = runtime.block_on(supervise(setup, summary));
    runtime.shutdown_background();
    Ok(result?)
}

/// The children work in another directory than the person who names a file.
fn absolute(path: Option<PathBuf>) -> Result<Option<PathBuf>> {
    path.map(std::path::absolute).transpose().context("cannot find the present directory")
}

/// `http://{name}.localhost:8080`.
fn edge_url(domain: &str, port: u16) -> String {
    let port = if port == 80 { String::new() } else { format!(":{port}") };
    format!("http://{{name}}.{domain}{port}")
}

async fn supervise(setup: Setup, summary: summary::Summary) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen to SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen to SIGTERM")?;
    let mut children = Children::new(&setup)?;
    let ended = tokio::select! {
        result = start(&mut children, &setup, &summary) => result,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    };
    if ended.is_ok() {
        note("\nEnding control plane, edge and Nimbus ...");
    }
    tokio::select! {
        () = children.stop() => {}
        _ = interrupt.recv() => note("Ending them at once."),
    }
    children.kill().await;
    ended?;
    note("Ended. Installations go on running; `vclouden up` finds them, `vclouden down` ends them too.");
    Ok(())
}

/// Starts the children in order, says so, and then never returns unless they cannot be started.
async fn start(children: &mut Children, setup: &Setup, summary: &summary::Summary) -> Result<()> {
    children.start_nimbus();
    children.start_edge();
    children.unless_one_cannot_start(ready::nimbus(&setup.directory.nimbus_socket())).await?;
    children.start_plane();
    let server = children.unless_one_cannot_start(ready::plane(&summary.api, &summary.token)).await?;
    summary.print(setup, server.as_ref());
    children.settled();
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_and_urls() {
        let apps = Installations { domain: "apps.example.com".into(), url: "https://{name}.apps.example.com".into() };
        assert_eq!(installation_url("https://{name}.apps.example.com/"), Ok(apps));
        let other = installation_url("https://{name}.example.com:8443").unwrap();
        assert_eq!((&*other.domain, &*other.url), ("example.com", "https://{name}.example.com:8443"));
        for bad in ["https://example.com", "{name}.example.com", "https://{name}.Example.com", "https://{name}.a.com/x"]
        {
            assert!(installation_url(bad).is_err(), "{bad}");
        }
        assert_eq!(edge_url("localhost", 8080), "http://{name}.localhost:8080");
        assert_eq!(edge_url("apps.example.com", 80), "http://{name}.apps.example.com");
        assert!(domain_name("apps.example.com").is_ok());
        for bad in ["", ".", "A.b", "a..b", "http://x", "a b", &"a.".repeat(100)] {
            assert!(domain_name(bad).is_err(), "{bad}");
        }
    }
}
