//! `vBase`: people as a ready table. `[users] table = "usuarios"` in `cirrus.toml` adds the table (unless `schema.toml`
//! has one of that name) and, beside it, a table of password hashes that no resource shows. `app.users()` answers login
//! and logout.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Request, Response, error_page, form, problem, resource, resource::Answer, secret::random};
use crate::{
    app::App,
    config,
    data::{Condition, Error, Fault, Query, Read, Reader, Record, Session, Store, Value as Field},
    script::Host,
};

/// Fewest and most characters of a password.
const PASSWORD: std::ops::RangeInclusive<usize> = 8..=200;
/// Memory in KiB, passes and lanes: the second recommendation of RFC 9106, brought down to what a small sandbox has.
const COST: (u32, u32, u32) = (8 * 1024, 3, 1);
/// Addresses and names whose failures are remembered.
const MOST_REMEMBERED: usize = 10_000;
/// The session's value that says who it is.
const USER: &str = "_user";

/// The name of the table of hashes.
pub fn keys(config: &config::Users) -> String {
    format!("{}_claves", config.table)
}

/// TOML of the tables that are to be added to this schema.
pub fn tables(config: &config::Users, schema: &str) -> String {
    let users = &config.table;
    if users.is_empty() {
        return String::new();
    }
    let declared = toml::from_str::<toml::Table>(schema)
        .ok()
        .and_then(|schema| schema.get("tables")?.get(users).map(|_| ()))
        .is_some();
    let mut text = String::new();
    if !declared {
        text = format!(
            "\n[tables.{users}]\nlabel = {{ es = \"Usuarios\", en = \"Users\" }}\n[tables.{users}.fields]\n\
             login = {{ type = \"text\", required = true, min = 1, max = 100 }}\n\
             mail = {{ type = \"text\", max = 254 }}\nname = {{ type = \"text\", max = 200 }}\n\
             role = {{ type = \"text\", required = true, default = \"user\", max = 50 }}\n\
             blocked = {{ type = \"boolean\", required = true, default = false }}\n\
             [tables.{users}.indexes]\nlogin = {{ kind = \"unique\", fields = [\"login\"] }}\n"
        );
    }
    let keys = keys(config);
    text.push_str(&format!(
        "\n[tables.{keys}]\n[tables.{keys}.fields]\n\
         usuario = {{ type = \"link\", to = \"{users}\", on_delete = \"cascade\", required = true }}\n\
         clave = {{ type = \"text\", required = true, max = 300 }}\n\
         [tables.{keys}.indexes]\nusuario = {{ kind = \"unique\", fields = [\"usuario\"] }}\n"
    ));
    text
}

/// The hash of a password, as `$argon2id$...` text. Takes tens of milliseconds: only on a worker.
pub fn hash(password: &str) -> Result<String, String> {
    let salt = random::<16>().map_err(|error| format!("there is no randomness: {error}"))?;
    let out = derive(password, &salt, COST)?;
    let (memory, passes, lanes) = COST;
    let (salt, out) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(out));
    Ok(format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${out}"))
}

fn derive(password: &str, salt: &[u8], (memory, passes, lanes): (u32, u32, u32)) -> Result<[u8; 32], String> {
    let params = Params::new(memory, passes, lanes, Some(32)).map_err(|error| error.to_string())?;
    let mut out = [0; 32];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(password.as_bytes(), salt, &mut out).map_err(|error| error.to_string())?;
    Ok(out)
}

/// Whether a password is the one of a hash. A hash that cannot be read fits no password.
pub fn fits(password: &str, hash: &str) -> bool {
    let parts: Vec<&str> = hash.split('$').collect();
    let ["", "argon2id", "v=19", params, salt, wanted] = parts.as_slice() else { return false };
    let number = |prefix: &str| params.split(',').find_map(|param| param.strip_prefix(prefix)?.parse::<u32>().ok());
    let cost = (number("m="), number("t="), number("p="));
    let ((Some(memory), Some(passes), Some(lanes)), Ok(salt), Ok(wanted)) =
        (cost, STANDARD_NO_PAD.decode(salt), STANDARD_NO_PAD.decode(wanted))
    else {
        return false;
    };
    if memory > 256 * 1024 || passes > 16 || lanes > 4 {
        return false;
    }
    // Every byte is compared, so that time tells nothing of where they differ.
    derive(password, &salt, (memory, passes, lanes))
        .is_ok_and(|out| out.len() == wanted.len() && out.iter().zip(&wanted).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0)
}

