//! The control plane: the only place that knows people, applications, versions and where things should run.
//!
//! `web` parses a request and renders the answer, `operations` holds one file per verb that a person can ask for,
//! `reconcilers` bring about what was accepted, `store` holds all SQL. [`access`] says who may call what.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::InstallationName;
use nimbus_api::Millis;
use nimbus_api::proxies::Proxy;

pub mod access;
mod artifacts;
mod customer_archive;
mod dns;
mod doors;
mod etag;
mod files;
mod guard;
mod guesses;
mod incoming;
mod letters;
mod listen;
mod nimbus;
mod oidc;
mod operations;
mod passes;
mod passwords;
mod problem;
pub mod progress;
mod reconcilers;
mod refused;
pub mod router;
mod seal;
mod secret;
pub mod server;
mod servers;
pub mod settings;
pub mod sites;
pub mod store;
mod strangers;
pub mod totp;
mod tries;
mod variables;
mod web;
mod webauthn;
mod webhooks;
mod whence;
pub mod wire;
mod zip;

pub use operations::keep_image::image_name;

pub use operations::Actor;
pub use web::design;

/// How a control plane is set up.
#[derive(Debug)]
pub struct Config {
    /// The bound socket of the API.
    pub listen: TcpListener,
    /// The control plane's own directory: archives, and the store if it is a file. Must exist.
    pub data: PathBuf,
    /// Where the store is.
    pub store: store::Location,
    /// The socket of this machine's Nimbus.
    pub nimbus_socket: PathBuf,
    /// Where people find the console, such as `http://localhost:7878`.
    pub console_url: String,
    /// Where they find publishers' portals, such as `http://{publisher}.localhost:7878`.
    pub portal_url: String,
    /// By which it knows that the edge speaks; without one nobody else's word is taken for whom a request comes from.
    pub edge_secret: Option<String>,
    /// Whose word is taken for whom a request comes from.
    pub trusted_proxies: Vec<Proxy>,
    /// The name server that is asked whose a host name is; without one those of this machine.
    pub name_server: Option<SocketAddr>,
    /// Where installations answer, such as `http://{name}.localhost:8080`.
    pub edge_url: String,
    /// SHA-256 of the operator's token, in hexadecimal: whoever shows that token is the operator.
    pub operator_token_sha256: String,
    /// Hours that a rollback stays possible, unless a deployment says otherwise.
    pub keep_hours: u32,
    /// Installations of one server that a deployment works on at the same time.
    pub workers_per_server: usize,
    /// Most bytes of an archive.
    pub archive_limits: archive::Limits,
    /// For how long whoever downloads everything of a customer may take nothing.
    pub patience: Duration,
}

impl Config {
    /// The usual values for everything that has one.
    pub fn new(
        listen: TcpListener,
        data: PathBuf,
        nimbus_socket: PathBuf,
        edge_url: String,
        operator_token_sha256: String,
    ) -> Self {
        let port = listen.local_addr().map_or(80, |address| address.port());
        Self {
            listen,
            console_url: format!("http://localhost:{port}"),
            portal_url: format!("http://{{publisher}}.localhost:{port}"),
            store: store::Location::File(data.join("store.sqlite")),
            data,
            nimbus_socket,
            edge_secret: None,
            trusted_proxies: Vec::new(),
            name_server: None,
            edge_url,
            operator_token_sha256,
            keep_hours: 48,
            workers_per_server: 8,
            archive_limits: archive::Limits::default(),
            patience: Duration::from_secs(120),
        }
    }
}

