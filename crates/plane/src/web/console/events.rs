//! Who did what to which thing and when.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use minijinja::context;
use serde::Deserialize;

use super::{Console, value};
use crate::Plane;
use crate::operations::Actor;
use crate::problem::{Answer, Refusal};
use crate::store::events::{self, Filter, Part};
use crate::web::Query;
use crate::web::design::format;
use crate::web::visit::Visit;
use crate::wire::word;

/// Events of a page.
const PAGE: usize = 100;

/// Which ones.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    before: Option<u64>,
}

pub async fn list(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let part = Part::NewestFirst { after: 0, before: wanted.before.unwrap_or(u64::MAX) };
    let mut all = events::list(plane.store.read(), &actor.reach, &Filter::default(), part, PAGE as u64 + 1).await?;
    let more = all.len() > PAGE;
    all.truncate(PAGE);
    let next = all.last().filter(|_| more).map(|event| visit.view.with_query("before", &event.sequence.to_string()));
    let values = context! { shell => page.shell("/events")?, base => page.base(), events => value(&all), next };
    Ok(plane.pages.page(&visit.view, "console/events.html", values))
}

/// Events of a file.
const FILE: u64 = 100_000;

/// All of them as a table for other programs.
pub async fn export(State(plane): State<Arc<Plane>>, actor: Actor) -> Answer<Response> {
    let newest = Part::NewestFirst { after: 0, before: u64::MAX };
    let all = events::list(plane.store.read(), &actor.reach, &Filter::default(), newest, FILE).await?;
    let mut file = csv::Writer::from_writer(Vec::new());
    let head = ["sequence", "at", "actor", "verb", "kind", "id", "name", "customer", "app", "outcome", "detail"];
    file.write_record(head).map_err(Refusal::internal)?;
    for event in all {
        let text = |slug: Option<domain::Slug>| slug.map(|slug| slug.to_string()).unwrap_or_default();
        let row = [
            event.sequence.to_string(),
            format::machine(event.at),
            harmless(event.actor),
            event.verb,
            event.kind,
            harmless(event.id),
            harmless(event.name.unwrap_or_default()),
            text(event.customer),
            text(event.app),
            word(&event.outcome),
            event.detail.to_string(),
        ];
        file.write_record(row).map_err(Refusal::internal)?;
    }
    let body = file.into_inner().map_err(Refusal::internal)?;
    let name = "attachment; filename=\"events.csv\"";
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, body).into_response())
}

/// Spreadsheets take what begins like this for a formula and run it.
fn harmless(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn no_name_is_a_formula() {
        assert_eq!(harmless("=HYPERLINK(1)".into()), "'=HYPERLINK(1)");
        assert_eq!(harmless("ana@acme.example".into()), "ana@acme.example");
    }
}
