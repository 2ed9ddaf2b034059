//! `/styleguide`: every component in every state, so that one sees what there is and a test can look at all of it. The
//! console shows it to whoever is logged in; by itself it needs nothing but pages.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::middleware;
use axum::response::Response;
use axum::routing::{get, post};
use futures_util::stream;
use http::{HeaderMap, StatusCode};
use minijinja::{Value, context};

use super::charts::{Lines, Series, Span, Stacked, Unit};
use super::{Brand, Choice, Colour, Crumb, Entry, Flash, Pages, Person, Portal, Section, Shell, View};

/// The publisher of the samples.
const COLOUR: Colour = Colour { red: 0xf2, green: 0xa9, blue: 0x3b };
const SAMPLE: Brand = Brand { primary: COLOUR, dark: COLOUR };

/// What the style guide stands on.
#[derive(Clone)]
pub struct Samples(pub Arc<Pages>);

/// The style guide, assets and the middleware of all pages: everything that one needs to see it.
pub fn router(pages: Arc<Pages>) -> Router {
    Router::new()
        .route("/styleguide", get(components))
        .route("/styleguide/login", get(login))
        .route("/styleguide/shell", get(shell))
        .route("/styleguide/portal", get(portal))
        .route("/styleguide/brand.css", get(brand))
        .route("/styleguide/live", get(live))
        .route("/styleguide/upload", post(upload))
        .route("/styleguide/errors/{status}", get(error))
        .route("/assets/{hash}/{name}", get(asset))
        .fallback(missing)
        .layer(middleware::from_fn(super::preferences))
        .with_state(Samples(pages))
}

