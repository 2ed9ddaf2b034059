//! A new password for who forgot theirs.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use minijinja::context;
use serde::Deserialize;

use super::{Form, again, frame, let_in};
use crate::Plane;
use crate::operations::log_in::enter;
use crate::operations::reset_password::{request_reset, reset_password};
use crate::problem::Answer;
use crate::web::Path;
use crate::web::visit::Visit;

const ASK: &str = "entry/password.html";
const CHOOSE: &str = "entry/new-password.html";

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit) -> Answer<Response> {
    let values = context! { sent => false, mail => "", mails => plane.mail_is_set_up(), ..frame(&visit) };
    Ok(plane.pages.page(&visit.view, ASK, values))
}

/// What was filled in.
#[derive(Debug, Deserialize)]
pub struct Asked {
    mail: String,
}

pub async fn ask(State(plane): State<Arc<Plane>>, visit: Visit, Form(input): Form<Asked>) -> Answer<Response> {
    let mail = input.mail.as_str();
    let values = |sent: bool| context! { sent, mail, mails => plane.mail_is_set_up(), ..frame(&visit) };
    match request_reset(&plane, visit.realm(), mail, visit.view.language, &visit.from).await {
        Ok(()) => Ok(plane.pages.page(&visit.view, ASK, values(true))),
        Err(refusal) => again(&plane, &visit, refusal, ASK, values(false)),
    }
}

pub async fn choose(State(plane): State<Arc<Plane>>, visit: Visit, Path(link): Path<String>) -> Answer<Response> {
    Ok(plane.pages.page(&visit.view, CHOOSE, context! { link, ..frame(&visit) }))
}

/// What was filled in.
#[derive(Debug, Deserialize)]
pub struct Chosen {
    password: String,
}

pub async fn reset(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    Path(link): Path<String>,
    Form(input): Form<Chosen>,
) -> Answer<Response> {
    match reset_password(&plane, visit.realm(), &link, input.password).await {
        Ok(person) => {
            let tx = plane.store.write().await?;
            let entered = enter(&plane, &tx, &person, &visit.from).await?;
            tx.commit().await?;
            Ok(let_in(&visit, &entered, "/"))
        }
        Err(refusal) => again(&plane, &visit, refusal, CHOOSE, context! { link, ..frame(&visit) }),
    }
}
