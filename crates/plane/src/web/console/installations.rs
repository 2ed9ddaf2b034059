//! Installations: all of a publisher's, and one.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::state::OperationState;
use domain::{InstallationId, InstallationName, Slug};
use futures_util::StreamExt;
use http::HeaderMap;
use minijinja::{Value, context};
use serde::Deserialize;

use super::{Console, value};
use crate::Plane;
use crate::access::{MAKERS, Reach, STAFF};
use crate::operations::install::install;
use crate::operations::leave::leave_of;
use crate::operations::make_backup::make_backup;
use crate::operations::rollback::rollback_installation;
use crate::operations::{Actor, delete_backup, exec, find_installation, remove, restart, restore, start, stop};
use crate::problem::{Answer, Refusal};
use crate::store::events::{self, Part as EventPart};
use crate::store::installations::{self, Filter};
use crate::store::{apps, customers, operations, snapshots};
use crate::web::api::backups::{copies_told, send_archive};
use crate::web::api::installations::reports;
use crate::web::design::{Language, live as send_live};
use crate::web::entry::{Form, again};
use crate::web::visit::{Visit, lead};
use crate::web::{Path, Query, follow, logs, steps, usage, view};
use crate::wire::{App, CreateBackup, CreateInstallation, CreateRollback, FromCopy, word};

use super::apps::require_typed;

/// Installations of a page of the list.
const PAGE: u64 = 50;

/// Entries that forms and pages offer.
const MOST: u64 = 500;

/// Which ones.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    q: Option<String>,
    app: Option<String>,
    state: Option<String>,
    version: Option<String>,
    troubled: Option<String>,
    after: Option<String>,
}

pub async fn list(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    let values = list_values(&plane, &visit, &actor, wanted).await?;
    Ok(plane.pages.page(&visit.view, "console/installations.html", values))
}

async fn list_values(plane: &Plane, visit: &Visit, actor: &Actor, wanted: Wanted) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let (db, reach) = (plane.store.read(), &actor.reach);
    let publisher = page.publisher()?.clone();
    let wanted_text = wanted.q.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let version: Option<u32> = wanted.version.as_deref().and_then(|version| version.parse().ok());
    let filter = Filter {
        // What names no application is no filter: the form sends an empty one for all.
        app: wanted.app.as_deref().and_then(|app| app.parse().ok()).map(|app| domain::Key::new(publisher, app)),
        customer: None,
        version,
        text: wanted_text.map(str::to_lowercase),
        state: wanted.state.as_deref().and_then(|state| state.parse().ok()),
        server: None,
        troubled: wanted.troubled.is_some(),
    };
    let (mut rows, apps, customers) = tokio::try_join!(
        installations::list(db, reach, &filter, wanted.after.as_deref().unwrap_or(""), PAGE + 1),
        apps::list(db, reach, None, MOST),
        customers::names(db, reach, MOST),
    )?;
    let next = visit.view.next(&mut rows, PAGE, "after", |row| row.name.to_string());
    let reports = reports(plane, rows.iter().map(|row| row.server).collect()).await;
    let shown: Vec<Value> = rows
        .iter()
        .map(|row| {
            let live = reports.get(&row.id);
            context! {
                name => row.name.as_str(), app => row.app.as_str(), customer => row.customer.as_str(),
                version => row.version, state => row.state.to_string(), created_at => row.created_at,
                phase => live.map(|live| word(&live.phase)), memory => live.and_then(|live| live.memory),
                disk => live.and_then(|live| live.disk),
                error => row.error.clone(), busy => row.operation.is_some(),
            }
        })
        .collect();
    Ok(context! {
        shell => page.shell("/installations")?,
        base => page.base(),
        may_install => page.is(STAFF),
        installations => shown,
        next,
        first => wanted.after.is_none(),
        q => wanted_text,
        app => wanted.app.filter(|app| !app.is_empty()),
        state => wanted.state.filter(|state| !state.is_empty()),
        version,
        troubled => wanted.troubled.is_some(),
        // Only what has a version can be installed.
        installable => named(apps.iter().filter(|app| app.newest_version.is_some())),
        apps => named(apps.iter()),
        customers => value(&customers),
    })
}