/// Sets the password of a user. Sessions that were opened with the former one are over.
pub fn set_password(session: &Session, config: &config::Users, user: i64, password: &str) -> Result<(), Error> {
    store_hash(session, config, user, hash_checked(config, password)?)
}

/// The hash of a password, if it is long enough. Takes tens of milliseconds: only on a worker.
pub fn hash_checked(config: &config::Users, password: &str) -> Result<String, Error> {
    if config.table.is_empty() {
        let problem = "this application has no users: write [users] table = \"usuarios\" in cirrus.toml";
        return Err(Error::Invalid(problem.to_owned()));
    }
    let wrong = |fault| Error::Validation { table: config.table.clone(), faults: vec![fault] };
    let (length, least, most) = (password.chars().count(), *PASSWORD.start(), *PASSWORD.end());
    if length < least {
        return Err(wrong(Fault::new("password", "too_short").with("length", length).with("min", least)));
    }
    if length > most {
        let fault = Fault::new("password", "too_long").with("kind", "text");
        return Err(wrong(fault.with("length", length).with("max", most)));
    }
    hash(password).map_err(Error::Refused)
}

/// Keeps the hash of a user's password.
pub fn store_hash(session: &Session, config: &config::Users, user: i64, hash: String) -> Result<(), Error> {
    session.get(&config.table, user)?;
    let keys = keys(config);
    let old = session.first(&Query::of(&keys).filter(Condition::eq("usuario", user)))?;
    match old.and_then(|row| row.id()) {
        Some(id) => session.update(&keys, id, Record::new().with("clave", hash)).map(drop),
        None => session.create(&keys, Record::new().with("usuario", user).with("clave", hash)).map(drop),
    }
}

/// Who a session says that it is, or null: a claim that [`People::current`] judges.
pub fn of_session(session: &Map<String, Value>) -> Value {
    session.get(USER).cloned().unwrap_or(Value::Null)
}

/// Looks at who is logged in, for every request that asks: who was blocked or deleted, whose role or password changed,
/// is no longer who an open session says. The session holds only `{id, key}`.
#[derive(Default)]
pub struct People {
    // One for all threads: two rows by their ids are read faster than a connection is opened.
    reader: Mutex<Option<Reader>>,
}

impl People {
    /// `{id, login, name, role}` of the claim of a session, or null when that is over. Without `[users]` the claim is
    /// the application's own business.
    pub fn current(&self, store: &Store, config: &config::Users, claim: &Value) -> Result<Value, Error> {
        if config.table.is_empty() {
            return Ok(claim.clone());
        }
        let (Some(id), Some(key)) = (claim["id"].as_i64(), claim["key"].as_str()) else { return Ok(Value::Null) };
        // A panic elsewhere leaves a reader that still reads.
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let reader = match &mut *reader {
            Some(reader) => reader,
            none => none.insert(store.reader()?),
        };
        let Some(user) = reader.find(&config.table, id)?.filter(|user| !blocked(user)) else { return Ok(Value::Null) };
        let same = stored(reader, config, id)?.is_some_and(|hash| mark(&hash) == key);
        Ok(if same { who(&user) } else { Value::Null })
    }
}

fn blocked(user: &Record) -> bool {
    user.get("blocked") == Some(&Field::Boolean(true))
}

/// What others see of a user.
fn who(user: &Record) -> Value {
    let text = |name: &str| user.get(name).map_or(Value::Null, Field::to_json);
    json!({ "id": user.id(), "login": text("login"), "name": text("name"), "role": text("role") })
}

/// The hash of a user's password.
fn stored(read: &dyn Read, config: &config::Users, user: i64) -> Result<Option<String>, Error> {
    let row = read.first(&Query::of(&keys(config)).filter(Condition::eq("usuario", user)))?;
    Ok(row.and_then(|row| match row.get("clave") {
        Some(Field::Text(hash)) => Some(hash.to_string()),
        _ => None,
    }))
}

