//! `app.resource('tareas')`: a table as a REST resource, in Rust from end to end, and as pages when views exist.
//!
//! `GET /` lists, `POST /` creates, `GET /ID` shows, `PUT`, `PATCH` and `DELETE /ID` write; `GET /new` and `GET
//! /ID/edit` are pages. Reads are answered on the thread of connections, writes on a worker, where the author's
//! triggers run.

mod body;
mod list;
mod pages;
mod write;

use std::hash::{DefaultHasher, Hasher};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value, json};

use super::{Request, Response, options, problem, reading::Reading, refusals, send};
use crate::{
    app::App,
    data::{Error, ErrorKind, Read, Session, query::Order, schema::Table},
};

/// Rows of a page when the request does not say.
const PAGE: u32 = 100;
/// What may be said of a resource.
const OPTIONS: [&str; 7] = ["table", "path", "only", "page", "sort", "events", "views"];
/// The same in the words of others.
const OTHERS: [(&str, &str); 9] = [
    ("order", "sort"),
    ("orderBy", "sort"),
    ("limit", "page"),
    ("pageSize", "page"),
    ("perPage", "page"),
    ("except", "only"),
    ("methods", "only"),
    ("url", "path"),
    ("sse", "events"),
];

/// A declared resource.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Where it answers, without a final slash.
    pub path: String,
    /// Its table.
    pub table: String,
    /// What it allows.
    pub verbs: Verbs,
    /// Rows of a page when the request does not say.
    pub page: u32,
    /// The order when the request does not say.
    pub order: Vec<Order>,
    /// Whether `/events` tells of changes.
    pub events: bool,
    /// The directory of its pages in `views/`.
    pub views: String,
}

/// What a resource allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verbs {
    /// Listing rows.
    pub list: bool,
    /// One row.
    pub get: bool,
    /// New rows.
    pub create: bool,
    /// Changing rows.
    pub update: bool,
    /// Deleting rows.
    pub delete: bool,
}

impl Verbs {
    const ALL: Self = Self { list: true, get: true, create: true, update: true, delete: true };
    const NONE: Self = Self { list: false, get: false, create: false, update: false, delete: false };

    /// From `only: ['list', 'get']` (also in the words of the original: index, show, new, edit, destroy).
    fn only(names: &[Value]) -> Result<Self, String> {
        let mut verbs = Self::NONE;
        for name in names {
            match name.as_str().unwrap_or("") {
                "list" | "index" => verbs.list = true,
                "get" | "show" => verbs.get = true,
                "create" | "new" => verbs.create = true,
                "update" | "edit" => verbs.update = true,
                "delete" | "destroy" => verbs.delete = true,
                other => return Err(format!("`only` knows list, get, create, update and delete, not `{other}`")),
            }
        }
        Ok(verbs)
    }
}

/// What became of a request.
pub enum Answer {
    /// This.
    Done(Response),
    /// It writes: a worker must answer it.
    Worker,
    /// It wants to hear of changes of this table.
    Events(String),
    /// It takes too long for the thread of connections: a worker must answer it, or refuse.
    Slow,
    /// There is nothing at this address below the resource.
    Unknown,
}

enum Place {
    Collection,
    New,
    Events,
    Item(i64),
    Edit(i64),
}

