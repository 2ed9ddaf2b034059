//! Writes into the audit what was refused: who asked for what, of which thing, and why it was not done.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use domain::{DeploymentId, OperationId, Slug};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value as Json, json};

use crate::Plane;
use crate::access::{JSON_LIMIT, Page, Row, forms};
use crate::operations::{Actor, app_key, find_installation};
use crate::problem::Refusal;
use crate::store::{Result, deployments, events, operations};
use crate::whence;
use crate::wire::{Outcome, Problem};

/// The JSON body of a request, kept beside its answer.
#[derive(Clone, Debug)]
pub struct Said(pub Bytes);

/// The thing that a request is about, as far as it is known.
#[derive(Default)]
struct Thing {
    id: String,
    name: Option<String>,
    publisher: Option<Slug>,
    customer: Option<Slug>,
    app: Option<Slug>,
    installation: Option<domain::InstallationId>,
}

/// Why a page was shown again, kept beside it.
#[derive(Clone, Debug)]
pub struct Why {
    /// The refusal's code.
    pub code: String,
    /// What it says.
    pub detail: String,
}

/// What was asked for.
struct Asked<'a> {
    verb: &'static str,
    /// Path pattern and path, without what they begin with everywhere.
    pattern: &'a str,
    path: &'a str,
    said: Json,
    status: u16,
    why: Option<Why>,
}

/// Records what the API refused; the answer as it was.
pub async fn record(plane: &Arc<Plane>, row: &Row, actor: &Actor, path: &str, response: Response) -> Response {
    let path = short(path.strip_prefix(crate::router::PREFIX).unwrap_or(path));
    let said = response.extensions().get::<Said>().and_then(|Said(bytes)| serde_json::from_slice(bytes).ok());
    let asked = |status, why| Asked {
        verb: row.verb,
        pattern: row.path,
        path: &path,
        said: said.unwrap_or_default(),
        status,
        why,
    };
    keep(plane, actor, response, asked).await
}

/// Records that a form was refused; the answer as it was.
pub async fn record_form(
    plane: &Arc<Plane>,
    row: &Page,
    actor: &Actor,
    path: &str,
    form: &[u8],
    response: Response,
) -> Response {
    let (pattern, path) = (below_place(row.path), short(below_place(path)));
    let known = ["slug", "name", "app", "customer"];
    let said = form_urlencoded::parse(form).filter(|(key, _)| known.contains(&&**key));
    let said = said.map(|(key, value)| (key.into_owned(), Json::String(value.into_owned()))).collect();
    let verb = forms::verb(pattern, &path);
    let asked = |status, why| Asked { verb, pattern, path: &path, said: Json::Object(said), status, why };
    keep(plane, actor, response, asked).await
}

/// A path of a page without whose place it is: `/apps/{app}` of `/p/{publisher}/apps/{app}`.
fn below_place(path: &str) -> &str {
    let open = if path.starts_with("/operator") { 1 } else { 2 };
    path.match_indices('/').nth(open).map_or("/", |(at, _)| &path[at..])
}

async fn keep<'a>(
    plane: &Arc<Plane>,
    actor: &Actor,
    response: Response,
    asked: impl FnOnce(u16, Option<Why>) -> Asked<'a>,
) -> Response {
    let (parts, body) = response.into_parts();
    let bytes = match Limited::new(body, JSON_LIMIT * 4).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => return Refusal::internal(error).into_response(),
    };
    let problem = || serde_json::from_slice::<Problem>(&bytes).ok();
    let why = parts.extensions.get::<Why>().cloned();
    let why = why.or_else(|| problem().map(|problem| Why { code: problem.code, detail: problem.detail }));
    match write(plane, actor, asked(parts.status.as_u16(), why)).await {
        Ok(()) => {
            plane.progress.changed();
            Response::from_parts(parts, Body::from(bytes))
        }
        Err(error) => Refusal::from(error).into_response(),
    }
}

