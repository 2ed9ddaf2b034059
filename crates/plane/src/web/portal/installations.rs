//! One installation, as its customer sees it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, header};
use minijinja::{Value, context};
use serde::Deserialize;

use super::{Inside, logo_of};
use crate::Plane;
use crate::access::DECIDERS;
use crate::operations::leave::{self, leave_of};
use crate::operations::{Actor, find_installation};
use crate::problem::{Answer, Refusal};
use crate::store::apps;
use crate::web::console::installations::{Act, ActOnCopy, Done, Over, do_verb, do_with_copy, fragments, shown};
use crate::web::console::value;
use crate::web::entry::{Form, again, frame};
use crate::web::visit::{Visit, lead};
use crate::web::{Path, Query, logs, usage};

const TEMPLATE: &str = "portal/installation.html";

pub async fn show(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
    Query(over): Query<Over>,
) -> Answer<Response> {
    let values = values(&plane, &visit, &actor, &text, over).await?;
    Ok(plane.pages.page(&visit.view, TEMPLATE, values))
}

async fn values(plane: &Plane, visit: &Visit, actor: &Actor, text: &str, over: Over) -> Answer<Value> {
    let page = Inside { plane, visit, actor };
    let base = page.base()?;
    let row = find_installation(plane.store.read(), &actor.reach, text).await?;
    let logo = logo_of(plane.store.read(), &base, &row).await?;
    let app = apps::find(plane.store.read(), &row.app_key()).await?;
    let charts = usage::charts(plane, &visit.view, actor, &row, over.range.as_deref());
    let (usage, shown) = tokio::try_join!(charts, shown(plane, actor, visit.view.language, &base, text))?;
    Ok(context! {
        portal => page.frame("")?,
        app_name => app.map_or_else(|| row.app.to_string(), |app| app.name),
        logo,
        acts => page.acts(),
        lets => DECIDERS.contains(&actor.role),
        leave => leave_of(plane.store.read(), row.id, plane.now()).await?.as_ref().map(value),
        live_url => format!("{base}/installations/{text}/live"),
        usage,
        ..shown
    })
}

pub async fn live(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
) -> Answer<Response> {
    find_installation(plane.store.read(), &actor.reach, &text).await?;
    let base = Inside { plane: &plane, visit: &visit, actor: &actor }.base()?;
    Ok(fragments(plane, visit, actor, base, text, "portal/installation-live.html"))
}

/// Leads into the application. Not by a redirect: browsers hold a form to this site, also where an answer leads it on.
pub async fn open(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
) -> Answer<Response> {
    match crate::operations::open::open(&plane, &actor, &text).await {
        Ok(opened) => Ok(lead_out(&plane, &visit, &opened.url, &text)),
        Err(refusal) => {
            again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, &text, Over::default()).await?)
        }
    }
}

/// A page that leads to another site at once, and has a link for whom it does not.
pub fn lead_out(plane: &Plane, visit: &Visit, url: &str, name: &str) -> Response {
    let values = context! { ..frame(visit), ..context! { url, name } };
    let mut response = plane.pages.page(&visit.view, "entry/opening.html", values);
    if let Ok(value) = HeaderValue::try_from(format!("0;url={url}")) {
        response.headers_mut().insert(header::REFRESH, value);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub async fn act(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text, verb)): Path<(String, String, String)>,
    Form(input): Form<Act>,
) -> Answer<Response> {
    let base = Inside { plane: &plane, visit: &visit, actor: &actor }.base()?;
    match do_verb(&plane, &actor, &text, &verb, input).await {
        Ok(Done::Operation(key)) => Ok(lead(&format!("{base}/installations/{text}"), Some(("info", key)))),
        Ok(Done::Deployment(_)) => Err(Refusal::internal("a customer has rolled back")),
        Err(refusal) => {
            again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, &text, Over::default()).await?)
        }
    }
}

pub async fn act_on_copy(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text, copy, verb)): Path<(String, String, String, String)>,
    Form(input): Form<ActOnCopy>,
) -> Answer<Response> {
    let base = Inside { plane: &plane, visit: &visit, actor: &actor }.base()?;
    match do_with_copy(&plane, &actor, &text, &copy, &verb, &input).await {
        Ok((None, key)) => Ok(lead(&format!("{base}/installations/{text}"), Some(("info", key)))),
        Ok((Some(new), key)) => Ok(lead(&format!("{base}/installations/{new}"), Some(("info", key)))),
        Err(refusal) => {
            again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, &text, Over::default()).await?)
        }
    }
}

pub async fn show_logs(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
    Query(wanted): Query<logs::Wanted>,
) -> Answer<Response> {
    let page = Inside { plane: &plane, visit: &visit, actor: &actor };
    let row = find_installation(plane.store.read(), &actor.reach, &text).await?;
    let here = format!("{}/installations/{}/logs", page.base()?, row.name);
    match logs::show(&plane, &visit, &row, &here, &wanted).await? {
        Ok(file) => Ok(file),
        Err(values) => {
            let values = context! { portal => page.frame("")?, base => page.base()?, ..values };
            Ok(plane.pages.page(&visit.view, "portal/logs.html", values))
        }
    }
}

/// For how long support may open it.
#[derive(Debug, Deserialize)]
pub struct For {
    hours: u32,
}

pub async fn grant_leave(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
    Form(input): Form<For>,
) -> Answer<Response> {
    let base = Inside { plane: &plane, visit: &visit, actor: &actor }.base()?;
    match leave::grant_leave(&plane, &actor, &text, input.hours).await {
        Ok(_) => Ok(lead(&format!("{base}/installations/{text}"), Some(("good", "done-leave")))),
        Err(refusal) => {
            again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, &text, Over::default()).await?)
        }
    }
}

pub async fn end_leave(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
) -> Answer<Response> {
    let base = Inside { plane: &plane, visit: &visit, actor: &actor }.base()?;
    match leave::end_leave(&plane, &actor, &text).await {
        Ok(()) => Ok(lead(&format!("{base}/installations/{text}"), Some(("good", "done-leave-ended")))),
        Err(refusal) => {
            again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, &text, Over::default()).await?)
        }
    }
}
