//! Versions: the only requests with bodies that are not small, so they are received into a file as they come.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use domain::{Key, Slug};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio_util::io::ReaderStream;

use crate::Plane;
use crate::operations::delete_version::delete_version;
use crate::operations::host;
use crate::operations::publish_version::{Input, publish_version};
use crate::operations::{Actor, app_key, unknown_app, unknown_version};
use crate::problem::{Answer, Refusal};
use crate::store::{apps, logos, versions};
use crate::web::portal::brand::picture;
use crate::web::receive::{Received, check_notes};
use crate::web::{Json, Paging, Path, Query, from_text, json, page};
use crate::wire::{Nothing, Version};
use crate::{etag, guard};

pub async fn list(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(app): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer<Response> {
    let key = app_key(plane.store.read(), &actor, &app).await?;
    let (limit, before) = (paging.limit()?, paging.after::<u32>()?);
    if apps::find(plane.store.read(), &key).await?.is_none() {
        return Err(unknown_app(&app));
    }
    let rows = versions::list(plane.store.read(), &key, before, limit + 1).await?;
    json(StatusCode::OK, &page(rows, limit, |version| version.number.to_string()))
}

pub async fn show(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((app, number)): Path<(String, String)>,
) -> Answer<Response> {
    json(StatusCode::OK, &find(&plane, &actor, &app, &number).await?)
}

pub async fn delete(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((app, number)): Path<(String, String)>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    let key = app_key(plane.store.read(), &actor, &app).await?;
    let wanted = number.parse().map_err(|_| unknown_version(&key.slug, &number))?;
    delete_version(&plane, &actor, &key, wanted).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn download(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((app, number)): Path<(String, String)>,
    request: Request,
) -> Answer<Response> {
    let version = find(&plane, &actor, &app, &number).await?;
    let tag = format!("\"{}\"", version.artifact);
    let mut response = if etag::known(request.headers(), &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let path = plane.artifacts.path(&version.artifact);
        let file = tokio::fs::File::open(&path).await.map_err(|error| {
            Refusal::internal(format!("the archive of version {number} of {app} cannot be read: {error}"))
        })?;
        let mut response = Body::from_stream(ReaderStream::with_capacity(file, 64 << 10)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/gzip"));
        headers.insert(header::CONTENT_LENGTH, version.archive_bytes.into());
        let name = format!("attachment; filename=\"{}-{}.tar.gz\"", version.app, version.number);
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(Refusal::internal)?);
        response
    };
    response.headers_mut().insert(header::ETAG, HeaderValue::from_str(&tag).map_err(Refusal::internal)?);
    Ok(response)
}

async fn find(plane: &Plane, actor: &Actor, app: &str, number: &str) -> Answer<Version> {
    let key = app_key(plane.store.read(), actor, app).await?;
    if let Ok(wanted) = number.parse()
        && let Some(version) = versions::find(plane.store.read(), &key, wanted).await?
    {
        return Ok(version);
    }
    if apps::find(plane.store.read(), &key).await?.is_none() {
        return Err(unknown_app(app));
    }
    Err(unknown_version(&key.slug, number))
}

/// How a version is published.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Publish {
    /// What its publisher says of it.
    #[schemars(length(max = 10_000))]
    notes: Option<String>,
    /// Makes the application when there is none.
    #[serde(default, deserialize_with = "from_text")]
    create: Option<bool>,
}

pub async fn publish(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(app): Path<String>,
    Query(query): Query<Publish>,
    request: Request,
) -> Answer<Response> {
    let slug: Slug = app.rsplit(':').next().unwrap_or("").parse().map_err(|_| bad_slug(&app))?;
    let key = app_key(plane.store.read(), &actor, &app).await?;
    check_notes(query.notes.as_deref())?;
    let (parts, body) = request.into_parts();
    check_head(&plane, &parts)?;
    let create = query.create.unwrap_or(false);
    if !create && apps::find(plane.store.read(), &key).await?.is_none() {
        // Before a gigabyte is sent in vain; the operation says it again.
        let detail = format!(
            "there is no application \"{slug}\" yet; create it with `vclouden app create {slug}`, or publish with \
             `?create=true`"
        );
        return Err(Refusal::missing("unknown-app", detail));
    }
    let _turn = plane.publishing.acquire().await.map_err(Refusal::internal)?;
    let received = Received::receive(&plane, body.into_data_stream()).await?;
    let once = guard::key_of(&parts.headers)?;
    let fingerprint = guard::fingerprint(&parts.method, &parts.uri, received.hash.as_bytes());
    let work = publish_received(&plane, &actor, key, create, query.notes, received);
    match once {
        None => Ok(work.await),
        Some(once) => guard::idempotent(&plane, &actor, &once, &fingerprint, work).await,
    }
}

async fn publish_received(
    plane: &Plane,
    actor: &Actor,
    app: Key,
    create: bool,
    notes: Option<String>,
    received: Received,
) -> Response {
    let input = Input { app, create, notes, received: received.path.clone() };
    let rendered = publish_version(plane, actor, input)
        .await
        .and_then(|(version, new)| json(if new { StatusCode::CREATED } else { StatusCode::OK }, &version));
    drop(received);
    rendered.unwrap_or_else(IntoResponse::into_response)
}

fn bad_slug(text: &str) -> Refusal {
    match text.parse::<Slug>() {
        Ok(slug) => unknown_app(slug),
        Err(error) => Refusal::invalid("bad-slug", error.to_string()),
    }
}

fn check_head(plane: &Plane, parts: &Parts) -> Answer<()> {
    let given = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if !["application/gzip", "application/x-gzip"].iter().any(|known| given.trim().eq_ignore_ascii_case(known)) {
        let given: String = given.chars().take(80).collect();
        let detail =
            format!("the body is said to be \"{given}\"; send a tar.gz with \"Content-Type: application/gzip\"");
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", detail));
    }
    let length = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.and_then(|text| text.parse::<u64>().ok());
    let limit = plane.archive_limits.archive_bytes;
    if length.is_some_and(|length| length > limit) {
        return Err(Refusal::too_large("the archive", limit));
    }
    Ok(())
}

/// The logo of a version; also for pages. It is asked for each time whether it has changed: an application that is deleted and
/// made anew begins its numbers anew, too.
pub async fn logo(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((app, number)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer<Response> {
    let key = app_key(plane.store.read(), &actor, &app).await?;
    let found = match number.parse() {
        Ok(number) => logos::find(plane.store.read(), &key, number).await?,
        Err(_) => None,
    };
    let missing = || Refusal::missing("no-logo", "this version has no logo: none is named in its manifest");
    let (media_type, content) = found.ok_or_else(missing)?;
    Ok(etag::tagged(&headers, picture(&media_type, content)?).await)
}

/// What a directory of files may use; a package says it itself.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Size {
    /// MiB of memory; 32 when absent.
    #[serde(default, deserialize_with = "from_text")]
    memory: Option<u64>,
    /// MiB of disk; 64 when absent.
    #[serde(default, deserialize_with = "from_text")]
    disk: Option<u64>,
}

pub async fn host(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(app): Path<String>,
    Query(size): Query<Size>,
    request: Request,
) -> Answer<Response> {
    app.rsplit(':').next().unwrap_or("").parse::<Slug>().map_err(|_| bad_slug(&app))?;
    let key = app_key(plane.store.read(), &actor, &app).await?;
    let (parts, body) = request.into_parts();
    check_head(&plane, &parts)?;
    let _turn = plane.publishing.acquire().await.map_err(Refusal::internal)?;
    let received = Received::receive(&plane, body.into_data_stream()).await?;
    let input = host::Input { app: key, memory: size.memory, disk: size.disk, received: received.path.clone() };
    json(StatusCode::ACCEPTED, &host::host(&plane, &actor, input).await?)
}