async fn write(plane: &Plane, actor: &Actor, asked: Asked<'_>) -> Result<()> {
    let thing = thing(plane, actor, asked.pattern, asked.path, &asked.said).await?;
    let event = events::New {
        at: plane.now(),
        actor: actor.name().to_owned(),
        address: whence::address(),
        verb: asked.verb,
        kind: asked.verb.split('.').next().unwrap_or(""),
        id: thing.id,
        name: thing.name,
        publisher: actor.reach.publisher().cloned().or(thing.publisher),
        customer: actor.reach.customer().cloned().or(thing.customer),
        app: thing.app,
        installation: thing.installation,
        outcome: Outcome::Refused,
        detail: json!({
            "status": asked.status,
            "code": asked.why.as_ref().map(|why| &why.code),
            "why": asked.why.as_ref().map(|why| &why.detail),
            "path": asked.path,
        }),
    };
    let tx = plane.store.write().await?;
    events::record(&tx, &event).await?;
    tx.commit().await
}

/// What the path names, or else the body.
async fn thing(plane: &Plane, actor: &Actor, pattern: &str, path: &str, said: &Json) -> Result<Thing> {
    let db = plane.store.read();
    let Some(word) = named(pattern, path) else { return Ok(from_body(said, path)) };
    let mut thing = Thing { id: word.clone(), name: Some(word.clone()), ..Thing::default() };
    match pattern.split('/').nth(1) {
        Some("apps") => {
            if let Ok(key) = app_key(db, actor, &word).await {
                (thing.publisher, thing.app) = (Some(key.publisher), Some(key.slug));
            }
            // The version, where there is one.
            if let Some(number) = path.split('/').nth(4).filter(|_| pattern.contains("{number}")) {
                thing.id = format!("{word}/{number}");
                thing.name = Some(thing.id.clone());
            }
        }
        Some("installations") => {
            if let Ok(row) = find_installation(db, &actor.reach, &word).await {
                thing = Thing {
                    id: row.id.to_string(),
                    name: Some(row.name.to_string()),
                    publisher: Some(row.publisher),
                    customer: Some(row.customer),
                    app: Some(row.app),
                    installation: Some(row.id),
                };
            }
        }
        Some("operations") => {
            if let Ok(id) = word.parse::<OperationId>()
                && let Some(row) = operations::find_within(db, &actor.reach, id).await?
            {
                thing.name = Some(row.name.to_string());
                (thing.publisher, thing.customer) = (Some(row.publisher), Some(row.customer));
                (thing.app, thing.installation) = (Some(row.app), Some(row.installation));
            }
        }
        Some("deployments") => {
            thing.name = None;
            if let Ok(id) = word.parse::<DeploymentId>()
                && let Some(row) = deployments::find_within(db, &actor.reach, id).await?
            {
                (thing.publisher, thing.app) = (Some(row.publisher), Some(row.app));
            }
        }
        _ => {}
    }
    Ok(thing)
}

/// The first part of the path that the route leaves open.
fn named(pattern: &str, path: &str) -> Option<String> {
    let open = pattern.split('/').position(|part| part.starts_with('{'))?;
    Some(path.split('/').nth(open)?.to_owned())
}

/// What was to be made, as its maker called it.
fn from_body(said: &Json, path: &str) -> Thing {
    let text = |key: &str| said.get(key).and_then(Json::as_str).map(short);
    let app = text("app").and_then(|app| app.rsplit(':').next()?.parse().ok());
    let named = text("slug").or_else(|| text("name"));
    let described = text("app").zip(text("customer")).map(|(app, customer)| format!("{app} for {customer}"));
    match named.or(described) {
        Some(name) => Thing { id: name.clone(), name: Some(name), app, ..Thing::default() },
        None => Thing { id: path.to_owned(), app, ..Thing::default() },
    }
}

fn short(text: &str) -> String {
    text.chars().take(300).collect()
}