/// Why a control plane cannot run.
#[derive(Debug, thiserror::Error)]
pub enum PlaneError {
    /// Its store cannot be used.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// A file or socket cannot be used.
    #[error("{what}: {source}")]
    Io {
        /// What was tried with what.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The hash of the operator's token is not one.
    #[error("the hash of the operator's token must be 64 hexadecimal digits: give the SHA-256 of the token")]
    TokenHash,
    /// The console's own templates or texts are wrong.
    #[error(transparent)]
    Design(#[from] web::design::DesignError),
    /// The template of installations' addresses is not one.
    #[error("the address of installations \"{0}\" must contain {{name}}, such as http://{{name}}.localhost:8080")]
    EdgeUrl(String),
}

/// The time in milliseconds since 1970; an argument, so that tests can let hours pass.
pub type Clock = Arc<dyn Fn() -> Millis + Send + Sync>;

/// The machine's own clock.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// Changes that one person or token may ask for in a minute.
const WRITES: u32 = 600;

/// Everything that handlers, operations and reconcilers share.
pub struct Plane {
    store: store::Store,
    artifacts: artifacts::Artifacts,
    /// Pictures of documentation.
    images: files::Files,
    servers: servers::Servers,
    progress: progress::Progress,
    strangers: strangers::Strangers,
    guesses: guesses::Guesses,
    passwords: passwords::Passwords,
    seal: seal::Seal,
    passes: nimbus_api::pass::Signer,
    settings: settings::Current,
    pages: Arc<web::design::Pages>,
    console_url: String,
    portal_url: String,
    /// Its hash.
    edge_secret: Option<String>,
    trusted_proxies: Vec<Proxy>,
    name_server: Option<SocketAddr>,
    /// What changes something, by who asks for it.
    writes: tries::Tries<String>,
    clock: Clock,
    /// The last time handed out: times never go back.
    last: AtomicU64,
    started_at: Millis,
    edge_url: String,
    keep_hours: u32,
    workers: usize,
    archive_limits: archive::Limits,
    patience: Duration,
    /// Archives that are received and read at the same time.
    publishing: tokio::sync::Semaphore,
    downloads: operations::download_customer::Downloads,
    /// Letters that open tickets, by who sent them.
    letters_in: tries::Tries<domain::PersonId>,
    terminals: Arc<web::places::Places>,
    /// Streams of events.
    streams: Arc<web::places::Places>,
}

impl Plane {
    fn now(&self) -> Millis {
        let now = (self.clock)();
        self.last.fetch_max(now, Ordering::Relaxed).max(now)
    }

    /// Counts something that changes something; refuses who asks for too much of it.
    fn count_write(&self, actor: &str) -> problem::Answer<()> {
        let now = self.now();
        self.writes.count(actor.to_owned(), now);
        self.writes.over(&actor.to_owned(), now).map_or(Ok(()), |seconds| Err(problem::Refusal::slow_down(seconds)))
    }

    fn url(&self, name: &InstallationName) -> String {
        self.edge_url.replace("{name}", name.as_str())
    }
}

/// The token that `vclouden up` makes.
fn operator_token(at: Millis) -> store::tokens::TokenRow {
    let membership = store::people::Membership { role: access::Role::Operator, reach: access::Reach::All };
    store::tokens::TokenRow {
        id: store::tokens::OPERATOR.into(),
        name: store::tokens::OPERATOR.into(),
        person: None,
        membership,
        scopes: vec![access::EVERYTHING.into()],
        created_at: at,
        expires_at: None,
        used_at: None,
    }
}

/// Learns of installations of before what they may use.
async fn fill_sizes(plane: &Plane) -> store::Result<()> {
    let all = store::installations::without_size(plane.store.read()).await?;
    for row in all {
        let version = store::versions::find(plane.store.read(), &row.app_key(), row.version).await?;
        if let Some(version) = version {
            let tx = plane.store.write().await?;
            store::installations::set_size(&tx, row.id, &version.manifest.limits).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}

/// Runs the control plane until `shutdown` is ready.
pub async fn serve(config: Config, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), PlaneError> {
    let server: Arc<dyn server::Server> = Arc::new(nimbus::Nimbus::new(&config.nimbus_socket));
    serve_with(config, vec![server], system_clock(), shutdown).await
}

/// Like [`serve`] with given servers and clock.
pub async fn serve_with(
    config: Config,
    servers: Vec<Arc<dyn server::Server>>,
    clock: Clock,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), PlaneError> {
    let hash = config.operator_token_sha256.trim().to_ascii_lowercase();
    if hash.len() != 64 || !hash.bytes().all(|c| c.is_ascii_hexdigit()) {
        return Err(PlaneError::TokenHash);
    }
    if !config.edge_url.contains("{name}") {
        return Err(PlaneError::EdgeUrl(config.edge_url));
    }
    let io = |what: String| move |source| PlaneError::Io { what, source };
    let store = store::Store::open(&config.store).await?;
    let artifacts = artifacts::Artifacts::open(&config.data)
        .map_err(io(format!("preparing the control plane's directory {}", config.data.display())))?;
    let images = config.data.join("images");
    let images = files::Files::open(images.clone()).map_err(io(format!("the directory {}", images.display())))?;
    let key = config.data.join("seal.key");
    let seal = seal::Seal::open(&key).map_err(io(format!("the key {}", key.display())))?;
    let passes = passes::load(&store, &seal).await?;
    let started_at = clock();
    let plane = Arc::new(Plane {
        store,
        artifacts,
        images,
        servers: servers::Servers::new(servers),
        progress: progress::Progress::default(),
        strangers: strangers::Strangers::default(),
        guesses: guesses::Guesses::default(),
        passwords: passwords::Passwords::default(),
        seal,
        passes,
        settings: settings::Current::default(),
        pages: Arc::new(web::design::Pages::load()?),
        console_url: config.console_url,
        portal_url: config.portal_url,
        trusted_proxies: config.trusted_proxies,
        name_server: config.name_server,
        writes: tries::Tries::new(WRITES, 60_000),
        edge_secret: config.edge_secret.as_deref().map(secret::sha256),
        clock,
        last: AtomicU64::new(started_at),
        started_at,
        edge_url: config.edge_url,
        keep_hours: config.keep_hours,
        workers: config.workers_per_server.max(1),
        archive_limits: config.archive_limits,
        patience: config.patience,
        publishing: tokio::sync::Semaphore::new(2),
        downloads: Default::default(),
        letters_in: tries::Tries::new(operations::open_by_mail::LETTERS, 3_600_000),
        terminals: web::terminal::places(),
        streams: web::follow::places(),
    });
    plane.settings.load(plane.store.read()).await?;
    fill_sizes(&plane).await?;
    let tx = plane.store.write().await?;
    store::tokens::create(&tx, &hash, &operator_token(started_at)).await?;
    store::publishers::begin(&tx, started_at).await?;
    tx.commit().await?;
    let reconcilers = reconcilers::start(&plane);
    let app = router::everything(plane);
    let served = listen::serve(config.listen, app, shutdown).await.map_err(io("serving the API".into()));
    drop(reconcilers);
    served
}
