//! What hostile bytes are given to, and what must hold whatever they are. The tests run these over inputs that once
//! failed and over random ones; `scripts/fuzz` runs the same guided by coverage.

use std::{net::Ipv4Addr, sync::Arc};

use bytes::Bytes;
use cirrus::{
    app::App,
    config::Cors,
    data::{self, Condition, Query, Read, Schema, import::Existing, plan},
    web::{
        Request, RequestId, Response, csrf,
        form::{self, Form},
        resource::{Answer, Resource},
        session,
    },
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value, json};

/// One target: its name, what it does with an input, and inputs to begin with.
pub struct Target {
    pub name: &'static str,
    pub run: fn(&World, &[u8]),
    pub seeds: &'static [&'static str],
}

pub const TARGETS: [Target; 7] = [
    Target { name: "list", run: list, seeds: LISTS },
    Target { name: "condition", run: condition, seeds: CONDITIONS },
    Target { name: "body", run: body, seeds: BODIES },
    Target { name: "schema", run: schema, seeds: SCHEMAS },
    Target { name: "import", run: import, seeds: IMPORTS },
    Target { name: "session", run: session_cookie, seeds: EDITS },
    Target { name: "csrf", run: form_token, seeds: EDITS },
];

const SCHEMA: &str = r#"
[tables.clientes.fields]
nombre = { type = "text", required = true, min = 1, max = 100 }
pagado = { type = "decimal", scale = 2 }
[tables.clientes.indexes]
nombre = { kind = "unique", fields = ["nombre"] }

[tables.tareas.fields]
titulo  = { type = "text", required = true, max = 200 }
hecha   = { type = "boolean", required = true, default = false }
importe = { type = "decimal", scale = 2, default = "0.00", check = "importe >= 0" }
horas   = { type = "integer", min = -5, max = 100 }
grande  = { type = "integer" }
estado  = { type = "choice", of = ["nueva", "hecha"], default = "nueva" }
cliente = { type = "link", to = "clientes", on_delete = "restrict" }
fecha   = { type = "date", default = "now" }
hora    = { type = "time" }
cuando  = { type = "timestamp" }
adjunto = { type = "blob", max = 1000 }
doble   = { type = "formula", of = "importe * 2", scale = 2 }
[tables.tareas.indexes]
palabras = { kind = "words", fields = ["titulo"] }
trozos = { kind = "pieces", fields = ["titulo"] }
orden = { kind = "ordered", fields = ["hecha", "fecha"] }
[[tables.tareas.accumulate]]
to = "cliente"
total = "pagado"
add = "importe"
[tables.tareas.balances.saldo]
group = ["hecha"]
order = ["titulo"]
amount = "iif(horas is null, 0, horas)"
"#;

const ROWS: &str = "titulo,importe,cliente,fecha,horas\nalfa,1.50,1,2026-01-01,1\nbeta casa,2,1,2026-02-01,\n";

