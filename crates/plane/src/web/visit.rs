//! What happens to every request for a page before its handler: which site is it, who asks, may they, does the form come
//! from our own page; and after it: what was refused is shown as a page.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use domain::Slug;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, Limited};

use super::announcements::{self, DISMISSED};
use super::design::{Flash, Language, View, Visitor};
use crate::Plane;
use crate::access::{JSON_LIMIT, PAGES, Page, Reach, Role, Site, Visitors, find_page};
use crate::doors::Door;
use crate::guard::BODY_TIME;
use crate::operations::Actor;
use crate::operations::log_in::{From, HALF_LASTS, LASTS, LASTS_UNUSED};
use crate::problem::{Answer, Refusal};
use crate::refused;
use crate::secret;
use crate::store::brands::{self, BrandRow};
use crate::store::factors;
use crate::store::people::{self, Membership, PersonRow};
use crate::store::publishers;
use crate::store::sessions::{self, SessionRow};
use crate::store::unread;
use crate::strangers::Peer;
use crate::webauthn::Site as PasskeySite;
use crate::wire::{ImageKind, PROBLEM_JSON, Problem, word};

/// What a browser keeps of a session, and of a login that is half done. With HTTPS its name lets no other host set it.
const SESSION: [&str; 2] = ["session", "__Host-session"];
const SIGN_ON: [&str; 2] = ["sign-on", "__Host-sign-on"];
const HALF: [&str; 2] = ["half-login", "__Host-half-login"];

