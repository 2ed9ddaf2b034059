//! What `app.js` declares and Rust answers: resources, static directories, events, collecting, login. One type, read on
//! the thread of connections and on workers.

use std::path::PathBuf;

use http::{HeaderValue, Method, StatusCode, header};

use super::{
    Body, Request, Response, collect::Collect, cors, problem, reading::Reading, resource, resource::Resource,
    static_files, users,
};
use crate::{
    app::App,
    config::Cors,
    data::{Read, Session},
    script::Native,
    work::WorkerContext,
};

/// One declaration, understood.
#[derive(Clone, Debug)]
pub enum Route {
    /// `app.resource(...)`.
    Resource(Resource),
    /// `app.static('/x', 'dir')`: a directory whose files come and go.
    Static {
        /// The path it stands for.
        path: String,
        /// Relative to the application, or below `data:` to its data.
        directory: String,
    },
    /// `app.events('/changes', 'tareas')`.
    Events {
        /// Where.
        path: String,
        /// Of which table.
        table: String,
    },
    /// `app.collect('documentos', [...])`.
    Collect(Collect),
    /// `app.users('/')`: login and logout.
    Users(users::Routes),
    /// `app.cors('/api', { origin: 'https://example.com' })`: other rules at and below a path than those of
    /// `cirrus.toml`. It is no step on the way of a request.
    Cors {
        /// The path, without a final slash.
        path: String,
        /// The rules.
        cors: Cors,
    },
}

impl Route {
    /// Reads a declaration. The error is for the author.
    pub fn new(declared: &Native) -> Result<Self, String> {
        let text = |name: &str| declared.options.get(name).and_then(serde_json::Value::as_str);
        let path = declared.path.trim_end_matches('/').to_owned();
        Ok(match declared.kind.as_str() {
            "resource" => Self::Resource(Resource::new(&declared.path, &declared.options)?),
            "static" => {
                let directory = text("directory").ok_or("a static path needs a directory")?.to_owned();
                Self::Static { path, directory }
            }
            "events" => Self::Events { path, table: text("table").ok_or("events need a table")?.to_owned() },
            "collect" => Self::Collect(Collect::new(&declared.path, &declared.options)?),
            "users" => Self::Users(users::Routes::new(text("prefix").unwrap_or("").trim_end_matches('/'))),
            "cors" => Self::Cors { path, cors: cors::declared(&declared.options)? },
            other => return Err(format!("Cirrus knows nothing of the kind `{other}`")),
        })
    }

    /// Checks what can be checked when the application is loaded. The error is for the author.
    pub fn check(&self, app: &App) -> Result<(), String> {
        let (table, fits) = match self {
            Self::Resource(resource) => (&resource.table, resource.check(app)),
            Self::Collect(collect) => (collect.table(), collect.check(app)),
            Self::Events { table, .. } => {
                (table, app.store.schema().find(table).map(drop).map_err(|error| error.to_string()))
            }
            Self::Static { .. } | Self::Users(_) | Self::Cors { .. } => return Ok(()),
        };
        let users = &app.config.users;
        if !users.table.is_empty() && *table == users::keys(users) {
            return Err(format!("{table} holds the hashes of passwords, which no address may show"));
        }
        fits
    }

    /// Answers on the thread of connections, if that needs no writing.
    pub fn on_connections(&self, app: &App, reading: &Reading, request: &Request) -> resource::Answer {
        use resource::Answer;
        let reader = reading.begin();
        match self {
            Self::Resource(resource) => resource.read(app, reader, Some(reading), request),
            Self::Static { path, directory } => match file(app, path, directory, request) {
                Some(response) => Answer::Done(response),
                None => Answer::Unknown,
            },
            Self::Events { path, table } if request.uri.path().trim_end_matches('/') == path => {
                Answer::Events(table.clone())
            }
            Self::Collect(collect) => collect.read(app, reader, request),
            Self::Users(routes) => routes.read(app, request),
            Self::Events { .. } | Self::Cors { .. } => Answer::Unknown,
        }
    }

    /// Answers on a worker; `None` when there is nothing at this address.
    pub fn on_worker(&self, app: &App, request: &Request, worker: &WorkerContext<'_>) -> Option<Response> {
        let reads = matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
        // A login only reads too: checking a password takes long, and meanwhile others want to write.
        let outcome = if reads || matches!(self, Self::Users(_)) {
            worker.reading(|read| Ok(self.by_reading(app, read, request, reads)))
        } else {
            app.write(worker, |session| Ok(self.in_session(app, session, request)))
        };
        outcome.unwrap_or_else(|error| Some(resource::of_data(app, request, &error)))
    }

    /// Middleware that waits (for a login, say) brings reads here too, and those that take long.
    fn by_reading(&self, app: &App, read: &dyn Read, request: &Request, reads: bool) -> Option<Response> {
        match self {
            Self::Resource(resource) => done(resource.read(app, read, None, request)),
            Self::Static { path, directory } => file(app, path, directory, request),
            Self::Collect(collect) => done(collect.read(app, read, request)),
            Self::Users(routes) if reads => done(routes.read(app, request)),
            Self::Users(routes) => routes.write(app, read, request),
            Self::Events { path, table } if request.uri.path().trim_end_matches('/') == path => {
                done(resource::Answer::Events(table.clone()))
            }
            Self::Events { .. } | Self::Cors { .. } => None,
        }
    }

    fn in_session(&self, app: &App, session: &Session, request: &Request) -> Option<Response> {
        match self {
            Self::Resource(resource) => resource.write(app, session, request),
            Self::Collect(collect) => collect.write(app, session, request),
            Self::Static { .. } | Self::Users(_) | Self::Events { .. } | Self::Cors { .. } => None,
        }
    }
}

fn done(answer: resource::Answer) -> Option<Response> {
    match answer {
        resource::Answer::Done(response) => Some(response),
        resource::Answer::Worker => {
            Some(problem::plain(StatusCode::INTERNAL_SERVER_ERROR, "a read turned out to be a write"))
        }
        resource::Answer::Slow => Some(problem::busy("this question takes too long: ask for less, or by an index")),
        // The thread of connections has those who listen: it goes on with it.
        resource::Answer::Events(table) => {
            let mut response = Response::empty(StatusCode::OK);
            response.body = Body::Events(table);
            Some(response)
        }
        resource::Answer::Unknown => None,
    }
}

fn file(app: &App, path: &str, directory: &str, request: &Request) -> Option<Response> {
    if request.method != Method::GET && request.method != Method::HEAD {
        return None;
    }
    let rest = request.uri.path().strip_prefix(path)?;
    let root: PathBuf = match directory.strip_prefix("data:") {
        Some(inside) => app.data.join("uploads").join(inside.trim_matches('/')),
        None => app.directory.join(directory),
    };
    let mut response = Response::empty(StatusCode::OK);
    if directory.starts_with("data:") {
        // What visitors sent is shown, and runs nothing: no page or drawing of theirs acts in the name of this site.
        let harmless = HeaderValue::from_static("default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'");
        response.headers.insert(header::CONTENT_SECURITY_POLICY, harmless);
    }
    response.body = Body::File(static_files::below(&root, rest)?);
    Some(response)
}
