//! Raw bytes to a real server: whatever comes over a connection, the answer is 4xx or the end of it, and the next visitor
//! is served. `CIRRUS_FUZZ_ROUNDS` sets how many connections, `CIRRUS_FUZZ_SEED` which.

use std::{
    io::{Read, Write},
    net::Shutdown,
    time::Duration,
};

use super::{Numbers, changed};
use crate::web::world::{App, Server};

const JS: &str = "
    app.use('/api', (req, res, next) => { res.set('x-seen', req.path.length); next(); });
    app.cors('/api', { origin: 'https://a.example', credentials: true });
    const all = (req, res) => res.json([req.query, req.params, req.cookies, req.signedCookies, req.path, req.url,
        req.accepts('json', 'html'), req.acceptsLanguages('es', 'en'), req.is('json'), req.get('referer'), req.ip,
        req.host, req.hostname, req.protocol, req.xhr, req.headers, req.param('a'), req.t('hola'), req.session.n,
        req.flash('x'), req.user]);
    app.get('/all/:a/:b?', all);
    app.all('/body', (req, res) => { const body = req.body; res.json([body, req.files.length, req.text().length]); });
    app.get('/regex/:id(\\\\d+)', all);
    app.get('/jsonp', (req, res) => res.jsonp({ a: req.query }));
    app.get('/go', (req, res) => res.redirect(req.query.to ?? '/'));
    app.get('/cookie', (req, res) => { req.session.n = (req.session.n ?? 0) + 1; res.cookie('c', req.query.c ?? '').send('x'); });
    app.get('/named', (req, res) => res.attachment(req.query.name ?? 'a').send('x'));
    app.get('/format', (req, res) => res.format({ html: () => res.send('<p>'), json: () => res.json(1) }));
    app.get('/wait', async (req, res) => { await new Promise((r) => setTimeout(r, 1)); res.send('later'); });
    wApp.peopleController = { index(params) { return params; }, show(params) { return params; } };
    routes('resource people');
    app.static('/files', 'files'); app.users(); app.collect('tareas', ['titulo']);
    app.resource('tareas', { events: true, path: '/api/tareas' }); app.resource('clientes');";

const TARGETS: [&str; 30] = [
    "/",
    "/all/x?a=1&b[c]=2&d[]=3&__proto__[x]=1&constructor[prototype][y]=2",
    "/all/%FF%00/%2e%2e?a[b][c][d][e][f][g]=1",
    "/body",
    "/regex/12",
    "/jsonp?callback=a.b",
    "/go?to=//x\\y%0d%0aset-cookie:a",
    "/cookie?c=%0d%0a%00%FFx",
    "/named?name=%22%0d%0a%FFa.txt",
    "/format",
    "/wait",
    "/people?callback=f",
    "/people/1.json",
    "/files/../app.js",
    "/files/%2e%2e%2fapp.js",
    "/files/a.txt",
    "/a.txt",
    "//a.txt",
    "/login",
    "/me",
    "/logout",
    "/_cirrus/collect/tareas?id=1&field=titulo",
    "/_cirrus/health",
    "/_cirrus/collect.js",
    "/openapi.json",
    "/api/tareas?titulo[words]=a&sort=-id",
    "/api/tareas/1",
    "/clientes",
    "http://other.example/clientes",
    "*",
];
const METHODS: [&str; 12] =
    ["GET", "GET", "GET", "POST", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "BREW"];
