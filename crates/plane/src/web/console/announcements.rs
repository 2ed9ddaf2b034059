//! The operator's page of announcements.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use minijinja::{Value, context};
use nimbus_api::Millis;
use serde::Deserialize;

use super::{Console, value};
use crate::Plane;
use crate::operations::Actor;
use crate::operations::announce::{announce, delete_announcement};
use crate::problem::{Answer, Refusal};
use crate::web::Path;
use crate::web::design::format;
use crate::web::entry::{Form, again};
use crate::web::visit::{Visit, lead};
use crate::wire::{Audience, CreateAnnouncement, Level};

const TEMPLATE: &str = "console/announcements.html";

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor) -> Answer<Response> {
    Ok(plane.pages.page(&visit.view, TEMPLATE, values(&plane, &visit, &actor, None)?))
}

fn values(plane: &Plane, visit: &Visit, actor: &Actor, input: Option<&New>) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let all: Vec<Value> = plane
        .settings
        .get()
        .announcements
        .iter()
        .map(|one| context! { on => one.is_on(visit.view.now), coming => one.from > visit.view.now, ..value(one) })
        .collect();
    let text = |of: fn(&New) -> &str| input.map(|input| of(input).to_owned()).unwrap_or_default();
    Ok(context! {
        shell => page.shell("/announcements")?,
        announcements => all,
        en => text(|input| &input.en),
        es => text(|input| &input.es),
    })
}

/// One to be made. Times are by the clock of who writes it.
#[derive(Debug, Deserialize)]
pub struct New {
    level: Level,
    audience: Audience,
    #[serde(default)]
    en: String,
    #[serde(default)]
    es: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
}

impl New {
    fn wanted(&self, visit: &Visit) -> Answer<CreateAnnouncement> {
        let at = |text: &str| -> Answer<Option<Millis>> {
            if text.is_empty() {
                return Ok(None);
            }
            format::of_local(&visit.view.zone, text)
                .map(Some)
                .ok_or_else(|| Refusal::invalid("bad-announcement", "a time is written such as 2026-11-23T18:30"))
        };
        Ok(CreateAnnouncement {
            level: self.level,
            audience: self.audience,
            en: Some(self.en.clone()),
            es: Some(self.es.clone()),
            from: at(&self.from)?,
            until: at(&self.until)?,
        })
    }
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Form(input): Form<New>,
) -> Answer<Response> {
    let made = async { announce(&plane, &actor, input.wanted(&visit)?).await };
    match made.await {
        Ok(_) => Ok(lead("/operator/announcements", Some(("good", "done-announced")))),
        Err(refusal) => {
            let values = values(&plane, &visit, &actor, Some(&input))?;
            again(&plane, &visit, refusal, TEMPLATE, values)
        }
    }
}

pub async fn delete(State(plane): State<Arc<Plane>>, actor: Actor, Path(id): Path<String>) -> Answer<Response> {
    delete_announcement(&plane, &actor, &id).await?;
    Ok(lead("/operator/announcements", Some(("good", "done-announcement-deleted"))))
}
