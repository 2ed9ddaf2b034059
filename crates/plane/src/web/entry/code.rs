//! The second step of logging in.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use minijinja::{Value, context};
use serde::Deserialize;

use super::login::{Shown, Wanted};
use super::{Form, again, frame, let_in, own_path};
use crate::Plane;
use crate::operations::log_in::Entered;
use crate::operations::passkeys::{Allowed, For, allowed, challenge, show_passkey};
use crate::operations::show_code::{half_done, show_code};
use crate::problem::Answer;
use crate::secret::Secret;
use crate::store::factors;
use crate::store::people::PersonRow;
use crate::web::Query;
use crate::web::visit::{Visit, keep_half};

const TEMPLATE: &str = "entry/code.html";

async fn values(plane: &Plane, visit: &Visit, person: &PersonRow, to: &str) -> Answer<Value> {
    let app = factors::app(plane.store.read(), person.id).await?.is_some();
    let Allowed { here, elsewhere } = allowed(plane, person, &visit.site(plane)).await?;
    let (allow, elsewhere) = (here.join(" "), Vec::from_iter(elsewhere).join(", "));
    let challenge = challenge(plane, For::Second(person));
    Ok(context! { to, app, allow, elsewhere, challenge, mail => person.mail.clone(), ..frame(visit) })
}

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit, Query(wanted): Query<Wanted>) -> Answer<Response> {
    let to = own_path(wanted.to.as_deref());
    let Ok(person) = half_done(&plane, visit.realm(), visit.half.as_deref()).await else {
        return Ok(Redirect::to("/login").into_response());
    };
    Ok(plane.pages.page(&visit.view, TEMPLATE, values(&plane, &visit, &person, to).await?))
}

/// What was filled in.
#[derive(Debug, Deserialize)]
pub struct Input {
    code: String,
    to: Option<String>,
}

pub async fn send(State(plane): State<Arc<Plane>>, visit: Visit, Form(input): Form<Input>) -> Answer<Response> {
    let (to, half) = (own_path(input.to.as_deref()), visit.half.as_deref());
    let person = half_done(&plane, visit.realm(), half).await?;
    match show_code(&plane, visit.realm(), half, &input.code, &visit.from).await {
        Ok(secret) => Ok(done(&visit, secret, to)),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &person, to).await?),
    }
}

fn done(visit: &Visit, secret: Secret, to: &str) -> Response {
    let mut response = let_in(visit, &Entered::In(secret), to);
    keep_half(visit, &mut response, None);
    response
}

pub async fn passkey(State(plane): State<Arc<Plane>>, visit: Visit, Form(input): Form<Shown>) -> Answer<Response> {
    let (to, half) = (own_path(input.to.as_deref()), visit.half.as_deref());
    let person = half_done(&plane, visit.realm(), half).await?;
    match show_passkey(&plane, visit.realm(), half, &visit.site(&plane), &input.sent, &visit.from).await {
        Ok(secret) => Ok(done(&visit, secret, to)),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &person, to).await?),
    }
}
