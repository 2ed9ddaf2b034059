//! Documentation of applications.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use domain::{Key, Slug};
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::Plane;
use crate::files::picture_type;
use crate::operations::change_document::change_document;
use crate::operations::create_document::create_document;
use crate::operations::delete_document::delete_document;
use crate::operations::delete_image::delete_image;
use crate::operations::documents::{
    IMAGE, find_document, search_documents, seen_by, text_for, unknown_document, unknown_image,
};
use crate::operations::keep_image::keep_image;
use crate::operations::{Actor, app_key, unknown_app};
use crate::problem::{Answer, Refusal};
use crate::store::{apps, documents};
use crate::web::documents::in_order;
use crate::web::receive::in_time;
use crate::web::{Json, Paging, Path, Query, json, page, page_of};
use crate::wire::{ChangeDocument, CreateDocument, Document, Nothing};

/// Pages that are gone through.
const MOST: u64 = 500;

/// The application that a path names, which there is.
async fn find_app(plane: &Plane, actor: &Actor, text: &str) -> Answer<Key> {
    let db = plane.store.read();
    let key = app_key(db, actor, text).await?;
    apps::find(db, &key).await?.map(|_| key).ok_or_else(|| unknown_app(text))
}

/// Which pages.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Wanted {
    /// Words that a page must all have, whatever their accents and capitals.
    search: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

pub async fn list(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(app): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    let key = find_app(&plane, &actor, &app).await?;
    let (db, which) = (plane.store.read(), text_for(&actor));
    let all = match wanted.search.as_deref() {
        Some(words) => search_documents(db, &key.publisher, Some(&key.slug), which, words, MOST).await?,
        None => in_order(documents::list(db, &key, which).await?),
    };
    let all: Vec<Document> = all.into_iter().map(|one| seen_by(&actor, one)).collect();
    json(StatusCode::OK, &page_of(all, &wanted.paging)?)
}

/// Which pages of a publisher.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct WantedOfAll {
    /// Of which publisher; the caller's own when absent, for an operator the first one, `main`.
    publisher: Option<Slug>,
    /// Words that a page must all have, whatever their accents and capitals.
    search: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// Of all applications.
pub async fn list_all(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Query(wanted): Query<WantedOfAll>,
) -> Answer<Response> {
    let publisher = actor.publisher_for(wanted.publisher)?;
    let (db, which) = (plane.store.read(), text_for(&actor));
    let all = match wanted.search.as_deref() {
        Some(words) => search_documents(db, &publisher, None, which, words, MOST).await?,
        None => documents::search(db, &publisher, None, which, &[], MOST).await?,
    };
    let all = all.into_iter().map(|one| Document { text: None, ..seen_by(&actor, one) }).collect::<Vec<_>>();
    json(StatusCode::OK, &page_of(all, &wanted.paging)?)
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(app): Path<String>,
    Json(input): Json<CreateDocument>,
) -> Answer<Response> {
    let key = app_key(plane.store.read(), &actor, &app).await?;
    json(StatusCode::CREATED, &create_document(&plane, &actor, &key, input).await?)
}

pub async fn show(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((app, slug)): Path<(String, String)>,
) -> Answer<Response> {
    let key = find_app(&plane, &actor, &app).await?;
    json(StatusCode::OK, &find_document(plane.store.read(), &actor, &key, &slug).await?)
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((app, slug)): Path<(String, String)>,
    Json(input): Json<ChangeDocument>,
) -> Answer<Response> {
    let key = app_key(plane.store.read(), &actor, &app).await?;
    json(StatusCode::OK, &change_document(&plane, &actor, &key, &slug, input).await?)
}

pub async fn delete(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((app, slug)): Path<(String, String)>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    let key = app_key(plane.store.read(), &actor, &app).await?;
    delete_document(&plane, &actor, &key, &slug).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn revisions(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((app, slug)): Path<(String, String)>,
    Query(paging): Query<Paging>,
) -> Answer<Response> {
    let key = find_app(&plane, &actor, &app).await?;
    let db = plane.store.read();
    let (limit, before) = (paging.limit()?, paging.after::<u32>()?);
    let slug = find_document(db, &actor, &key, &slug).await?.slug;
    let rows = documents::revisions(db, &key, &slug, before, limit + 1).await?;
    json(StatusCode::OK, &page(rows, limit, |revision| revision.number.to_string()))
}

pub async fn revision(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((app, slug, number)): Path<(String, String, String)>,
) -> Answer<Response> {
    let key = find_app(&plane, &actor, &app).await?;
    let db = plane.store.read();
    let slug = find_document(db, &actor, &key, &slug).await?.slug;
    let unknown = || {
        let mut refusal = unknown_document(&slug);
        refusal.detail = format!("page {slug} has no text of that number, or it is too old to be kept");
        refusal
    };
    let number = number.parse().map_err(|_| unknown())?;
    json(StatusCode::OK, &documents::revision(db, &key, &slug, number).await?.ok_or_else(unknown)?)
}

pub async fn images(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(app): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer<Response> {
    let key = find_app(&plane, &actor, &app).await?;
    let (limit, after) = (paging.limit()?, paging.after::<String>()?);
    let rows = documents::images(plane.store.read(), &key, after.as_deref().unwrap_or(""), limit + 1).await?;
    json(StatusCode::OK, &page(rows, limit, |image| image.name.clone()))
}

/// What a picture is to be called.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Named {
    /// What texts call it; one of that name is replaced.
    #[serde(default)]
    name: String,
}

pub async fn add_image(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(app): Path<String>,
    Query(named): Query<Named>,
    request: Request,
) -> Answer<Response> {
    let key = find_app(&plane, &actor, &app).await?;
    let too_large = |_| Refusal::too_large("a picture", IMAGE as u64);
    let bytes = in_time(Limited::new(request.into_body(), IMAGE).collect()).await?.map_err(too_large)?.to_bytes();
    json(StatusCode::CREATED, &keep_image(&plane, &actor, &key, &named.name, &bytes).await?)
}

pub async fn image(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((app, name)): Path<(String, String)>,
    request: Request,
) -> Answer<Response> {
    let key = app_key(plane.store.read(), &actor, &app).await?;
    picture(&plane, &key, &name, request).await
}

/// A picture as browsers take it, which ask whether it has changed.
pub async fn picture(plane: &Plane, app: &Key, name: &str, request: Request) -> Answer<Response> {
    let image = documents::image(plane.store.read(), app, name).await?.ok_or_else(|| unknown_image(name))?;
    let tag = format!("\"{}\"", image.sha256);
    let known = request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let bytes = plane.images.read(&app.publisher, &image.sha256).map_err(Refusal::internal)?;
        let (kind, _) = picture_type(&bytes).ok_or_else(|| Refusal::internal("a kept picture is none"))?;
        ([(header::CONTENT_TYPE, kind)], Bytes::from(bytes)).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=300"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::ETAG, HeaderValue::from_str(&tag).map_err(Refusal::internal)?);
    Ok(response)
}

pub async fn remove_image(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((app, name)): Path<(String, String)>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    let key = app_key(plane.store.read(), &actor, &app).await?;
    delete_image(&plane, &actor, &key, &name).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
