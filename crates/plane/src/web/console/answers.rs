//! Answers that a publisher keeps for later.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use minijinja::{Value, context};
use serde::Deserialize;

use super::{Console, value};
use crate::Plane;
use crate::operations::Actor;
use crate::operations::keep_answer::{change_answer, create_answer, delete_answer};
use crate::problem::Answer;
use crate::store::answers;
use crate::web::Path;
use crate::web::entry::{Form, again};
use crate::web::visit::{Visit, lead};
use crate::wire::KeepAnswer;

const TEMPLATE: &str = "support/answers.html";

/// Answers that are shown.
const MOST: u64 = 500;

pub async fn list(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor) -> Answer<Response> {
    let values = values(&plane, &visit, &actor).await?;
    Ok(plane.pages.page(&visit.view, TEMPLATE, values))
}

async fn values(plane: &Plane, visit: &Visit, actor: &Actor) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let all = answers::list(plane.store.read(), &actor.reach, None, MOST).await?;
    Ok(context! { shell => page.shell("/tickets")?, base => page.base(), answers => value(&all) })
}

/// What one says.
#[derive(Debug, Deserialize)]
pub struct Said {
    title: String,
    text: String,
}

impl From<Said> for KeepAnswer {
    fn from(said: Said) -> Self {
        Self { title: said.title, text: said.text, publisher: None }
    }
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Form(input): Form<Said>,
) -> Answer<Response> {
    let base = Console { plane: &plane, visit: &visit, actor: &actor }.base();
    match create_answer(&plane, &actor, input.into()).await {
        Ok(_) => Ok(lead(&format!("{base}/answers"), Some(("good", "done-canned")))),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor).await?),
    }
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, id)): Path<(String, String)>,
    Form(input): Form<Said>,
) -> Answer<Response> {
    let base = Console { plane: &plane, visit: &visit, actor: &actor }.base();
    match change_answer(&plane, &actor, &id, input.into()).await {
        Ok(_) => Ok(lead(&format!("{base}/answers"), Some(("good", "done-canned")))),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor).await?),
    }
}

pub async fn delete(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, id)): Path<(String, String)>,
) -> Answer<Response> {
    let base = Console { plane: &plane, visit: &visit, actor: &actor }.base();
    delete_answer(&plane, &actor, &id).await?;
    Ok(lead(&format!("{base}/answers"), Some(("good", "done-canned-deleted"))))
}
