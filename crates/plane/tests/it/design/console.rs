//! Every page of the console and the portal in a real browser, found by following links: no barrier that axe knows, nothing
//! wider than a phone, nothing that the policy forbids.

use std::collections::BTreeSet;

use plane::access::{PAGES, Page, Site};
use reqwest::Method;
use serde_json::json;
use testkit::browser::{Chromium, DESKTOP, PHONE, Size};

use crate::pages::{Browser, join, scene};
use crate::world::World;

/// Whether a path is one of this pattern.
fn is(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    let same = |(part, found): (&&str, &&str)| part.starts_with('{') && !found.is_empty() || part == found;
    pattern.len() == path.len() && pattern.iter().zip(&path).all(same)
}

/// What ends like this is no page but a file, or goes on.
const FILES: &[&str] = &[
    "/live",
    "/socket",
    "/download",
    "/data",
    ".csv",
    "/archive",
    "/logo",
    "/{attachment}",
    ".json",
    ".css",
    "/{file}",
    "/{image}",
    "/preview",
];

/// The page that a path shows, if it is one to look at.
fn page(site: Site, path: &str) -> Option<&'static Page> {
    let here = PAGES.iter().filter(|row| row.method == Method::GET && (row.site == site || row.site == Site::Both));
    let seen = here.filter(|row| !FILES.iter().any(|end| row.path.ends_with(end)));
    // The style guide has tests of its own.
    let apart = |path: &str| path == "/" || path.starts_with("/assets") || path.starts_with("/styleguide");
    let mut seen = seen.filter(|row| !apart(row.path));
    // A word of the pattern is worth more than a place in it.
    let exact = seen.clone().find(|row| row.path == path);
    exact.or_else(|| seen.find(|row| is(row.path, path)))
}

/// Follows every link from `starts`, one page of each kind, and looks at each. Says what is wrong, and what was seen.
fn walk(who: (&str, &Browser<'_>), site: Site, starts: &[&str], look: Look<'_>) -> Walk {
    let (name, who) = who;
    let Look { language, size, scheme } = look;
    let browser = Chromium::new(language, size);
    browser.colours(scheme);
    let root = format!("http://{}", who.host);
    let cookies = who.cookies.iter().map(|(name, value)| json!({ "name": name, "value": value, "url": root }));
    let language_cookie = json!({ "name": "language", "value": language, "url": root });
    browser.devtools("Network.setCookies", json!({ "cookies": cookies.chain([language_cookie]).collect::<Vec<_>>() }));
    let mut walk = Walk::default();
    let mut waiting: Vec<String> = starts.iter().map(|path| (*path).to_owned()).collect();
    while let Some(path) = waiting.pop() {
        let Some(row) = page(site, &path).filter(|row| walk.seen.insert(row.path)) else { continue };
        browser.open(&format!("{root}{path}"));
        let shown = row.path.replace(['{', '}'], "").trim_matches('/').replace('/', "-");
        browser.picture(&format!("{name}-{shown}-{}-{language}", size.name));
        let place = format!("{path} ({language}, {}, {scheme})", size.name);
        let at = browser.js("return location.pathname", &[]);
        if at != path.as_str() {
            walk.wrong.push(format!("{place}: leads to {at}"));
        }
        walk.wrong.extend(browser.axe().into_iter().map(|line| format!("{place}: {line}")));
        if browser.js("return document.documentElement.scrollWidth > innerWidth", &[]) == true {
            walk.wrong.push(format!("{place}: wider than the window"));
        }
        // What lives has been told how things are by now; the log of the fake server ends at once.
        if browser.js("return document.querySelectorAll('[data-live].lost').length", &[]) != 0 {
            walk.wrong.push(format!("{place}: its connection is lost"));
        }
        walk.wrong.extend(browser.console().into_iter().map(|line| format!("{place}: {line}")));
        let links = "return [...document.links].filter((link) => link.origin === location.origin)
            .map((link) => link.pathname)";
        let links = browser.js(links, &[]);
        waiting.extend(links.as_array().unwrap().iter().map(|path| path.as_str().unwrap().to_owned()));
    }
    walk
}

/// How pages are looked at.
#[derive(Clone, Copy)]
struct Look<'a> {
    language: &'a str,
    size: Size,
    scheme: &'a str,
}