impl Resource {
    /// From the declaration in `app.js`. The error is for the author.
    pub fn new(path: &str, options: &Map<String, Value>) -> Result<Self, String> {
        options::check(options, &OPTIONS, &OTHERS)?;
        let text = |name: &str| match options.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(other) => Err(format!("`{name}` is a text, not {other}")),
        };
        let table = text("table")?.ok_or("a resource needs a table")?.to_owned();
        let verbs = match options.get("only") {
            None => Verbs::ALL,
            Some(Value::Array(names)) => Verbs::only(names)?,
            Some(_) => return Err("`only` is a list such as ['list', 'get']".into()),
        };
        let page = match options.get("page") {
            None => PAGE,
            Some(rows) => rows
                .as_u64()
                .and_then(|rows| u32::try_from(rows).ok())
                .filter(|rows| *rows > 0)
                .ok_or("`page` is a number of rows")?,
        };
        let order = text("sort")?.map(list::order).unwrap_or_default();
        let events = match options.get("events") {
            None => false,
            Some(wanted) => wanted.as_bool().ok_or("`events` is true or false")?,
        };
        let views = text("views")?.unwrap_or(&table).to_owned();
        Ok(Self { path: path.trim_end_matches('/').to_owned(), table, verbs, page, order, events, views })
    }

    /// Checks what only the schema tells. The error is for the author.
    pub fn check(&self, app: &App) -> Result<(), String> {
        let (_, table) = app.store.schema().find(&self.table).map_err(|error| error.to_string())?;
        if let Some(term) = self.order.iter().find(|term| table.type_of(&term.field).is_none()) {
            return Err(format!("`sort`: {} has no field `{}`", self.table, term.field));
        }
        if self.of_people(app) && table.field("password").is_some() {
            return Err(format!(
                "{} has a field `password`, which everybody could read: take it out of schema.toml, passwords are kept \
                 as hashes in a table of their own",
                self.table
            ));
        }
        Ok(())
    }

    /// Whether its rows are the people who log in: their passwords come in with them, and are neither stored as they
    /// are nor shown.
    pub fn of_people(&self, app: &App) -> bool {
        self.table == app.config.users.table
    }

    /// Who may reach the people's resource to read may not, for that, make himself an administrator: roles and
    /// passwords are written by those whose role is to manage people.
    fn managed(&self, app: &App, request: &Request) -> Result<Option<Response>, Error> {
        if !self.of_people(app) {
            return Ok(None);
        }
        let visitor = app.visitor(request)?;
        if visitor.is_null() {
            return Ok(Some(problem::plain(StatusCode::UNAUTHORIZED, "log in first")));
        }
        let managers = &app.config.users.managers;
        let is_manager = visitor["role"].as_str().is_some_and(|role| managers.iter().any(|manager| manager == role));
        let detail = "your role may not change people (`managers` in [users] of cirrus.toml)";
        Ok((!is_manager).then(|| problem::plain(StatusCode::FORBIDDEN, detail)))
    }

    fn place(&self, app: &App, path: &str) -> Option<Place> {
        let rest = path.strip_prefix(&self.path)?;
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
        let mut parts = rest.split('/').filter(|part| !part.is_empty());
        match (parts.next(), parts.next(), parts.next()) {
            (None, ..) => Some(Place::Collection),
            (Some("new"), None, _) if self.verbs.create && app.has_view(&self.views, "new") => Some(Place::New),
            (Some("events"), None, _) if self.events => Some(Place::Events),
            (Some(id), None, _) => Some(Place::Item(number(id)?)),
            (Some(id), Some("edit"), None) if self.verbs.update && app.has_view(&self.views, "edit") => {
                Some(Place::Edit(number(id)?))
            }
            _ => None,
        }
    }

    fn methods(&self, place: &Place) -> Vec<&'static str> {
        let verbs = &self.verbs;
        let (read, write): (bool, &[(bool, &'static str)]) = match place {
            Place::Collection => (verbs.list, &[(verbs.create, "POST")]),
            Place::Item(_) => (verbs.get, &[(verbs.update, "PUT"), (verbs.update, "PATCH"), (verbs.delete, "DELETE")]),
            Place::New | Place::Events | Place::Edit(_) => (true, &[]),
        };
        let mut methods = if read { vec!["GET", "HEAD"] } else { Vec::new() };
        methods.extend(write.iter().filter(|(allowed, _)| *allowed).map(|(_, name)| *name));
        methods.push("OPTIONS");
        methods
    }

    /// Answers what needs no writing; lists from memory where there is one.
    pub fn read(&self, app: &App, reader: &dyn Read, memory: Option<&Reading>, request: &Request) -> Answer {
        let Some(place) = self.place(app, request.uri.path()) else { return Answer::Unknown };
        let allowed = self.methods(&place);
        if !allowed.contains(&request.method.as_str()) {
            return Answer::Done(problem::method_not_allowed(&allowed.join(", ")));
        }
        if request.method == Method::OPTIONS {
            let mut response = Response::empty(StatusCode::NO_CONTENT);
            let allow = HeaderValue::from_str(&allowed.join(", ")).unwrap_or(HeaderValue::from_static("GET"));
            response.headers.insert(header::ALLOW, allow);
            return Answer::Done(response);
        }
        if request.method != Method::GET && request.method != Method::HEAD {
            return Answer::Worker;
        }
        let outcome = match place {
            Place::Collection => list::answer(self, app, reader, memory, request),
            Place::Item(id) => self.show(app, reader, request, id),
            Place::New => pages::new(self, app, reader, request),
            Place::Edit(id) => pages::edit(self, app, reader, request, id),
            Place::Events => return Answer::Events(self.table.clone()),
        };
        match outcome {
            Ok(response) => Answer::Done(response),
            Err(Error::TooSlow) => Answer::Slow,
            Err(error) => Answer::Done(of_data(app, request, &error)),
        }
    }

    /// Answers what writes. `None` when there is nothing at this address.
    pub fn write(&self, app: &App, session: &Session, request: &Request) -> Option<Response> {
        let place = self.place(app, request.uri.path())?;
        match self.managed(app, request) {
            Ok(None) => {}
            Ok(Some(refusal)) => return Some(refusal),
            Err(error) => return Some(of_data(app, request, &error)),
        }
        let outcome = match (place, &request.method) {
            (Place::Collection, &Method::POST) => write::create(self, app, session, request),
            (Place::Item(id), &Method::PUT) => write::update(self, app, session, request, id, true),
            (Place::Item(id), &Method::PATCH) => write::update(self, app, session, request, id, false),
            (Place::Item(id), &Method::DELETE) => write::delete(self, app, session, request, id),
            (place, _) => return Some(problem::method_not_allowed(&self.methods(&place).join(", "))),
        };
        Some(outcome.unwrap_or_else(|refusal| match refusal {
            write::Refusal::Data(error) => of_data(app, request, &error),
            write::Refusal::Response(response) => *response,
        }))
    }

    fn show(&self, app: &App, reader: &dyn Read, request: &Request, id: i64) -> Result<Response, Error> {
        if pages::wanted(self, app, request, "show") {
            return pages::show(self, app, reader, request, id);
        }
        let mut bytes = Vec::with_capacity(512);
        if !reader.write_json_of(&self.table, id, &mut bytes)? {
            return Err(Error::NotFound { table: self.table.clone(), id });
        }
        let tag = tag_value(&bytes);
        Ok(tagged(request, bytes.into(), tag))
    }
}

