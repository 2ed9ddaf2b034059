//! To come in by one's company's provider.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use minijinja::context;
use serde::Deserialize;

use super::login::Wanted;
use super::{Form, again, frame, own_path};
use crate::Plane;
use crate::operations::sign_on::{Back, begin, find, finish};
use crate::problem::Answer;
use crate::web::visit::{Visit, keep_session, keep_sign_on};
use crate::web::{Path, Query};

const TEMPLATE: &str = "entry/sso.html";

fn values(visit: &Visit, mail: &str, to: &str, found: Vec<String>) -> minijinja::Value {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("to", to).finish();
    context! { mail, to, found, search => query, ..frame(visit) }
}

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit, Query(wanted): Query<Wanted>) -> Answer<Response> {
    let to = own_path(wanted.to.as_deref());
    Ok(plane.pages.page(&visit.view, TEMPLATE, values(&visit, "", to, Vec::new())))
}

/// What was filled in.
#[derive(Debug, Deserialize)]
pub struct Input {
    mail: String,
    to: Option<String>,
}

/// A page that leads on by a link: no form of ours may lead to another site.
pub async fn send(State(plane): State<Arc<Plane>>, visit: Visit, Form(input): Form<Input>) -> Answer<Response> {
    let to = own_path(input.to.as_deref());
    match find(&plane, &input.mail).await {
        Ok(found) => {
            let found = found.into_iter().map(|row| row.publisher.to_string()).collect();
            Ok(plane.pages.page(&visit.view, TEMPLATE, values(&visit, &input.mail, to, found)))
        }
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&visit, &input.mail, to, Vec::new())),
    }
}

pub async fn lead(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    Path(publisher): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    let to = own_path(wanted.to.as_deref());
    match begin(&plane, &publisher, to).await {
        Ok(led) => {
            let mut response = Redirect::to(&led.address).into_response();
            keep_sign_on(&visit, &mut response, Some(&led.kept));
            Ok(response)
        }
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&visit, "", to, Vec::new())),
    }
}

pub async fn back(State(plane): State<Arc<Plane>>, visit: Visit, Query(back): Query<Back>) -> Answer<Response> {
    match finish(&plane, visit.sign_on.as_deref(), &back, visit.view.language, &visit.from).await {
        Ok((secret, to)) => {
            let mut response = Redirect::to(own_path(Some(&to))).into_response();
            keep_session(&visit, &mut response, Some(&secret.text));
            keep_sign_on(&visit, &mut response, None);
            Ok(response)
        }
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&visit, "", "/", Vec::new())),
    }
}