fn named(https: bool, names: [&'static str; 2]) -> &'static str {
    names[usize::from(https)]
}

/// What a browser shows once, on the next page: a tone and the key of a text.
const FLASH: &str = "flash";

/// Milliseconds after which it is written down again that a session was used.
const NOTE_USE: u64 = 5 * 60_000;

/// What is known of a visit. Handlers take it as an argument.
#[derive(Clone, Debug)]
pub struct Visit {
    /// How the page is to be shown.
    pub view: View,
    /// The publisher whose portal it is; absent in the console.
    pub realm: Option<Realm>,
    /// Who is logged in.
    pub person: Option<PersonRow>,
    /// Their session.
    pub session: Option<SessionRow>,
    /// What they are.
    pub memberships: Vec<Membership>,
    /// What the browser keeps of a login that is half done.
    pub half: Option<String>,
    /// What it keeps of a login at somebody's provider.
    pub sign_on: Option<String>,
    /// From where they come.
    pub from: From,
    /// Ids of announcements that they have dismissed.
    pub dismissed: String,
    /// Tickets at the place of the page that they have not read.
    pub unread: u64,
}

/// A publisher's portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm {
    /// The publisher.
    pub slug: Slug,
    /// The host name of its own at which it is visited; absent at the one that the platform gives.
    pub host: Option<String>,
    /// The name that customers see.
    pub name: String,
    /// How it looks.
    pub brand: BrandRow,
}

impl Realm {
    /// Where a file of the brand is served: under its version, so that browsers may keep it.
    pub fn file(&self, name: &str) -> String {
        format!("/brand/{}/{name}", self.brand.version)
    }

    /// Where a picture is served, if there is one.
    pub fn image(&self, kind: ImageKind) -> Option<String> {
        self.brand.images.contains(&kind).then(|| self.file(&word(&kind)))
    }

    /// What the view of every page has of it.
    fn dress(&self, view: &mut View) {
        view.brand = self.brand.look.colour.as_ref().map(|_| self.file("brand.css"));
        view.icon = self.image(ImageKind::Icon);
    }
}

impl Visit {
    /// The publisher whose portal it is.
    pub fn realm(&self) -> Option<&Slug> {
        self.realm.as_ref().map(|realm| &realm.slug)
    }

    /// The site by the host name at which it is visited: passkeys are tied to it.
    pub fn site(&self, plane: &Plane) -> PasskeySite {
        PasskeySite::of(&match &self.realm {
            Some(realm) => plane.portal_at(&realm.slug, realm.host.as_deref()),
            None => plane.console_url.clone(),
        })
    }

    /// Who is logged in; the table of pages lets nobody else come here.
    pub fn person(&self) -> Answer<&PersonRow> {
        self.person.as_ref().ok_or_else(|| Refusal::internal("a page for persons without a person"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        // The guard of every page puts it there.
        parts.extensions.get::<Visit>().cloned().ok_or_else(|| Refusal::internal("a request without a visit"))
    }
}

/// The middleware.
pub async fn guard(State(plane): State<Arc<Plane>>, path: MatchedPath, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    // The form first: whoever holds it back gets what they are by then, not what they were when they began.
    let sent = match receive_form(&parts, path.as_str(), body).await {
        Ok(sent) => sent,
        Err(refusal) => return refusal.into_response(),
    };
    let mut visit = match begin(&plane, &mut parts).await {
        Ok(visit) => visit,
        Err(refusal) => return refusal.into_response(),
    };
    // A script that sends a form follows the answer unseen, and then opens the page.
    let shows_flash = visit.view.flash.is_some() && !parts.headers.contains_key("x-fragment");
    let row = find_page(site(&visit), &parts.method, path.as_str());
    let answered = match row {
        Some(row) => answer(&plane, row, &mut visit, parts, sent, next).await,
        None => Err(Refusal::missing("unknown-path", "there is no such page")),
    };
    let mut response = match answered {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    };
    if is_problem(&response) {
        response = show_problem(&plane, &visit, response).await;
    }
    if shows_flash && response.status() != StatusCode::SEE_OTHER {
        forget_flash(response.headers_mut());
    }
    response
}

fn site(visit: &Visit) -> Site {
    if visit.realm.is_some() { Site::Portal } else { Site::Console }
}

/// Who comes, and where to.
async fn begin(plane: &Plane, parts: &mut Parts) -> Answer<Visit> {
    let peer = parts.extensions.get::<Peer>().copied().unwrap_or(Peer(std::net::Ipv4Addr::UNSPECIFIED.into()));
    let agent = text(&parts.headers, header::USER_AGENT).unwrap_or("").to_owned();
    let realm = realm(plane, parts).await?;
    let mut visit = Visit {
        view: View::of(parts, plane.now()),
        realm,
        person: None,
        session: None,
        memberships: Vec::new(),
        half: None,
        sign_on: None,
        from: From { address: peer.0, agent },
        dismissed: cookie(&parts.headers, DISMISSED).unwrap_or("").to_owned(),
        unread: 0,
    };
    let https = plane.is_https(visit.realm.is_some());
    visit.sign_on = cookie(&parts.headers, named(https, SIGN_ON)).map(str::to_owned);
    visit.half = cookie(&parts.headers, named(https, HALF)).map(str::to_owned);
    let mut visitor = Visitor { https, ..Visitor::default() };
    if let Some(secret) = cookie(&parts.headers, named(https, SESSION))
        && let Some((session, person)) = session(plane, secret, visit.realm()).await?
    {
        visitor.language = Language::of_tag(&person.language);
        visitor.zone = Some(person.time_zone.clone());
        visitor.csrf = Some(secret::sha256(&format!("form/{secret}")));
        visit.memberships = people::memberships(plane.store.read(), person.id).await?;
        // Whoever runs that provider could be anybody; they reach what is theirs anyway.
        if let Some(publisher) = &session.publisher {
            visit.memberships.retain(|one| one.reach == Reach::Publisher(publisher.clone()));
        }
        (visit.session, visit.person) = (Some(session), Some(person));
    }
    parts.extensions.insert(visitor);
    visit.view = View::of(parts, plane.now());
    visit.view.announced = announcements::shown(plane, &visit.view, visit.realm.is_some(), &visit.dismissed);
    if let Some(realm) = &visit.realm {
        realm.dress(&mut visit.view);
    }
    if let Some(flash) = cookie(&parts.headers, FLASH) {
        visit.view.flash = flash_of(plane, visit.view.language, flash);
    }
    Ok(visit)
}

/// The portal that the host name names.
async fn realm(plane: &Plane, parts: &Parts) -> Answer<Option<Realm>> {
    let Some(Door::Portal { publisher, host }) = parts.extensions.get::<Door>().cloned() else { return Ok(None) };
    let name = publishers::name(plane.store.read(), &Reach::All, &publisher).await?;
    let name = name.ok_or_else(|| Refusal::missing("unknown-portal", "there is no portal of that name"))?;
    let brand = brands::of(plane.store.read(), &publisher).await?;
    let name = brand.look.name.clone().unwrap_or(name);
    Ok(Some(Realm { slug: publisher, host, name, brand }))
}

/// The session of that secret and whose it is, if it is still good and belongs to this site.
async fn session(plane: &Plane, secret: &str, realm: Option<&Slug>) -> Answer<Option<(SessionRow, PersonRow)>> {
    let now = plane.now();
    let Some(session) = sessions::find(plane.store.read(), &secret::sha256(secret)).await? else { return Ok(None) };
    if session.created_at + LASTS <= now || session.seen_at + LASTS_UNUSED <= now {
        return Ok(None);
    }
    let person = people::find(plane.store.read(), session.person).await?;
    let Some(person) = person.filter(|person| person.realm.as_ref() == realm) else { return Ok(None) };
    if session.seen_at + NOTE_USE < now {
        let tx = plane.store.write().await?;
        sessions::seen(&tx, session.id, now).await?;
        tx.commit().await?;
    }
    Ok(Some((session, person)))
}

async fn answer(
    plane: &Arc<Plane>,
    row: &'static Page,
    visit: &mut Visit,
    mut parts: Parts,
    sent: Sent,
    next: Next,
) -> Answer<Response> {
    if parts.method == Method::POST {
        check_origin(&parts.headers)?;
        if let Some(person) = &visit.person {
            plane.count_write(&format!("person:{}", person.id))?;
            require_own(visit, parts.uri.path())?;
        }
    }
    let mut asker = None;
    match row.who {
        Visitors::Anyone => {}
        _ if visit.person.is_none() => return Ok(to_login(&parts)),
        Visitors::Person => {}
        Visitors::Roles(who) => {
            let actor = actor(visit, parts.uri.path())?;
            if !who.contains(&actor.role) {
                let detail = "your role does not allow this; ask somebody who decides here";
                return Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", detail));
            }
            // Who came in by a provider has shown there what the publisher wants.
            let through = visit.session.as_ref().and_then(|session| session.publisher.as_ref());
            if through.is_none()
                && let Some(publisher) = wants_more(plane, &actor).await?
            {
                return Ok(Redirect::to(&format!("/account/security?wanted={publisher}")).into_response());
            }
            if let Some(person) = actor.person() {
                visit.unread = unread::number_of(plane.store.read(), &actor.reach, person).await?;
            }
            asker = Some(actor.clone()).filter(|_| parts.method == Method::POST);
            parts.extensions.insert(actor);
        }
    }
    let csrf = visit.view.csrf.clone();
    let mut form = Bytes::new();
    let body = match sent {
        Sent::Form(bytes) => {
            let given = form_urlencoded::parse(&bytes).find(|(key, _)| key == "csrf").map(|(_, value)| value);
            check_csrf(csrf.as_deref(), given.as_deref().unwrap_or(""))?;
            form = bytes.clone();
            Body::from(bytes)
        }
        Sent::File(body) => {
            // Nobody reads a gigabyte to find a word in it.
            check_csrf(csrf.as_deref(), query(&parts, "csrf").unwrap_or(""))?;
            body
        }
        Sent::Nothing => Body::empty(),
    };
    parts.extensions.insert(visit.clone());
    parts.extensions.insert(visit.view.clone());
    let path = parts.uri.path().to_owned();
    let response = next.run(Request::from_parts(parts, body)).await;
    match asker.filter(|_| response.status().is_client_error()) {
        Some(actor) => Ok(refused::record_form(plane, row, &actor, &path, &form, response).await),
        None => Ok(response),
    }
}

/// What the person is at the place that the path names. A place where they are nothing does not exist.
fn actor(visit: &Visit, path: &str) -> Answer<Actor> {
    let missing = || Refusal::missing("unknown-path", "there is no such page");
    let person = visit.person()?;
    let mut words = path.trim_start_matches('/').split('/');
    let (space, name) = (words.next(), words.next().unwrap_or(""));
    let is = |reach: &Reach| match (space, reach) {
        (Some("operator"), Reach::All) => true,
        (Some("p"), Reach::Publisher(publisher)) => publisher.as_str() == name,
        (Some("c"), Reach::Customer(key)) => key.slug.as_str() == name,
        _ => false,
    };
    if let Some(membership) = visit.memberships.iter().find(|membership| is(&membership.reach)) {
        return Ok(Actor::of_person(person, membership.clone()));
    }
    // An operator may look after any publisher; the audit tells that they did.
    let operates = visit.memberships.iter().any(|membership| membership.role == Role::Operator);
    let publisher: Slug = name.parse().map_err(|_| missing())?;
    if operates && space == Some("p") {
        let membership = Membership { role: Role::Operator, reach: Reach::Publisher(publisher) };
        return Ok(Actor::of_person(person, membership));
    }
    Err(missing())
}

/// That what is somebody's own is changed by them, and not by who came in by a publisher's provider.
fn require_own(visit: &Visit, path: &str) -> Answer<()> {
    let through = visit.session.as_ref().is_some_and(|session| session.publisher.is_some());
    if through && (path.starts_with("/account") || path.starts_with("/join")) {
        let detail = "you came in by your company's provider; log in with a password of your own to change this";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "signed-on", detail));
    }
    Ok(())
}

/// The publisher that requires a second factor which its member does not have.
async fn wants_more(plane: &Plane, actor: &Actor) -> Answer<Option<Slug>> {
    match (&actor.reach, actor.person(), actor.role) {
        (_, _, Role::Operator) => Ok(None),
        (Reach::Publisher(publisher), Some(person), _) => {
            let lacks = factors::lacks(plane.store.read(), publisher, person).await?;
            Ok(lacks.then(|| publisher.clone()))
        }
        _ => Ok(None),
    }
}

fn to_login(parts: &Parts) -> Response {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    // A form that was sent too late is not sent again by logging in.
    let wanted = if parts.method == Method::GET { path } else { "/" };
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("to", wanted).finish();
    Redirect::to(&format!("/login?{query}")).into_response()
}

/// That a form was sent by one of our own pages, which every browser tells.
fn check_origin(headers: &HeaderMap) -> Answer<()> {
    let foreign = || {
        let detail = "this form was sent by a page of somebody else; open the page here and send it again";
        Refusal::new(StatusCode::FORBIDDEN, "foreign-form", detail)
    };
    if let Some(site) = text(headers, http::HeaderName::from_static("sec-fetch-site")) {
        return if matches!(site, "same-origin" | "none") { Ok(()) } else { Err(foreign()) };
    }
    let Some(origin) = text(headers, header::ORIGIN) else { return Ok(()) };
    let host = text(headers, header::HOST).unwrap_or("");
    if origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host)) {
        Ok(())
    } else {
        Err(foreign())
    }
}