const HEADERS: [&str; 44] = [
    "Accept: text/html,*/*;q=0.8",
    "Accept: application/json",
    "Accept: ,;q=,*/*;q=nan;;;,",
    "Accept-Encoding: gzip;q=0.5, identity",
    "Accept-Language: es-CO,en;q=0.1,*",
    "Connection: close",
    "Connection: keep-alive, Upgrade",
    "Connection: Transfer-Encoding, Content-Length",
    "Upgrade: websocket",
    "Upgrade: h2c",
    "HTTP2-Settings: AAMAAABkAAQAAP__",
    "Expect: 100-continue",
    "Expect: nonsense",
    "Content-Type: application/json",
    "Content-Type: application/x-www-form-urlencoded",
    "Content-Type: multipart/form-data; boundary=x",
    "Content-Type: multipart/form-data",
    "Content-Type: multipart/form-data; boundary=\"\"",
    "Content-Type: text/plain; charset=utf-16",
    "Content-Length: 0",
    "Content-Length: 5",
    "Content-Length: -1",
    "Content-Length: +5",
    "Content-Length: 5, 6",
    "Content-Length: 99999999999999999999",
    "Content-Length: 0x5",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: identity",
    "Transfer-Encoding : chunked",
    "Trailer: Content-Length",
    "Cookie: cirrus=AAAA; cirrus-form=x; a=\"b\"; =; ;;; __proto__=1; s=s%3Av.x",
    "If-None-Match: *",
    "If-Match: \"x\", W/\"y\"",
    "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
    "Range: bytes=0-0,-1",
    "Range: bytes=99999999999999999999-",
    "Origin: null",
    "Access-Control-Request-Method: POST",
    "Sec-Fetch-Site: cross-site",
    "X-Forwarded-For: 1.2.3.4, ::1, nonsense",
    "Host: other.example:99999",
    "X-Http-Method-Override: DELETE",
];
const BODIES: [&str; 14] = [
    "{\"titulo\":\"x\",\"a\":[1,2]}",
    "{\"__proto__\":{\"x\":1},\"constructor\":{}}",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    "{\"login\":\"ana\",\"password\":\"x\"}",
    "titulo=x&_method=DELETE&a[b]=1&a[__proto__]=2&c[]=%FF%00",
    "--x\r\nContent-Disposition: form-data; name=\"titulo\"\r\n\r\nx\r\n--x--\r\n",
    "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"../../a\"\r\nContent-Type: \0\r\n\r\nx",
    "{\"items\":[{\"id\":1,\"field\":\"titulo\",\"value\":\"x\",\"version\":\"0\"},{},null,1]}",
    "5\r\nhello\r\n0\r\n\r\n",
    "FFFFFFFFFFFFFFFF1\r\nx\r\n0\r\n\r\n",
    "5;a=b;c=\"d\r\n\"\r\nhello\r\n0\r\nX-Trailer: 1\r\nContent-Length: 3\r\n\r\n",
    "5\nhello\n0\n\n",
    "-1\r\n\r\n",
    "\0\u{ff}\u{fe}",
];

fn one(numbers: &mut Numbers) -> Vec<u8> {
    let end = ["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\n\0"][numbers.below(8)];
    let version = ["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.1 x", "", "http/1.1"];
    let mut text = format!("{} {} {}{end}", numbers.pick(&METHODS), numbers.pick(&TARGETS), numbers.pick(&version));
    if numbers.below(8) > 0 {
        text.push_str(&format!("Host: x{end}"));
    }
    for _ in 0..numbers.below(6) {
        text.push_str(HEADERS[numbers.below(HEADERS.len())]);
        text.push_str(end);
    }
    match numbers.below(24) {
        0 => text.push_str(&format!("X-Long: {}{end}", "a".repeat(numbers.below(40_000)))),
        1 => (0..numbers.below(200)).for_each(|n| text.push_str(&format!("x-{n}: {n}{end}"))),
        2 => text.push_str(&format!(" folded: 1{end}\tmore{end}")),
        3 => text.push_str(&format!("x\0y: 1{end}nothing{end}: empty{end}é: ñ{end}")),
        _ => {}
    }
    let body = *numbers.pick(&BODIES);
    let length = format!("Content-Length: {}{end}", body.len());
    match numbers.below(4) {
        0 => text.push_str(end),
        1 => text.push_str(&format!("{end}{body}")),
        2 => text.push_str(&format!("Transfer-Encoding: chunked{end}{end}{:x}\r\n{body}\r\n0\r\n\r\n", body.len())),
        _ => text.push_str(&format!("{length}{end}{body}")),
    }
    text.into_bytes()
}