fn number(text: &str) -> Option<i64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| plain && *id > 0)
}

/// The entity tag of these bytes, as a header.
fn tag_value(bytes: &[u8]) -> HeaderValue {
    HeaderValue::from_str(&tag(bytes)).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The entity tag of these bytes.
pub fn tag(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("\"{:016x}\"", hasher.finish())
}

/// JSON with its entity tag, or 304.
fn tagged(request: &Request, bytes: Bytes, tag: HeaderValue) -> Response {
    let names = |list| send::names_tag(list, tag.to_str().unwrap_or(""));
    let same = request.headers.get(header::IF_NONE_MATCH).is_some_and(names);
    let mut response = if same {
        Response::empty(StatusCode::NOT_MODIFIED)
    } else {
        Response::bytes(StatusCode::OK, "application/json", bytes)
    };
    response.headers.insert(header::ETAG, tag);
    response.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// A failure of the data layer as a response. What is the visitor's fault is told; what is ours is logged with the
/// request's name.
pub fn of_data(app: &App, request: &Request, error: &Error) -> Response {
    let status = match error.kind() {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Busy => return problem::busy(&error.to_string()),
        ErrorKind::Full => return problem::full(),
        ErrorKind::Internal => {
            eprintln!("error {}: {} {}: {error}", request.id, request.method, request.uri);
            let detail = format!("something failed on our side; its name is {}", request.id);
            return problem::plain(StatusCode::INTERNAL_SERVER_ERROR, &detail);
        }
    };
    match error {
        Error::Validation { faults, .. } => {
            // What would be right in another state of the data is a conflict, not a mistake in the record.
            let conflict = faults.iter().all(|fault| matches!(fault.code, "unique" | "link"));
            let status = if conflict && !faults.is_empty() { StatusCode::CONFLICT } else { status };
            let locales = &app.shared.locales;
            let errors = refusals::errors(locales, request, faults);
            problem::fields(status, &refusals::told(locales, request, error), errors)
        }
        Error::Rejected(rejection) if rejection.field.is_some() => {
            let fault = json!([{ "field": rejection.field, "code": "rejected", "message": rejection.message }]);
            problem::fields(status, &rejection.message, fault)
        }
        _ => problem::plain(status, &error.to_string()),
    }
}

/// The table of a resource: it was found when the application was loaded.
fn table<'s>(resource: &Resource, read: &'s dyn Read) -> Result<&'s Table, Error> {
    read.schema().find(&resource.table).map(|(_, table)| table)
}

/// A header that was made of checked text.
fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
