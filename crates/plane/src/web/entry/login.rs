//! To log in and out.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderName, HeaderValue};
use minijinja::context;
use serde::Deserialize;

use super::{Form, again, frame, let_in, own_path};
use crate::Plane;
use crate::operations::end_session::end_session;
use crate::operations::log_in::{Entered, log_in};
use crate::operations::passkeys::{For, challenge, log_in_with_passkey};
use crate::problem::Answer;
use crate::web::Query;
use crate::web::visit::{Visit, keep_session};
use crate::webauthn::Sent;
use crate::wire::ImageKind;

const TEMPLATE: &str = "entry/login.html";

/// Where to go afterwards.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    pub to: Option<String>,
}

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit, Query(wanted): Query<Wanted>) -> Answer<Response> {
    let to = own_path(wanted.to.as_deref());
    if visit.person.is_some() {
        return Ok(Redirect::to(to).into_response());
    }
    Ok(plane.pages.page(&visit.view, TEMPLATE, values(&plane, &visit, "", to)))
}

/// What an authenticator says of whom it knows.
#[derive(Debug, Deserialize)]
pub struct Shown {
    pub to: Option<String>,
    #[serde(flatten)]
    pub sent: Sent,
}

pub async fn passkey(State(plane): State<Arc<Plane>>, visit: Visit, Form(input): Form<Shown>) -> Answer<Response> {
    let to = own_path(input.to.as_deref());
    match log_in_with_passkey(&plane, visit.realm(), &visit.site(&plane), &input.sent, &visit.from).await {
        Ok(secret) => Ok(let_in(&visit, &Entered::In(secret), to)),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, "", to)),
    }
}

fn values(plane: &Plane, visit: &Visit, mail: &str, to: &str) -> minijinja::Value {
    let (open, mails) = (plane.sign_up_is_open(), plane.mail_is_set_up());
    let challenge = challenge(plane, For::LogIn(visit.realm()));
    let realm = visit.realm.as_ref();
    let look = realm.map(|realm| realm.brand.look.clone()).unwrap_or_default();
    let picture = realm.and_then(|realm| realm.image(ImageKind::Picture));
    let (login_title, login_text) = (look.login_title, look.login_text);
    let frame = context! { login_title, login_text, picture, ..frame(visit) };
    context! { mail, to, challenge, sign_up => open, mails, ..frame }
}

/// What was filled in.
#[derive(Debug, Deserialize)]
pub struct Input {
    mail: String,
    password: String,
    to: Option<String>,
}

pub async fn send(State(plane): State<Arc<Plane>>, visit: Visit, Form(input): Form<Input>) -> Answer<Response> {
    let to = own_path(input.to.as_deref());
    match log_in(&plane, visit.realm(), &input.mail, input.password, &visit.from).await {
        Ok(entered) => Ok(let_in(&visit, &entered, to)),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &input.mail, to)),
    }
}

pub async fn log_out(State(plane): State<Arc<Plane>>, visit: Visit) -> Answer<Response> {
    if let (Some(person), Some(session)) = (&visit.person, &visit.session) {
        end_session(&plane, person, &session.id.to_string()).await?;
    }
    let mut response = Redirect::to("/login").into_response();
    keep_session(&visit, &mut response, None);
    // Not its cookies: that would reach every host below the same domain.
    let what = HeaderValue::from_static("\"cache\", \"storage\"");
    response.headers_mut().insert(HeaderName::from_static("clear-site-data"), what);
    Ok(response)
}
