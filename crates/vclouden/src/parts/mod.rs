//! The processes that `vclouden up` starts: each is this program with another first argument.

pub mod edge;
pub mod nimbus;
pub mod plane;
mod privileges;

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Outcome;

/// The variable that has the secret of edge and control plane: nobody who lists processes is to see it.
pub const SECRET: &str = "VCLOUDEN_EDGE_SECRET";

/// What every part is told.
#[derive(Debug, clap::Args)]
pub struct Common {
    /// User and group id to run as, without capabilities
    #[arg(long)]
    user: Option<u32>,
    /// Process id of `vclouden up`: when it ends, so does this process
    #[arg(long)]
    parent: Option<i32>,
}

impl Common {
    /// Takes the part's place: privileges go, the bond to the parent is made, logging begins. First thing in a part:
    /// the process is still single-threaded.
    fn settle(&self) -> Result<()> {
        if let Some(user) = self.user {
            privileges::drop_to(user)?;
        }
        // After the change of user, which would clear it. It is SIGKILL since nothing may keep a part from ending: a
        // new one may be on its way.
        if let Some(parent) = self.parent {
            set_parent_process_death_signal(Some(Signal::KILL)).context("cannot be bound to the parent's end")?;
            let now = getppid().map(Pid::as_raw_nonzero).map_or(0, i32::from);
            anyhow::ensure!(now == parent, "process {parent} has ended already");
        }
        log_to_stderr();
        Ok(())
    }
}

/// What a part that faces the network is told.
#[derive(Debug, clap::Args)]
pub struct Facing {
    #[command(flatten)]
    common: Common,
    /// `stdin` for a listening socket as standard input, or an address
    #[arg(long)]
    listen: Listen,
    /// Socket of Nimbus
    #[arg(long)]
    nimbus_socket: PathBuf,
}

impl Facing {
    /// As [`Common::settle`]; the listening socket.
    fn settle(&self) -> Result<TcpListener> {
        self.common.settle()?;
        self.listen.open()
    }
}

/// Where a part gets its listening socket from.
#[derive(Clone, Copy, Debug)]
pub enum Listen {
    /// It is the standard input, so that it outlives the part.
    Stdin,
    /// An address to bind.
    Address(SocketAddr),
}

impl FromStr for Listen {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "stdin" => Ok(Listen::Stdin),
            other => other.parse().map(Listen::Address).map_err(|_| "give `stdin` or an address and port".into()),
        }
    }
}

impl Listen {
    /// The listening socket. Standard input is closed by replacing it, so that only one descriptor is left.
    fn open(self) -> Result<TcpListener> {
        match self {
            Listen::Address(address) => {
                TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))
            }
            Listen::Stdin => {
                let socket = std::io::stdin().as_fd().try_clone_to_owned().context("cannot take standard input")?;
                let listener = TcpListener::from(socket);
                listener.local_addr().context("standard input is not a listening socket")?;
                let null = std::fs::File::open("/dev/null").context("cannot open /dev/null")?;
                rustix::stdio::dup2_stdin(null).context("cannot replace standard input")?;
                Ok(listener)
            }
        }
    }
}

/// A runtime for a part; `workers` threads.
fn runtime(workers: usize) -> Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(workers).enable_all().build().context("cannot start threads")
}

/// As many threads as there are processors, at least two, at most eight.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8)
}

/// Ready when somebody asks this process to end by SIGTERM or SIGINT. Must be called inside a runtime.
fn shutdown() -> Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen to SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen to SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Runs a part on a runtime of its own until it ends.
fn serve<E, F, Work>(name: &str, work: Work) -> Outcome
where
    E: std::error::Error + Send + Sync + 'static,
    F: Future<Output = Result<(), E>>,
    Work: FnOnce() -> Result<F>,
{
    let run = || -> Result<()> {
        let runtime = runtime(workers())?;
        let result = runtime.block_on(async { work()?.await.map_err(anyhow::Error::from) });
        runtime.shutdown_background();
        result
    };
    Ok(run().with_context(|| format!("{name} cannot go on"))?)
}

/// Log lines on standard error, where `up` takes them. `VCLOUDEN_LOG` filters them, as in `VCLOUDEN_LOG=debug`.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("VCLOUDEN_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
}
