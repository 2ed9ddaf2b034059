//! A control plane on a port of its own, and somebody who asks it.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::state::{DeploymentState, OperationState};
use domain::{DeploymentId, OperationId};
use plane::store::Location;
use plane::wire::{Accepted, Deployment, Installation, Operation, Page, Problem, Version};
use plane::{Config, PlaneError};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::fake::{Fake, Shared};
use crate::postgres;

/// What the edge shows.
pub const EDGE_SECRET: &str = "of-the-edge-and-us";
pub const TOKEN: &str = "vco_a-token-for-tests";

/// A clock that a test sets forward.
#[derive(Clone, Default)]
pub struct Clock(Arc<AtomicU64>);

impl Clock {
    pub fn forward(&self, hours: u64) {
        self.0.fetch_add(hours * 3_600_000, Ordering::SeqCst);
    }

    pub fn now(&self) -> u64 {
        self.function()()
    }

    fn function(&self) -> plane::Clock {
        let (ahead, real) = (self.0.clone(), plane::system_clock());
        Arc::new(move || real() + ahead.load(Ordering::SeqCst))
    }
}

struct Serving {
    task: JoinHandle<Result<(), PlaneError>>,
    end: oneshot::Sender<()>,
}

pub struct World {
    pub fake: Arc<Fake>,
    pub clock: Clock,
    pub data: TempDir,
    pub store: Location,
    pub address: SocketAddr,
    pub http: reqwest::Client,
    pub workers: usize,
    pub trusted: Vec<nimbus_api::proxies::Proxy>,
    pub name_server: Option<SocketAddr>,
    pub console_url: Option<String>,
    pub patience: Option<Duration>,
    serving: Option<Serving>,
}

/// An answer.
pub struct Got {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Got {
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, String::from_utf8_lossy(&self.body)))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn problem(&self) -> Problem {
        self.json()
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// The refusal, which must be one of that status and code.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Problem {
        let got = self.expect(status);
        assert_eq!(got.headers["content-type"], "application/problem+json");
        let problem: Problem = got.json();
        assert_eq!(problem.code, code, "{problem:?}");
        assert_eq!(problem.status, status);
        assert!(problem.detail.len() > 10, "{problem:?}");
        problem
    }
}

impl World {
    pub async fn new() -> Self {
        let clock = Clock::default();
        let fake = Fake::new(clock.function());
        let data = tempfile::tempdir().unwrap();
        let mut world = Self {
            fake,
            clock,
            store: postgres::location(data.path()).await,
            data,
            address: "127.0.0.1:1".parse().unwrap(),
            http: testkit::client().build().unwrap(),
            workers: 8,
            trusted: Vec::new(),
            name_server: None,
            console_url: None,
            patience: None,
            serving: None,
        };
        world.start().await;
        world
    }

    /// A world with an application `hola` that has one version, and a customer `acme`.
    pub async fn with_app() -> Self {
        let world = Self::new().await;
        world.publish("hola", 1).await;
        world.post("/customers", json!({"slug": "acme"})).await.expect(201);
        world
    }

    pub async fn start(&mut self) {
        let listen = TcpListener::bind("127.0.0.1:0").unwrap();
        self.address = listen.local_addr().unwrap();
        let mut config = Config::new(
            listen,
            self.data.path().to_owned(),
            PathBuf::from("/nowhere"),
            "http://{name}.localhost:8080".into(),
            Sha256::digest(TOKEN).iter().map(|byte| format!("{byte:02x}")).collect(),
        );
        config.store = self.store.clone();
        config.console_url = self.console_url.clone().unwrap_or(config.console_url);
        config.edge_secret = Some(EDGE_SECRET.into());
        config.workers_per_server = self.workers;
        config.trusted_proxies = self.trusted.clone();
        config.name_server = self.name_server;
        config.archive_limits.archive_bytes = 1 << 20;
        config.patience = self.patience.unwrap_or(config.patience);
        let (end, ended) = oneshot::channel::<()>();
        let server: Arc<dyn plane::server::Server> = Arc::new(Shared(self.fake.clone()));
        let clock = self.clock.function();
        let task = tokio::spawn(plane::serve_with(config, vec![server], clock, async {
            let _ = ended.await;
        }));
        self.serving = Some(Serving { task, end });
        self.until("the server is known", async || {
            let servers = self.try_get("/servers").await;
            servers.is_some_and(|got| got.status == 200 && got.json::<Page<Value>>().items.len() == 1)
        })
        .await;
    }

    /// Ends the control plane in an orderly way.
    pub async fn stop(&mut self) {
        let serving = self.serving.take().unwrap();
        serving.end.send(()).unwrap();
        serving.task.await.unwrap().unwrap();
    }

