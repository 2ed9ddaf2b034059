//! Where a publisher's own systems are told of events.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use minijinja::{Value, context};
use serde::Deserialize;

use super::apps::{Confirm, require_typed};
use super::{Console, value};
use crate::Plane;
use crate::operations::Actor;
use crate::operations::webhooks::{
    change_webhook, create_webhook, delete_webhook, find_webhook, resend as send_again, site_of, test_webhook,
};
use crate::problem::{Answer, Refusal};
use crate::store::deliveries;
use crate::store::webhooks::{self, WebhookRow};
use crate::web::Path;
use crate::web::api::webhooks::{delivery, shown};
use crate::web::entry::{Form, again};
use crate::web::visit::{Visit, lead};
use crate::webhooks::names;
use crate::wire::{ChangeWebhook, CreateWebhook};

const LIST: &str = "console/webhooks.html";
const ONE: &str = "console/webhook.html";

/// More than a publisher can have.
const MOST: u64 = 100;

/// Deliveries that are shown.
const DELIVERIES: u64 = 50;

/// Address and ticked events; what is no event is none.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    url: String,
    #[serde(flatten)]
    ticked: BTreeMap<String, String>,
}

impl Wanted {
    fn events(&self) -> Vec<String> {
        names().into_iter().filter(|name| self.ticked.contains_key(*name)).map(str::to_owned).collect()
    }
}

async fn list_values(plane: &Plane, visit: &Visit, actor: &Actor, secret: Option<&str>) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let rows = webhooks::list(plane.store.read(), &actor.reach, None, MOST).await?;
    let all: Vec<_> = rows.into_iter().map(shown).collect();
    Ok(context! {
        shell => page.shell("/webhooks")?, base => page.base(), webhooks => value(&all), names => names(), secret,
    })
}

pub async fn list(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor) -> Answer<Response> {
    let values = list_values(&plane, &visit, &actor, None).await?;
    Ok(plane.pages.page(&visit.view, LIST, values))
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Form(input): Form<Wanted>,
) -> Answer<Response> {
    let events = input.events();
    let wanted = CreateWebhook { publisher: None, url: input.url.trim().to_owned(), events };
    match create_webhook(&plane, &actor, wanted).await {
        Ok((secret, _)) => {
            let values = list_values(&plane, &visit, &actor, Some(&secret)).await?;
            let view = visit.view.clone().flash("good", plane.pages.text(visit.view.language, "done-webhook"));
            Ok(plane.pages.page(&view, LIST, values))
        }
        Err(refusal) => again(&plane, &visit, refusal, LIST, list_values(&plane, &visit, &actor, None).await?),
    }
}

/// What is typed to delete one: the host that it tells.
fn host(row: &WebhookRow) -> String {
    let site = site_of(&row.url);
    site.split_once("://").map_or(site.as_str(), |(_, host)| host).to_owned()
}

async fn values(plane: &Plane, visit: &Visit, actor: &Actor, row: WebhookRow) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let sent = deliveries::list(plane.store.read(), row.id, None, DELIVERIES).await?;
    let sent: Vec<_> = sent.into_iter().map(delivery).collect();
    Ok(context! {
        shell => page.shell("/webhooks")?,
        base => page.base(),
        host => host(&row),
        webhook => value(&shown(row)),
        deliveries => value(&sent),
        names => names(),
    })
}

pub async fn show(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, id)): Path<(String, String)>,
) -> Answer<Response> {
    let row = find_webhook(plane.store.read(), &actor.reach, &id).await?;
    Ok(plane.pages.page(&visit.view, ONE, values(&plane, &visit, &actor, row).await?))
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, id)): Path<(String, String)>,
    Form(input): Form<Wanted>,
) -> Answer<Response> {
    let (url, events) = (Some(input.url.trim().to_owned()), Some(input.events()));
    let wanted = ChangeWebhook { url, events, enabled: None };
    match change_webhook(&plane, &actor, &id, wanted).await {
        Ok(_) => back(&plane, &visit, &actor, &id, "done-webhook-changed"),
        Err(refusal) => refused(&plane, &visit, &actor, &id, refusal).await,
    }
}

/// What is done to one by a button.
pub async fn act(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, id, verb)): Path<(String, String, String)>,
    Form(input): Form<Confirm>,
) -> Answer<Response> {
    let enabled = |enabled| ChangeWebhook { enabled: Some(enabled), ..ChangeWebhook::default() };
    let done = match verb.as_str() {
        "test" => test_webhook(&plane, &actor, &id).await.map(|_| "done-webhook-sent"),
        "enable" => change_webhook(&plane, &actor, &id, enabled(true)).await.map(|_| "done-webhook-changed"),
        "disable" => change_webhook(&plane, &actor, &id, enabled(false)).await.map(|_| "done-webhook-changed"),
        "delete" => {
            let row = find_webhook(plane.store.read(), &actor.reach, &id).await?;
            if let Err(refusal) = require_typed(&input.confirm, &host(&row)) {
                return refused(&plane, &visit, &actor, &id, refusal).await;
            }
            delete_webhook(&plane, &actor, &id).await?;
            let base = Console { plane: &plane, visit: &visit, actor: &actor }.base();
            return Ok(lead(&format!("{base}/webhooks"), Some(("good", "done-webhook-deleted"))));
        }
        _ => return Err(Refusal::missing("unknown-path", "there is no such page")),
    };
    match done {
        Ok(text) => back(&plane, &visit, &actor, &id, text),
        Err(refusal) => refused(&plane, &visit, &actor, &id, refusal).await,
    }
}

pub async fn resend(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, id, delivery)): Path<(String, String, String)>,
) -> Answer<Response> {
    match send_again(&plane, &actor, &id, &delivery).await {
        Ok(_) => back(&plane, &visit, &actor, &id, "done-webhook-sent"),
        Err(refusal) => refused(&plane, &visit, &actor, &id, refusal).await,
    }
}

fn back(plane: &Plane, visit: &Visit, actor: &Actor, id: &str, text: &'static str) -> Answer<Response> {
    let base = Console { plane, visit, actor }.base();
    Ok(lead(&format!("{base}/webhooks/{id}"), Some(("good", text))))
}

async fn refused(plane: &Plane, visit: &Visit, actor: &Actor, id: &str, refusal: Refusal) -> Answer<Response> {
    let Ok(row) = find_webhook(plane.store.read(), &actor.reach, id).await else { return Err(refusal) };
    again(plane, visit, refusal, ONE, values(plane, visit, actor, row).await?)
}