/// Says in a session by which password it was opened, and tells nothing of it: the hash has a salt of its own. It also
/// keeps a deleted user's session from being that of somebody new with the same id.
fn mark(hash: &str) -> String {
    Sha256::digest(hash).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Failed logins of late, by address and by name.
pub struct Attempts {
    most: u32,
    window: Duration,
    failures: Mutex<HashMap<String, (u32, Instant)>>,
}

impl Attempts {
    /// None yet.
    pub fn new(config: &config::Users) -> Self {
        let window = Duration::from_secs(config.window_seconds);
        Self { most: config.attempts, window, failures: Mutex::default() }
    }

    fn keys(peer: IpAddr, login: &str) -> [String; 2] {
        [format!("address {peer}"), format!("login {}", login.to_lowercase())]
    }

    /// Whether another attempt is allowed.
    pub fn allowed(&self, peer: IpAddr, login: &str, now: Instant) -> bool {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.retain(|_, (_, since)| now.duration_since(*since) < self.window);
        Self::keys(peer, login).iter().all(|key| failures.get(key).is_none_or(|(count, _)| *count < self.most))
    }

    /// Remembers a failure.
    pub fn failed(&self, peer: IpAddr, login: &str, now: Instant) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for key in Self::keys(peer, login) {
            if failures.len() < MOST_REMEMBERED || failures.contains_key(&key) {
                failures.entry(key).or_insert((0, now)).0 += 1;
            }
        }
    }
}

/// `POST /login`, `POST /logout`, `GET /me`, and `GET /login` when there is a view `login`.
#[derive(Clone, Debug)]
pub struct Routes {
    prefix: String,
}

impl Routes {
    /// Below this path.
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    fn verb<'a>(&self, request: &'a Request) -> Option<&'a str> {
        let verb = request.uri.path().strip_prefix(self.prefix.as_str())?.strip_prefix('/')?;
        // Declared once for each, so that other addresses do not pass here.
        matches!(verb, "login" | "logout" | "me").then_some(verb)
    }

    /// Answers the pages.
    pub fn read(&self, app: &App, request: &Request) -> Answer {
        let get = request.method == Method::GET || request.method == Method::HEAD;
        match self.verb(request) {
            Some("me") if get => {
                let user = match app.visitor(request) {
                    Ok(user) => user,
                    Err(error) => return Answer::Done(resource::of_data(app, request, &error)),
                };
                if user.is_null() {
                    return Answer::Done(problem::plain(StatusCode::UNAUTHORIZED, "nobody is logged in"));
                }
                Answer::Done(Response::bytes(StatusCode::OK, "application/json", user.to_string()))
            }
            Some("login") if get && app.has_view(".", "login") => page(app, request, StatusCode::OK, &json!({})),
            Some("login" | "logout") if request.method == Method::POST => Answer::Worker,
            Some(verb) => Answer::Done(problem::method_not_allowed(if verb == "me" { "GET, HEAD" } else { "POST" })),
            None => Answer::Unknown,
        }
    }

    /// Logs in or out.
    pub fn write(&self, app: &App, read: &dyn Read, request: &Request) -> Option<Response> {
        let verb = self.verb(request)?;
        if request.method != Method::POST || verb == "me" {
            return Some(problem::method_not_allowed("POST"));
        }
        if verb == "logout" {
            return Some(leave(app, request));
        }
        Some(match enter(app, read, request) {
            Ok(response) => response,
            Err(error) => resource::of_data(app, request, &error),
        })
    }
}

fn page(app: &App, request: &Request, status: StatusCode, values: &Value) -> Answer {
    Answer::Done(match app.render("login", values, request) {
        Ok(html) => Response::bytes(status, "text/html; charset=utf-8", html),
        Err(detail) => {
            eprintln!("error {}: {detail}", request.id);
            problem::plain(StatusCode::INTERNAL_SERVER_ERROR, "the page of login cannot be shown")
        }
    })
}

/// Login and password of the body, by form or JSON, and where to go then.
fn given(app: &App, request: &Request) -> Result<(String, String, Option<String>), String> {
    let limits = &app.config.limits;
    if let Some(form) = form::read(request, limits)? {
        let text = |name: &str| form.get(name).unwrap_or("").to_owned();
        return Ok((text("login"), text("password"), form.get("next").map(str::to_owned)));
    }
    let json = form::json(&request.body, limits)?;
    let text = |name: &str| json[name].as_str().unwrap_or("").to_owned();
    Ok((text("login"), text("password"), None))
}

