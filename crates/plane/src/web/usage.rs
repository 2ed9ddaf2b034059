//! Charts of what an installation uses: memory, processor, disk, requests; and what it used this month.

use minijinja::{Value, context};
use nimbus_api::{HistoryPoint, HistoryRange, HistoryReport, Millis};

use super::design::charts::{Lines, Series, Span, Unit};
use super::design::{Language, View};
use super::months::so_far;
use crate::Plane;
use crate::operations::Actor;
use crate::problem::Answer;
use crate::store::installations::InstallationRow;
use crate::store::usage::Wanted;
use crate::store::versions;

/// What is asked for when nothing is said.
const USUAL: HistoryRange = HistoryRange::Hour;

const ALL: [HistoryRange; 3] = [HistoryRange::Hour, HistoryRange::Day, HistoryRange::Month];

/// The charts of an installation over the time that the query names, and the choice between those.
pub async fn charts(
    plane: &Plane,
    view: &View,
    actor: &Actor,
    row: &InstallationRow,
    wanted: Option<&str>,
) -> Answer<Value> {
    let range = ALL.into_iter().find(|range| Some(range.as_str()) == wanted).unwrap_or(USUAL);
    let limits = versions::find(plane.store.read(), &row.app_key(), row.version).await?;
    let limits = limits.map(|version| version.manifest.limits);
    let known = match plane.servers.get(row.server) {
        Ok(handle) => handle.server.history(row.id, range).await.ok(),
        // A server that does not answer has nothing to show; its page says so elsewhere.
        Err(_) => None,
    };
    let report = known.unwrap_or(HistoryReport { step_seconds: range.step_seconds(), points: Vec::new() });
    let drawn: Vec<Value> = lines(plane, view.language, range, &report)
        .into_iter()
        .map(|mut chart| {
            chart.limit = match (chart.id, &limits) {
                #[expect(clippy::cast_precision_loss, reason = "sizes of memory and disk")]
                ("memory", Some(limits)) => Some(limits.memory as f64),
                #[expect(clippy::cast_precision_loss, reason = "sizes of memory and disk")]
                ("disk", Some(limits)) => Some(limits.disk as f64),
                _ => None,
            };
            chart.draw(&plane.pages, view)
        })
        .collect();
    let ranges: Vec<Value> = ALL
        .into_iter()
        .map(|one| {
            context! {
                href => view.with_query("range", one.as_str()),
                label => plane.pages.text(view.language, &format!("range-{}", one.as_str())),
                current => one == range,
            }
        })
        .collect();
    let used = so_far(plane, actor, Wanted { installation: Some(row.id), ..Wanted::default() }).await?;
    Ok(context! { charts => drawn, ranges, used })
}

fn span(range: HistoryRange) -> Span {
    match range {
        HistoryRange::Hour => Span::Hour,
        HistoryRange::Day => Span::Day,
        HistoryRange::Month => Span::Month,
    }
}

#[expect(clippy::cast_precision_loss, reason = "what is drawn is a few hundred pixels high")]
fn lines(plane: &Plane, language: Language, range: HistoryRange, report: &HistoryReport) -> Vec<Lines> {
    let text = |key: &str| plane.pages.text(language, key);
    let step = (report.step_seconds * 1000) as f64;
    let series = |key: &str, value: &dyn Fn(&HistoryPoint) -> Option<f64>| Series {
        label: text(key),
        points: gaps(report, value),
    };
    let chart = |id, unit, series| Lines {
        id,
        title: text(&format!("usage-{id}")),
        unit,
        span: span(range),
        series,
        limit: None,
    };
    let awake = |point: &HistoryPoint| point.awake_seconds > 0;
    vec![
        chart(
            "memory",
            Unit::Bytes,
            vec![
                series("usage-mean", &|point| awake(point).then_some(point.memory as f64)),
                series("usage-peak", &|point| awake(point).then_some(point.memory_peak as f64)),
            ],
        ),
        chart("cpu", Unit::Percent, vec![series("usage-cpu", &|point| Some(point.cpu_ms as f64 / step))]),
        chart(
            "requests",
            Unit::Number,
            vec![
                series("usage-requests", &|point| Some(point.requests as f64)),
                series("usage-errors", &|point| Some(point.classes[4] as f64)),
            ],
        ),
        chart(
            "time",
            Unit::Millis,
            vec![series("usage-p50", &|point| point.p50_ms), series("usage-p95", &|point| point.p95_ms)],
        ),
        chart("disk", Unit::Bytes, vec![series("usage-disk", &|point| (point.disk > 0).then_some(point.disk as f64))]),
    ]
}

/// The values with nothing where nothing is known, so that no line is drawn across.
fn gaps(report: &HistoryReport, value: &dyn Fn(&HistoryPoint) -> Option<f64>) -> Vec<(Millis, Option<f64>)> {
    let step = report.step_seconds * 1000;
    let mut all: Vec<(Millis, Option<f64>)> = Vec::with_capacity(report.points.len());
    for point in &report.points {
        if let Some((before, _)) = all.last().copied().filter(|(before, _)| point.at > before + step * 3 / 2) {
            all.push((before + step, None));
        }
        all.push((point.at, value(point)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_which_nothing_is_known_is_a_gap() {
        let point = |at| HistoryPoint {
            at,
            awake_seconds: 10,
            memory: 5,
            memory_peak: 6,
            cpu_ms: 0,
            disk: 0,
            restarts: 0,
            requests: 0,
            classes: [0; 5],
            bytes_in: 0,
            bytes_out: 0,
            p50_ms: None,
            p95_ms: None,
        };
        let report = HistoryReport { step_seconds: 10, points: vec![point(0), point(10_000), point(60_000)] };
        let all = gaps(&report, &|point| Some(point.memory as f64));
        assert_eq!(all, [(0, Some(5.0)), (10_000, Some(5.0)), (20_000, None), (60_000, Some(5.0))]);
    }
}
