//! JavaScript: the API of an application, through `Engine` and `Pool`, as the server uses them.

mod database;
mod express;
mod limits;
mod modules;
mod outgoing;
mod platform;
mod wapp;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cirrus::script::{Engine, Host, Inline, Limits, Native};
use cirrus::web::{Body, Request, RequestId, Response};
use cirrus::work::{Job, Pool, WorkerContext};
use http::{HeaderMap, Method};
use serde_json::{Map, Value, json};

/// An application in a directory of its own, without a server.
pub struct World {
    pub directory: tempfile::TempDir,
    pub runtime: tokio::runtime::Runtime,
    pub limits: Limits,
    pub mail: cirrus::config::Mail,
}

/// It, loaded.
pub struct App {
    pub engine: Engine,
    pub store: cirrus::data::Store,
    pub pool: Pool,
    pub runtime: tokio::runtime::Runtime,
    _directory: tempfile::TempDir,
}

/// What an answer was, for people who write tests.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
    pub file: Option<PathBuf>,
    pub inline: bool,
}

struct Around {
    directory: PathBuf,
    store: cirrus::data::Store,
    limits: Limits,
    mail: cirrus::config::Mail,
    trust: cirrus::work::Trust,
}

impl Host for Around {
    fn directory(&self) -> &Path {
        &self.directory
    }
    fn limits(&self) -> &Limits {
        &self.limits
    }
    fn store(&self) -> &cirrus::data::Store {
        &self.store
    }
    fn has_view(&self, view: &str) -> bool {
        view != "missing"
    }
    fn render(&self, view: &str, values: Value, _: &Request) -> Result<String, String> {
        if view == "missing" { Err("there is no view \"missing\"".into()) } else { Ok(format!("<{view}>{values}")) }
    }
    fn open_session(&self, request: &Request) -> Map<String, Value> {
        let cookie = request.headers.get("cookie").and_then(|value| value.to_str().ok()).unwrap_or("");
        let text = cookie.strip_prefix("session=").unwrap_or("{}");
        serde_json::from_str(text).unwrap_or_default()
    }
    fn seal_session(&self, _: &Request, session: &Map<String, Value>) -> Result<String, String> {
        Ok(format!("session={}", Value::Object(session.clone())))
    }
    fn sign(&self, value: &str) -> String {
        format!("{value}.signed")
    }
    fn unsign(&self, signed: &str) -> Option<String> {
        signed.strip_suffix(".signed").map(str::to_owned)
    }
    fn translate(&self, key: &str, values: &Map<String, Value>, _: &Request) -> String {
        format!("{key}{}", Value::Object(values.clone()))
    }
    fn native(&self, declared: &Native, _: &Request, _: &WorkerContext<'_>) -> Option<Response> {
        let text = format!("native {} {}", declared.kind, declared.path);
        Some(Response::bytes(http::StatusCode::OK, "text/plain", text))
    }
    fn mail(&self) -> &cirrus::config::Mail {
        &self.mail
    }
    fn trust(&self) -> &cirrus::work::Trust {
        &self.trust
    }
    fn uploads(&self) -> PathBuf {
        self.directory.join("data/uploads")
    }
}

impl World {
    pub fn new(app: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("app.js"), app).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self {
            directory,
            runtime,
            limits: Limits { inline: Duration::from_secs(5), ..Limits::default() },
            mail: Default::default(),
        }
    }

    pub fn file(self, name: &str, content: &str) -> Self {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    pub fn try_load(self) -> Result<App, String> {
        let text = std::fs::read_to_string(self.directory.path().join("schema.toml")).unwrap_or_default();
        let schema = cirrus::data::Schema::parse(&text, "schema.toml").unwrap();
        let store = cirrus::data::Store::open(&self.directory.path().join("data"), schema).unwrap();
        let host = Arc::new(Around {
            directory: self.directory.path().to_owned(),
            store: store.clone(),
            limits: self.limits,
            mail: self.mail,
            trust: Default::default(),
        });
        let engine = Engine::load(host.clone()).map_err(|error| error.to_string())?;
        let pool = Pool::new(host, self.runtime.handle().clone());
        Ok(App { store, engine, pool, runtime: self.runtime, _directory: self.directory })
    }

    pub fn load(self) -> App {
        self.try_load().unwrap()
    }
}

pub fn app(source: &str) -> App {
    World::new(source).load()
}

pub fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
    Request {
        id: RequestId(7),
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        uri: target.parse().unwrap(),
        headers: map,
        body: body.to_owned().into(),
        peer: "127.0.0.1".parse().unwrap(),
        secure: false,
        form: None,
        visitor: Arc::default(),
    }
}

impl App {
    pub fn get(&self, target: &str) -> Answer {
        self.send(request("GET", target, &[], ""))
    }

    pub fn post(&self, target: &str, body: Value) -> Answer {
        self.send(request("POST", target, &[("content-type", "application/json")], &body.to_string()))
    }

    pub fn send(&self, request: Request) -> Answer {
        let request = Arc::new(request);
        match self.engine.try_inline(&request) {
            Inline::Answered(response) => Answer::of(response, true),
            Inline::NoRoute(headers) => Answer { status: 404, headers, body: String::new(), file: None, inline: true },
            Inline::Native(number, headers) => {
                let native = &self.engine.declared().natives[number];
                let body = format!("native {} {} {}", native.kind, native.path, Value::Object(native.options.clone()));
                Answer { status: 200, headers, body, file: None, inline: true }
            }
            Inline::Elsewhere => {
                let receiver = self.pool.submit(Job::Handle(request));
                let response = self
                    .runtime
                    .block_on(async { tokio::time::timeout(Duration::from_secs(60), receiver).await })
                    .expect("an answer within a minute")
                    .expect("an answer");
                Answer::of(response, false)
            }
        }
    }
}

impl Answer {
    fn of(response: Response, inline: bool) -> Self {
        let (body, file) = match response.body {
            Body::Bytes(bytes) => (String::from_utf8_lossy(&bytes).into_owned(), None),
            Body::File(path) => (String::new(), Some(path)),
            _ => (String::new(), None),
        };
        Self { status: response.status.as_u16(), headers: response.headers, body, file, inline }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| json!({ "not json": self.body }))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
