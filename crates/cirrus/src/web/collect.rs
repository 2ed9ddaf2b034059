//! Collecting from rich widgets: elements marked `data-collect="table/id/field"` are gathered by `collect.js` and
//! stored here, through the one path of writes.
//!
//! `GET /_cirrus/collect/TABLE?id=1&field=contenido` gives `{value, version}`; `POST /_cirrus/collect/TABLE` takes
//! `{"items": [{"id", "field", "value", "version"}]}` and says for each `stored`, `same`, `conflict` or `error`. The
//! version is that of the value the edit began with: an edit that began before another one was stored is a conflict,
//! and nothing is written. Sending the same edit twice is harmless: the second time the value is the `same`.

use std::hash::{DefaultHasher, Hasher};

use http::{Method, StatusCode};
use serde_json::{Map, Value as Json, json};

use super::{Request, Response, form, problem, refusals, resource, resource::Answer};
use crate::{
    app::App,
    data::{Error, Fault, Read, Record, Session, Value, accept},
};

/// The script that pages include.
pub const SCRIPT: &str = include_str!("collect.js");
/// Values in one request.
const MOST: usize = 100;

/// Fields of a table that may be collected.
#[derive(Clone, Debug)]
pub struct Collect {
    path: String,
    table: String,
    fields: Vec<String>,
}

/// The version of a value, as pages carry it.
pub fn version(value: &Json) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(value.to_string().as_bytes());
    format!("{:016x}", hasher.finish())
}

impl Collect {
    /// From the declaration in `app.js`. The error is for the author.
    pub fn new(path: &str, options: &Map<String, Json>) -> Result<Self, String> {
        let table = options.get("table").and_then(Json::as_str).ok_or("collect needs a table")?.to_owned();
        let fields = options.get("fields").and_then(Json::as_array).ok_or("collect needs a list of fields")?;
        let name = |field: &Json| field.as_str().map(str::to_owned).ok_or("a field is named by a text");
        let fields = fields.iter().map(name).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { path: path.trim_end_matches('/').to_owned(), table, fields })
    }

    /// Its table.
    pub fn table(&self) -> &String {
        &self.table
    }

    /// Whether the table has these fields.
    pub fn check(&self, app: &App) -> Result<(), String> {
        let (_, table) = app.store.schema().find(&self.table).map_err(|error| error.to_string())?;
        match self.fields.iter().find(|field| !table.field(field).is_some_and(|field| field.writable())) {
            Some(field) => Err(format!("{} has no field `{field}` that can be written", self.table)),
            None => Ok(()),
        }
    }

    /// The value of a field with its version.
    pub fn read(&self, app: &App, read: &dyn Read, request: &Request) -> Answer {
        if request.uri.path().trim_end_matches('/') != self.path {
            return Answer::Unknown;
        }
        match request.method {
            Method::POST => return Answer::Worker,
            Method::GET | Method::HEAD => {}
            _ => return Answer::Done(problem::method_not_allowed("GET, HEAD, POST")),
        }
        let pairs = form::pairs(request.uri.query().unwrap_or("").as_bytes(), &app.config.limits).unwrap_or_default();
        let get = |name: &str| pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let (Some(id), Some(field)) = (get("id").and_then(|id| id.parse().ok()), get("field")) else {
            return Answer::Done(problem::plain(StatusCode::BAD_REQUEST, "say which: ?id=1&field=name"));
        };
        if !self.fields.iter().any(|allowed| allowed == field) {
            return Answer::Done(problem::not_found());
        }
        Answer::Done(match read.get(&self.table, id) {
            Ok(row) => {
                let value = row.get(field).map_or(Json::Null, Value::to_json);
                let body = json!({ "version": version(&value), "value": value });
                let mut response = Response::bytes(StatusCode::OK, "application/json", body.to_string());
                response.headers.insert(http::header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
                response
            }
            Err(error) => resource::of_data(app, request, &error),
        })
    }

    /// Stores what was gathered. Each value by itself: one that is wrong does not keep the others out.
    pub fn write(&self, app: &App, session: &Session, request: &Request) -> Option<Response> {
        if request.uri.path().trim_end_matches('/') != self.path {
            return None;
        }
        let bad = |detail: &str| Some(problem::plain(StatusCode::BAD_REQUEST, detail));
        // Not JSON by its type: that is what a form of another site could send.
        if form::kind(&request.headers) != form::Kind::Json {
            return Some(problem::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json"));
        }
        let body = match form::json(&request.body, &app.config.limits) {
            Ok(body) => body,
            Err(detail) => return bad(&detail),
        };
        let Some(items) = body["items"].as_array().filter(|items| items.len() <= MOST) else {
            return bad(&format!("send `items`, a list of at most {MOST} values"));
        };
        let told: Vec<Json> = items.iter().map(|item| self.item(app, session, request, item)).collect();
        Some(Response::bytes(StatusCode::OK, "application/json", json!({ "items": told }).to_string()))
    }

    fn item(&self, app: &App, session: &Session, request: &Request, item: &Json) -> Json {
        let (id, field) = (&item["id"], &item["field"]);
        let number = id.as_i64().or_else(|| id.as_str()?.parse().ok());
        let told = match (number, field.as_str()) {
            (Some(number), Some(name)) if self.fields.iter().any(|allowed| allowed == name) => {
                session.atomically(|session| self.store(session, number, name, item))
            }
            _ => Err(Error::Invalid("this field of this table is not collected".to_owned())),
        };
        let mut told = told.unwrap_or_else(|error| {
            let response = resource::of_data(app, request, &error);
            json!({ "status": "error", "code": response.status.as_u16(), "detail": error_text(app, request, &response, &error) })
        });
        told["id"] = id.clone();
        told["field"] = field.clone();
        told
    }

    fn store(&self, session: &Session, id: i64, name: &str, item: &Json) -> Result<Json, Error> {
        let (_, table) = session.schema().find(&self.table)?;
        let wrong = |fault| Error::Validation { table: self.table.clone(), faults: vec![fault] };
        let field = table.field(name).ok_or_else(|| wrong(Fault::new(name, "unknown").with("table", &self.table)))?;
        let current = session.get(&self.table, id)?.get(name).map_or(Json::Null, Value::to_json);
        let now = version(&current);
        let value = Value::from_json(&item["value"]).ok_or_else(|| {
            wrong(Fault::new(name, "type").with("kind", "text").with("value", accept::shown_json(&item["value"])))
        })?;
        let value = accept::accept(field, value).map_err(wrong)?;
        if value.to_json() == current {
            return Ok(json!({ "status": "same", "version": now }));
        }
        if item["version"].as_str() != Some(&now) {
            return Ok(json!({ "status": "conflict", "version": now, "value": current }));
        }
        let row = session.update(&self.table, id, Record::new().with(name, value))?;
        let stored = row.get(name).map_or(Json::Null, Value::to_json);
        Ok(json!({ "status": "stored", "version": version(&stored) }))
    }
}

/// What of an error its sender may read.
fn error_text(app: &App, request: &Request, response: &Response, error: &Error) -> String {
    if response.status.is_server_error() {
        return "something failed on our side".to_owned();
    }
    refusals::told(&app.shared.locales, request, error)
}