/// Applications as they are chosen from many.
fn named<'a>(apps: impl Iterator<Item = &'a App>) -> Value {
    value(&apps.map(|app| (&app.slug, &app.name)).collect::<Vec<_>>())
}

/// What to install for whom.
#[derive(Debug, Deserialize)]
pub struct New {
    app: String,
    customer: Slug,
    #[serde(default)]
    name: String,
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Form(input): Form<New>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let begun = async {
        let name = given_name(&input.name)?;
        let wanted = CreateInstallation {
            app: input.app.clone(),
            customer: input.customer.clone(),
            name,
            version: None,
            from: None,
        };
        install(&plane, &actor, wanted).await
    };
    match begun.await {
        Ok(begun) => Ok(lead(&format!("{}/installations/{}", page.base(), begun.installation), None)),
        Err(refusal) => {
            let values = list_values(&plane, &visit, &actor, Wanted::default()).await?;
            again(&plane, &visit, refusal, "console/installations.html", values)
        }
    }
}

pub async fn show(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
    Query(over): Query<Over>,
) -> Answer<Response> {
    let values = show_values(&plane, &visit, &actor, &text, over).await?;
    Ok(plane.pages.page(&visit.view, "console/installation.html", values))
}

/// Over which time charts are.
#[derive(Debug, Default, Deserialize)]
pub struct Over {
    /// `hour`, `day` or `month`.
    pub range: Option<String>,
}

async fn show_values(plane: &Plane, visit: &Visit, actor: &Actor, text: &str, over: Over) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let row = find_installation(plane.store.read(), &actor.reach, text).await?;
    let (base, range) = (page.base(), over.range.as_deref());
    let charts = usage::charts(plane, &visit.view, actor, &row, range);
    let (usage, shown) = tokio::try_join!(charts, shown(plane, actor, visit.view.language, &base, text))?;
    Ok(context! {
        shell => page.shell("/installations")?,
        may_act => page.is(STAFF),
        leave => leave_of(plane.store.read(), row.id, plane.now()).await?.as_ref().map(value),
        may_exec => page.is(MAKERS) && exec::may(plane, actor, text).await.is_ok(),
        live_url => format!("{base}/installations/{text}/live"),
        usage,
        ..shown
    })
}

/// What the page shows of it; also a customer's.
pub async fn shown(plane: &Plane, actor: &Actor, language: Language, base: &str, text: &str) -> Answer<Value> {
    let db = plane.store.read();
    let row = find_installation(db, &actor.reach, text).await?;
    let id = row.id;
    let asked = match plane.servers.get(row.server) {
        Ok(handle) => handle.server.installation(id).await,
        Err(error) => Err(error),
    };
    let silent = asked.is_err();
    let live = asked.ok().flatten();
    let copies = copies_told(plane, &row, live.as_ref().map(|live| live.snapshots.clone())).await?;
    let under_way = match row.operation {
        Some(id) => operations::find(db, id).await?.filter(|row| row.state == OperationState::Running),
        None => None,
    };
    let doing = under_way.map(|row| {
        let (verb, known) = (row.work.verb(), plane.progress.of(row.id).unwrap_or_default());
        steps::doing(plane, language, verb, &known.steps, known.waiting_for.is_some())
    });
    let installation = view::installation(plane, db, row).await?;
    let filter = events::Filter { installation: Some(id), ..events::Filter::default() };
    let newest = EventPart::NewestFirst { after: 0, before: u64::MAX };
    let events = events::list(db, &actor.reach, &filter, newest, 20).await?;
    Ok(context! {
        base,
        sees_audit => STAFF.contains(&actor.role),
        installation => value(&installation),
        phase => live.as_ref().map(|live| word(&live.phase)),
        live => live.as_ref().map(value),
        silent,
        doing,
        copies => value(&copies),
        events => value(&events),
        now_version => installation.version,
        keep_hours => plane.keep_hours(),
    })
}

