//! `cirrus serve`: loads the application, listens, serves until told to stop.

use std::{net::SocketAddr, sync::Arc};

use clap::Args;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::Place;
use crate::{
    app::App,
    error::Error,
    web::{server::Server, site::Site},
};

/// Arguments of `serve`.
#[derive(Args)]
pub struct Serve {
    #[command(flatten)]
    place: Place,
    /// Address and port [default: 127.0.0.1:8080, or 0.0.0.0:$PORT]
    #[arg(long)]
    listen: Option<SocketAddr>,
}

impl Serve {
    /// Serves until SIGTERM or SIGINT.
    pub fn run(self) -> anyhow::Result<()> {
        let address = self.address()?;
        raise_descriptors();
        let app = Arc::new(App::load(&self.place.directory, &self.place.data())?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async move {
            let bound = TcpListener::bind(address).await;
            let listener = bound.map_err(|source| Error::Listen { address: address.to_string(), source })?;
            eprintln!("cirrus: http://{}", listener.local_addr()?);
            let server = Server::new(Site::new(app));
            let (stop, stopped) = watch::channel(false);
            tokio::task::spawn_local(signals(stop));
            server.run(listener, stopped).await;
            anyhow::Ok(())
        })
    }

    fn address(&self) -> anyhow::Result<SocketAddr> {
        if let Some(address) = self.listen {
            return Ok(address);
        }
        match std::env::var("PORT") {
            Ok(port) => {
                let port: u16 = port.parse().map_err(|_| anyhow::anyhow!("PORT is `{port}`, which is not a port"))?;
                Ok(SocketAddr::from(([0, 0, 0, 0], port)))
            }
            Err(_) => Ok(SocketAddr::from(([127, 0, 0, 1], 8080))),
        }
    }
}

async fn signals(stop: watch::Sender<bool>) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        eprintln!("cirrus: cannot listen to signals; end it with SIGKILL");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // The receivers live as long as the server does; when they are gone there is nothing left to stop.
    let _ = stop.send(true);
    // A second signal means now.
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    std::process::exit(130);
}

/// A connection is a descriptor: take as many as the system allows.
fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Not getting more is no error: `limits.connections` beyond it wait in the kernel's queue.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