const LISTS: &[&str] = &[
    "titulo=alfa&importe[gte]=1.00&sort=-importe,titulo&limit=1",
    "q=casa&fields=id,titulo&total=true&offset=1",
    "fecha[between]=2026-01-01,2026-02-01&hecha[null]=false&id[in]=1,2",
    "titulo[like]=%25a%25&titulo[contains]=A&titulo[begins]=be&trozos[pieces]=alf&palabras[words]=be",
    "sort=titulo&limit=1&cursor=WyJhbGZhIiwxXQ",
    "cuando[lt]=2026-01-01T00:00:00%2B05:00&hora[ne]=09:30:00&grande=-9223372036854775808&doble[gt]=1e3",
];
const CONDITIONS: &[&str] = &[
    r#"{"titulo": "alfa", "importe": {"gte": "1.00", "lt": 9}}"#,
    r#"{"any": [{"hecha": true}, {"not": {"fecha": null}}], "all": [], "id": [1, 2]}"#,
    r#"{"titulo": {"like": "%a%", "words": "al", "pieces": "lfa", "begins": "a", "contains": "F"}}"#,
    r#"{"horas": {"between": [1, 2.0]}, "grande": {"in": ["9223372036854775807"]}, "hora": {"null": false}}"#,
];
/// The first letter says how the rest is sent: see [`body`].
const BODIES: &[&str] = &[
    r#"a{"titulo": "x", "importe": 1.5, "fecha": "2026-02-28", "cliente": 1, "adjunto": "aG9sYQ=="}"#,
    r#"b{"horas": 100, "grande": "9223372036854775807", "cuando": "2026-01-01T23:59:59.999-05:00"}"#,
    "ctitulo=x+y&hecha=on&importe=1%2E5&estado=hecha&hora=10:00:00&_method=put",
    "d--x\r\nContent-Disposition: form-data; name=\"titulo\"\r\n\r\nx\r\n--x\r\n\
     Content-Disposition: form-data; name=\"adjunto\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhola\r\n\
     --x--\r\n",
    "e{\"titulo\": \"replaced\"}",
];
const SCHEMAS: &[&str] = &[
    SCHEMA,
    "[tables.a.fields]\nb = { type = \"text\", from = \"c\", label = { es = \"B\" } }\n",
    "[tables.a.fields]\nn = { type = \"decimal\", scale = 9, min = \"-1\", max = \"1\", check = \"n <> 0.5\" }\n\
     f = { type = \"formula\", as = \"text\", of = \"iif(n > 0, 'más', lower('MENOS')) || substr('abc', 1, 2)\" }\n\
     d = { type = \"date\", default = \"now\" }\ny = { type = \"formula\", as = \"integer\", of = \"year(d) + 1\" }\n",
    "[tables.a.fields]\nb = { type = \"link\", to = \"a\", on_delete = \"clear\" }\nt = { type = \"integer\" }\n\
     [[tables.a.accumulate]]\nto = \"b\"\ntotal = \"t\"\nadd = \"1\"\n",
];
const IMPORTS: &[&str] = &[
    "atitulo,importe,fecha\nx,1.50,2026-01-01\n\"y, \"\"z\"\"\",,\n",
    "bid,titulo,hecha,adjunto\n1,changed,true,aG9sYQ==\n9,new,no,\n",
    r#"c[{"titulo": "x", "importe": "1.50"}, {"titulo": "y", "cliente": 1}]"#,
    r#"d[{"id": 1, "titulo": "z", "doble": 3}]"#,
];
const EDITS: &[&str] = &["", "\u{0}A", "\u{5}\u{1}", "\u{7f}zzzz"];

/// What the targets work on.
pub struct World {
    app: App,
    reader: data::Reader,
    resource: Resource,
    _directory: tempfile::TempDir,
}

impl World {
    /// An application in memory as far as the machine has a directory for that.
    pub fn new() -> Self {
        let directory = scratch();
        let path = directory.path();
        std::fs::create_dir(path.join("initial-data")).unwrap();
        std::fs::write(path.join("schema.toml"), SCHEMA).unwrap();
        std::fs::write(path.join("initial-data/1-clientes.csv"), "nombre\nAna\n").unwrap();
        std::fs::write(path.join("initial-data/2-tareas.csv"), ROWS).unwrap();
        let app = App::load(path, &path.join("data")).unwrap();
        let reader = app.store.reader().unwrap();
        let options = Map::from_iter([("table".to_owned(), json!("tareas"))]);
        Self { app, reader, resource: Resource::new("/tareas", &options).unwrap(), _directory: directory }
    }

    fn get(&self, target: &str) -> Option<Response> {
        let request = request(Method::GET, target, &[], b"")?;
        match self.resource.read(&self.app, &self.reader, None, &request) {
            Answer::Done(response) => Some(response),
            _ => None,
        }
    }
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A request, unless the target or the form is none that HTTP lets through.
fn request(method: Method, target: &str, headers: &[(HeaderName, &[u8])], body: &[u8]) -> Option<Request> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name, HeaderValue::from_bytes(value).ok()?);
    }
    let form = match form::kind(&map) {
        form::Kind::Multipart => Some(Arc::new(multipart(&map, body)?)),
        _ => None,
    };
    Some(Request {
        id: RequestId(0),
        method,
        uri: target.parse().ok()?,
        headers: map,
        body: Bytes::copy_from_slice(body),
        form,
        peer: Ipv4Addr::LOCALHOST.into(),
        secure: false,
        visitor: Arc::default(),
    })
}

