//! What a publisher hosts for itself.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use domain::{Key, Slug};
use minijinja::{Value, context};
use serde::Deserialize;

use super::{Console, value};
use crate::Plane;
use crate::access::MAKERS;
use crate::operations::Actor;
use crate::operations::host::{Input, host, own_customer};
use crate::problem::{Answer, Refusal};
use crate::store::apps;
use crate::store::installations::{self, Filter};
use crate::web::api::installations::reports;
use crate::web::receive::Received;
use crate::web::visit::{Visit, lead};
use crate::web::{Query, entry};
use crate::wire::word;

/// Sites that are shown.
const MOST: u64 = 200;

pub async fn list(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let db = plane.store.read();
    let publisher = page.publisher()?.clone();
    let all = apps::list_own(db, &actor.reach, true, MOST).await?;
    let filter = Filter { customer: Some(Key::new(publisher, own_customer())), ..Filter::default() };
    let rows = installations::list(db, &actor.reach, &filter, "", MOST).await?;
    let live = reports(&plane, rows.iter().map(|row| row.server).collect()).await;
    let sites: Vec<Value> = all
        .iter()
        .map(|app| {
            let row = rows.iter().find(|row| row.app == app.slug);
            let live = row.and_then(|row| live.get(&row.id));
            context! {
                app => app.slug.as_str(), name => row.map(|row| row.name.to_string()),
                state => row.map(|row| row.state.to_string()), version => row.map(|row| row.version),
                url => row.filter(|row| row.serves_http).map(|row| plane.url(&row.name)),
                phase => live.map(|live| word(&live.phase)), memory => live.and_then(|live| live.memory),
                disk => live.and_then(|live| live.disk),
            }
        })
        .collect();
    let values = context! {
        shell => page.shell("/hosting")?, base => page.base(), may_make => page.is(MAKERS), sites => sites,
    };
    Ok(plane.pages.page(&visit.view, "console/hosting.html", values))
}

/// What is to be hosted: its name, and what it may use in MiB.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    name: String,
    #[serde(default)]
    memory: String,
    #[serde(default)]
    disk: String,
}

impl Wanted {
    fn slug(&self) -> Answer<Slug> {
        self.name.trim().parse().map_err(|error: domain::name::BadName| Refusal::invalid("bad-slug", error.to_string()))
    }

    fn size(text: &str) -> Answer<Option<u64>> {
        let bad = |_| Refusal::invalid("bad-limit", "memory and disk are whole numbers of MiB; empty is what is usual");
        Some(text.trim()).filter(|text| !text.is_empty()).map(|text| text.parse().map_err(bad)).transpose()
    }
}

async fn values(plane: &Plane, visit: &Visit, actor: &Actor, wanted: &Wanted, errors: &[String]) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let slug = wanted.slug().ok();
    let known = match &slug {
        Some(slug) => apps::find(plane.store.read(), &Key::new(page.publisher()?.clone(), slug.clone())).await?,
        None => None,
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("csrf", visit.view.csrf.as_deref().unwrap_or(""));
    for (key, text) in [("name", &wanted.name), ("memory", &wanted.memory), ("disk", &wanted.disk)] {
        query.append_pair(key, text.trim());
    }
    Ok(context! {
        shell => page.shell("/hosting")?,
        base => page.base(),
        name => slug.map(|slug| slug.to_string()),
        typed => wanted.name.as_str(),
        replaces => known.is_some(),
        keep_hours => plane.keep_hours(),
        action => format!("{}/hosting/site?{}", page.base(), query.finish()),
        errors => value(&errors),
    })
}

const TEMPLATE: &str = "console/hosting-site.html";

pub async fn site(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    let checked = if wanted.name.is_empty() { Ok(()) } else { wanted.slug().map(drop) };
    let values = values(&plane, &visit, &actor, &wanted, &[]).await?;
    match checked {
        Ok(()) => Ok(plane.pages.page(&visit.view, TEMPLATE, values)),
        Err(refusal) => entry::again(&plane, &visit, refusal, TEMPLATE, values),
    }
}

pub async fn send(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(wanted): Query<Wanted>,
    request: Request,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let hosted = async {
        let app = Key::new(page.publisher()?.clone(), wanted.slug()?);
        let (memory, disk) = (Wanted::size(&wanted.memory)?, Wanted::size(&wanted.disk)?);
        let _turn = plane.publishing.acquire().await.map_err(Refusal::internal)?;
        let (received, _) = Received::of_form(&plane, request).await?;
        host(&plane, &actor, Input { app, memory, disk, received: received.path.clone() }).await
    };
    match hosted.await {
        Ok(hosted) => match (hosted.deployment, hosted.installation) {
            (Some(id), _) => Ok(lead(&format!("{}/deployments/{id}", page.base()), None)),
            (None, Some(id)) => Ok(lead(&format!("{}/installations/{id}", page.base()), Some(("info", "done-hosted")))),
            (None, None) => Ok(lead(&format!("{}/hosting", page.base()), Some(("info", "done-hosted")))),
        },
        Err(refusal) => {
            let errors = if refusal.errors.is_empty() { vec![refusal.detail.clone()] } else { refusal.errors.clone() };
            let values = values(&plane, &visit, &actor, &wanted, &errors).await?;
            entry::again(&plane, &visit, refusal, TEMPLATE, values)
        }
    }
}