fn enter(app: &App, read: &dyn Read, request: &Request) -> Result<Response, Error> {
    let config = &app.config.users;
    let (login, password, next) = match given(app, request) {
        Ok(given) => given,
        Err(detail) => return Ok(problem::plain(StatusCode::BAD_REQUEST, &detail)),
    };
    let now = Instant::now();
    if !app.logins.allowed(request.peer, &login, now) {
        let mut response = problem::plain(StatusCode::TOO_MANY_REQUESTS, "too many failed logins: wait some minutes");
        response.headers.insert(header::RETRY_AFTER, HeaderValue::from(config.window_seconds));
        return Ok(response);
    }
    let user = read.first(&Query::of(&config.table).filter(Condition::eq("login", login.as_str())))?;
    let key = match user.as_ref().and_then(Record::id) {
        Some(id) => stored(read, config, id)?,
        None => None,
    };
    // Somebody unknown costs as much time as a wrong password, so that time does not tell who exists.
    let known = match &key {
        Some(hash) if password.len() <= 4 * PASSWORD.end() => fits(&password, hash),
        _ => {
            drop(hash("nobody's password"));
            false
        }
    };
    let (Some(user), Some(key)) = (user.filter(|user| known && !blocked(user)), key) else {
        app.logins.failed(request.peer, &login, now);
        return Ok(refused(app, request, &login));
    };
    let who = who(&user);
    // A new session: what a stranger may have planted in the old one is gone.
    let mut values = Map::new();
    values.insert(USER.into(), json!({ "id": user.id(), "key": mark(&key) }));
    let cookie = app.seal_session(request, &values);
    let mut response = if error_page::wants_html(&request.headers) {
        let next = next.filter(|next| is_own(next));
        see(next.as_deref().unwrap_or(&config.home))
    } else {
        Response::bytes(StatusCode::OK, "application/json", who.to_string())
    };
    with_cookie(&mut response, cookie);
    Ok(response)
}

/// Whether an address is one of this site, also for browsers, which read `\` as `/` and skip tabs and ends of lines.
pub(super) fn is_own(address: &str) -> bool {
    let plain = !address.contains(|c: char| c == '\\' || c.is_control() || c.is_whitespace());
    plain && address.starts_with('/') && !address.starts_with("//")
}

fn refused(app: &App, request: &Request, login: &str) -> Response {
    let detail = "login and password do not fit";
    if error_page::wants_html(&request.headers) && app.has_view(".", "login") {
        let values = json!({ "problem": detail, "login": login });
        if let Answer::Done(response) = page(app, request, StatusCode::UNAUTHORIZED, &values) {
            return response;
        }
    }
    problem::plain(StatusCode::UNAUTHORIZED, detail)
}

fn leave(app: &App, request: &Request) -> Response {
    let mut response = if error_page::wants_html(&request.headers) {
        see(&app.config.users.login)
    } else {
        Response::empty(StatusCode::NO_CONTENT)
    };
    with_cookie(&mut response, app.seal_session(request, &Map::new()));
    response
}

pub(super) fn see(place: &str) -> Response {
    let mut response = Response::empty(StatusCode::SEE_OTHER);
    response.headers.insert(header::LOCATION, HeaderValue::from_str(place).unwrap_or(HeaderValue::from_static("/")));
    response
}

pub(super) fn with_cookie(response: &mut Response, cookie: Result<String, String>) {
    if let Some(value) = cookie.ok().and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        response.headers.append(header::SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_only() {
        let hash = hash("contraseña segura").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$"));
        assert!(fits("contraseña segura", &hash));
        assert!(!fits("contraseña Segura", &hash));
        assert!(!fits("x", "$argon2id$v=19$m=99999999,t=1,p=1$AAAAAAAAAAA$AAAA"));
        assert!(!fits("x", ""));
    }

    #[test]
    fn after_login_one_stays_on_the_site() {
        for own in ["/", "/cuenta?a=1", "/a//b", "/%09/x"] {
            assert!(is_own(own), "{own}");
        }
        for other in ["", "x", "//x", "/\\x", "\\/x", "/\t/x", "/\n/x", " //x", "https://x", "\u{b}//x"] {
            assert!(!is_own(other), "{other:?}");
        }
    }

    #[test]
    fn failures_are_counted_by_address_and_by_name_and_forgotten() {
        let attempts = Attempts::new(&config::Users { attempts: 2, window_seconds: 60, ..Default::default() });
        let (peer, other): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let now = Instant::now();
        attempts.failed(peer, "Ana", now);
        assert!(attempts.allowed(peer, "ana", now));
        attempts.failed(peer, "ana", now);
        assert!(!attempts.allowed(peer, "luis", now));
        assert!(!attempts.allowed(other, "ANA", now));
        assert!(attempts.allowed(other, "luis", now));
        assert!(attempts.allowed(peer, "ana", now + Duration::from_secs(61)));
    }
}
