//! To accept an invitation.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use minijinja::{Value, context};
use serde::Deserialize;

use super::{Form, again, frame};
use crate::Plane;
use crate::access::{Reach, Role};
use crate::operations::accept_invitation::{About, accept, find};
use crate::operations::log_in::begin_session;
use crate::problem::Answer;
use crate::store::invitations::InvitationRow;
use crate::store::people;
use crate::web::Path;
use crate::web::visit::{Visit, keep_session};
use crate::wire::word;

const TEMPLATE: &str = "entry/join.html";

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit, Path(link): Path<String>) -> Answer<Response> {
    let invitation = find(&plane, &link).await?;
    let values = values(&plane, &visit, &invitation, &link, &Input::default()).await?;
    Ok(plane.pages.page(&visit.view, TEMPLATE, values))
}

async fn values(plane: &Plane, visit: &Visit, invitation: &InvitationRow, link: &str, input: &Input) -> Answer<Value> {
    let known = people::with_mail(plane.store.read(), invitation.realm().as_ref(), &invitation.mail).await?;
    let own = visit.person.as_ref().is_some_and(|person| person.mail == invitation.mail);
    let founds = match (&invitation.membership.reach, invitation.membership.role) {
        (Reach::All, Role::Owner) => "publisher",
        (Reach::Publisher(_), Role::CustomerAdmin) => "customer",
        _ => "",
    };
    let place = match &invitation.membership.reach {
        Reach::All => String::new(),
        Reach::Publisher(publisher) => publisher.to_string(),
        Reach::Customer(key) => key.slug.to_string(),
    };
    Ok(context! {
        link, own, founds, place,
        known => known.is_some(),
        role => word(&invitation.membership.role),
        mail => invitation.mail.clone(),
        name => input.name.clone(),
        organisation => input.organisation.clone(),
        ..frame(visit)
    })
}

/// What was filled in.
#[derive(Debug, Default, Deserialize)]
pub struct Input {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    organisation: String,
}

pub async fn send(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    Path(link): Path<String>,
    Form(input): Form<Input>,
) -> Answer<Response> {
    let invitation = find(&plane, &link).await?;
    let about = About {
        name: input.name.clone(),
        password: input.password.clone(),
        language: visit.view.language.code().into(),
        time_zone: visit.view.zone.iana_name().unwrap_or("UTC").into(),
        organisation: input.organisation.clone(),
    };
    match accept(&plane, &link, visit.person.as_ref(), about).await {
        Ok(person) => {
            let mut response = Redirect::to("/").into_response();
            if visit.person.is_none() {
                let tx = plane.store.write().await?;
                let secret = begin_session(&plane, &tx, &person, &visit.from).await?;
                tx.commit().await?;
                keep_session(&visit, &mut response, Some(&secret.text));
            }
            Ok(response)
        }
        Err(refusal) => {
            let values = values(&plane, &visit, &invitation, &link, &input).await?;
            again(&plane, &visit, refusal, TEMPLATE, values)
        }
    }
}