/// The page's changing part, again and again.
pub async fn live(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
) -> Answer<Response> {
    find_installation(plane.store.read(), &actor.reach, &text).await?;
    let base = Console { plane: &plane, visit: &visit, actor: &actor }.base();
    Ok(fragments(plane, visit, actor, base, text, "console/installation-live.html"))
}

/// The part of a page about one installation that changes, whenever it does.
pub fn fragments(
    plane: Arc<Plane>,
    visit: Visit,
    actor: Actor,
    base: String,
    text: String,
    template: &'static str,
) -> Response {
    let fragments = follow::changes(plane.clone()).then(move |()| {
        let (plane, base, visit, actor, text) =
            (plane.clone(), base.clone(), visit.clone(), actor.clone(), text.clone());
        async move {
            let language = visit.view.language;
            let values = shown(&plane, &actor, language, &base, &text).await.map_err(|refusal| refusal.detail)?;
            plane.pages.html(&visit.view, template, values).map(|html| (html, false)).map_err(|error| error.to_string())
        }
    });
    send_live(follow::until_ended(fragments))
}

pub async fn logs(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
    Query(wanted): Query<logs::Wanted>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let row = find_installation(plane.store.read(), &actor.reach, &text).await?;
    let here = format!("{}/installations/{}/logs", page.base(), row.name);
    match logs::show(&plane, &visit, &row, &here, &wanted).await? {
        Ok(file) => Ok(file),
        Err(values) => {
            let values = context! { shell => page.shell("/installations")?, base => page.base(), ..values };
            Ok(plane.pages.page(&visit.view, "console/logs.html", values))
        }
    }
}

/// The log as it goes on; also a customer's.
pub async fn logs_live(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
    Query(wanted): Query<logs::Wanted>,
    headers: HeaderMap,
) -> Answer<Response> {
    let row = find_installation(plane.store.read(), &actor.reach, &text).await?;
    logs::live(plane, visit, row, wanted, &headers).await
}

/// What a form about one installation says.
#[derive(Debug, Default, Deserialize)]
pub struct Act {
    #[serde(default)]
    label: String,
    #[serde(default)]
    confirm: String,
    further: Option<String>,
}

pub async fn act(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text, verb)): Path<(String, String, String)>,
    Form(input): Form<Act>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let base = page.base();
    let home = format!("{base}/installations/{text}");
    match do_verb(&plane, &actor, &text, &verb, input).await {
        Ok(Done::Deployment(id)) => Ok(lead(&format!("{base}/deployments/{id}"), None)),
        Ok(Done::Operation(key)) => Ok(lead(&home, Some(("info", key)))),
        Err(refusal) if refusal.code == "rolled-back-already" => {
            page.ask_further(refusal, "/installations", &format!("{home}/rollback"), &home)
        }
        Err(refusal) => {
            let values = show_values(&plane, &visit, &actor, &text, Over::default()).await?;
            again(&plane, &visit, refusal, "console/installation.html", values)
        }
    }
}

