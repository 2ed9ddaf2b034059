//! The order of an answer: guard, static file, the author's routes, what they declared for Rust, a worker, nothing.

use std::{cell::OnceCell, rc::Rc, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::{
    Body, Request, Response, collect, cookie, cors, csrf,
    events::Events,
    form, i18n,
    natives::Route,
    openapi, portal, problem,
    reading::Reading,
    resource::{self, Answer},
    static_files::Found,
};
use crate::{
    app::App,
    config::Cors,
    error::Error,
    script::{Engine, Inline, Job as Scheduled},
    work::{Job, Pool, Schedule},
};

/// A style sheet that pages may include.
const STYLE: &str = include_str!("../../assets/cirrus.css");

/// Where the server says how it is.
const HEALTH: &str = "/_cirrus/health";

/// One loaded application as the thread of connections serves it.
pub struct Site {
    app: Arc<App>,
    // The author may write no JavaScript at all.
    engine: Option<Engine>,
    routes: Vec<Route>,
    reading: Reading,
    /// Rules of other origins by path, the longest first.
    cors: Vec<(String, Cors)>,
    pool: Pool,
    events: Rc<Events>,
    openapi: OnceCell<bytes::Bytes>,
    _schedule: Schedule,
}

impl Site {
    /// A site of this application. Must be called within the tokio runtime.
    pub fn new(app: Arc<App>) -> Result<Rc<Self>, Error> {
        let reading = Reading::new(&app)?;
        let written = ["app.js", "app.mjs"].iter().any(|name| app.directory.join(name).is_file());
        let engine = if written {
            Some(Engine::load(app.clone()).map_err(|problem| Error::Script { problem: problem.to_string() })?)
        } else {
            None
        };
        let mut routes = Vec::new();
        for declared in engine.iter().flat_map(|engine| &engine.declared().natives) {
            let understood = Route::new(declared).and_then(|route| route.check(&app).map(|()| route));
            let wrong =
                |problem| Error::Script { problem: format!("app.js: {} {}: {problem}", declared.kind, declared.path) };
            routes.push(understood.map_err(wrong)?);
        }
        let pool = Pool::new(app.clone(), tokio::runtime::Handle::current());
        let jobs: Vec<Scheduled> = engine.iter().flat_map(|engine| engine.declared().jobs.clone()).collect();
        let schedule = Schedule::start(&pool, &jobs);
        let events = Events::new(app.clone());
        let mut cors: Vec<(String, Cors)> = routes.iter().filter_map(of_cors).collect();
        cors.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        let openapi = OnceCell::new();
        Ok(Rc::new(Self { app, engine, routes, reading, cors, pool, events, openapi, _schedule: schedule }))
    }

    /// The application.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// What pages of other origins may do at this path: by `app.cors`, or else by `cirrus.toml`.
    pub fn cors(&self, path: &str) -> &Cors {
        if self.cors.is_empty() {
            return &self.app.config.cors;
        }
        // Routes know neither case nor escapes, so rules must not either.
        let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy().to_lowercase();
        let below =
            |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let found = self.cors.iter().find(|(prefix, _)| below(prefix));
        found.map_or(&self.app.config.cors, |(_, cors)| cors)
    }

    /// Ends what outlives requests: readers of events hear the end, so that their connections can end too.
    pub fn stop(&self) {
        self.events.close();
    }

    /// Ends the workers, after the last request; at most so long.
    pub fn finish(&self, patience: Duration) {
        self.pool.stop(patience);
    }

    /// Answers one request.
    pub async fn answer(&self, request: &mut Arc<Request>) -> Response {
        let mut response = self.routed(request).await;
        let mut set = |cookie: String| {
            if let Ok(value) = HeaderValue::from_str(&cookie) {
                response.headers.append(header::SET_COOKIE, value);
            }
        };
        if let Some(cookie) = csrf::set_cookie(&self.app.shared.seals, &self.app.config, request) {
            set(cookie);
        }
        if let Some(language) = self.app.shared.locales.asked(request) {
            set(cookie::set(i18n::COOKIE, language, Some(365 * 24 * 3600), request.secure));
        }
        response
    }

    async fn routed(&self, request: &mut Arc<Request>) -> Response {
        if request.uri.path() == HEALTH {
            return self.health(request);
        }
        if request.uri.path() == portal::PATH && self.app.portal {
            return portal::arrive(&self.app, request);
        }
        if let Some(response) = cors::preflight(self.cors(request.uri.path()), request) {
            return response;
        }
        if let Err(refusal) = self.guard(request) {
            return *refusal;
        }
        if let Some(response) = self.public(request) {
            return response;
        }
        let Some(engine) = &self.engine else { return self.own(request).unwrap_or_else(problem::not_found) };
        match engine.try_inline(request) {
            Inline::Answered(response) => response,
            Inline::Elsewhere => self.on_worker(request).await,
            Inline::NoRoute(headers) => with(headers, self.own(request).unwrap_or_else(problem::not_found)),
            Inline::Native(route, headers) => {
                let Some(route) = self.routes.get(route) else { return problem::not_found() };
                match route.on_connections(&self.app, &self.reading, request) {
                    Answer::Done(response) => with(headers, response),
                    Answer::Events(table) => with(headers, self.listen(request, &table)),
                    // Further routes below this one are tried by whoever knows their order.
                    Answer::Worker | Answer::Slow | Answer::Unknown => self.on_worker(request).await,
                }
            }
        }
    }

    /// Forged requests, and the method that a form means.
    fn guard(&self, request: &mut Arc<Request>) -> Result<(), Box<Response>> {
        if matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return Ok(());
        }
        let read = form::read(request, &self.app.config.limits);
        let mut form = read.map_err(|detail| Box::new(problem::plain(StatusCode::BAD_REQUEST, &detail)))?;
        if form.is_none() && form::kind(&request.headers) == form::Kind::Plain && !request.body.is_empty() {
            // Another site's form can send this too, so it needs the token just the same.
            form = Some(form::Form::default());
        }
        csrf::check(&self.app.shared.seals, self.cors(request.uri.path()), request, form.as_ref())?;
        if request.method == Method::POST
            && let Some(meant) = form.as_ref().and_then(form::meant_method)
        {
            Arc::make_mut(request).method = meant;
        }
        Ok(())
    }

    async fn on_worker(&self, request: &Arc<Request>) -> Response {
        let patience = Duration::from_secs(self.app.config.limits.request_seconds.saturating_add(1));
        let receiver = self.pool.submit(Job::Handle(request.clone()));
        match tokio::time::timeout(patience, receiver).await {
            Ok(Ok(Response { status: _, headers, body: Body::Events(table) })) => {
                with(headers, self.listen(request, &table))
            }
            Ok(Ok(response)) => response,
            Ok(Err(_)) => {
                eprintln!("error {}: the worker that answered it is gone", request.id);
                let detail = format!("something failed on our side; its name is {}", request.id);
                problem::plain(StatusCode::INTERNAL_SERVER_ERROR, &detail)
            }
            Err(_) => problem::busy("this took longer than it may"),
        }
    }

    fn listen(&self, request: &Request, table: &str) -> Response {
        if request.method == Method::HEAD {
            return Response::empty(StatusCode::OK);
        }
        match self.app.store.schema().find(table) {
            Ok((place, _)) => self.events.subscribe(place),
            Err(error) => resource::of_data(&self.app, request, &error),
        }
    }

    /// For those who watch over the server: 200 while it answers and its database does, before all of the author's.
    fn health(&self, request: &Request) -> Response {
        if request.method != Method::GET && request.method != Method::HEAD {
            return problem::method_not_allowed("GET, HEAD");
        }
        let mut response = match self.reading.healthy() {
            Ok(()) => Response::bytes(StatusCode::OK, "text/plain; charset=utf-8", "ok\n"),
            Err(error) => {
                eprintln!("error {}: {error}", request.id);
                problem::busy("the database does not answer")
            }
        };
        response.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// `app.openapi(false)` keeps the document to the author.
    fn shows_openapi(&self) -> bool {
        let declared = self.engine.as_ref().and_then(|engine| engine.declared().settings.get("openapi"));
        declared != Some(&serde_json::Value::Bool(false))
    }

    /// What Cirrus itself serves.
    fn own(&self, request: &Request) -> Option<Response> {
        let path = request.uri.path();
        let content: (&'static str, bytes::Bytes) = match path {
            "/openapi.json" if self.shows_openapi() => {
                let document = || openapi::document(&self.app, self.resources()).to_string().into();
                ("application/json", self.openapi.get_or_init(document).clone())
            }
            "/_cirrus/cirrus.css" => ("text/css; charset=utf-8", STYLE.into()),
            "/_cirrus/collect.js" => ("text/javascript; charset=utf-8", collect::SCRIPT.into()),
            _ => return None,
        };
        if request.method != Method::GET && request.method != Method::HEAD {
            return Some(problem::method_not_allowed("GET, HEAD"));
        }
        let mut response = Response::bytes(StatusCode::OK, content.0, content.1);
        response.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Some(response)
    }

    fn resources(&self) -> impl Iterator<Item = &resource::Resource> {
        self.routes.iter().filter_map(|route| if let Route::Resource(resource) = route { Some(resource) } else { None })
    }

    fn public(&self, request: &Request) -> Option<Response> {
        if request.method != Method::GET && request.method != Method::HEAD {
            return None;
        }
        let mut response = Response::empty(StatusCode::OK);
        match self.app.public.find(request.uri.path())? {
            Found::File(path) => response.body = Body::File(path.into()),
            Found::Directory => {
                response.status = StatusCode::PERMANENT_REDIRECT;
                let place = HeaderValue::from_str(&format!("{}/", request.uri.path())).ok()?;
                response.headers.insert(header::LOCATION, place);
            }
        }
        Some(response)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // A reload: the last request of the old application was answered. Its idle workers end on a thread that waits
        // for them; without the thread they end when they have been idle for long.
        let pool = self.pool.clone();
        let _ = std::thread::Builder::new().stack_size(256 * 1024).spawn(move || pool.stop(Duration::from_secs(10)));
    }
}

fn of_cors(route: &Route) -> Option<(String, Cors)> {
    match route {
        Route::Cors { path, cors } => Some((path.to_lowercase(), cors.clone())),
        _ => None,
    }
}

/// What middleware set goes out with the answer, unless the answer says otherwise.
fn with(headers: HeaderMap, mut response: Response) -> Response {
    let mut last = None;
    for (name, value) in headers {
        last = name.or(last);
        let Some(name) = last.clone() else { continue };
        if name == header::SET_COOKIE || !response.headers.contains_key(&name) {
            response.headers.append(name, value);
        }
    }
    response
}