/// That a connection is asked for by one of our own pages: every browser tells, and whoever does not is none.
pub fn require_own_page(headers: &HeaderMap) -> Answer<()> {
    if text(headers, header::ORIGIN).is_none() {
        let detail = "only a page of this console can open this; programs have the API";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "foreign-form", detail));
    }
    check_origin(headers)?;
    let origin = text(headers, header::ORIGIN).unwrap_or("");
    let host = text(headers, header::HOST).unwrap_or("");
    match origin.split_once("://") {
        Some((_, from)) if from.eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(Refusal::new(StatusCode::FORBIDDEN, "foreign-form", "this was asked for by a page of somebody else")),
    }
}

/// That whoever came is still logged in, and still is what they were where they came to.
pub async fn still(plane: &Plane, visit: &Visit, actor: &Actor) -> Answer<()> {
    let ended = || Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", "this session has ended; log in again");
    let (person, session) = visit.person.as_ref().zip(visit.session.as_ref()).ok_or_else(ended)?;
    let db = plane.store.read();
    if !sessions::of(db, person.id).await?.iter().any(|row| row.id == session.id) {
        return Err(ended());
    }
    let memberships = people::memberships(db, person.id).await?;
    let same = |one: &Membership| one.reach == actor.reach || one.role == Role::Operator;
    if memberships.iter().any(|one| one.role == actor.role && same(one)) { Ok(()) } else { Err(ended()) }
}

