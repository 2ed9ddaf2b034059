//! What makes a portal the publisher's: its colours and pictures.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

use crate::Plane;
use crate::operations::change_branding::brand;
use crate::problem::{Answer, Refusal};
use crate::store::brands;
use crate::web::Path;
use crate::web::visit::Visit;
use crate::wire::{ImageKind, word};

/// For a picture that somebody opens by itself: an SVG may hold a script, which runs nowhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

pub async fn serve(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    Path((version, file)): Path<(String, String)>,
) -> Answer<Response> {
    let missing = || Refusal::missing("unknown-path", "there is no such page");
    let realm = visit.realm.as_ref().ok_or_else(missing)?;
    let mut response = match file.as_str() {
        "brand.css" => sheet(brand(&realm.brand.look).ok_or_else(missing)?.css()),
        file => {
            let kind = ImageKind::ALL.iter().find(|kind| word(*kind) == file).ok_or_else(missing)?;
            let (media_type, content) =
                brands::image(plane.store.read(), &realm.slug, *kind).await?.ok_or_else(missing)?;
            picture(&media_type, content)?
        }
    };
    // An address with another version is of a page that is older than the brand.
    let kept =
        if version == realm.brand.version.to_string() { "public, max-age=31536000, immutable" } else { "no-cache" };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    Ok(response)
}

/// A style sheet.
pub fn sheet(css: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, css).into_response()
}

/// A picture that somebody sent.
pub fn picture(media_type: &str, content: Vec<u8>) -> Answer<Response> {
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(media_type).map_err(Refusal::internal)?);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}
