//! Another mail address for one's account: asked for on one's page, taken on the page of the link.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use minijinja::context;
use serde::Deserialize;

use super::{Form, account, again, frame};
use crate::Plane;
use crate::operations::change_mail::{change_mail, new_mail, request_mail};
use crate::problem::Answer;
use crate::web::Path;
use crate::web::visit::{Visit, lead};

const TEMPLATE: &str = "entry/mail.html";

/// The address that they want, and that it is them.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    mail: String,
    proof: String,
}

pub async fn ask(State(plane): State<Arc<Plane>>, visit: Visit, Form(input): Form<Wanted>) -> Answer<Response> {
    match request_mail(&plane, visit.person()?, &input.mail, &input.proof).await {
        Ok(_) => Ok(lead("/account", Some(("good", "done-mail-asked")))),
        Err(refusal) => again(&plane, &visit, refusal, account::TEMPLATE, account::values(&plane, &visit).await?),
    }
}

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit, Path(link): Path<String>) -> Answer<Response> {
    let person = visit.person()?;
    let new = new_mail(&plane, person, &link).await?;
    let values = context! { link, new, old => person.mail.clone(), name => person.name.clone(), ..frame(&visit) };
    Ok(plane.pages.page(&visit.view, TEMPLATE, values))
}

pub async fn take(State(plane): State<Arc<Plane>>, visit: Visit, Path(link): Path<String>) -> Answer<Response> {
    let session = visit.session.as_ref().map(|session| session.id);
    change_mail(&plane, visit.person()?, &link, session).await?;
    Ok(lead("/account", Some(("good", "done-mail"))))
}
