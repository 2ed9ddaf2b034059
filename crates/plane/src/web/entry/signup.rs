//! To ask for an account: whoever does invites themself.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use minijinja::context;
use serde::Deserialize;

use super::{Form, again, frame};
use crate::Plane;
use crate::operations::invite::sign_up;
use crate::problem::Answer;
use crate::web::visit::Visit;

const TEMPLATE: &str = "entry/signup.html";

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit) -> Answer<Response> {
    let open = plane.sign_up_is_open();
    Ok(plane.pages.page(&visit.view, TEMPLATE, context! { open, sent => false, mail => "", ..frame(&visit) }))
}

/// What was filled in.
#[derive(Debug, Deserialize)]
pub struct Input {
    mail: String,
}

pub async fn send(State(plane): State<Arc<Plane>>, visit: Visit, Form(input): Form<Input>) -> Answer<Response> {
    let mail = input.mail.as_str();
    match sign_up(&plane, visit.realm(), mail, visit.view.language, &visit.from).await {
        // The same whether the address has an account or not.
        Ok(invited) if invited.mailed => {
            let values = context! { open => true, sent => true, mail, ..frame(&visit) };
            Ok(plane.pages.page(&visit.view, TEMPLATE, values))
        }
        // Without a way to send letters nobody can prove an address.
        Ok(invited) => Ok(Redirect::to(&invited.link).into_response()),
        Err(refusal) => {
            let values = context! { open => plane.sign_up_is_open(), sent => false, mail, ..frame(&visit) };
            again(&plane, &visit, refusal, TEMPLATE, values)
        }
    }
}
