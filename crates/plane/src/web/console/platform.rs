//! The operator's pages about single things: servers, all installations, operations, publishers and their limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::state::OperationState;
use domain::{ServerId, Slug};
use futures_util::StreamExt;
use minijinja::{Value, context};
use nimbus_api::{Direction, InstallationReport};
use sea_orm::ConnectionTrait;
use serde::Deserialize;

use super::{Console, value};
use crate::Plane;
use crate::operations::change_limits::change_limits;
use crate::operations::{Actor, unknown_publisher};
use crate::problem::{Answer, Refusal};
use crate::store::installations::{self, Filter, InstallationRow};
use crate::store::{operations, publishers};
use crate::web::api::installations::reports;
use crate::web::api::servers::all as all_servers;
use crate::web::design::{Language, live as send_live};
use crate::web::entry::{Form, again};
use crate::web::visit::{Visit, lead};
use crate::web::{Path, Query, follow, steps as said, view};
use crate::wire::{Operation, PublisherLimits, word};

/// Installations of a page of the list, and those that fill a server most.
const PAGE: u64 = 50;
const LARGEST: usize = 20;

/// Operations of each state that are shown.
const OPERATIONS: u64 = 50;

fn shown(row: &InstallationRow, live: Option<&InstallationReport>) -> Value {
    context! {
        name => row.name.as_str(), publisher => row.publisher.as_str(), app => row.app.as_str(),
        customer => row.customer.as_str(), version => row.version, state => row.state.to_string(),
        error => row.error.clone(), created_at => row.created_at,
        phase => live.map(|live| word(&live.phase)),
        memory => live.and_then(|live| live.memory), disk => live.and_then(|live| live.disk),
    }
}

/// Those that a server says use most.
async fn largest(
    db: &impl ConnectionTrait,
    live: &[InstallationReport],
    used: fn(&InstallationReport) -> Option<u64>,
) -> Answer<Vec<Value>> {
    let mut all: Vec<&InstallationReport> =
        live.iter().filter(|one| used(one).is_some_and(|bytes| bytes > 0)).collect();
    all.sort_by_key(|one| std::cmp::Reverse(used(one)));
    let mut found = Vec::new();
    for one in all.into_iter().take(LARGEST) {
        // What its server still has may be removed already.
        let row = installations::find(db, one.id).await?.filter(|row| row.removed_at.is_none());
        found.extend(row.map(|row| shown(&row, Some(one))));
    }
    Ok(found)
}

pub async fn server(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path(text): Path<String>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let unknown = || Refusal::missing("unknown-server", "there is no such server");
    let id: ServerId = text.parse().map_err(|_| unknown())?;
    let found = all_servers(&plane).await?.into_iter().find(|one| one.id == id).ok_or_else(unknown)?;
    let db = plane.store.read();
    let live: Vec<InstallationReport> = reports(&plane, [id].into()).await.into_values().collect();
    let by_disk = largest(db, &live, |live| live.disk).await?;
    let by_memory = largest(db, &live, |live| live.memory).await?;
    let values = context! {
        shell => page.shell("")?,
        server => value(&found),
        by_memory,
        by_disk,
    };
    Ok(plane.pages.page(&visit.view, "console/server.html", values))
}

/// Which installations.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    q: Option<String>,
    state: Option<String>,
    after: Option<String>,
}

pub async fn all_installations(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let q = wanted.q.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let filter = Filter {
        text: q.map(str::to_lowercase),
        state: wanted.state.as_deref().and_then(|state| state.parse().ok()),
        ..Filter::default()
    };
    let after = wanted.after.as_deref().unwrap_or("");
    let mut rows = installations::list(plane.store.read(), &actor.reach, &filter, after, PAGE + 1).await?;
    let next = visit.view.next(&mut rows, PAGE, "after", |row| row.name.to_string());
    let live = reports(&plane, rows.iter().map(|row| row.server).collect()).await;
    let values = context! {
        shell => page.shell("/installations")?,
        installations => rows.iter().map(|row| shown(row, live.get(&row.id))).collect::<Vec<_>>(),
        q,
        state => wanted.state.clone().filter(|state| !state.is_empty()),
        next,
    };
    Ok(plane.pages.page(&visit.view, "console/platform-installations.html", values))
}

