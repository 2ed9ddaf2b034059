//! An application, loaded: everything in its directory that all threads share. A reload loads another one and swaps.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::{
    config::{self, Config},
    data::{Schema, Session, Store},
    error::Error,
    script::{Host, Limits, Native},
    web::{
        Request, Response,
        i18n::Locales,
        natives, portal, problem, refusals,
        seal::Seals,
        secret::Secret,
        send::Protection,
        session, static_files,
        template::{Shared, Templates},
        upload, users,
    },
    work::{Trust, WorkerContext},
};

/// A worker with the only runtime does not end: what its modules hold would be lost.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// The database's file in the data directory.
const DATABASE: &str = "data.sqlite";

/// One application over one data directory.
pub struct App {
    /// Where the author's files are.
    pub directory: PathBuf,
    /// Where its data is: `data.sqlite`, `secret`, `uploads/`.
    pub data: PathBuf,
    /// `cirrus.toml`.
    pub config: Config,
    /// The tables.
    pub store: Store,
    /// `public/`.
    pub public: static_files::Index,
    /// What views share: seals and locales.
    pub shared: Arc<Shared>,
    /// What every answer says to protect visitors.
    pub protection: Protection,
    /// Failed logins.
    pub logins: users::Attempts,
    people: users::People,
    /// Whether vClouden's edge is in front, which says who comes.
    pub portal: bool,
    templates: Templates,
    trust: Trust,
    pub(crate) limits: Limits,
}

impl App {
    /// Loads the directory; the data directory is made when missing. A changed schema is applied when nothing is lost
    /// by it.
    pub fn load(directory: &Path, data: &Path) -> Result<Self, Error> {
        Self::load_configured(directory, data, Self::config(directory)?)
    }

    /// The same with a configuration that need not be the one of `cirrus.toml`.
    pub fn load_configured(directory: &Path, data: &Path, config: Config) -> Result<Self, Error> {
        fs::create_dir_all(data).map_err(|source| Error::Write { path: data.into(), source })?;
        let seals = Seals::new(&Secret::load(&config, data)?);
        let locales = Locales::load(&directory.join("locales"), &config.i18n.default)?;
        let templates = Templates::load(&directory.join("views"))?;
        let public = static_files::Index::load(&directory.join("public"))?;
        let trust = Trust::load(directory, &config.tls)?;
        let schema = Self::schema(directory, &config)?;
        let fresh = !data.join(DATABASE).exists();
        let store = Store::open(data, schema)?;
        if fresh && let Err(error) = store.fill(&directory.join("initial-data")) {
            // Made by this very start and of no use: the next one begins again.
            drop(store);
            for name in [DATABASE, "data.sqlite-wal", "data.sqlite-shm"] {
                let path = data.join(name);
                if let Err(source) = fs::remove_file(&path)
                    && source.kind() != std::io::ErrorKind::NotFound
                {
                    eprintln!(
                        "error: {} has no initial data; delete it before the next start: {source}",
                        path.display()
                    );
                }
            }
            return Err(error.into());
        }
        let limits = limits(&config);
        Ok(Self {
            directory: directory.into(),
            data: data.into(),
            protection: Protection::new(&config.security),
            logins: users::Attempts::new(&config.users),
            people: users::People::default(),
            portal: config.proxy.portal || portal::is_installation(),
            config,
            store,
            public,
            shared: Arc::new(Shared { seals, locales }),
            templates,
            trust,
            limits,
        })
    }

    /// Its configuration alone.
    pub fn config(directory: &Path) -> Result<Config, Error> {
        if !directory.is_dir() {
            return Err(Error::NoApplication(directory.into()));
        }
        Config::load(directory)
    }