/// What was begun: the text that says so, or a page of its own.
pub enum Done {
    Operation(&'static str),
    Deployment(domain::DeploymentId),
}

/// Does what a form asks of an installation; also a customer's.
pub async fn do_verb(plane: &Plane, actor: &Actor, text: &str, verb: &str, input: Act) -> Answer<Done> {
    match verb {
        "start" => start::start(plane, actor, text).await.map(|_| Done::Operation("done-start")),
        "stop" => stop::stop(plane, actor, text).await.map(|_| Done::Operation("done-stop")),
        "restart" => restart::restart(plane, actor, text).await.map(|_| Done::Operation("done-restart")),
        "backup" => {
            let label = Some(input.label.trim().to_owned()).filter(|label| !label.is_empty());
            make_backup(plane, actor, text, CreateBackup { label }).await.map(|_| Done::Operation("done-backup"))
        }
        "remove" => {
            let row = find_installation(plane.store.read(), &actor.reach, text).await?;
            require_typed(&input.confirm, row.name.as_str())?;
            remove::remove(plane, actor, text).await.map(|_| Done::Operation("done-remove"))
        }
        // A customer's data goes back with the code: the publisher's to decide.
        "rollback" if !matches!(actor.reach, Reach::Customer(_)) => {
            let wanted = CreateRollback { further: input.further.is_some() };
            rollback_installation(plane, actor, text, wanted).await.map(Done::Deployment)
        }
        _ => Err(Refusal::missing("unknown-path", "there is no such page")),
    }
}

/// Of which copy.
#[derive(Debug, Deserialize)]
pub struct Data {
    copy: Option<String>,
}

pub async fn data(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((_, text)): Path<(String, String)>,
    Query(wanted): Query<Data>,
) -> Answer<Response> {
    send_archive(&plane, &actor, &text, wanted.copy.as_deref()).await
}

/// What a form about a copy says.
#[derive(Debug, Default, Deserialize)]
pub struct ActOnCopy {
    #[serde(default)]
    name: String,
    #[serde(default)]
    confirm: String,
}

pub async fn act_on_copy(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, text, copy, verb)): Path<(String, String, String, String)>,
    Form(input): Form<ActOnCopy>,
) -> Answer<Response> {
    let all = format!("{}/installations", Console { plane: &plane, visit: &visit, actor: &actor }.base());
    match do_with_copy(&plane, &actor, &text, &copy, &verb, &input).await {
        Ok((None, key)) => Ok(lead(&format!("{all}/{text}"), Some(("info", key)))),
        Ok((Some(new), key)) => Ok(lead(&format!("{all}/{new}"), Some(("info", key)))),
        Err(refusal) => {
            let values = show_values(&plane, &visit, &actor, &text, Over::default()).await?;
            again(&plane, &visit, refusal, "console/installation.html", values)
        }
    }
}

/// Restores a copy, here or into a new installation, or deletes it; also a customer's. What it tells, and of which new
/// installation.
pub async fn do_with_copy(
    plane: &Plane,
    actor: &Actor,
    text: &str,
    copy: &str,
    verb: &str,
    input: &ActOnCopy,
) -> Answer<(Option<InstallationId>, &'static str)> {
    match verb {
        "restore" => restore::restore(plane, actor, text, copy, None).await.map(|_| (None, "done-restore")),
        "delete" => {
            let row = find_installation(plane.store.read(), &actor.reach, text).await?;
            let labels = snapshots::labels(plane.store.read(), row.id).await?;
            let label = copy.parse().ok().and_then(|backup| labels.get(&backup));
            require_typed(&input.confirm, label.map_or(row.name.as_str(), String::as_str))?;
            delete_backup::delete_backup(plane, actor, text, copy).await.map(|_| (None, "done-backup-delete"))
        }
        "new" => {
            let row = find_installation(plane.store.read(), &actor.reach, text).await?;
            let wanted = CreateInstallation {
                app: row.app.to_string(),
                customer: row.customer,
                name: given_name(&input.name)?,
                version: None,
                from: Some(FromCopy { installation: row.id.to_string(), copy: copy.to_owned() }),
            };
            let begun = install(plane, actor, wanted).await?;
            Ok((Some(begun.installation), "done-install-copy"))
        }
        _ => Err(Refusal::missing("unknown-path", "there is no such page")),
    }
}

/// The name that somebody typed, if any.
fn given_name(text: &str) -> Answer<Option<InstallationName>> {
    let bad = |error: domain::name::BadName| Refusal::invalid("bad-name", error.to_string());
    Some(text.trim()).filter(|name| !name.is_empty()).map(|name| name.parse().map_err(bad)).transpose()
}