fn check_csrf(wanted: Option<&str>, given: &str) -> Answer<()> {
    // Both are hashes: the time it takes to compare them says nothing.
    if wanted.is_none_or(|wanted| wanted == given) {
        return Ok(());
    }
    let detail = "this form is too old, or was made in another session; open the page again and repeat it";
    Err(Refusal::new(StatusCode::FORBIDDEN, "old-form", detail))
}

/// What came with a request.
enum Sent {
    Nothing,
    Form(Bytes),
    /// Passed on as it comes.
    File(Body),
}

async fn receive_form(parts: &Parts, path: &str, body: Body) -> Answer<Sent> {
    if parts.method != Method::POST {
        return Ok(Sent::Nothing);
    }
    if PAGES.iter().any(|row| row.file && row.method == Method::POST && row.path == path) {
        return Ok(Sent::File(body));
    }
    let collected = tokio::time::timeout(BODY_TIME, Limited::new(body, JSON_LIMIT).collect()).await;
    let collected = collected.map_err(|_| {
        Refusal::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "the form did not arrive in time; send it again")
    })?;
    Ok(Sent::Form(collected.map_err(|_| Refusal::too_large("the form", JSON_LIMIT as u64))?.to_bytes()))
}

fn is_problem(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == PROBLEM_JSON)
}