    /// Its tables alone: those of `schema.toml` and, with `[users]`, those of people.
    pub fn schema(directory: &Path, config: &Config) -> Result<Schema, Error> {
        let path = directory.join("schema.toml");
        let mut text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(Error::Read { path, source }),
        };
        text.push_str(&users::tables(&config.users, &text));
        Ok(Schema::parse(&text, "schema.toml").map_err(crate::data::Error::Schema)?)
    }

    /// Where uploaded files are.
    pub fn uploads(&self) -> PathBuf {
        self.data.join(upload::DIRECTORY)
    }

    /// Whether there is a view `directory/name`.
    pub fn has_view(&self, directory: &str, name: &str) -> bool {
        self.templates.has(&format!("{directory}/{name}"))
    }

    /// Renders a view. The error is for the author.
    pub fn render(&self, view: &str, values: &Value, request: &Request) -> Result<String, String> {
        let mut values = values.clone();
        if let Value::Object(values) = &mut values
            && !values.contains_key("user")
            && !self.config.users.table.is_empty()
        {
            values.insert("user".into(), self.visitor(request).map_err(|error| error.to_string())?);
        }
        if let Value::Object(values) = &mut values
            && !values.contains_key(portal::PERSON)
            && self.portal
        {
            let person = self.open_session(request).remove(portal::PERSON);
            values.insert(portal::PERSON.into(), person.unwrap_or(Value::Null));
        }
        self.templates.render(view, &values, request, &self.shared)
    }

    /// Who is logged in, as the table of people says now; null when nobody is.
    pub fn visitor(&self, request: &Request) -> Result<Value, crate::data::Error> {
        let claim = users::of_session(&self.open_session(request));
        if claim.is_null() { Ok(Value::Null) } else { self.people.current(&self.store, &self.config.users, &claim) }
    }

    /// The application's own page for this error, if it has one.
    pub fn error_page(&self, request: &Request, status: StatusCode, problem: &Value) -> Option<String> {
        let own = format!("errors/{}", status.as_u16());
        let view = [own.as_str(), "errors/error"].into_iter().find(|view| self.templates.has(view))?;
        let values = json!({ "problem": problem, "status": status.as_u16(), "request_id": request.id.to_string() });
        match self.render(view, &values, request) {
            Ok(page) => Some(page),
            Err(problem) => {
                eprintln!("error {}: the page of an error failed: {problem}", request.id);
                None
            }
        }
    }

    /// Runs writes on a worker, with the author's triggers, in the worker's transaction.
    pub fn write<T>(
        &self,
        worker: &WorkerContext<'_>,
        work: impl FnOnce(&Session) -> Result<T, crate::data::Error>,
    ) -> Result<T, crate::data::Error> {
        work(&*worker.session()?)
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn limits(config: &Config) -> Limits {
    let script = &config.script;
    let defaults = Limits::default();
    Limits {
        inline: Duration::from_millis(script.inline_ms),
        run: Duration::from_secs(script.cpu_seconds),
        answer: Duration::from_secs(config.limits.request_seconds),
        memory: script.memory,
        stack: script.stack,
        workers: if script.inline { script.workers } else { 1 },
        idle: if script.inline { defaults.idle } else { FOREVER },
        inline_handlers: script.inline,
        results: config.limits.results,
        queue: script.queue,
        ..defaults
    }
}

impl Host for App {
    fn directory(&self) -> &Path {
        &self.directory
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn store(&self) -> &Store {
        &self.store
    }

    fn has_view(&self, view: &str) -> bool {
        self.templates.has(view)
    }

    fn render(&self, view: &str, values: Value, request: &Request) -> Result<String, String> {
        App::render(self, view, &values, request)
    }

    fn open_session(&self, request: &Request) -> Map<String, Value> {
        session::open(&self.shared.seals, &self.config.session, request, now())
    }

    fn seal_session(&self, request: &Request, values: &Map<String, Value>) -> Result<String, String> {
        session::seal(&self.shared.seals, &self.config.session, request, values, now())
    }

    fn user(&self, claim: &Value) -> Result<Value, crate::data::Error> {
        self.people.current(&self.store, &self.config.users, claim)
    }

    fn hash_password(&self, password: &str) -> Result<String, crate::data::Error> {
        users::hash_checked(&self.config.users, password)
    }

    fn store_password(&self, session: &Session, user: i64, hash: String) -> Result<(), crate::data::Error> {
        users::store_hash(session, &self.config.users, user, hash)
    }

    fn sign(&self, value: &str) -> String {
        // Without randomness there is no proof: an unsigned value is one that `unsign` refuses.
        self.shared.seals.sign("cookie", value).unwrap_or_else(|_| value.to_owned())
    }

    fn unsign(&self, signed: &str) -> Option<String> {
        self.shared.seals.unsign("cookie", signed).map(str::to_owned)
    }

    fn translate(&self, key: &str, values: &Map<String, Value>, request: &Request) -> String {
        let locales = &self.shared.locales;
        locales.text(locales.choose(request), key, |name| {
            values.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        })
    }

    fn say_again(&self, detail: &mut String, errors: &mut Value, request: &Request) {
        refusals::again(&self.shared.locales, request, detail, errors);
    }

    fn native(&self, declared: &Native, request: &Request, worker: &WorkerContext<'_>) -> Option<Response> {
        match natives::Route::new(declared) {
            Ok(route) => route.on_worker(self, request, worker),
            Err(detail) => Some(problem::plain(StatusCode::INTERNAL_SERVER_ERROR, &detail)),
        }
    }

    fn mail(&self) -> &config::Mail {
        &self.config.mail
    }

    fn trust(&self) -> &Trust {
        &self.trust
    }

    fn uploads(&self) -> PathBuf {
        App::uploads(self)
    }
}
