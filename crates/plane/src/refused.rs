//! Writes into the audit what was refused: who asked for what, of which thing, and why it was not done.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use domain::{DeploymentId, OperationId, Slug};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value as Json, json};

use crate::Plane;
use crate::access::{JSON_LIMIT, Row};
use crate::operations::{Actor, app_key, find_installation};
use crate::problem::Refusal;
use crate::store::{Result, deployments, events, operations};
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

/// Records it; the answer as it was.
pub async fn record(plane: &Arc<Plane>, row: &Row, actor: &Actor, path: &str, response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let bytes = match Limited::new(body, JSON_LIMIT * 4).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => return Refusal::internal(error).into_response(),
    };
    let problem: Option<Problem> = serde_json::from_slice(&bytes).ok();
    let path = short(path.strip_prefix(crate::router::PREFIX).unwrap_or(path));
    let said = parts.extensions.get::<Said>().and_then(|Said(bytes)| serde_json::from_slice(bytes).ok());
    let recorded = async {
        let thing = thing(plane, actor, row.path, &path, &said.unwrap_or_default()).await?;
        let event = events::New {
            at: plane.now(),
            actor: actor.name().to_owned(),
            verb: row.verb,
            kind: row.verb.split('.').next().unwrap_or(""),
            id: thing.id,
            name: thing.name,
            publisher: actor.reach.publisher().cloned().or(thing.publisher),
            customer: actor.reach.customer().cloned().or(thing.customer),
            app: thing.app,
            installation: thing.installation,
            outcome: Outcome::Refused,
            detail: json!({
                "status": parts.status.as_u16(),
                "code": problem.as_ref().map(|p| &p.code),
                "why": problem.as_ref().map(|p| &p.detail),
                "path": &path,
            }),
        };
        let tx = plane.store.write().await?;
        events::record(&tx, &event).await?;
        tx.commit().await
    };
    match recorded.await {
        Ok(()) => {
            plane.progress.changed();
            Response::from_parts(parts, Body::from(bytes))
        }
        Err(error) => Refusal::from(error).into_response(),
    }
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