/// A form as it comes in over a network: the length of the parts is that of the first byte.
fn multipart(headers: &HeaderMap, body: &[u8]) -> Option<Form> {
    let length = 1 + usize::from(body.first().copied().unwrap_or_default());
    let parts: Vec<_> = body.chunks(length).map(|part| Ok::<_, std::io::Error>(Bytes::copy_from_slice(part))).collect();
    let uploads = std::path::Path::new("/nowhere");
    let limits = cirrus::config::Limits::default();
    let bodies = cirrus::web::server::Bodies::new(limits.bodies);
    let mut room = bodies.room();
    // Nothing is that large that it would wait on a disk, so there is nothing to wait for.
    let mut receiving =
        std::pin::pin!(form::receive(headers, futures_util::stream::iter(parts), &limits, uploads, &mut room));
    match receiving.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(form) => form.ok(),
        std::task::Poll::Pending => panic!("a form of few bytes waits"),
    }
}

fn text(response: &Response) -> &[u8] {
    match &response.body {
        cirrus::web::Body::Bytes(bytes) => bytes,
        _ => b"",
    }
}

/// A query string: it is refused, or answered with rows, and the link to the next page is one that can be followed.
fn list(world: &World, input: &[u8]) {
    let coded: String = input
        .iter()
        .map(|byte| match byte {
            b'!'..=b'~' if !b"#\"<>`^{|}\\".contains(byte) => char::from(*byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    let mut target = format!("/tareas?{coded}");
    for _ in 0..4 {
        let Some(response) = world.get(&target) else { return };
        let status = response.status;
        assert!(
            matches!(status, StatusCode::OK | StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND)
                || status == StatusCode::PAYLOAD_TOO_LARGE,
            "{target}: {status}"
        );
        if status != StatusCode::OK {
            assert_eq!(target, format!("/tareas?{coded}"), "a link that the server gave leads nowhere");
            return;
        }
        let rows: Value = serde_json::from_slice(text(&response)).unwrap();
        assert!(rows.as_array().unwrap().iter().all(Value::is_object), "{target}: {rows}");
        let Some(link) = response.headers.get(header::LINK) else { return };
        target = link.to_str().unwrap().trim_start_matches('<').split('>').next().unwrap().to_owned();
    }
}

/// JSON as `where` takes it: it is refused, or SQLite understands what becomes of it.
fn condition(world: &World, input: &[u8]) {
    let Ok(json) = serde_json::from_slice::<Value>(input) else { return };
    let Ok(condition) = Condition::from_json(&json) else { return };
    match world.reader.count(&Query::of("tareas").filter(condition)) {
        Ok(count) => assert!(count <= 2),
        Err(error) => assert_ne!(error.kind(), data::ErrorKind::Internal, "{json}: {error}"),
    }
}

/// A body of every kind to every address that takes one: it is refused, or stored and there.
fn body(world: &World, input: &[u8]) {
    let Some((way, body)) = input.split_first() else { return };
    let kinds =
        ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"];
    let (method, target, kind) = match way % 8 {
        1 => (Method::POST, "/tareas", kinds[0]),
        2 => (Method::PATCH, "/tareas/1", kinds[0]),
        3 => (Method::POST, "/tareas", kinds[1]),
        4 => (Method::POST, "/tareas", kinds[2]),
        5 => (Method::PUT, "/tareas/1", kinds[0]),
        6 => (Method::PUT, "/tareas/2", kinds[2]),
        7 => (Method::PATCH, "/tareas/2", kinds[1]),
        _ => (Method::POST, "/tareas", kinds[3]),
    };
    let request = request(method, target, &[(header::CONTENT_TYPE, kind.as_bytes())], body);
    let Some(request) = request else { return };
    let session = world.app.store.begin().unwrap();
    let response = world.resource.write(&world.app, &session, &request).unwrap();
    let told = String::from_utf8_lossy(text(&response)).into_owned();
    assert!(response.status.as_u16() < 500, "{}: {told}", response.status);
    if response.status.is_success() {
        let row: Value = serde_json::from_str(&told).unwrap();
        let found = session.get("tareas", row["id"].as_i64().unwrap()).unwrap();
        assert_eq!(found.to_json(), row);
    }
    session.rollback();
}

/// A `schema.toml`: it is refused with a line, or it can be applied, and is then applied whole.
fn schema(_: &World, input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let schema = match Schema::parse(text, "schema.toml") {
        Ok(schema) => schema,
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason");
            return;
        }
    };
    let directory = scratch();
    if let Err(error) = plan::apply(directory.path(), &schema, false) {
        panic!("a schema that was accepted cannot be applied: {error}: {:?}", std::error::Error::source(&error));
    }
    let again = plan::preview(directory.path(), &schema).unwrap();
    assert!(again.is_empty(), "what was just applied is not what is there: {again:?}");
}

/// CSV and JSON: all rows come in or none, and what came in can be read.
fn import(world: &World, input: &[u8]) {
    let Some((way, rows)) = input.split_first() else { return };
    let existing = if way % 2 == 0 { Existing::Update } else { Existing::Refuse };
    let session = world.app.store.begin().unwrap();
    let all = Query::of("tareas");
    let before = session.count(&all).unwrap();
    let outcome = match way % 4 {
        1 | 2 => session.import_csv("tareas", rows, existing),
        _ => session.import_json("tareas", rows, existing),
    };
    let after = session.count(&all).unwrap();
    match outcome {
        Ok(count) if existing == Existing::Refuse => assert_eq!(after, before + count),
        Ok(count) => assert!((before..=before + count).contains(&after)),
        Err(error) => {
            assert_ne!(error.kind(), data::ErrorKind::Internal, "{error}");
            assert_eq!(after, before, "{error}");
        }
    }
    data::export::json(&session, &all, &mut Vec::new()).unwrap();
    session.rollback();
}

/// Edits of a text: pairs of a place and a byte; the byte 0 leaves the place out.
fn edited(text: &str, edits: &[u8]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for edit in edits.chunks(2) {
        let place = usize::from(edit[0]) % bytes.len().max(1);
        match edit.get(1) {
            _ if bytes.is_empty() => break,
            Some(0) => drop(bytes.remove(place)),
            Some(byte) => bytes[place] = *byte,
            None => bytes.push(edit[0]),
        }
    }
    bytes
}

/// What a cookie says: its value ends at a semicolon, and spaces and quotes around it are no part of it.
fn carried(text: &str) -> &str {
    let value = text.split(';').next().unwrap_or("").trim();
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// A session's cookie with something changed: it says nothing, and never something else.
fn session_cookie(world: &World, edits: &[u8]) {
    let (seals, config) = (&world.app.shared.seals, &world.app.config.session);
    let ask = request(Method::GET, "/", &[], b"").unwrap();
    let values = Map::from_iter([("who".to_owned(), json!("ana"))]);
    let set = session::seal(seals, config, &ask, &values, 1000).unwrap();
    let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
    let changed = edited(value, edits);
    let cookie = [name.as_bytes(), b"=", &changed].concat();
    let Some(ask) = request(Method::GET, "/", &[(header::COOKIE, &cookie)], b"") else { return };
    let found = session::open(seals, config, &ask, 1001);
    let same = carried(&String::from_utf8_lossy(&changed)) == value;
    assert_eq!(found, if same { values } else { Map::new() }, "{}", String::from_utf8_lossy(&cookie));
    assert!(session::open(seals, config, &ask, 1000 + config.hours * 3600).is_empty(), "it has an end");
}

/// A form's token, or the cookie that it belongs to, with something changed: the form is refused.
fn form_token(world: &World, input: &[u8]) {
    let Some((way, edits)) = input.split_first() else { return };
    let seals = &world.app.shared.seals;
    let page = request(Method::GET, "/", &[], b"").unwrap();
    let token = csrf::token(seals, &page).unwrap();
    let set = csrf::set_cookie(seals, &world.app.config, &page).unwrap();
    let cookie = set.split(';').next().unwrap().to_owned();
    let (name, value) = cookie.split_once('=').unwrap();
    let changed = edited(if way % 2 == 0 { &token } else { value }, edits);
    let Ok(changed) = String::from_utf8(changed) else { return };
    let (token_sent, value_sent) = if way % 2 == 0 { (&*changed, value) } else { (&*token, &*changed) };
    let cookie = format!("{name}={value_sent}");
    let Some(send) = request(Method::POST, "/", &[(header::COOKIE, cookie.as_bytes())], b"") else { return };
    let form = Form { fields: vec![(csrf::FIELD.to_owned(), token_sent.to_owned())], files: Vec::new() };
    let passed = csrf::check(seals, &Cors::default(), &send, Some(&form)).is_ok();
    assert_eq!(passed, token_sent == token && carried(value_sent) == value, "{cookie} {token_sent}");
}