#[derive(Default)]
struct Walk {
    seen: BTreeSet<&'static str>,
    wrong: Vec<String>,
}

/// Something was used in two months: by an installation that is removed, since then it is counted at once.
async fn used(world: &World) {
    let body = json!({"app": "acme:hola", "customer": "sol", "name": "hola-former"});
    let accepted: plane::wire::Accepted = world.post("/installations", body).await.expect(202).json();
    world.ended(accepted.operation).await;
    let days = [crate::usage::day(world, 40), crate::usage::day(world, 0)].map(|day| crate::usage::ran(day, 5));
    world.fake.used(accepted.installation.id, days.to_vec());
    let accepted: plane::wire::Accepted = world.delete("/installations/hola-former").await.expect(202).json();
    world.ended(accepted.operation).await;
}

async fn everywhere(look: Look<'_>) {
    let world = World::new().await;
    let (mut owner, admin) = scene(&world).await;
    // The worst of colours: portals are read all the same.
    let brand = json!({"colour": "#ffcc00", "dark_colour": "#101030", "login_title": "Acme", "login_text": "a\nb"});
    world.post("/publishers/acme/branding", brand).await.expect(200);
    let logo = world.request(Method::POST, "/publishers/acme/branding/images/logo");
    world.send(logo.body("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'/>")).await.expect(200);
    let package = crate::logos::package("a.svg", "a.svg", crate::logos::SVG);
    world.publish_bytes("acme:hola", "", package).await.expect(201);
    used(&world).await;
    let body = json!({"text": "It is not well", "state": "open"});
    world.post("/tickets/acme:1/messages", body).await.expect(201);
    crate::factors::set_up(&world, &mut owner).await;
    let (half, _) = crate::factors::log_in(&world, "ana@acme.example").await;
    let mut operator = Browser::new(&world, "localhost");
    join(&world, &mut operator, json!({"mail": "root@localhost", "role": "operator"})).await.has("Platform");
    let (nobody, visitor) = (Browser::new(&world, "localhost"), Browser::new(&world, "acme.localhost"));
    let entries = ["/login", "/signup", "/password"];
    let walks = tokio::task::block_in_place(|| {
        [
            walk(("owner", &owner), Site::Console, &["/p/acme", "/account"], look),
            walk(("operator", &operator), Site::Console, &["/operator"], look),
            walk(("customer", &admin), Site::Portal, &["/c/sol", "/account"], look),
            walk(("half", &half), Site::Console, &["/login/code"], look),
            walk(("console", &nobody), Site::Console, &entries, look),
            walk(("portal", &visitor), Site::Portal, &entries, look),
        ]
    });
    let wrong: Vec<&String> = walks.iter().flat_map(|walk| &walk.wrong).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let seen: BTreeSet<_> = walks.iter().flat_map(|walk| &walk.seen).collect();
    let known = PAGES.iter().filter(|row| page(row.site, row.path).is_some_and(|found| found.path == row.path));
    // Those two are only reached from a letter.
    let known = known.filter(|row| {
        !row.path.contains("{link}") && !row.path.starts_with("/login/sso/") && row.method == Method::GET
    });
    let unseen: Vec<_> = known.map(|row| row.path).filter(|path| !seen.contains(path)).collect();
    assert!(unseen.is_empty(), "no link leads to {unseen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_has_a_barrier_on_a_desktop_in_english() {
    everywhere(Look { language: "en", size: DESKTOP, scheme: "light" }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_has_a_barrier_on_a_phone_in_spanish() {
    everywhere(Look { language: "es", size: PHONE, scheme: "dark" }).await;
}
