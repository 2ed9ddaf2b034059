//! What a person shows besides their password: on a page of their account.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use minijinja::{Value, context};
use serde::Deserialize;

use super::{Form, again, frame};
use crate::Plane;
use crate::operations::second_factor::{new_app, new_codes, set_up_app, shown_app, turn_off_app};
use crate::problem::{Answer, Refusal};
use crate::store::factors;
use crate::web::Query;
use crate::web::design::qr;
use crate::web::visit::{Visit, lead};
use crate::{store::people::PersonRow, totp};

const TEMPLATE: &str = "entry/security.html";
const SET_UP: &str = "entry/code-app.html";

/// Why somebody was led here.
#[derive(Debug, Deserialize)]
pub struct Led {
    /// Who wants a second factor of them.
    wanted: Option<String>,
}

async fn values(plane: &Plane, visit: &Visit, wanted: Option<String>, codes: Vec<String>) -> Answer<Value> {
    let (person, db) = (visit.person()?, plane.store.read());
    let app = factors::app(db, person.id).await?;
    Ok(context! {
        app => app.map(|app| app.created_at),
        left => factors::codes_left(db, person.id).await?,
        any => factors::of(db, person.id).await? > 0,
        mail => person.mail.clone(),
        codes, wanted,
        ..frame(visit)
    })
}

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit, Query(led): Query<Led>) -> Answer<Response> {
    let values = values(&plane, &visit, led.wanted, Vec::new()).await?;
    Ok(plane.pages.page(&visit.view, TEMPLATE, values))
}

/// The page with codes that are shown this once.
async fn with_codes(plane: &Plane, visit: &Visit, codes: Vec<String>, done: &str) -> Answer<Response> {
    let view = visit.view.clone().flash("good", plane.pages.text(visit.view.language, done));
    Ok(plane.pages.page(&view, TEMPLATE, values(plane, visit, None, codes).await?))
}

/// A secret as a picture and as text, for who cannot scan.
fn app_values(plane: &Plane, visit: &Visit, person: &PersonRow, secret: &str, sealed: &str) -> Answer<Value> {
    let issuer = visit.realm.as_ref().map_or("vClouden", |realm| realm.name.as_str());
    let label = plane.pages.text(visit.view.language, "code-app-picture");
    let picture = qr::svg(&totp::address(issuer, &person.mail, secret), &label);
    let picture = picture.ok_or_else(|| Refusal::internal("an address of an app does not fit into a picture"))?;
    let groups: Vec<&str> = (0..secret.len()).step_by(4).map(|at| &secret[at..secret.len().min(at + 4)]).collect();
    Ok(context! { picture => Value::from_safe_string(picture), secret => groups.join(" "), sealed, ..frame(visit) })
}

pub async fn app(State(plane): State<Arc<Plane>>, visit: Visit) -> Answer<Response> {
    let person = visit.person()?;
    let (secret, sealed) = new_app(&plane, person);
    Ok(plane.pages.page(&visit.view, SET_UP, app_values(&plane, &visit, person, &secret, &sealed)?))
}

/// The first code of an app.
#[derive(Debug, Deserialize)]
pub struct First {
    sealed: String,
    code: String,
}

pub async fn set_up(State(plane): State<Arc<Plane>>, visit: Visit, Form(input): Form<First>) -> Answer<Response> {
    let person = visit.person()?;
    match set_up_app(&plane, person, &input.sealed, &input.code).await {
        Ok(codes) if codes.is_empty() => Ok(lead("/account/security", Some(("good", "done-code-app")))),
        Ok(codes) => with_codes(&plane, &visit, codes, "done-code-app").await,
        Err(refusal) => {
            let secret = shown_app(&plane, person, &input.sealed)?;
            again(&plane, &visit, refusal, SET_UP, app_values(&plane, &visit, person, &secret, &input.sealed)?)
        }
    }
}

/// That it is them.
#[derive(Debug, Deserialize)]
pub struct Proof {
    proof: String,
}

pub async fn turn_off(State(plane): State<Arc<Plane>>, visit: Visit, Form(input): Form<Proof>) -> Answer<Response> {
    match turn_off_app(&plane, visit.person()?, &input.proof).await {
        Ok(()) => Ok(lead("/account/security", Some(("good", "done-code-app-off")))),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, None, Vec::new()).await?),
    }
}

pub async fn codes(State(plane): State<Arc<Plane>>, visit: Visit, Form(input): Form<Proof>) -> Answer<Response> {
    match new_codes(&plane, visit.person()?, &input.proof).await {
        Ok(codes) => with_codes(&plane, &visit, codes, "done-codes").await,
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, None, Vec::new()).await?),
    }
}
