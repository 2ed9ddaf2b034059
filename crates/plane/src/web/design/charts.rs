//! Charts as SVG drawn on the server: readable on paper and without a script, with a table for whoever does not see them.
//!
//! Curves are stretched to the width there is; labels are placed by percentages, so that their letters keep their size.

use std::fmt::Write as _;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use minijinja::Value;
use nimbus_api::Millis;

use super::format::{self, Shape};
use super::functions::escaped;
use super::{Language, Pages, Texts, View};

/// Most points of a curve: more than a screen shows are averaged.
const POINTS: usize = 96;

/// Where the curves lie within the picture, in percent of its height.
const TOP: f64 = 9.0;
const HEIGHT: f64 = 78.0;

/// What values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Of memory or disk.
    Bytes,
    /// Parts of one.
    Percent,
    /// Things that are counted.
    Number,
    /// Milliseconds.
    Millis,
}

impl Unit {
    fn write(self, language: Language, value: f64) -> String {
        match self {
            Self::Bytes => format::bytes(language, value),
            Self::Percent => format::percent(language, value),
            Self::Number => format::decimal(language, value, usize::from(value.abs() < 10.0)),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "saturates, and times are not negative"
            )]
            Self::Millis => format::duration(language, value as u64),
        }
    }

    /// The smallest top of a scale: below it, what goes up and down is noise.
    fn least(self) -> f64 {
        match self {
            Self::Bytes => 3.0 * 1_048_576.0,
            Self::Percent => 0.06,
            Self::Number | Self::Millis => 3.0,
        }
    }

    /// A round number that is at least this.
    fn round_up(self, value: f64) -> f64 {
        let mut unit = 1.0;
        if self == Self::Bytes {
            while value / unit >= 1024.0 {
                unit *= 1024.0;
            }
        }
        let scaled = (value / unit).max(f64::MIN_POSITIVE);
        let power = 10_f64.powf(scaled.log10().floor());
        let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
        let step = steps.into_iter().find(|step| step * power >= scaled * 0.999_999).unwrap_or(10.0);
        step * power * unit
    }
}

/// How much time a chart shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// The last hour.
    Hour,
    /// The last 24 hours.
    Day,
    /// The last 30 days.
    Month,
}

impl Span {
    /// Its length in milliseconds.
    pub fn millis(self) -> Millis {
        match self {
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
            Self::Month => 30 * 86_400_000,
        }
    }

    fn shape(self) -> Shape {
        if self == Self::Month { Shape::Day } else { Shape::Clock }
    }

    /// The moments that are named below the chart.
    fn ticks(self, zone: &TimeZone, from: Millis, to: Millis) -> Vec<Millis> {
        let quarter = 900_000;
        let quarters = (from.div_ceil(quarter)..=to / quarter).map(|n| n * quarter);
        match self {
            Self::Hour => quarters.collect(),
            Self::Day => quarters.filter(|at| whole(zone, *at).is_some_and(|hour| hour % 4 == 0)).collect(),
            Self::Month => days(zone, from, to).into_iter().rev().step_by(5).collect(),
        }
    }
}

/// The hour of a moment that is a full one by the clock of the zone.
fn whole(zone: &TimeZone, at: Millis) -> Option<i8> {
    let local = zoned(zone, at)?;
    (local.minute() == 0).then(|| local.hour())
}

fn zoned(zone: &TimeZone, at: Millis) -> Option<jiff::Zoned> {
    let at = Timestamp::from_millisecond(i64::try_from(at).ok()?).ok()?;
    Some(at.to_zoned(zone.clone()))
}

fn days(zone: &TimeZone, from: Millis, to: Millis) -> Vec<Millis> {
    let first = zoned(zone, from).and_then(|at| at.start_of_day().ok());
    let all = std::iter::successors(first, |day| day.checked_add(1.day()).ok());
    let all = all.filter_map(|day| u64::try_from(day.timestamp().as_millisecond()).ok());
    all.take_while(|at| *at <= to).filter(|at| *at >= from).collect()
}

/// One curve.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name.
    pub label: String,
    /// Moments, in order, with their value; none where nothing was measured.
    pub points: Vec<(Millis, Option<f64>)>,
}

