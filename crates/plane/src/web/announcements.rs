//! What of the platform's announcements a visitor is shown: those for them, of now, in their language, not dismissed.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderValue, header};
use serde::Deserialize;

use super::Path;
use super::design::{Announced, Language, View};
use super::entry::{Form, own_path};
use super::visit::Visit;
use crate::Plane;
use crate::problem::Answer;
use crate::wire::word;

/// What a browser keeps: the ids of those that its person has dismissed, with points between them.
pub const DISMISSED: &str = "dismissed";

/// Seconds that it keeps it.
const YEAR: u32 = 365 * 24 * 3600;

/// Those to be shown.
pub fn shown(plane: &Plane, view: &View, portal: bool, dismissed: &str) -> Vec<Announced> {
    let settings = plane.settings.get();
    let mine = settings.announcements.iter().filter(|one| one.audience.is(portal));
    let now = mine.filter(|one| one.is_on(view.now) && !dismissed.split('.').any(|id| id == one.id));
    let text = |en: &str, es: &str| match view.language {
        Language::En => en.to_owned(),
        Language::Es => es.to_owned(),
    };
    now.map(|one| Announced { id: one.id.clone(), tone: word(&one.level), text: text(&one.en, &one.es) }).collect()
}

/// Where it was dismissed.
#[derive(Debug, Default, Deserialize)]
pub struct Place {
    to: Option<String>,
}

/// Remembers that somebody has read it, and leads back.
pub async fn dismiss(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    Path(id): Path<String>,
    Form(place): Form<Place>,
) -> Answer<Response> {
    let settings = plane.settings.get();
    let was = |one: &&str| visit.dismissed.split('.').any(|id| id == *one) || *one == id;
    // What there is no more need not be remembered.
    let all: Vec<&str> = settings.announcements.iter().map(|one| one.id.as_str()).filter(was).collect();
    let mut response = Redirect::to(own_path(place.to.as_deref())).into_response();
    let secure = if visit.view.https { "; Secure" } else { "" };
    let cookie = format!("{DISMISSED}={}; Path=/; Max-Age={YEAR}; HttpOnly; SameSite=Lax{secure}", all.join("."));
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
