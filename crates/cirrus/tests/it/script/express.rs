//! What those who know Express expect.

use serde_json::json;

use super::{App, World, app, request};

#[test]
fn routes_answer_with_params_and_query() {
    let app = app("
        app.get('/tareas', (req, res) => res.json({ q: req.query, path: req.path }));
        app.get('/users/:id/books/:book?', (req, res) => res.json(req.params));
        app.get('/files/*', (req, res) => res.send(req.params[0]));
        app.get('/named/*rest', (req, res) => res.send(req.params.rest));
        app.get('/flights/:from-:to', (req, res) => res.json(req.params));
        app.get('/n/:id(\\\\d+)', (req, res) => res.json(req.params));
        app.get(/^\\/x(\\d+)$/, (req, res) => res.send('re ' + req.params[0]));
        app.get(['/one', '/two'], (req, res) => res.send(req.path));
    ");
    assert_eq!(
        app.get("/tareas?a=1&b[c]=2&d[]=3&d[]=4&e=5&e=6").json(),
        json!({ "q": { "a": "1", "b": { "c": "2" }, "d": ["3", "4"], "e": ["5", "6"] }, "path": "/tareas" })
    );
    assert_eq!(app.get("/users/a%20b/books").json(), json!({ "id": "a b" }));
    assert_eq!(app.get("/users/1/books/2").json(), json!({ "id": "1", "book": "2" }));
    assert_eq!(app.get("/files/a/b.txt").body, "a/b.txt");
    assert_eq!(app.get("/named/a/b").body, "a/b");
    assert_eq!(app.get("/flights/MAD-SCL").json(), json!({ "from": "MAD", "to": "SCL" }));
    assert_eq!(app.get("/n/12").json(), json!({ "id": "12" }));
    assert_eq!(app.get("/n/x").status, 404);
    assert_eq!(app.get("/x42").body, "re 42");
    assert_eq!(app.get("/two").body, "/two");
    assert_eq!(app.get("/three").status, 404);
    assert!(app.get("/tareas").inline);
    assert_eq!(app.get("/tareas").header("content-type"), "application/json; charset=utf-8");
}

#[test]
fn middleware_runs_in_order_and_routers_nest() {
    let app = app("
        const express = require('express');
        const app = express();
        app.use(express.json());
        app.use((req, res, next) => { req.trail = ['a']; res.set('X-One', '1'); next(); });
        const inner = express.Router();
        inner.use((req, res, next) => { req.trail.push('r ' + req.baseUrl + ' ' + req.path); next(); });
        inner.get('/:id', (req, res, next) => { if (req.params.id === 'skip') return next('route'); next(); },
                          (req, res) => res.json([req.trail, req.params, req.baseUrl, req.url, req.originalUrl]));
        inner.get('/skip', (req, res) => res.send('skipped'));
        inner.get('/out', (req, res, next) => next('router'));
        app.use('/api/:v', inner);
        app.all('/any', (req, res) => res.send(req.method));
        app.route('/chain').get((req, res) => res.send('g')).post((req, res) => res.send('p'));
        app.get('*', (req, res) => res.status(404).send('mine'));
        app.listen(3000, () => {});
    ");
    let answer = app.get("/api/v1/9?x=1");
    assert_eq!(
        answer.json(),
        json!([["a", "r /api/v1 /9"], { "v": "v1", "id": "9" }, "/api/v1", "/9?x=1", "/api/v1/9?x=1"])
    );
    assert_eq!(answer.header("x-one"), "1");
    assert_eq!(app.get("/api/v1/skip").body, "skipped");
    assert_eq!(app.send(request("PUT", "/any", &[], "")).body, "PUT");
    assert_eq!(app.get("/chain").body, "g");
    assert_eq!(app.send(request("POST", "/chain", &[], "")).body, "p");
    let answer = app.get("/nothing");
    assert_eq!((answer.status, &*answer.body), (404, "mine"));
}

#[test]
fn errors_go_to_error_middleware_or_become_problems() {
    let app = app("
        app.get('/throw', () => { throw new Error('secret detail'); });
        app.get('/status', () => { throw Object.assign(new Error('not so'), { status: 409 }); });
        app.get('/next', (req, res, next) => next(new TypeError('n')));
        app.get('/async', async () => { await null; throw new Error('late'); });
        app.get('/handled/x', async () => { throw new Error('h'); });
        app.use('/handled', (err, req, res, next) => res.status(418).json({ said: err.message }));
        app.get('/twice', (req, res) => { res.send('once'); res.send('twice'); });
    ");
    let answer = app.get("/throw");
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains("00000007") && !answer.body.contains("secret"), "{}", answer.body);
    assert_eq!(app.get("/status").status, 409);
    assert_eq!(app.get("/status").json()["detail"], "not so");
    assert_eq!(app.get("/next").status, 500);
    assert_eq!(app.get("/async").status, 500);
    let answer = app.get("/handled/x");
    assert_eq!((answer.status, answer.json()), (418, json!({ "said": "h" })));
    assert_eq!(app.get("/twice").body, "once");
}

#[test]
fn bodies_by_type() {
    let app = app("app.post('/', (req, res) => res.json(req.body instanceof Uint8Array ? [...req.body] : req.body));");
    let send = |kind: &str, body: &str| app.send(request("POST", "/", &[("content-type", kind)], body));
    assert_eq!(send("application/json", "{\"a\":[1,\"ñ\"]}").json(), json!({ "a": [1, "ñ"] }));
    assert_eq!(send("application/json", "{").status, 400);
    assert_eq!(
        send("application/x-www-form-urlencoded", "a=1&b%5Bc%5D=x+y&__proto__[z]=1").json(),
        json!({ "a": "1", "b": { "c": "x y" } })
    );
    assert_eq!(send("text/plain", "hola").json(), json!("hola"));
    assert_eq!(send("application/x-other", "ab").json(), json!([97, 98]));
    let fields = vec![("a[b]".to_owned(), "1".to_owned())];
    let mut form = request("POST", "/", &[("content-type", "multipart/form-data; boundary=x")], "");
    form.form = Some(std::sync::Arc::new(cirrus::web::form::Form { fields, files: Vec::new() }));
    assert_eq!(app.send(form).json(), json!({ "a": { "b": "1" } }));
    assert_eq!(app.send(request("POST", "/", &[], "")).json(), json!({}));
}

#[test]
fn responses_of_every_kind() {
    let app = World::new("
        app.get('/send', (req, res) => res.send('<b>'));
        app.get('/object', (req, res) => res.send({ a: 1 }));
        app.get('/bytes', (req, res) => res.type('png').send(new Uint8Array([65, 66])));
        app.get('/status', (req, res) => res.sendStatus(204));
        app.get('/end', (req, res) => res.status(201).end());
        app.get('/redirect', (req, res) => res.redirect('/a b?x=ñ'));
        app.get('/moved', (req, res) => res.redirect(301, '/x'));
        app.get('/render', (req, res) => { res.locals.a = 1; app.locals.b = 2; res.render('page', { c: 3 }); });
        app.get('/missing', (req, res) => res.render('missing'));
        app.get('/cookie', (req, res) => res.cookie('a', 'b c', { maxAge: 5000 }).cookie('s', 'v', { signed: true }).clearCookie('z').send('ok'));
        app.get('/none', (req, res) => res.cookie('a', 'b', { sameSite: 'None' }).send('ok'));
        app.get('/bad-cookie', (req, res) => res.cookie('a', 'b', { [req.query.what]: '/x; Domain=other' }).send('ok'));
        app.get('/read', (req, res) => res.json([req.cookies, req.signedCookies]));
        app.get('/jsonp', (req, res) => res.jsonp({ a: '\\u2028' }));
        app.get('/format', (req, res) => res.format({ html: () => res.send('<p>'), json: () => res.json(1) }));
        app.get('/download', (req, res) => res.download('public/año.txt'));
        app.get('/escape', (req, res) => res.sendFile('../../etc/passwd'));
        app.get('/header', (req, res) => res.set('x-a', 'a\\r\\nx-b: 1').send('no'));
        app.get('/accepts', (req, res) => res.json([req.accepts('json', 'html'), req.is('json'), req.get('Accept'), req.ip, req.protocol, req.hostname, req.xhr]));
    ").file("public/año.txt", "x").load();
    assert_eq!(app.get("/send").header("content-type"), "text/html; charset=utf-8");
    assert_eq!(app.get("/object").json(), json!({ "a": 1 }));
    assert_eq!(
        (app.get("/bytes").body, app.get("/bytes").header("content-type").to_owned()),
        ("AB".into(), "image/png".into())
    );
    assert_eq!(app.get("/status").status, 204);
    assert_eq!(app.get("/end").status, 201);
    assert_eq!(
        (app.get("/redirect").status, app.get("/redirect").header("location").to_owned()),
        (302, "/a%20b?x=%C3%B1".into())
    );
    assert_eq!(app.get("/moved").status, 301);
    assert_eq!(app.get("/render").body, "<page>{\"a\":1,\"b\":2,\"c\":3}");
    assert_eq!(app.get("/missing").status, 500);
    let cookies: Vec<_> =
        app.get("/cookie").headers.get_all("set-cookie").iter().map(|v| v.to_str().unwrap().to_owned()).collect();
    assert_eq!(cookies[0], "a=b%20c; Path=/; Max-Age=5; HttpOnly; SameSite=Lax");
    assert!(cookies[1].starts_with("s=s%3Av.signed;") && cookies[2].contains("1970"), "{cookies:?}");
    assert_eq!(app.get("/none").header("set-cookie"), "a=b; Path=/; HttpOnly; Secure; SameSite=None");
    for what in ["path", "domain", "sameSite", "maxAge"] {
        assert_eq!(app.get(&format!("/bad-cookie?what={what}")).status, 500, "{what}");
    }
    let read = app.send(request("GET", "/read", &[("cookie", "a=b%20c; s=s%3Av.signed; t=s%3Av.forged")], "")).json();
    assert_eq!(read, json!([{ "a": "b c", "s": "s:v.signed", "t": "s:v.forged" }, { "s": "v" }]));
    assert_eq!(app.get("/jsonp?callback=f.g").body, "/**/ typeof f.g === 'function' && f.g({\"a\":\"\\u2028\"});");
    assert_eq!(app.get("/jsonp?callback=alert(1)").header("content-type"), "application/json; charset=utf-8");
    assert_eq!(app.send(request("GET", "/format", &[("accept", "application/json")], "")).body, "1");
    assert_eq!(app.send(request("GET", "/format", &[("accept", "text/html, */*;q=0.1")], "")).body, "<p>");
    assert_eq!(app.send(request("GET", "/format", &[("accept", "image/png")], "")).status, 406);
    let download = app.get("/download");
    assert!(download.file.is_some() && download.header("content-disposition").contains("a%C3%B1o.txt"), "{download:?}");
    assert_eq!(app.get("/escape").status, 403);
    assert_eq!(app.get("/header").status, 500);
    let answer = app.send(request(
        "GET",
        "/accepts",
        &[("accept", "text/html;q=0.5, application/json"), ("host", "x.com:80"), ("content-type", "application/json")],
        "",
    ));
    assert_eq!(
        answer.json(),
        json!(["json", "json", "text/html;q=0.5, application/json", "127.0.0.1", "http", "x.com", false])
    );
}

#[test]
fn sessions_and_flash_travel_in_their_cookie() {
    let app = app("
        app.get('/count', (req, res) => { req.session.n = (req.session.n ?? 0) + 1; res.json(req.session); });
        app.get('/look', (req, res) => res.json(req.session));
        app.get('/flash', (req, res) => { req.flash('info', 'hola'); res.redirect('/'); });
        app.get('/shown', (req, res) => res.json(req.flash('info')));
        app.get('/leave', (req, res) => { req.session = null; res.send(''); });
    ");
    assert_eq!(app.get("/count").header("set-cookie"), "session={\"n\":1}");
    let with = |target: &str, cookie: &str| app.send(request("GET", target, &[("cookie", cookie)], ""));
    assert_eq!(with("/count", "session={\"n\":4}").header("set-cookie"), "session={\"n\":5}");
    assert_eq!(with("/look", "session={\"n\":4}").header("set-cookie"), "");
    assert_eq!(app.get("/flash").header("set-cookie"), "session={\"_flash\":{\"info\":[\"hola\"]}}");
    let shown = with("/shown", "session={\"_flash\":{\"info\":[\"hola\"]}}");
    assert_eq!((shown.json(), shown.header("set-cookie")), (json!(["hola"]), "session={\"_flash\":{}}"));
}

#[test]
fn params_have_handlers() {
    let app = app("
        app.param('id', (req, res, next, id) => { req.seen_ = (req.seen_ ?? 0) + 1; if (id === 'x') return next(new Error('bad')); req.user = 'user ' + id; next(); });
        app.get('/u/:id', (req, res, next) => next(), (req, res) => res.send(req.user + ' ' + req.seen_));
    ");
    assert_eq!(app.get("/u/5").body, "user 5 1");
    assert_eq!(app.get("/u/x").status, 500);
}

#[test]
fn native_parts_are_reached_in_order() {
    let app = app("
        app.use('/tareas', (req, res, next) => { if (req.get('x-key') !== 'k') return res.sendStatus(401); res.set('x-seen', 'yes'); next(); });
        app.resource('tareas', { only: ['index'] });
        app.resource('clientes');
        app.get('/clientes/especial', (req, res) => res.send('never'));
    ");
    assert_eq!(app.get("/tareas").status, 401);
    let answer = app.send(request("GET", "/tareas/1", &[("x-key", "k")], ""));
    assert!(answer.body.starts_with("native resource /tareas"), "{answer:?}");
    assert_eq!(answer.header("x-seen"), "yes");
    assert!(app.get("/clientes/especial").body.starts_with("native resource /clientes {\"table\":\"clientes\"}"));
    assert!(app.send(request("POST", "/clientes", &[], "")).body.starts_with("native resource"));
}

#[test]
fn what_waits_runs_on_a_worker() {
    let app = app("
        const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
        app.get('/wait', async (req, res) => { await sleep(5); res.json({ path: req.path }); });
        app.get('/quick', async (req, res) => { await null; res.send('quick'); });
        app.get('/interval', (req, res) => { let n = 0; const t = setInterval(() => { if (++n === 3) { clearInterval(t); res.send('3'); } }, 1); });
    ");
    let answer = app.get("/wait");
    assert_eq!((answer.json(), answer.inline), (json!({ "path": "/wait" }), false));
    let answer = app.get("/quick");
    assert_eq!((&*answer.body, answer.inline), ("quick", true));
    assert_eq!(app.get("/interval").body, "3");
}

#[test]
fn routes_cannot_be_declared_later() {
    let app: App = app("app.get('/', (req, res) => { app.get('/x', () => {}); });");
    assert_eq!(app.get("/").status, 500);
}