/// Curves over time.
#[derive(Clone, Debug)]
pub struct Lines {
    /// Tells this chart from the others of its page.
    pub id: &'static str,
    /// What is shown.
    pub title: String,
    /// What its values are.
    pub unit: Unit,
    /// How much time.
    pub span: Span,
    /// At most three.
    pub series: Vec<Series>,
    /// What values should stay below.
    pub limit: Option<f64>,
}

/// The scale of a chart.
struct Scale {
    from: Millis,
    to: Millis,
    step: f64,
    steps: u32,
}

impl Scale {
    fn x(&self, at: Millis) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a month of milliseconds")]
        let part = at.saturating_sub(self.from) as f64 / (self.to - self.from).max(1) as f64;
        part.min(1.0) * 100.0
    }

    /// From the top, 0 to 100 within the plot.
    fn y(&self, value: f64) -> f64 {
        100.0 - (value / (self.step * f64::from(self.steps)) * 100.0).clamp(0.0, 100.0)
    }
}

impl Lines {
    /// The chart as markup, ending at the view's `now`.
    pub fn draw(&self, pages: &Pages, view: &View) -> Value {
        let texts = pages.texts();
        let to = view.now;
        let from = to.saturating_sub(self.span.millis());
        let series: Vec<Series> = self.series.iter().map(|one| one.between(from, to)).collect();
        let values = || series.iter().flat_map(|one| &one.points).filter_map(|(_, value)| *value);
        let most = values().chain(self.limit).fold(0.0, f64::max);
        let step = self.unit.round_up(most.max(self.unit.least()) / 3.0);
        let steps = if most > step * 2.0 || most < self.unit.least() { 3 } else { 2 };
        let scale = Scale { from, to, step, steps };
        let mut html = String::with_capacity(8 << 10);
        let latest = series.first().and_then(|one| one.points.iter().rev().find_map(|(_, value)| *value));
        self.caption(&mut html, view, &series, latest);
        self.picture(&mut html, &texts, view, &series, &scale, values().fold(f64::INFINITY, f64::min), latest);
        self.table(&mut html, &texts, view, &series, &scale);
        html.push_str("</figure>");
        Value::from_safe_string(html)
    }

    fn caption(&self, html: &mut String, view: &View, series: &[Series], latest: Option<f64>) {
        let title = escaped(&self.title);
        push(html, format_args!("<figure class=\"chart\" data-chart><figcaption>{title}"));
        if series.len() > 1 {
            html.push_str("<ul class=\"legend\">");
            for (at, one) in series.iter().enumerate() {
                let label = escaped(&one.label);
                push(html, format_args!("<li>{}{label}</li>", key(at + 1)));
            }
            html.push_str("</ul>");
        } else if let Some(latest) = latest {
            let latest = self.unit.write(view.language, latest);
            push(html, format_args!("<span class=\"now\">{latest}</span>"));
        }
        html.push_str("</figcaption>");
    }

    #[expect(clippy::too_many_arguments, reason = "one picture; a struct for it would only be taken apart again")]
    fn picture(
        &self,
        html: &mut String,
        texts: &Texts,
        view: &View,
        series: &[Series],
        scale: &Scale,
        lowest: f64,
        latest: Option<f64>,
    ) {
        let language = view.language;
        let said = match latest {
            None => texts.plain(language, "chart-no-data"),
            Some(latest) => {
                let highest = series.iter().flat_map(|one| &one.points).filter_map(|point| point.1).fold(0.0, f64::max);
                let [lowest, highest, latest] = [lowest, highest, latest].map(|value| self.unit.write(language, value));
                let mut args = fluent_bundle::FluentArgs::new();
                args.set("lowest", lowest);
                args.set("highest", highest);
                args.set("latest", latest);
                texts.get(language, "chart-described", &args).unwrap_or_default()
            }
        };
        let (id, title, said) = (self.id, escaped(&self.title), escaped(&said));
        push(
            html,
            format_args!(
                "<div class=\"chart-plot\"><svg class=\"plot\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
                 <title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{said}</desc>"
            ),
        );
        for step in 0..=scale.steps {
            let value = scale.step * f64::from(step);
            let y = TOP + scale.y(value) * HEIGHT / 100.0;
            push(html, format_args!("<line class=\"grid-line\" x1=\"0\" x2=\"100%\" y1=\"{y:.1}%\" y2=\"{y:.1}%\"/>"));
        }
        self.curves(html, series, scale);
        self.times(html, view, scale);
        match latest {
            Some(_) => self.values(html, texts, view, scale),
            None => push(html, format_args!("<text x=\"50%\" y=\"50%\" text-anchor=\"middle\">{said}</text>")),
        }
        html.push_str("</svg></div>");
    }

