//! Where a person lets a command line in.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use minijinja::{Value, context};
use serde::{Deserialize, Serialize};

use super::{Form, again, frame};
use crate::Plane;
use crate::operations::device_login::{decide, find, place_of, spoken};
use crate::problem::{Answer, Refusal};
use crate::store::device_logins::{DeviceLogin, State as Decision};
use crate::store::people::Membership;
use crate::web::Query;
use crate::web::design::Serde;
use crate::web::visit::{Visit, lead};
use crate::wire::word;

const TEMPLATE: &str = "entry/device.html";

/// A code, where a link has it.
#[derive(Debug, Deserialize)]
pub struct Asked {
    #[serde(default)]
    code: String,
}

/// What asks, as it is shown.
#[derive(Serialize)]
struct Shown {
    code: String,
    name: String,
    address: String,
    scopes: Vec<String>,
    days: u32,
}

/// Where they can let it act.
fn places(plane: &Plane, visit: &Visit) -> Vec<Vec<String>> {
    let all = visit.memberships.iter().map(|membership| {
        let place = place_of(&membership.reach);
        let role = plane.pages.text(visit.view.language, &format!("role-{}", word(&membership.role)));
        let named = place.trim_matches(':').replace(':', " · ");
        vec![place, if named.is_empty() { role } else { format!("{named} ({role})") }]
    });
    all.collect()
}

fn values(plane: &Plane, visit: &Visit, found: Option<DeviceLogin>) -> Value {
    let found = found.map(|found| Shown {
        code: spoken(&found.code),
        name: found.name,
        address: found.address,
        scopes: found.scopes,
        days: found.days,
    });
    context! { found => Value::from(Serde(&found)), places => places(plane, visit), ..frame(visit) }
}

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit, Query(asked): Query<Asked>) -> Answer<Response> {
    if asked.code.is_empty() {
        return Ok(plane.pages.page(&visit.view, TEMPLATE, values(&plane, &visit, None)));
    }
    match find(&plane, visit.person()?, &asked.code).await {
        Ok(found) => Ok(plane.pages.page(&visit.view, TEMPLATE, values(&plane, &visit, Some(found)))),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, None)),
    }
}

/// What somebody decided.
#[derive(Debug, Deserialize)]
pub struct Decided {
    code: String,
    #[serde(default)]
    place: String,
    decision: Decision,
}

pub async fn send(State(plane): State<Arc<Plane>>, visit: Visit, Form(input): Form<Decided>) -> Answer<Response> {
    let is = |one: &&Membership| place_of(&one.reach) == input.place;
    let nowhere = || Refusal::invalid("bad-place", "you have no place there; choose one of yours");
    let membership = visit.memberships.iter().find(is).ok_or_else(nowhere)?;
    let done = if input.decision == Decision::Approved { "done-device" } else { "done-device-refused" };
    match decide(&plane, visit.person()?, &input.code, membership, input.decision, &visit.from).await {
        Ok(()) => Ok(lead("/account", Some(("good", done)))),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, None)),
    }
}
