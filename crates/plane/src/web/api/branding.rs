//! How a publisher's portal looks.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use domain::Slug;
use http::StatusCode;
use http_body_util::{BodyExt, Limited};

use crate::Plane;
use crate::guard::BODY_TIME;
use crate::operations::change_branding::{
    branding_of, change_branding, delete_image as delete, most, put_image as put,
};
use crate::operations::prove_host::prove_host as prove;
use crate::operations::{Actor, unknown_publisher};
use crate::problem::{Answer, Refusal};
use crate::store::{brands, publishers};
use crate::web::portal::brand::picture;
use crate::web::{Json, Path, json};
use crate::wire::{ChangeBranding, ImageKind, Nothing};

fn slug(text: &str) -> Answer<Slug> {
    text.parse().map_err(|_| unknown_publisher(text))
}

/// The picture that a path names.
pub fn kind_of(text: &str) -> Answer<ImageKind> {
    serde_json::from_value(text.into())
        .map_err(|_| Refusal::missing("unknown-picture", "a brand has the pictures logo, picture and icon"))
}

pub async fn show(State(plane): State<Arc<Plane>>, actor: Actor, Path(text): Path<String>) -> Answer<Response> {
    json(StatusCode::OK, &branding_of(&plane, plane.store.read(), &actor, &slug(&text)?).await?)
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(input): Json<ChangeBranding>,
) -> Answer<Response> {
    json(StatusCode::OK, &change_branding(&plane, &actor, &slug(&text)?, input).await?)
}

pub async fn prove_host(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path(text): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    json(StatusCode::OK, &prove(&plane, &actor, &slug(&text)?).await?)
}

pub async fn image(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((text, image)): Path<(String, String)>,
) -> Answer<Response> {
    let (publisher, kind) = (slug(&text)?, kind_of(&image)?);
    let db = plane.store.read();
    publishers::name(db, &actor.reach, &publisher).await?.ok_or_else(|| unknown_publisher(&text))?;
    let found = brands::image(db, &publisher, kind).await?;
    let (media_type, content) = found.ok_or_else(|| Refusal::missing("unknown-picture", "there is no such picture"))?;
    picture(&media_type, content)
}

pub async fn put_image(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((text, image)): Path<(String, String)>,
    body: Body,
) -> Answer<Response> {
    let (publisher, kind) = (slug(&text)?, kind_of(&image)?);
    let most = most(kind);
    let collected = tokio::time::timeout(BODY_TIME, Limited::new(body, most).collect()).await;
    let collected = collected.map_err(|_| {
        Refusal::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "the picture did not arrive in time; send it again")
    })?;
    let content = collected.map_err(|_| Refusal::too_large("the picture", most as u64))?.to_bytes();
    json(StatusCode::OK, &put(&plane, &actor, &publisher, kind, &content).await?)
}

pub async fn delete_image(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((text, image)): Path<(String, String)>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    json(StatusCode::OK, &delete(&plane, &actor, &slug(&text)?, kind_of(&image)?).await?)
}