async fn operations_values(plane: &Plane, language: Language, actor: &Actor) -> Answer<Value> {
    let db = plane.store.read();
    let mut lists = BTreeMap::new();
    for state in [OperationState::Running, OperationState::Stuck, OperationState::Undone] {
        let filter = operations::Filter { state: Some(state), installation: None };
        let rows = operations::list(db, &actor.reach, &filter, None, OPERATIONS).await?;
        let all: Vec<Value> = rows
            .into_iter()
            .map(|row| {
                let publisher = row.publisher.to_string();
                let operation = view::operation(plane, row);
                context! { publisher, steps => steps(plane, language, &operation), ..value(&operation) }
            })
            .collect();
        lists.insert(state.to_string(), all);
    }
    Ok(context! { lists => Value::from_pairs(lists) })
}

/// Its steps as the page draws them.
fn steps(plane: &Plane, language: Language, operation: &Operation) -> Vec<Value> {
    let state = |step: &nimbus_api::StepReport| match (&step.error, step.ended_at, step.direction) {
        (Some(_), ..) => "failed",
        (None, None, _) => "now",
        (None, Some(_), Direction::Undo) => "undone",
        (None, Some(_), Direction::Do) => "done",
    };
    let label = |step: &nimbus_api::StepReport| said::name(plane, language, &step.name);
    operation.steps.iter().map(|step| context! { label => label(step), state => state(step) }).collect()
}

pub async fn all_operations(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let values = context! { shell => page.shell("/operations")?, ..operations_values(&plane, visit.view.language, &actor).await? };
    Ok(plane.pages.page(&visit.view, "console/platform-operations.html", values))
}

/// The same as they go on.
pub async fn operations_live(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor) -> Answer<Response> {
    let fragments = follow::changes(plane.clone()).then(move |()| {
        let (plane, visit, actor) = (plane.clone(), visit.clone(), actor.clone());
        async move {
            let language = visit.view.language;
            let values = operations_values(&plane, language, &actor).await.map_err(|refusal| refusal.detail)?;
            let html = plane.pages.html(&visit.view, "console/platform-operations-live.html", values);
            html.map(|html| (html, false)).map_err(|error| error.to_string())
        }
    });
    Ok(send_live(follow::until_ended(fragments)))
}

const PUBLISHER: &str = "console/platform-publisher.html";

async fn publisher_values(plane: &Plane, visit: &Visit, actor: &Actor, text: &str) -> Answer<(Slug, Value)> {
    let page = Console { plane, visit, actor };
    let slug: Slug = text.parse().map_err(|_| unknown_publisher(text))?;
    let found = publishers::find(plane.store.read(), &actor.reach, &slug).await?;
    let found = found.ok_or_else(|| unknown_publisher(text))?;
    Ok((slug, context! { shell => page.shell("")?, publisher => value(&found) }))
}

pub async fn publisher(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path(text): Path<String>,
) -> Answer<Response> {
    let (_, values) = publisher_values(&plane, &visit, &actor, &text).await?;
    Ok(plane.pages.page(&visit.view, PUBLISHER, values))
}

/// The page again with what was refused.
pub async fn publisher_again(
    plane: &Plane,
    visit: &Visit,
    actor: &Actor,
    text: &str,
    refusal: Refusal,
) -> Answer<Response> {
    let (_, values) = publisher_values(plane, visit, actor, text).await?;
    again(plane, visit, refusal, PUBLISHER, values)
}

/// Limits as the form has them: memory and disk in MiB; empty for none.
#[derive(Debug, Deserialize)]
pub struct Limits {
    #[serde(default)]
    installations: String,
    #[serde(default)]
    memory: String,
    #[serde(default)]
    disk: String,
}

impl Limits {
    /// What they say.
    pub fn read(&self) -> Answer<PublisherLimits> {
        let number = |text: &str| match text.trim() {
            "" => Ok(None),
            text => text.parse::<u64>().map(Some).map_err(|_| {
                Refusal::invalid("bad-limit", "a limit is a whole number; leave the field empty for none")
            }),
        };
        let bytes = |text: &str| number(text).map(|mib| mib.map(|mib| mib.saturating_mul(1 << 20)));
        Ok(PublisherLimits {
            installations: number(&self.installations)?,
            memory: bytes(&self.memory)?,
            disk: bytes(&self.disk)?,
        })
    }
}

pub async fn set_limits(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path(text): Path<String>,
    Form(input): Form<Limits>,
) -> Answer<Response> {
    let slug: Slug = text.parse().map_err(|_| unknown_publisher(&text))?;
    let changed = async { change_limits(&plane, &actor, &slug, input.read()?).await };
    match changed.await {
        Ok(_) => Ok(lead(&format!("/operator/publishers/{slug}"), Some(("good", "done-limits")))),
        Err(refusal) => publisher_again(&plane, &visit, &actor, &text, refusal).await,
    }
}