/// The page of what a handler refused.
async fn show_problem(plane: &Plane, visit: &Visit, response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let bytes = Limited::new(body, JSON_LIMIT * 4).collect().await.map(|all| all.to_bytes()).unwrap_or_default();
    let problem: Option<Problem> = serde_json::from_slice(&bytes).ok();
    // What went wrong on our side is for the log, not for whoever happens to see it.
    let problem = problem.filter(|problem| problem.code != "internal");
    let detail = problem.map(|problem| plane.words(visit.view.language, &problem.code, problem.detail));
    let mut page = plane.pages.error(&visit.view, parts.status, &detail.unwrap_or_default());
    if let Some(seconds) = parts.headers.get(header::RETRY_AFTER) {
        page.headers_mut().insert(header::RETRY_AFTER, seconds.clone());
    }
    page
}

impl Plane {
    /// What a refusal says to a person in their language: in English always, in others where it was translated.
    pub(crate) fn words(&self, language: Language, code: &str, detail: String) -> String {
        let key = format!("refusal-{code}");
        if language == Language::En {
            return detail;
        }
        self.pages.texts().maybe(language, &key).unwrap_or(detail)
    }
}

/// Leads to another page, which says what was done: a key of the texts.
pub fn lead(to: &str, flash: Option<(&'static str, &str)>) -> Response {
    let mut response = Redirect::to(to).into_response();
    if let Some((tone, key)) = flash
        && let Ok(value) =
            HeaderValue::try_from(format!("{FLASH}={tone}.{key}; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"))
    {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

fn flash_of(plane: &Plane, language: Language, cookie: &str) -> Option<Flash> {
    let (tone, key) = cookie.split_once('.')?;
    let tone = ["good", "info", "warn", "bad"].into_iter().find(|known| *known == tone)?;
    let text = plane.pages.texts().maybe(language, key).filter(|_| key.starts_with("done-"))?;
    Some(Flash { tone, text })
}

fn forget_flash(headers: &mut HeaderMap) {
    headers.append(header::SET_COOKIE, HeaderValue::from_static("flash=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"));
}

/// Keeps a session in the browser, or forgets it.
pub fn keep_session(visit: &Visit, response: &mut Response, secret: Option<&str>) {
    keep(visit, response, SESSION, secret, LASTS);
}

/// Keeps a login at somebody's provider in the browser, or forgets it.
pub fn keep_sign_on(visit: &Visit, response: &mut Response, secret: Option<&str>) {
    keep(visit, response, SIGN_ON, secret, crate::operations::sign_on::LASTS);
}

/// Keeps a login that is half done in the browser, or forgets it.
pub fn keep_half(visit: &Visit, response: &mut Response, secret: Option<&str>) {
    keep(visit, response, HALF, secret, HALF_LASTS);
}

fn keep(visit: &Visit, response: &mut Response, names: [&'static str; 2], secret: Option<&str>, lasts: u64) {
    let https = visit.view.https;
    let (name, secure) = (named(https, names), if https { "; Secure" } else { "" });
    let (value, age) = secret.map_or(("", 0), |secret| (secret, lasts / 1000));
    let cookie = format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}");
    let cookie = HeaderValue::try_from(cookie).expect("a session is hexadecimal");
    response.headers_mut().append(header::SET_COOKIE, cookie);
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn query<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    let mut pairs = parts.uri.query().unwrap_or("").split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}
