//! `cirrus serve`: loads the application, listens, serves until told to stop; loads it again when the author saves.

use std::{net::SocketAddr, path::PathBuf, rc::Rc, sync::Arc};

use clap::Args;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::{Place, watcher::Watcher};
use crate::{
    app::App,
    data::Read as _,
    error::Error,
    web::{server::Server, site::Site, upload},
};

/// Arguments of `serve`.
#[derive(Args)]
pub struct Serve {
    #[command(flatten)]
    place: Place,
    /// Address and port [default: 127.0.0.1:8080, or 0.0.0.0:$PORT]
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Do not load the application again when its files change
    #[arg(long)]
    no_reload: bool,
    /// Ask the database anew for every answer, for measurements (as `[limits] results = 0` in cirrus.toml)
    #[arg(long)]
    no_result_cache: bool,
}

impl Serve {
    /// Serves until SIGTERM or SIGINT.
    pub fn run(self) -> anyhow::Result<()> {
        let address = self.address()?;
        raise_descriptors();
        let (directory, data) = (self.place.directory.clone(), self.place.data());
        let load = load(directory.clone(), data.clone(), self.no_result_cache);
        let app = Arc::new(load()?);
        let _in_use = upload::enter(&app.data, |name| app.store.reader()?.names(name))
            .map_err(|source| Error::Read { path: app.data.clone(), source })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async move {
            let bound = TcpListener::bind(address).await;
            let listener = bound.map_err(|source| Error::Listen { address: address.to_string(), source })?;
            let server = Server::new(Site::new(app)?);
            eprintln!("cirrus: http://{}", listener.local_addr()?);
            let (stop, stopped) = watch::channel(false);
            tokio::task::spawn_local(signals(stop));
            if !self.no_reload {
                tokio::task::spawn_local(reload(server.clone(), directory, data, load));
            }
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

/// How the application is loaded, now and whenever it was changed.
fn load(directory: PathBuf, data: PathBuf, no_result_cache: bool) -> impl Fn() -> Result<App, Error> {
    move || {
        let mut config = App::config(&directory)?;
        if no_result_cache {
            config.limits.results = 0;
        }
        App::load_configured(&directory, &data, config)
    }
}

async fn reload(server: Rc<Server>, directory: PathBuf, data: PathBuf, load: impl Fn() -> Result<App, Error>) {
    let mut watcher = match Watcher::new(&directory, &data) {
        Ok(watcher) => watcher,
        Err(error) => {
            eprintln!("cirrus: no reload on save: the directory cannot be watched: {error}");
            return;
        }
    };
    while watcher.changed().await {
        let loaded = load().and_then(|app| Site::new(Arc::new(app)));
        match loaded {
            Ok(site) => {
                server.replace(site).stop();
                eprintln!("cirrus: loaded again");
            }
            Err(error) => {
                let problem = format!("{:#}", anyhow::Error::from(error));
                eprintln!("cirrus: not loaded again: {problem}");
                server.show_problem(problem);
            }
        }
    }
}

async fn signals(stop: watch::Sender<bool>) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
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
