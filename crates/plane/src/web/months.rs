//! What was used by month, as pages and files show it.

use axum::response::{IntoResponse, Response};
use http::header;
use minijinja::{Value, context};
use serde::Deserialize;

use super::console::value;
use super::design::View;
use super::design::format::machine;
use crate::Plane;
use crate::operations::Actor;
use crate::problem::{Answer, Refusal};
use crate::store::usage::{self, Wanted};
use crate::wire::{USAGE_COLUMNS, Usage, UsageBy};

/// Lines of a file.
const FILE: u64 = 100_000;

/// Which month, as a link asks.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    pub month: Option<String>,
    pub customer: Option<String>,
    #[serde(default)]
    pub former: bool,
    pub by: Option<UsageBy>,
    pub after: Option<String>,
}

/// A month as it is written, such as `2026-11`; the present one when none is.
pub fn month_of(plane: &Plane, given: Option<&str>) -> Answer<String> {
    let Some(text) = given else { return Ok(machine(plane.now())[..7].to_owned()) };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('-') {
        Some((year, month))
            if year.len() == 4
                && digits(year)
                && digits(month)
                && month.len() == 2
                && ("01"..="12").contains(&month) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(Refusal::invalid("bad-month", "write a month such as 2026-11")),
    }
}

/// The month some months before or after one.
fn beside(month: &str, by: i64) -> Option<String> {
    let first: jiff::civil::Date = format!("{month}-01").parse().ok()?;
    Some(first.checked_add(jiff::Span::new().months(by)).ok()?.strftime("%Y-%m").to_string())
}

/// The month of a page, and where the one before and the one after are.
pub fn choice(plane: &Plane, view: &View, month: &str) -> Answer<Value> {
    let present = month_of(plane, None)?;
    let link = |month: Option<String>| month.map(|month| view.with_query("month", &month));
    Ok(context! {
        month,
        present => month == present,
        before => link(beside(month, -1)),
        after => link(beside(month, 1).filter(|month| *month <= present)),
    })
}

/// An entry as templates see it.
pub fn shown(one: &Usage) -> Value {
    context! {
        hours => one.hours(),
        memory => one.memory_hours(),
        disk => one.disk_hours(),
        ..value(one)
    }
}

/// What was used this month, of a customer's or of one installation.
pub async fn so_far(plane: &Plane, actor: &Actor, wanted: Wanted<'_>) -> Answer<Option<Value>> {
    let month = month_of(plane, None)?;
    let wanted = Wanted { month: Some(&month), ..wanted };
    Ok(usage::list(plane.store.read(), &actor.reach, &wanted, "", 1).await?.first().map(shown))
}

/// A month as a table for other programs.
pub async fn file(plane: &Plane, actor: &Actor, wanted: Wanted<'_>) -> Answer<Response> {
    let all = usage::list(plane.store.read(), &actor.reach, &wanted, "", FILE).await?;
    let name = format!("attachment; filename=\"usage-{}.csv\"", wanted.month.unwrap_or("all"));
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, csv(&all)?).into_response())
}

/// That table.
pub fn csv(all: &[Usage]) -> Answer<Vec<u8>> {
    let mut file = csv::Writer::from_writer(Vec::new());
    file.write_record(USAGE_COLUMNS).map_err(Refusal::internal)?;
    for one in all {
        file.write_record(one.columns()).map_err(Refusal::internal)?;
    }
    file.into_inner().map_err(Refusal::internal)
}