async fn asset(
    State(Samples(pages)): State<Samples>,
    Path((hash, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    super::asset(&pages, &hash, &name, &headers)
}

async fn missing(State(Samples(pages)): State<Samples>, view: View) -> Response {
    pages.error(&view, StatusCode::NOT_FOUND, "")
}

pub(crate) async fn error(State(Samples(pages)): State<Samples>, Path(status): Path<u16>, view: View) -> Response {
    let status =
        StatusCode::from_u16(status).ok().filter(|status| status.is_client_error() || status.is_server_error());
    pages.error(&view, status.unwrap_or(StatusCode::NOT_FOUND), "")
}

pub(crate) async fn components(State(Samples(pages)): State<Samples>, view: View) -> Response {
    let values = context! {
        shell => sample_shell(&pages, &view),
        crumbs => [
            Crumb { href: "/".into(), label: "vClouden".into() },
            Crumb { href: String::new(), label: pages.text(view.language, "guide-title") },
        ],
        now => view.now,
        charts => charts(&pages, &view),
        stacked => stacked(&pages, &view),
        lanes => lanes(&pages, &view),
        icons => pages.icons(),
        done => 0,
    };
    pages.page(&view, "styleguide.html", values)
}

pub(crate) async fn login(State(Samples(pages)): State<Samples>, view: View) -> Response {
    pages.page(&view, "styleguide-login.html", context! {})
}

pub(crate) async fn shell(State(Samples(pages)): State<Samples>, mut view: View) -> Response {
    view.flash = Some(Flash { tone: "good", text: pages.text(view.language, "guide-flash") });
    let values = context! {
        shell => sample_shell(&pages, &view),
        now => view.now,
        charts => charts(&pages, &view),
    };
    pages.page(&view, "styleguide-shell.html", values)
}

pub(crate) async fn portal(State(Samples(pages)): State<Samples>, mut view: View) -> Response {
    view.brand = Some("/styleguide/brand.css".into());
    let entry = |label: &str, current| Entry {
        href: "/styleguide/portal".into(),
        label: pages.text(view.language, label),
        icon: "",
        current,
        count: 0,
    };
    let portal = Portal {
        name: "Talleres Girasol".into(),
        logo: String::new(),
        home: "/styleguide/portal".into(),
        entries: vec![
            entry("guide-nav-mine", true),
            entry("guide-nav-catalogue", false),
            entry("guide-nav-help", false),
        ],
        person: Some(person()),
    };
    pages.page(&view, "styleguide-portal.html", context! { portal, now => view.now })
}

pub(crate) async fn brand() -> Response {
    let mut response = Response::new(SAMPLE.css().into());
    let css = http::HeaderValue::from_static("text/css; charset=utf-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, css);
    response
}

/// A part of the page that is replaced every second, ten times.
pub(crate) async fn live(State(Samples(pages)): State<Samples>, view: View) -> Response {
    let fragments = stream::unfold(0_u64, move |done| {
        let (pages, view) = (pages.clone(), view.clone());
        async move {
            if done > 10 {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(if done == 0 { 0 } else { 1000 })).await;
            let html = pages.html(&view, "styleguide-live.html", context! { done });
            Some((html.unwrap_or_default(), done + 1))
        }
    });
    super::live(fragments)
}

/// Refuses whatever it gets, as the real thing does with a wrong manifest.
pub(crate) async fn upload(State(Samples(pages)): State<Samples>, view: View, request: Request) -> Response {
    let script = request.headers().contains_key("x-fragment");
    let errors = [pages.text(view.language, "guide-upload-1"), pages.text(view.language, "guide-upload-2")];
    match script {
        true => pages.upload_errors(&view, &errors),
        false => pages.error(&view, StatusCode::UNPROCESSABLE_ENTITY, &errors.join(" ")),
    }
}

fn person() -> Person {
    Person {
        name: "Ana María Núñez".into(),
        mail: "ana@girasol.example".into(),
        href: "/styleguide".into(),
        log_out: "/styleguide/upload".into(),
    }
}

fn sample_shell(pages: &Pages, view: &View) -> Shell {
    let text = |key: &str| pages.text(view.language, key);
    let entry = |href: &str, label: &str, icon, count| Entry {
        href: href.into(),
        label: text(label),
        icon,
        current: view.path.split('?').next() == Some(href),
        count,
    };
    let choice = |name: &str, note, current| Choice { href: "/styleguide".into(), name: name.into(), note, current };
    Shell {
        publishers: vec![
            choice("Talleres Girasol", text("guide-role-owner"), true),
            choice("Contable del Sur", text("guide-role-support"), false),
        ],
        sections: vec![
            Section {
                title: String::new(),
                entries: vec![
                    entry("/styleguide/shell", "guide-nav-home", "home", 0),
                    entry("/styleguide", "guide-nav-guide", "palette", 0),
                    entry("/styleguide/apps", "guide-nav-apps", "box", 0),
                    entry("/styleguide/deployments", "guide-nav-deployments", "rocket", 0),
                    entry("/styleguide/installations", "guide-nav-installations", "layers", 2),
                ],
            },
            Section {
                title: text("guide-nav-people"),
                entries: vec![
                    entry("/styleguide/customers", "guide-nav-customers", "building", 0),
                    entry("/styleguide/tickets", "guide-nav-support", "support", 5),
                    entry("/styleguide/team", "guide-nav-team", "users", 0),
                ],
            },
            Section {
                title: text("guide-nav-more"),
                entries: vec![
                    entry("/styleguide/docs", "guide-nav-docs", "book", 0),
                    entry("/styleguide/portal", "guide-nav-branding", "globe", 0),
                    entry("/styleguide/tokens", "guide-nav-tokens", "key", 0),
                ],
            },
        ],
        person: person(),
    }
}

/// A curve that looks like one that was measured.
fn wave(now: u64, span: Span, mean: f64, swing: f64, seed: f64) -> Vec<(u64, Option<f64>)> {
    let steps = 90_u32;
    let from = now - span.millis();
    let gap = |at: u32| span == Span::Day && (31..37).contains(&at);
    let value = |at: u32| {
        let x = f64::from(at) / f64::from(steps);
        let slow = (x * 7.0 + seed).sin() * 0.6;
        let quick = (x * 41.0 + seed * 3.0).sin() * 0.25 + (x * 97.0 + seed).cos() * 0.15;
        (mean + swing * (slow + quick)).max(0.0)
    };
    let points = (0..=steps).map(|at| {
        let moment = from + span.millis() * u64::from(at) / u64::from(steps);
        (moment, (!gap(at)).then(|| value(at)))
    });
    points.collect()
}

fn charts(pages: &Pages, view: &View) -> Value {
    let text = |key: &str| pages.text(view.language, key);
    let now = view.now;
    let series = |label: &str, points| Series { label: text(label), points };
    let mega = 1_048_576.0;
    let all = [
        Lines {
            id: "memory",
            title: text("guide-memory"),
            unit: Unit::Bytes,
            span: Span::Hour,
            series: vec![series("guide-memory", wave(now, Span::Hour, 150.0 * mega, 46.0 * mega, 0.4))],
            limit: Some(256.0 * mega),
        },
        Lines {
            id: "cpu",
            title: text("guide-cpu"),
            unit: Unit::Percent,
            span: Span::Day,
            series: vec![series("guide-cpu", wave(now, Span::Day, 0.21, 0.17, 1.7))],
            limit: None,
        },
        Lines {
            id: "requests",
            title: text("guide-requests"),
            unit: Unit::Number,
            span: Span::Month,
            series: vec![
                series("guide-requests-good", wave(now, Span::Month, 1800.0, 900.0, 2.2)),
                series("guide-requests-slow", wave(now, Span::Month, 420.0, 300.0, 4.1)),
            ],
            limit: None,
        },
        Lines {
            id: "disk",
            title: text("guide-disk"),
            unit: Unit::Bytes,
            span: Span::Hour,
            series: vec![],
            limit: None,
        },
    ];
    Value::from_iter(all.iter().map(|lines| lines.draw(pages, view)))
}

fn stacked(pages: &Pages, view: &View) -> Value {
    let giga = 1_073_741_824.0;
    let parts = [("tareas", 5.2), ("libro-mayor", 3.1), ("estudio", 1.4), ("hola", 0.3)];
    let parts = parts.map(|(name, size)| (name.to_owned(), size * giga)).to_vec();
    Stacked { title: pages.text(view.language, "guide-capacity"), unit: Unit::Bytes, total: 16.0 * giga, parts }
        .draw(pages, view)
}

fn lanes(pages: &Pages, view: &View) -> Value {
    let text = |key: &str| pages.text(view.language, key);
    let row = |name: &str, state: &str, step: String, took: Option<u64>, held: Option<u64>, lines: &[&'static str]| {
        let canary = name == "clinica-norte";
        context! { name, href => "/styleguide", state, step, took, held, canary, lines => lines.to_vec() }
    };
    let done = |name: &str, took| row(name, "finished", String::new(), Some(took), Some(took / 4), &[]);
    let log = ["Error: relation \"facturas\" does not exist", "    at Migration.run (app.js:41:13)", "exit status 1"];
    Value::from(vec![
        context! {
            server => "madrid-1", done => 41, total => 58,
            rows => [
                row("panaderia-sol", "undone", text("guide-lane-undone"), Some(8_400), Some(2_900), &log),
                row("clinica-norte", "running", text("guide-lane-health"), Some(3_100), Some(640), &[]),
                row("ferreteria-lopez", "running", text("guide-lane-snapshot"), Some(420), None, &[]),
                row("bufete-arce", "waiting", String::new(), None, None, &[]),
            ],
            rest => 12, finished => 41, finished_rest => 38,
            more => [done("optica-vega", 2_300), done("gestoria-ruiz", 1_900), done("hotel-miramar", 2_650)],
        },
        context! {
            server => "bogota-2", done => 12, total => 12,
            rows => Value::from(Vec::<Value>::new()), rest => 0, finished => 2, finished_rest => 0,
            more => [done("cafe-andino", 1_850), done("textiles-bacata", 2_120)],
        },
    ])
}