    /// Ends it as a kill would: at whatever point its tasks are.
    pub async fn kill(&mut self) {
        let serving = self.serving.take().unwrap();
        serving.task.abort();
        let _ = serving.task.await;
    }

    pub async fn until(&self, what: &str, mut is: impl AsyncFnMut() -> bool) {
        for _ in 0..1200 {
            if is().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("it was waited in vain until {what}");
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}/api/v1{path}", self.address)
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, self.url(path)).bearer_auth(TOKEN)
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Got {
        let request = request.build().unwrap();
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = self.http.execute(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.unwrap().to_vec();
        assert!(!status.is_server_error() || status == 503, "{status} {}", String::from_utf8_lossy(&body));
        let got = Got { status, headers, body };
        crate::schema::check(&method, &path, &got);
        got
    }

    async fn try_get(&self, path: &str) -> Option<Got> {
        let response = self.request(Method::GET, path).send().await.ok()?;
        let (status, headers) = (response.status(), response.headers().clone());
        Some(Got { status, headers, body: response.bytes().await.ok()?.to_vec() })
    }

    pub async fn get(&self, path: &str) -> Got {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Got {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        self.send(request.body(body.to_string())).await
    }

    pub async fn delete(&self, path: &str) -> Got {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub async fn publish_bytes(&self, app: &str, query: &str, archive: Vec<u8>) -> Got {
        let request = self.request(Method::POST, &format!("/apps/{app}/versions{query}"));
        self.send(request.header("content-type", "application/gzip").body(archive)).await
    }

    /// Publishes the package whose content is `content`, and creates the application if need be.
    pub async fn publish(&self, app: &str, content: u32) -> Version {
        self.publish_bytes(app, "?create=true", package(app, content)).await.expect(201).json()
    }

    /// Installs the newest version and waits for it.
    pub async fn install(&self, app: &str, customer: &str) -> Installation {
        let body = json!({"app": app, "customer": customer});
        let accepted: Accepted = self.post("/installations", body).await.expect(202).json();
        assert_eq!(self.ended(accepted.operation).await.state, OperationState::Finished);
        self.installation(accepted.installation.name.as_str()).await
    }

    pub async fn installation(&self, name: &str) -> Installation {
        self.get(&format!("/installations/{name}")).await.expect(200).json()
    }

    /// The operation once it has ended or is stuck.
    pub async fn ended(&self, id: OperationId) -> Operation {
        let operation: Operation = self.get(&format!("/operations/{id}?wait=20")).await.expect(200).json();
        assert_ne!(operation.state, OperationState::Running, "{operation:?}");
        operation
    }

    /// Asks for something that is accepted as an operation, and waits for its end.
    pub async fn done(&self, path: &str) -> Operation {
        let accepted: Accepted = self.post(path, json!({})).await.expect(202).json();
        self.ended(accepted.operation).await
    }

    pub async fn deploy(&self, app: &str, body: Value) -> Deployment {
        self.post(&format!("/apps/{app}/deployments"), body).await.expect(202).json()
    }

    pub async fn deployment(&self, id: DeploymentId) -> Deployment {
        self.get(&format!("/deployments/{id}")).await.expect(200).json()
    }

    /// The deployment once it has ended.
    pub async fn deployed(&self, id: DeploymentId) -> Deployment {
        let follow = self.request(Method::GET, &format!("/deployments/{id}/events")).send().await.unwrap();
        tokio::time::timeout(Duration::from_secs(30), follow.bytes()).await.expect("it ends").unwrap();
        let deployment = self.deployment(id).await;
        assert!(deployment.state.is_final(), "{deployment:?}");
        deployment
    }

    /// A deployment that must finish.
    pub async fn deploy_all(&self, app: &str) -> Deployment {
        let id = self.deploy(app, json!({})).await.id;
        let deployment = self.deployed(id).await;
        assert_eq!(deployment.state, DeploymentState::Finished, "{deployment:?}");
        deployment
    }
}

pub fn manifest(app: &str) -> String {
    format!(
        "name = \"{app}\"\nslug = \"{app}\"\ndescription = \"A guest book for tests\"\ncommand = [\"./run\"]\n\n[http]\nport = 8080\nhealth = \"/\"\n\n\
         [[ports]]\nname = \"mail\"\nport = 2525\n"
    )
}

/// A package whose program is different for each `content`.
pub fn package(app: &str, content: u32) -> Vec<u8> {
    package_of(&manifest(app), content)
}

pub fn package_of(manifest: &str, content: u32) -> Vec<u8> {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("vclouden.toml"), manifest).unwrap();
    let program = directory.path().join("run");
    std::fs::write(&program, format!("#!/bin/sh\n# {content}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut archive = Vec::new();
    archive::pack(directory.path(), &mut archive).unwrap();
    archive
}
