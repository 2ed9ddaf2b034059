//! Who did what to which thing and when.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use jiff::tz::TimeZone;
use minijinja::{Value, context};
use serde::{Deserialize, Serialize};

use super::{Console, value};
use crate::Plane;
use crate::access::Reach;
use crate::operations::{Actor, app_key, find_installation};
use crate::problem::{Answer, Refusal};
use crate::store::events::{self, Filter, Part};
use crate::web::Query;
use crate::web::design::format;
use crate::web::entry::again;
use crate::web::visit::Visit;
use crate::wire::word;

const TEMPLATE: &str = "console/events.html";

/// Events of a page.
const PAGE: usize = 100;

/// Which ones, as a form asks.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Wanted {
    before: Option<u64>,
    by: String,
    address: String,
    app: String,
    installation: String,
    what: String,
    result: String,
    q: String,
    /// Days, such as `2026-11-23`, in the person's time zone; the last one is part of it.
    from: String,
    to: String,
}

impl Wanted {
    async fn filter(&self, plane: &Plane, actor: &Actor, zone: &TimeZone) -> Answer<Filter> {
        let db = plane.store.read();
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let outcome = given(&self.result).map(|word| serde_json::from_value(word.into())).transpose();
        let app = match given(&self.app) {
            Some(text) => Some(app_key(db, actor, &text).await?),
            None => None,
        };
        let installation = match given(&self.installation) {
            Some(text) => Some(find_installation(db, &actor.reach, &text).await?.id),
            None => None,
        };
        Ok(Filter {
            app,
            installation,
            actor: given(&self.by),
            address: given(&self.address),
            verb: given(&self.what),
            outcome: outcome.map_err(|_| Refusal::invalid("bad-query", "there is no such result"))?,
            text: given(&self.q),
            since: given(&self.from).map(|day| begin_of(&day, zone, 0)).transpose()?,
            until: given(&self.to).map(|day| begin_of(&day, zone, 1)).transpose()?,
        })
    }

    /// As a query, for the file with the same events.
    fn query(&self) -> String {
        let pairs = [
            ("by", &self.by),
            ("address", &self.address),
            ("app", &self.app),
            ("installation", &self.installation),
            ("what", &self.what),
            ("result", &self.result),
            ("q", &self.q),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let given = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish()
    }
}

/// When a day begins, or one some days later.
fn begin_of(day: &str, zone: &TimeZone, later: i64) -> Answer<u64> {
    let bad = || Refusal::invalid("bad-day", "this is no day; write one such as 2026-11-23");
    let day: jiff::civil::Date = day.parse().map_err(|_| bad())?;
    let day = day.checked_add(jiff::Span::new().days(later)).map_err(|_| bad())?;
    let begin = day.to_zoned(zone.clone()).map_err(|_| bad())?;
    u64::try_from(begin.timestamp().as_millisecond()).map_err(|_| bad())
}

/// Nouns that can be asked for.
pub const NOUNS: &[&str] = &[
    "app",
    "version",
    "document",
    "customer",
    "installation",
    "deployment",
    "operation",
    "snapshot",
    "backup",
    "leave",
    "ticket",
    "answer",
    "attachment",
    "mail",
    "session",
    "person",
    "member",
    "invitation",
    "token",
    "device",
    "webhook",
    "branding",
    "publisher",
];

/// What only concerns the platform.
pub const OPERATORS: &[&str] = &["announcement", "settings", "server"];

pub async fn list(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let whole = actor.reach == Reach::All;
    let around = context! {
        shell => page.shell("/events")?,
        base => page.base(),
        nouns => if whole { [NOUNS, OPERATORS].concat() } else { NOUNS.to_vec() },
        whole,
    };
    send(&plane, &visit, &actor, &wanted, TEMPLATE, around).await
}

/// The page of those that are wanted, with what stands around it; also of a portal.
pub async fn send(
    plane: &Plane,
    visit: &Visit,
    actor: &Actor,
    wanted: &Wanted,
    template: &str,
    around: Value,
) -> Answer<Response> {
    let search = wanted.query();
    let around = context! { wanted => value(wanted), filtered => !search.is_empty(), search, ..around };
    let filter = match wanted.filter(plane, actor, &visit.view.zone).await {
        Ok(filter) => filter,
        Err(refusal) => {
            let values = context! { events => Vec::<()>::new(), next => "", ..around };
            return again(plane, visit, refusal, template, values);
        }
    };
    let part = Part::NewestFirst { after: 0, before: wanted.before.unwrap_or(u64::MAX) };
    let mut all = events::list(plane.store.read(), &actor.reach, &filter, part, PAGE as u64 + 1).await?;
    let more = all.len() > PAGE;
    all.truncate(PAGE);
    let next = all.last().filter(|_| more).map(|event| visit.view.with_query("before", &event.sequence.to_string()));
    Ok(plane.pages.page(&visit.view, template, context! { events => value(&all), next, ..around }))
}

/// Events of a file.
const FILE: u64 = 100_000;

const HEAD: [&str; 13] = [
    "sequence",
    "at",
    "actor",
    "address",
    "verb",
    "kind",
    "id",
    "name",
    "publisher",
    "customer",
    "app",
    "outcome",
    "detail",
];

/// All of them as a table for other programs.
pub async fn export(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    let filter = wanted.filter(&plane, &actor, &visit.view.zone).await?;
    let newest = Part::NewestFirst { after: 0, before: u64::MAX };
    let all = events::list(plane.store.read(), &actor.reach, &filter, newest, FILE).await?;
    let mut file = csv::Writer::from_writer(Vec::new());
    file.write_record(HEAD).map_err(Refusal::internal)?;
    for event in all {
        let text = |slug: Option<domain::Slug>| slug.map(|slug| slug.to_string()).unwrap_or_default();
        let row = [
            event.sequence.to_string(),
            format::machine(event.at),
            harmless(event.actor),
            event.address.unwrap_or_default(),
            event.verb,
            event.kind,
            harmless(event.id),
            harmless(event.name.unwrap_or_default()),
            text(event.publisher),
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
pub fn harmless(text: String) -> String {
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
