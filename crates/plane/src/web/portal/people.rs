//! The people of a customer.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use minijinja::{Value, context};
use serde::Deserialize;

use super::Inside;
use crate::Plane;
use crate::access::Role;
use crate::operations::Actor;
use crate::operations::change_role::{change_role, remove_member};
use crate::operations::withdraw_invitation::withdraw_invitation;
use crate::problem::Answer;
use crate::web::Path;
use crate::web::console::team::{people_values, send_invitation};
use crate::web::entry::{Form, again};
use crate::web::visit::{Visit, lead};

const TEMPLATE: &str = "portal/people.html";

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor) -> Answer<Response> {
    let values = values(&plane, &visit, &actor, None).await?;
    Ok(plane.pages.page(&visit.view, TEMPLATE, values))
}

async fn values(plane: &Plane, visit: &Visit, actor: &Actor, link: Option<&str>) -> Answer<Value> {
    let page = Inside { plane, visit, actor };
    Ok(context! {
        portal => page.frame("/people")?,
        base => page.base()?,
        own => visit.person()?.id.to_string(),
        link,
        ..people_values(plane, &actor.reach).await?
    })
}

/// Somebody to be invited.
#[derive(Debug, Deserialize)]
pub struct Invite {
    mail: String,
    role: Role,
}

pub async fn invite(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Form(input): Form<Invite>,
) -> Answer<Response> {
    let customer = Inside { plane: &plane, visit: &visit, actor: &actor }.customer()?.slug.clone();
    match send_invitation(&plane, &visit, &actor, input.mail, input.role, Some(customer)).await {
        // Whoever cannot be written to gets the link by hand.
        Ok(invited) => {
            let values = values(&plane, &visit, &actor, Some(&invited.link)).await?;
            let key = if invited.mailed { "done-invited" } else { "done-invited-by-hand" };
            let view = visit.view.clone().flash("good", plane.pages.text(visit.view.language, key));
            Ok(plane.pages.page(&view, TEMPLATE, values))
        }
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, None).await?),
    }
}

pub async fn withdraw(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, id)): Path<(String, String)>,
) -> Answer<Response> {
    withdraw_invitation(&plane, &actor, &id).await?;
    let base = Inside { plane: &plane, visit: &visit, actor: &actor }.base()?;
    Ok(lead(&format!("{base}/people"), Some(("good", "done-withdrawn"))))
}

/// What somebody is to be.
#[derive(Debug, Deserialize)]
pub struct Change {
    role: Role,
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, person)): Path<(String, String)>,
    Form(input): Form<Change>,
) -> Answer<Response> {
    let base = Inside { plane: &plane, visit: &visit, actor: &actor }.base()?;
    match change_role(&plane, &actor, &actor.reach, &person, input.role).await {
        Ok(_) => Ok(lead(&format!("{base}/people"), Some(("good", "done-role")))),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, None).await?),
    }
}

pub async fn remove(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, person)): Path<(String, String)>,
) -> Answer<Response> {
    let base = Inside { plane: &plane, visit: &visit, actor: &actor }.base()?;
    let own = visit.person()?.id.to_string() == person;
    match remove_member(&plane, &actor, &actor.reach, &person).await {
        Ok(()) if own => Ok(lead("/", None)),
        Ok(()) => Ok(lead(&format!("{base}/people"), Some(("good", "done-member-removed")))),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, None).await?),
    }
}
