//! What the publisher tells its customers about its applications.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use domain::{Key, Slug};
use minijinja::{Value, context};
use serde::Deserialize;

use super::Inside;
use crate::Plane;
use crate::operations::documents::{find_document, search_documents, unknown_document};
use crate::operations::{Actor, app_key, unknown_app};
use crate::problem::Answer;
use crate::store::apps;
use crate::store::documents::{self, Text};
use crate::web::api::documents::picture;
use crate::web::console::value;
use crate::web::documents::{neighbours, tree};
use crate::web::markdown;
use crate::web::visit::Visit;
use crate::web::{Path, Query};

/// Pages that a search shows.
const FOUND: u64 = 50;

/// What to look for.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    q: String,
}

/// Every application that has something to read, and what is found.
pub async fn show(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    let page = Inside { plane: &plane, visit: &visit, actor: &actor };
    let db = plane.store.read();
    let publisher = &page.customer()?.publisher;
    let all: Vec<_> = documents::published_apps(db, publisher)
        .await?
        .into_iter()
        .map(|(slug, name, count)| context! { slug => slug.as_str(), name, count })
        .collect();
    let found = search_documents(db, publisher, None, Text::Published, &wanted.q, FOUND).await?;
    let values = context! {
        portal => page.frame("/docs")?,
        base => page.base()?,
        apps => all,
        search => wanted.q,
        found => value(&found),
    };
    Ok(plane.pages.page(&visit.view, "portal/docs.html", values))
}

/// An application's first page.
pub async fn first(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app)): Path<(String, String)>,
) -> Answer<Response> {
    let key = app_key(plane.store.read(), &actor, &app).await?;
    let all = documents::list(plane.store.read(), &key, Text::Published).await?;
    let first = tree(&all, None).into_iter().next().ok_or_else(|| unknown_document(&app))?;
    one(&plane, &visit, &actor, &app, &first.slug).await
}

pub async fn read(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app, slug)): Path<(String, String, String)>,
) -> Answer<Response> {
    one(&plane, &visit, &actor, &app, &slug).await
}

async fn one(plane: &Plane, visit: &Visit, actor: &Actor, app: &str, slug: &str) -> Answer<Response> {
    let page = Inside { plane, visit, actor };
    let db = plane.store.read();
    let key = app_key(db, actor, app).await?;
    let app = apps::find(db, &key).await?.ok_or_else(|| unknown_app(app))?;
    let document = find_document(db, actor, &key, slug).await?;
    let all = documents::list(db, &key, Text::Published).await?;
    let tree = tree(&all, Some(slug));
    let docs = format!("{}/docs/{}", page.base()?, key.slug);
    let images = format!("{}/images/{}", page.base()?, key.slug);
    let (before, after) = neighbours(&tree, slug);
    let text = markdown::document(document.text.as_deref().unwrap_or(""), &docs, &images);
    let text = Value::from_safe_string(text);
    let values = context! {
        portal => page.frame("/docs")?,
        base => page.base()?,
        docs,
        app => value(&app),
        document => value(&document),
        text,
        before => before.map(value),
        after => after.map(value),
        tree => value(&tree),
    };
    Ok(plane.pages.page(&visit.view, "portal/doc.html", values))
}

pub async fn image(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((_, app, name)): Path<(String, Slug, String)>,
    request: Request,
) -> Answer<Response> {
    let publisher = actor.reach.publisher().ok_or_else(|| unknown_app(&app))?.clone();
    picture(&plane, &Key::new(publisher, app), &name, request).await
}