    fn curves(&self, html: &mut String, series: &[Series], scale: &Scale) {
        push(
            html,
            format_args!(
                "<svg x=\"0\" y=\"{TOP}%\" width=\"100%\" height=\"{HEIGHT}%\" viewBox=\"0 0 1000 1000\" \
                 preserveAspectRatio=\"none\">"
            ),
        );
        for (at, one) in series.iter().enumerate() {
            let number = at + 1;
            for run in one.points.split(|(_, value)| value.is_none()).filter(|run| !run.is_empty()) {
                let mut path = String::new();
                for (at, value) in run {
                    let (x, y) = (scale.x(*at) * 10.0, scale.y(value.unwrap_or(0.0)) * 10.0);
                    let draw = if path.is_empty() { "M" } else { "L" };
                    push(&mut path, format_args!("{draw}{x:.0} {y:.0}"));
                }
                // One moment alone is a dot: a line of no length with round ends.
                if let [(at, value)] = run {
                    let (x, y) = (scale.x(*at) * 10.0, scale.y(value.unwrap_or(0.0)) * 10.0);
                    push(&mut path, format_args!("L{x:.0} {y:.0}"));
                }
                if series.len() == 1 {
                    let (first, last) = (scale.x(run[0].0) * 10.0, scale.x(run[run.len() - 1].0) * 10.0);
                    push(html, format_args!("<path class=\"area\" d=\"{path}L{last:.0} 1000L{first:.0} 1000Z\"/>"));
                }
                push(html, format_args!("<path class=\"curve series-{number}\" d=\"{path}\"/>"));
            }
        }
        html.push_str("</svg>");
    }

    fn values(&self, html: &mut String, texts: &Texts, view: &View, scale: &Scale) {
        for step in 1..=scale.steps {
            let value = scale.step * f64::from(step);
            let y = TOP + scale.y(value) * HEIGHT / 100.0;
            let text = self.unit.write(view.language, value);
            push(html, format_args!("<text class=\"over-curve\" x=\"0\" y=\"{y:.1}%\" dy=\"-4\">{text}</text>"));
        }
        if let Some(limit) = self.limit {
            let y = TOP + scale.y(limit) * HEIGHT / 100.0;
            let text =
                format!("{} {}", texts.plain(view.language, "chart-limit"), self.unit.write(view.language, limit));
            push(
                html,
                format_args!(
                    "<line class=\"limit\" x1=\"0\" x2=\"100%\" y1=\"{y:.1}%\" y2=\"{y:.1}%\"/>\
                     <text class=\"over-curve limit-label\" x=\"100%\" y=\"{y:.1}%\" dy=\"-4\" \
                     text-anchor=\"end\">{text}</text>"
                ),
            );
        }
    }

    fn times(&self, html: &mut String, view: &View, scale: &Scale) {
        for (number, at) in self.span.ticks(&view.zone, scale.from, scale.to).into_iter().enumerate() {
            let x = scale.x(at);
            let anchor = if x < 4.0 {
                "start"
            } else if x > 96.0 {
                "end"
            } else {
                "middle"
            };
            let text = format::moment(view.language, &view.zone, at, self.span.shape());
            // Every other is left out where there is little room.
            let class = if number % 2 == 1 { " class=\"roomy\"" } else { "" };
            push(html, format_args!("<text{class} x=\"{x:.1}%\" y=\"98%\" text-anchor=\"{anchor}\">{text}</text>"));
        }
    }

