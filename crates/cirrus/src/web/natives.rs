//! What `app.js` declares and Rust answers: resources, static directories, events, collecting, login. One type, read on
//! the thread of connections and on workers.

use std::path::PathBuf;

use http::{Method, StatusCode};

use super::{Body, Request, Response, collect::Collect, problem, resource, resource::Resource, static_files, users};
use crate::{
    app::App,
    data::{Reader, Session},
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
    /// Something that needs no answer of its own (`cors` is in `cirrus.toml`).
    Nothing,
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
            _ => Self::Nothing,
        })
    }

    /// Checks what can be checked when the application is loaded. The error is for the author.
    pub fn check(&self, app: &App) -> Result<(), String> {
        let table = match self {
            Self::Resource(resource) => &resource.table,
            Self::Events { table, .. } => table,
            Self::Collect(collect) => return collect.check(app),
            _ => return Ok(()),
        };
        app.store.schema().find(table).map(|_| ()).map_err(|error| error.to_string())
    }

    /// Answers on the thread of connections, if that needs no writing.
    pub fn on_connections(&self, app: &App, reader: &Reader, request: &Request) -> resource::Answer {
        use resource::Answer;
        match self {
            Self::Resource(resource) => resource.read(app, reader, request),
            Self::Static { path, directory } => match file(app, path, directory, request) {
                Some(response) => Answer::Done(response),
                None => Answer::Unknown,
            },
            Self::Events { path, table } if request.uri.path().trim_end_matches('/') == path => {
                Answer::Events(table.clone())
            }
            Self::Collect(collect) => collect.read(app, reader, request),
            Self::Users(routes) => routes.read(app, request),
            Self::Events { .. } | Self::Nothing => Answer::Unknown,
        }
    }

    /// Answers on a worker; `None` when there is nothing at this address.
    pub fn on_worker(&self, app: &App, request: &Request, worker: &WorkerContext<'_>) -> Option<Response> {
        let outcome = app.write(worker, |session| Ok(self.in_session(app, session, request)));
        outcome.unwrap_or_else(|error| Some(resource::of_data(request, &error)))
    }

    fn in_session(&self, app: &App, session: &Session, request: &Request) -> Option<Response> {
        let reads = matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
        match self {
            // Middleware that waits (for a login, say) brings reads here too.
            Self::Resource(resource) if reads => done(resource.read(app, session, request)),
            Self::Resource(resource) => resource.write(app, session, request),
            Self::Static { path, directory } => file(app, path, directory, request),
            Self::Collect(collect) if reads => done(collect.read(app, session, request)),
            Self::Collect(collect) => collect.write(app, session, request),
            Self::Users(routes) if reads => done(routes.read(app, request)),
            Self::Users(routes) => routes.write(app, session, request),
            Self::Events { .. } | Self::Nothing => None,
        }
    }
}

fn done(answer: resource::Answer) -> Option<Response> {
    match answer {
        resource::Answer::Done(response) => Some(response),
        resource::Answer::Worker => {
            Some(problem::plain(StatusCode::INTERNAL_SERVER_ERROR, "a read turned out to be a write"))
        }
        // The answer of a worker is whole; events are declared before middleware that waits.
        resource::Answer::Events(_) => Some(problem::plain(
            StatusCode::NOT_IMPLEMENTED,
            "events behind asynchronous middleware are not possible: make the middleware synchronous",
        )),
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
    response.body = Body::File(static_files::below(&root, rest)?);
    Some(response)
}
