//! What a person shows besides their password: on a page of their account.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use minijinja::{Value, context};
use serde::{Deserialize, Serialize};

use super::{Form, again, frame};
use crate::Plane;
use crate::operations::passkeys::{self as keys, For, challenge};
use crate::operations::second_factor::{new_app, new_codes, set_up_app, shown_app, turn_off_app};
use crate::problem::{Answer, Refusal};
use crate::store::people::PersonRow;
use crate::store::{factors, passkeys};
use crate::totp;
use crate::web::design::{Serde, qr};
use crate::web::visit::{Visit, lead};
use crate::web::{Path, Query};
use crate::webauthn::{Sent, handle};

const TEMPLATE: &str = "entry/security.html";
const SET_UP: &str = "entry/code-app.html";

/// Why somebody was led here.
#[derive(Debug, Deserialize)]
pub struct Led {
    /// Who wants a second factor of them.
    wanted: Option<String>,
}

/// A passkey as it is shown.
#[derive(Serialize)]
struct Key {
    id: String,
    name: String,
    host: String,
    created_at: u64,
    used_at: Option<u64>,
}

async fn values(plane: &Plane, visit: &Visit, wanted: Option<String>, codes: Vec<String>) -> Answer<Value> {
    let (person, db) = (visit.person()?, plane.store.read());
    let app = factors::app(db, person.id).await?;
    let keys = passkeys::of(db, person.id).await?;
    let ids: Vec<&str> = keys.iter().map(|key| key.credential.as_str()).collect();
    let (exclude, challenge) = (ids.join(" "), challenge(plane, For::Register(person)));
    let shown: Vec<Key> = keys
        .into_iter()
        .map(|key| {
            let host = keys::host(plane, person, &key);
            Key { id: key.id, name: key.name, host, created_at: key.created_at, used_at: key.used_at }
        })
        .collect();
    Ok(context! {
        app => app.map(|app| app.created_at),
        left => factors::codes_left(db, person.id).await?,
        any => factors::of(db, person.id).await? > 0,
        mail => person.mail.clone(),
        name => person.name.clone(),
        site => visit.realm.as_ref().map_or("vClouden", |realm| realm.name.as_str()),
        user => handle(person.id.0.as_bytes()),
        passkeys => Value::from(Serde(&shown)),
        browser => super::account::browser(&visit.from.agent),
        exclude, challenge, codes, wanted,
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

/// The page again with what was refused.
async fn again_with(plane: &Plane, visit: &Visit, refusal: Refusal) -> Answer<Response> {
    again(plane, visit, refusal, TEMPLATE, values(plane, visit, None, Vec::new()).await?)
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
    proof: String,
}

pub async fn set_up(State(plane): State<Arc<Plane>>, visit: Visit, Form(input): Form<First>) -> Answer<Response> {
    let person = visit.person()?;
    match set_up_app(&plane, person, &input.sealed, &input.code, &input.proof).await {
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

/// A new passkey.
#[derive(Debug, Deserialize)]
pub struct NewPasskey {
    name: String,
    proof: String,
    #[serde(flatten)]
    sent: Sent,
}

pub async fn add_passkey(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    Form(input): Form<NewPasskey>,
) -> Answer<Response> {
    let site = visit.site(&plane);
    match keys::add_passkey(&plane, visit.person()?, &site, &input.name, &input.sent, &input.proof).await {
        Ok(codes) if codes.is_empty() => Ok(lead("/account/security", Some(("good", "done-passkey")))),
        Ok(codes) => with_codes(&plane, &visit, codes, "done-passkey").await,
        Err(refusal) => again_with(&plane, &visit, refusal).await,
    }
}

/// What a passkey is called.
#[derive(Debug, Deserialize)]
pub struct Name {
    name: String,
}

pub async fn rename_passkey(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    Path(id): Path<String>,
    Form(input): Form<Name>,
) -> Answer<Response> {
    match keys::rename_passkey(&plane, visit.person()?, &id, &input.name).await {
        Ok(()) => Ok(lead("/account/security", Some(("good", "done-passkey-name")))),
        Err(refusal) => again_with(&plane, &visit, refusal).await,
    }
}

pub async fn remove_passkey(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    Path(id): Path<String>,
    Form(input): Form<Proof>,
) -> Answer<Response> {
    match keys::remove_passkey(&plane, visit.person()?, &id, &input.proof).await {
        Ok(()) => Ok(lead("/account/security", Some(("good", "done-passkey-off")))),
        Err(refusal) => again_with(&plane, &visit, refusal).await,
    }
}