    /// The same as a table, from which the script also takes what it shows under the pointer.
    fn table(&self, html: &mut String, texts: &Texts, view: &View, series: &[Series], scale: &Scale) {
        let Some(first) = series.first() else { return };
        let text = |key| escaped(&texts.plain(view.language, key));
        push(
            html,
            format_args!(
                "<details class=\"chart-data\"><summary>{}</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" \
                 aria-label=\"{}\"><table><thead><tr><th scope=\"col\">{}</th>",
                text("chart-data"),
                escaped(&self.title),
                text("chart-time"),
            ),
        );
        for one in series {
            push(html, format_args!("<th scope=\"col\">{}</th>", escaped(&one.label)));
        }
        html.push_str("</tr></thead><tbody>");
        let shape = if self.span == Span::Hour { Shape::Clock } else { Shape::Minute };
        for (row, (at, _)) in first.points.iter().enumerate() {
            let time = format::moment(view.language, &view.zone, *at, shape);
            push(html, format_args!("<tr data-x=\"{:.1}\"><th scope=\"row\">{time}</th>", scale.x(*at)));
            for one in series {
                let value = one.points.get(row).and_then(|(_, value)| *value);
                let value = value.map_or_else(|| "–".to_owned(), |value| self.unit.write(view.language, value));
                push(html, format_args!("<td>{value}</td>"));
            }
            html.push_str("</tr>");
        }
        html.push_str("</tbody></table></div></details>");
    }
}

impl Series {
    /// What lies between two moments, averaged to as many points as are worth drawing.
    fn between(&self, from: Millis, to: Millis) -> Self {
        let inside: Vec<_> = self.points.iter().copied().filter(|(at, _)| (from..=to).contains(at)).collect();
        let size = inside.len().div_ceil(POINTS).max(1);
        let points = inside.chunks(size).map(|chunk| {
            let values: Vec<f64> = chunk.iter().filter_map(|(_, value)| *value).collect();
            #[expect(clippy::cast_precision_loss, reason = "a few hundred values")]
            let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
            (chunk[chunk.len() / 2].0, mean)
        });
        Self { label: self.label.clone(), points: points.collect() }
    }
}

fn push(html: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = html.write_fmt(text); // Writing to a String cannot fail.
}

fn key(number: usize) -> String {
    format!("<svg aria-hidden=\"true\"><rect class=\"fill-{number}\" width=\"100%\" height=\"100%\"/></svg>")
}

/// A small curve without scale or labels, beside a number that says what it is.
pub fn sparkline(values: &[f64]) -> String {
    let most = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    #[expect(clippy::cast_precision_loss, reason = "a few dozen values")]
    let points = values.iter().enumerate().map(|(at, value)| {
        let x = at as f64 / values.len().saturating_sub(1).max(1) as f64 * 1000.0;
        format!("{x:.0} {:.0}", 100.0 - value.max(0.0) / most * 92.0)
    });
    let line = points.collect::<Vec<_>>().join("L");
    if line.is_empty() {
        return String::new();
    }
    format!(
        "<svg class=\"spark\" aria-hidden=\"true\" viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\">\
         <path class=\"area\" d=\"M{line}L1000 100L0 100Z\"/><path class=\"curve\" d=\"M{line}\"/></svg>"
    )
}

/// What fills something: parts of a total in one bar, with a legend.
#[derive(Clone, Debug)]
pub struct Stacked {
    /// What is shown.
    pub title: String,
    /// What its values are.
    pub unit: Unit,
    /// The whole.
    pub total: f64,
    /// Names and values; at most six, put the small ones together before.
    pub parts: Vec<(String, f64)>,
}

