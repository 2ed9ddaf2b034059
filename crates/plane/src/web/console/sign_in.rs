//! How a publisher's members come in.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use minijinja::{Value, context};
use serde::Deserialize;

use super::apps::require_typed;
use super::{Console, value};
use crate::Plane;
use crate::operations::Actor;
use crate::operations::change_sign_in::{change_sign_in, sign_in_of};
use crate::operations::sign_on::callback;
use crate::problem::{Answer, Refusal};
use crate::store::people;
use crate::web::entry::{Form, again};
use crate::web::visit::{Visit, lead};
use crate::wire::{ChangeSignIn, ChangeSingleSignOn};

const TEMPLATE: &str = "console/sign-in.html";

async fn values(plane: &Plane, visit: &Visit, actor: &Actor) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let sign_in = sign_in_of(plane, plane.store.read(), actor, page.publisher()?).await?;
    let members = people::members(plane.store.read(), &actor.reach).await?;
    Ok(context! {
        shell => page.shell("/team")?,
        base => page.base(),
        sign_in => value(&sign_in),
        callback => callback(plane),
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
    let wanted = ChangeSignIn { second_factor: Some(input.second_factor.is_some()), single_sign_on: None };
    keep(&plane, &visit, &actor, wanted).await
}

/// What the form of a provider has: all of it.
#[derive(Debug, Deserialize)]
pub struct SignOnInput {
    #[serde(default)]
    issuer: String,
    #[serde(default)]
    client: String,
    #[serde(default)]
    secret: String,
    #[serde(default)]
    domains: String,
    /// Empty where only those who are invited come in.
    #[serde(default)]
    role: String,
    /// The issuer that is taken away.
    #[serde(default)]
    confirm: String,
}

pub async fn change_sign_on(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Form(input): Form<SignOnInput>,
) -> Answer<Response> {
    if input.issuer.trim().is_empty() {
        let page = Console { plane: &plane, visit: &visit, actor: &actor };
        let now = sign_in_of(&plane, plane.store.read(), &actor, page.publisher()?).await?.single_sign_on;
        if let Some(Err(refusal)) = now.map(|now| require_typed(&input.confirm, &now.issuer)) {
            return again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor).await?);
        }
    }
    let role =
        Some(input.role).filter(|role| !role.is_empty()).map(|role| serde_json::from_value(role.into())).transpose();
    let single_sign_on = ChangeSingleSignOn {
        issuer: input.issuer.trim().to_owned(),
        client: input.client.trim().to_owned(),
        secret: Some(input.secret).filter(|secret| !secret.is_empty()),
        domains: input.domains.split([',', ' ']).filter(|part| !part.is_empty()).map(str::to_owned).collect(),
        role: role.map_err(|_| Refusal::invalid("bad-role", "there is no such role; nothing was changed"))?,
    };
    let wanted = ChangeSignIn { second_factor: None, single_sign_on: Some(single_sign_on) };
    keep(&plane, &visit, &actor, wanted).await
}

async fn keep(plane: &Plane, visit: &Visit, actor: &Actor, wanted: ChangeSignIn) -> Answer<Response> {
    let page = Console { plane, visit, actor };
    match change_sign_in(plane, actor, page.publisher()?, wanted).await {
        Ok(_) => Ok(lead(&format!("{}/sign-in", page.base()), Some(("good", "done-sign-in")))),
        Err(refusal) => again(plane, visit, refusal, TEMPLATE, values(plane, visit, actor).await?),
    }
}