/// What one visitor sends: several requests, whole or not, sometimes with something changed.
fn visit(numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..=numbers.below(3) {
        bytes.extend(one(numbers));
    }
    if numbers.below(3) == 0 {
        let other = one(numbers);
        bytes = changed(numbers, bytes, &other);
    }
    if numbers.below(8) == 0 {
        bytes.truncate(numbers.below(bytes.len()));
    }
    bytes
}

/// Sends it in some pieces and reads until the server has nothing more to say.
fn send(server: &Server, bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut stream = server.connect();
    let cut = numbers.below(bytes.len());
    for part in [&bytes[..cut], &bytes[cut..]] {
        // The server may have said its word and left.
        if stream.write_all(part).is_err() {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    let mut answers = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return answers,
            Ok(count) => answers.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return answers,
            Err(error) => panic!("the server neither answers nor ends: {error}"),
        }
        if answers.windows(12).any(|part| part == b"event-stream") {
            return answers; // it goes on until somebody leaves
        }
    }
}

fn judge(answers: &[u8], server: &Server) -> Result<(), String> {
    let text = String::from_utf8_lossy(answers);
    for line in text.split("\r\n").filter(|line| line.starts_with("HTTP/1.")) {
        let status: u16 = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        if !(100..500).contains(&status) && status != 505 {
            return Err(line.to_owned());
        }
    }
    if text.lines().any(|line| line.to_ascii_lowercase().starts_with("set-cookie:a")) {
        return Err("a header was made by a stranger".to_owned());
    }
    if text.contains("app.static('/files'") {
        return Err("app.js was given away".to_owned());
    }
    let next = server.get("/clientes");
    if next.status == 200 { Ok(()) } else { Err(format!("the next visitor got {next:?}")) }
}

#[test]
fn whatever_a_connection_brings_the_next_visitor_is_served() {
    let number = |name: &str, otherwise| std::env::var(name).map_or(otherwise, |text| text.parse().unwrap());
    let app = App::new(&[
        ("app.js", JS),
        ("cirrus.toml", "[users]\ntable = 'usuarios'\n[limits]\nheader_seconds = 2\nrequest_seconds = 2"),
        ("files/a.txt", "a file"),
        ("public/a.txt", "public"),
        ("locales/es.toml", "hola = 'hola'"),
        ("views/people/index.html", "{{ params }}"),
        ("views/people/show.html", "{{ id }}"),
    ]);
    let server = app.serve();
    let mut numbers = Numbers::new(number("CIRRUS_FUZZ_SEED", 11));
    for round in 0..number("CIRRUS_FUZZ_ROUNDS", 1500) {
        let bytes = visit(&mut numbers);
        let answers = send(&server, &bytes, &mut numbers);
        if let Err(wrong) = judge(&answers, &server) {
            let log: Vec<String> = server.log.try_iter().collect();
            panic!("{wrong}, round {round}\n{}\n{}", String::from_utf8_lossy(&bytes), log.join("\n"));
        }
    }
    assert!(server.log.try_iter().all(|line| !line.contains("panicked")), "a part of the server died");
}

#[test]
fn many_who_send_slowly_keep_nobody_out() {
    let app = App::tasks();
    app.write("cirrus.toml", "[limits]\nheader_seconds = 2\nrequest_seconds = 2");
    let server = app.serve();
    let mut slow: Vec<_> = (0..200)
        .map(|n| {
            let mut stream = server.connect();
            let head: &[u8] = if n % 2 == 0 {
                b"GET /tareas HTTP/1.1\r\nHost: x\r\nX-"
            } else {
                b"POST /tareas HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
            };
            stream.write_all(head).unwrap();
            stream
        })
        .collect();
    assert_eq!(server.get("/tareas").status, 200);
    for stream in &mut slow {
        let _ = stream.write_all(b"a");
    }
    assert_eq!(server.get("/tareas").status, 200);
    for stream in &mut slow {
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 408"), "{text}");
    }
    assert_eq!(server.get("/tareas").status, 200);
}