impl Stacked {
    /// The bar as markup.
    pub fn draw(&self, pages: &Pages, view: &View) -> Value {
        let mut html =
            format!("<figure class=\"stacked\"><figcaption class=\"small\">{}</figcaption>", escaped(&self.title));
        let used: f64 = self.parts.iter().map(|part| part.1).sum();
        let total = self.total.max(used).max(f64::MIN_POSITIVE);
        html.push_str("<svg viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
        html.push_str("<rect class=\"fill-0\" width=\"1000\" height=\"10\"/>");
        let mut x = 0.0;
        for (at, (_, value)) in self.parts.iter().enumerate() {
            let width = value / total * 1000.0;
            let (number, inner) = (at + 1, (width - 2.0).max(1.0));
            push(
                &mut html,
                format_args!("<rect class=\"fill-{number}\" x=\"{x:.0}\" width=\"{inner:.0}\" height=\"10\"/>"),
            );
            x += width;
        }
        html.push_str("</svg><ul class=\"legend\">");
        let free = (pages.text(view.language, "chart-free"), (self.total - used).max(0.0));
        for (at, (label, value)) in self.parts.iter().chain([&free]).enumerate() {
            let number = if at == self.parts.len() { 0 } else { at + 1 };
            let value = self.unit.write(view.language, *value);
            push(&mut html, format_args!("<li>{}{} <strong>{value}</strong></li>", key(number), escaped(label)));
        }
        html.push_str("</ul></figure>");
        Value::from_safe_string(html)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_numbers() {
        assert!((Unit::Number.round_up(34.0) - 50.0).abs() < 1e-9);
        assert!((Unit::Percent.round_up(0.21) - 0.25).abs() < 1e-9);
        assert!((Unit::Bytes.round_up(90.0 * 1_048_576.0) - 100.0 * 1_048_576.0).abs() < 1.0);
        assert!((Unit::Number.round_up(1000.0) - 1000.0).abs() < 1e-6);
    }

    #[test]
    fn moments_that_are_named_are_round_ones_of_the_persons_clock() {
        let kolkata = TimeZone::get("Asia/Kolkata").unwrap();
        let to = 1_795_417_509_000;
        for at in Span::Day.ticks(&kolkata, to - Span::Day.millis(), to) {
            let clock = format::moment(Language::En, &kolkata, at, Shape::Clock);
            assert!(["00:00", "04:00", "08:00", "12:00", "16:00", "20:00"].contains(&clock.as_str()), "{clock}");
        }
        let month = Span::Month.ticks(&kolkata, to - Span::Month.millis(), to);
        assert!(month.len() >= 5 && month.iter().all(|at| whole(&kolkata, *at) == Some(0)), "{month:?}");
    }

    #[test]
    fn little_is_shown_as_little() {
        let pages = Pages::load().unwrap();
        let view = View::of(&http::Request::new(()).into_parts().0, 1_795_417_509_000);
        let points = vec![(view.now - 60_000, Some(0.0001)), (view.now - 30_000, Some(0.0005))];
        let (series, span) = (vec![Series { label: String::new(), points }], Span::Hour);
        let lines = Lines { id: "x", title: String::new(), unit: Unit::Percent, span, series, limit: None };
        let html = lines.draw(&pages, &view).to_string();
        for label in [">2%<", ">4%<", ">6%<"] {
            assert!(html.contains(label), "{label}: {html}");
        }
    }

    #[test]
    fn one_moment_alone_is_a_dot_and_none_is_said() {
        let pages = Pages::load().unwrap();
        let view = View::of(&http::Request::new(()).into_parts().0, 1_795_417_509_000);
        let draw = |points| {
            let series = vec![Series { label: String::new(), points }];
            let span = Span::Hour;
            let lines = Lines { id: "x", title: String::new(), unit: Unit::Number, span, series, limit: None };
            lines.draw(&pages, &view).to_string()
        };
        let half = draw(vec![(view.now - 1_800_000, Some(3.0))]);
        assert!(half.contains("<path class=\"curve series-1\" d=\"M500 0L500 0\"/>"), "{half}");
        let none = draw(vec![(view.now - 1_800_000, None)]);
        assert!(none.contains("No data for this time yet") && !none.contains("over-curve"), "{none}");
    }

    #[test]
    fn many_points_become_few_and_gaps_stay() {
        let points = (0..1000).map(|n| (n, (!(500..600).contains(&n)).then_some(2.0))).collect();
        let few = Series { label: String::new(), points }.between(0, 999);
        assert!(few.points.len() <= POINTS && few.points.len() > POINTS / 2, "{}", few.points.len());
        assert!(few.points.iter().any(|point| point.1.is_none()));
        assert!(few.points.iter().all(|point| point.1.is_none_or(|value| (value - 2.0).abs() < 1e-9)));
    }

    #[test]
    fn what_people_called_things_is_no_markup() {
        let pages = Pages::load().unwrap();
        let view = View::of(&http::Request::new(()).into_parts().0, 1_795_417_509_000);
        let series = vec![Series { label: "<b>".into(), points: vec![(view.now - 60_000, Some(3.0))] }; 2];
        let lines =
            Lines { id: "x", title: "<i>&".into(), unit: Unit::Number, span: Span::Hour, series, limit: Some(4.0) };
        let html = lines.draw(&pages, &view).to_string();
        assert!(html.contains("&lt;i&gt;&amp;") && !html.contains("<i>") && !html.contains("<b>"), "{html}");
        let stacked =
            Stacked { title: "<i>".into(), unit: Unit::Bytes, total: 10.0, parts: vec![("<b>".into(), 20.0)] };
        let html = stacked.draw(&pages, &view).to_string();
        assert!(!html.contains("<i>") && !html.contains("<b>"), "{html}");
    }
}
