//! What `app.js` says of the whole: rules for other origins by path, the document, one runtime, events behind
//! middleware; and the server's health.

use std::io::{Read, Write};

use serde_json::json;

use super::world::{App, Server};

fn origin(server: &Server, target: &str, headers: &[(&str, &str)]) -> (u16, Option<String>) {
    let answer = server.send("GET", target, headers, b"");
    (answer.status, answer.header("access-control-allow-origin").map(str::to_owned))
}

#[test]
fn other_origins_may_what_their_path_says() {
    let js = "app.cors('/api', { origin: ['https://a.example'], credentials: true, maxAge: 5 });
        const open = Router(); open.cors(); open.get('/', (req, res) => res.send('open'));
        app.use('/open', open);
        app.get('/api/js', (req, res) => res.send('js'));
        app.resource('tareas', { path: '/api/tareas' }); app.resource('clientes');";
    let app = App::new(&[("app.js", js), ("cirrus.toml", "[cors]\norigins = ['https://b.example']")]);
    let server = app.serve();
    let (a, b) = ([("Origin", "https://a.example")], [("Origin", "https://b.example")]);
    assert_eq!(origin(&server, "/api/tareas", &a), (200, Some("https://a.example".into())));
    assert_eq!(origin(&server, "/API/js", &b), (200, None));
    assert_eq!(origin(&server, "/%61pi/js", &b), (200, None));
    assert_eq!(origin(&server, "/clientes", &a), (200, None));
    assert_eq!(origin(&server, "/clientes", &b), (200, Some("https://b.example".into())));
    assert_eq!(origin(&server, "/open", &a), (200, Some("*".into())));
    let ask = [("Origin", "https://a.example"), ("Access-Control-Request-Method", "POST")];
    let preflight = server.send("OPTIONS", "/api/tareas", &ask, b"");
    assert_eq!((preflight.status, preflight.header("access-control-max-age")), (204, Some("5")));
    assert_eq!(preflight.header("access-control-allow-credentials"), Some("true"));
    let send = |origin: &str| {
        let headers = [("Content-Type", "application/json"), ("Origin", origin), ("Sec-Fetch-Site", "cross-site")];
        server.send("POST", "/api/tareas", &headers, b"{\"titulo\":\"x\"}").status
    };
    assert_eq!((send("https://a.example"), send("https://b.example")), (201, 403));
}

#[test]
fn rules_that_cannot_be_are_told_at_the_start() {
    for wrong in
        ["app.cors({ origin: '*', credentials: true })", "app.cors({ orign: 'x' })", "app.cors('/x', { origin: 3 })"]
    {
        assert!(not_served(wrong).contains("app.js: cors"), "{wrong}");
    }
}

/// What is said of an application that cannot be served.
fn not_served(js: &str) -> String {
    let app = App::new(&[("app.js", js)]);
    let (done, _, problem) = super::world::run(&["serve", app.path().to_str().unwrap(), "--listen", "127.0.0.1:0"], "");
    assert!(!done, "{js}");
    problem
}

#[test]
fn options_that_do_nothing_are_told_at_the_start() {
    let all = "There are table, path, only, page, sort, events, views";
    for (js, told) in [
        ("app.resource('tareas', { order: 'titulo' })", format!("option `order`: did you mean `sort`? {all}")),
        ("app.resource('tareas', { evnts: true })", format!("option `evnts`: did you mean `events`? {all}")),
        ("app.resource('tareas', { allow: (req) => false, sort: 'id' })", format!("option `allow`. {all}")),
        ("app.resource('tareas', { sort: 'title' })", "`sort`: tareas has no field `title`".into()),
        ("app.resource('tareas', { sort: ['id'] })", "`sort` is a text, not [\"id\"]".into()),
        ("app.resource('tareas', { events: 'yes' })", "`events` is true or false".into()),
        ("app.resource('tareas', { page: '10' })", "`page` is a number of rows".into()),
        ("app.collect('tareas', ['titulo'], { alow: () => false })", "no option \"alow\"; there is allow".into()),
    ] {
        let problem = not_served(js);
        assert!(problem.contains(&told), "{js}: {problem}");
    }
}

#[test]
fn the_document_can_be_kept_back() {
    let app = App::new(&[("app.js", "app.resource('tareas'); app.openapi(false);")]);
    assert_eq!(app.serve().get("/openapi.json").status, 404);
}

#[test]
fn health_needs_nobody_and_asks_the_database() {
    let app = App::new(&[("app.js", "app.use((req, res) => res.sendStatus(403));")]);
    let server = app.serve();
    let answer = server.get("/_cirrus/health");
    assert_eq!(
        (answer.status, answer.text().as_str(), answer.header("cache-control")),
        (200, "ok\n", Some("no-store"))
    );
    assert_eq!(server.send("POST", "/_cirrus/health", &[], b"").status, 405);
    assert_eq!(App::new(&[]).serve().get("/_cirrus/health").status, 200);
}

#[test]
fn one_runtime_remembers() {
    let js = "let n = 0; app.get('/n', (req, res) => res.json(++n)); app.post('/n', (req, res) => res.json(++n));";
    let app = App::new(&[("app.js", js), ("cirrus.toml", "[script]\ninline = false\nworkers = 4")]);
    let server = app.serve();
    for n in (1..20).step_by(2) {
        assert_eq!(server.get("/n").value(), json!(n));
        assert_eq!(server.json("POST", "/n", &json!({})).value(), json!(n + 1));
    }
}

#[test]
fn events_come_through_middleware_that_waits() {
    let js = "app.use(async (req, res, next) => {
            await new Promise((r) => setTimeout(r, 1));
            res.set('x-seen', 'yes');
            next();
        });
        app.resource('tareas', { events: true }); app.events('/changes', 'tareas');";
    let app = App::new(&[("app.js", js)]);
    let server = app.serve();
    for target in ["/tareas/events", "/changes"] {
        let mut stream = server.connect();
        write!(stream, "GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut heard = String::new();
        let mut hear = |wanted: &str| {
            let mut buffer = [0; 1024];
            while !heard.contains(wanted) {
                let length = stream.read(&mut buffer).unwrap();
                assert!(length > 0, "{heard}");
                heard.push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
            heard.clone()
        };
        let head = hear("retry: 2000");
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/event-stream"), "{head}");
        assert!(head.contains("x-seen: yes"));
        server.json("POST", "/tareas", &json!({ "titulo": "x" }));
        hear("event: change");
    }
}
