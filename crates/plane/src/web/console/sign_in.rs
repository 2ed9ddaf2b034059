//! How a publisher's members come in.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use minijinja::{Value, context};
use serde::Deserialize;

use super::{Console, value};
use crate::Plane;
use crate::operations::Actor;
use crate::operations::change_sign_in::{change_sign_in, sign_in_of};
use crate::problem::Answer;
use crate::store::people;
use crate::web::entry::{Form, again};
use crate::web::visit::{Visit, lead};
use crate::wire::ChangeSignIn;

const TEMPLATE: &str = "console/sign-in.html";

async fn values(plane: &Plane, visit: &Visit, actor: &Actor) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let sign_in = sign_in_of(plane.store.read(), actor, page.publisher()?).await?;
    let members = people::members(plane.store.read(), &actor.reach).await?;
    Ok(context! {
        shell => page.shell("/team")?,
        base => page.base(),
        sign_in => value(&sign_in),
        without => members.iter().filter(|member| member.factors == 0).count(),
    })
}

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor) -> Answer<Response> {
    Ok(plane.pages.page(&visit.view, TEMPLATE, values(&plane, &visit, &actor).await?))
}

/// The form as it is sent: all of it.
#[derive(Debug, Deserialize)]
pub struct Input {
    second_factor: Option<String>,
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Form(input): Form<Input>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let wanted = ChangeSignIn { second_factor: Some(input.second_factor.is_some()) };
    match change_sign_in(&plane, &actor, page.publisher()?, wanted).await {
        Ok(_) => Ok(lead(&format!("{}/sign-in", page.base()), Some(("good", "done-sign-in")))),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor).await?),
    }
}
