//! Limits on everything that a stranger sends or holds, and a stop that loses nothing.

use std::{
    io::{Read, Write},
    time::Duration,
};

use serde_json::json;

use super::world::{Answer, App, Server, cirrus};

fn limited(limits: &str) -> App {
    let app = App::tasks();
    app.write("cirrus.toml", &format!("[limits]\n{limits}"));
    app
}

#[test]
fn bodies_headers_and_depth_are_bounded() {
    let app = limited("body = 1000\nheader = 8192\nheaders = 20\ndepth = 5");
    let server = app.serve();
    let json = [("Content-Type", "application/json")];
    assert_eq!(server.send("POST", "/tareas", &json, &[b' '; 1001]).status, 413);
    let chunked =
        b"POST /tareas HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n";
    let chunk = [b"258\r\n".as_slice(), &[b' '; 0x258], b"\r\n"].concat();
    assert_eq!(server.raw(&[chunked.as_slice(), &chunk, &chunk, b"0\r\n\r\n"].concat()).status, 413);
    assert_eq!(server.send("POST", "/tareas", &json, b"[[[[[[1]]]]]]").status, 400);
    assert_eq!(server.send("GET", "/tareas", &[("X-Long", &"a".repeat(9000))], b"").status, 431);
    let many: Vec<String> = (0..30).map(|n| format!("x-{n}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(server.send("GET", "/tareas", &many, b"").status, 431);
    for nonsense in [b"\x16\x03\x01\r\n\r\n".as_slice(), b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"] {
        assert!(matches!(server.raw(nonsense).status, 0 | 400 | 505));
    }
    let both = b"POST /tareas HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n";
    assert!(matches!(server.raw(both).status, 400 | 415));
    assert_eq!(server.get("/tareas").status, 200);
}

#[test]
fn a_request_names_one_host() {
    let server = App::tasks().serve();
    let ask = |head: &str| server.raw(format!("GET /tareas {head}Connection: close\r\n\r\n").as_bytes()).status;
    assert_eq!(ask("HTTP/1.1\r\nHost: a\r\n"), 200);
    assert_eq!(ask("HTTP/1.1\r\n"), 400);
    assert_eq!(ask("HTTP/1.1\r\nHost: a\r\nHost: b\r\n"), 400);
    assert_eq!(ask("HTTP/1.0\r\n"), 200);
}

#[test]
fn who_sends_too_slowly_is_left() {
    let app = limited("header_seconds = 1\nrequest_seconds = 1");
    let server = app.serve();
    let mut silent = server.connect();
    let mut slow = server.connect();
    slow.write_all(b"GET /tareas HTTP/1.1\r\nHost: ").unwrap();
    let mut body = server.connect();
    body.write_all(
        b"POST /tareas HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{",
    )
    .unwrap();
    let mut nothing = Vec::new();
    silent.read_to_end(&mut nothing).unwrap();
    assert!(nothing.is_empty());
    let slow = Answer::read(slow);
    assert!(matches!(slow.status, 0 | 408), "{slow:?}");
    assert_eq!(Answer::read(body).status, 408);
}

#[test]
fn more_connections_wait_their_turn() {
    let app = limited("connections = 2");
    let server = app.serve();
    let first = server.connect();
    let second = server.connect();
    let mut third = server.connect();
    third.write_all(b"GET /tareas HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    third.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(third.read(&mut [0; 10]).is_err());
    third.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    drop((first, second));
    assert_eq!(Answer::read(third).status, 200);
}

#[test]
fn a_stop_answers_what_runs_and_ends() {
    let app = App::new(&[(
        "app.js",
        "app.resource('tareas', { events: true }); app.get('/slow', async (req, res) => { await new Promise((r) => setTimeout(r, 700)); res.send('done'); });",
    )]);
    let mut server = app.serve();
    let _idle = server.connect();
    let mut events = server.connect();
    events.write_all(b"GET /tareas/events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    events.read_exact(&mut [0; 20]).unwrap();
    let mut slow = server.connect();
    slow.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(200));
    server.terminate();
    let answer = Answer::read(slow);
    assert_eq!((answer.status, answer.text().as_str()), (200, "done"));
    assert!(server.wait());
}

#[test]
fn port_of_the_environment_is_for_everybody() {
    let app = App::tasks();
    let mut command = cirrus();
    command.arg("serve").arg(app.path()).env("PORT", "0");
    let server = Server::start(command);
    assert!(server.address.starts_with("0.0.0.0:"));
}

#[test]
fn only_a_trusted_proxy_is_believed() {
    let js = "app.set('trust', 1); app.get('/who', (req, res) => res.json({ ip: req.ip, https: req.protocol, host: req.get('host') }));";
    let app = App::new(&[("app.js", js)]);
    let forwarded = [
        ("X-Forwarded-For", "6.6.6.6, 9.9.9.9, 10.0.0.1"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "tareas.example"),
    ];
    let server = app.serve();
    let who = server.send("GET", "/who", &forwarded, b"").value();
    assert_eq!((&who["ip"], &who["https"]), (&json!("127.0.0.1"), &json!("http")));
    drop(server);
    app.write("cirrus.toml", "[proxy]\ntrusted = ['127.0.0.0/8', '10.0.0.0/8']");
    let server = app.serve();
    let who = server.send("GET", "/who", &forwarded, b"").value();
    assert_eq!(who, json!({ "ip": "9.9.9.9", "https": "https", "host": "tareas.example" }));
}

#[test]
fn a_request_that_goes_on_in_a_worker_is_no_error_and_speaks_once() {
    let app = App::new(&[
        (
            "app.js",
            "const tareas = db.table('tareas');
            app.get('/creates', (req, res) => { console.log('creates'); res.json(tareas.create({ titulo: 'x' }).titulo); });
            app.get('/long', (req, res) => {
                console.log('long');
                const until = Date.now() + 100;
                while (Date.now() < until);
                Promise.reject(new Error('nobody looks'));
                res.send('long');
            });
            app.get('/last', (req, res) => { console.log('last'); res.send('last'); });",
        ),
        ("cirrus.toml", "[script]\ninline_ms = 2\n"),
    ]);
    let server = app.serve();
    assert_eq!(server.get("/creates").body, b"\"x\"");
    assert_eq!(server.get("/long").body, b"long");
    assert_eq!(server.get("/last").body, b"last");
    let lines: Vec<String> =
        std::iter::from_fn(|| server.log.recv().ok()).take_while(|line| *line != "info: last").collect();
    let said: Vec<&str> = lines.iter().map(String::as_str).filter(|line| !line.starts_with("    at")).collect();
    assert_eq!(
        said,
        ["info: creates", "info: long", "error: a promise was rejected and nobody looks: Error: nobody looks"]
    );
}
