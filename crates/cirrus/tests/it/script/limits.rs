//! Handlers that loop, allocate without end, never answer: the others go on.

use std::time::Duration;

use super::{World, request};

const BAD: &str = "
    app.get('/loop', () => { for (;;); });
    app.get('/caught', () => { for (;;) { try { for (;;); } catch {} } });
    app.get('/recursion', () => { const f = () => f() + 1; f(); });
    app.get('/memory', () => { const a = []; for (;;) a.push(new Array(1000).fill('x')); });
    app.get('/text', () => { let s = 'x'; for (;;) s += s; });
    app.get('/big', (req, res) => res.json('x'.repeat(3000000)));
    app.get('/deep', (req, res) => { let a = []; for (let i = 0; i < 5000; i++) a = [a]; res.json(a); });
    app.get('/cycle', (req, res) => { const a = {}; a.a = a; res.json(a); });
    app.get('/never', (req, res) => { new Promise(() => {}); });
    app.get('/microtasks', async () => { for (;;) await null; });
    app.get('/regex', (req, res) => res.json(/^(a+)+$/.test('a'.repeat(40) + 'b')));
    app.get('/unhandled', (req, res) => { Promise.reject(new Error('lost')); res.send('sent'); });
    app.post('/loop', () => { for (;;); });
    app.get('/good', (req, res) => res.send('good'));
";

fn world() -> World {
    World::new(BAD).limits(|limits| {
        limits.inline = Duration::from_millis(20);
        limits.run = Duration::from_millis(200);
        limits.answer = Duration::from_millis(500);
        limits.memory = 8 << 20;
        limits.body = 1 << 20;
    })
}

#[test]
fn bad_handlers_are_answered_and_good_ones_go_on() {
    let app = world().load();
    for (target, status) in [
        ("/loop", 503),
        ("/caught", 503),
        ("/recursion", 500),
        ("/memory", 503),
        ("/text", 500),
        ("/big", 500),
        ("/deep", 500),
        ("/cycle", 500),
        ("/never", 503),
        ("/microtasks", 503),
        ("/regex", 503),
        ("/unhandled", 200),
    ] {
        let answer = app.get(target);
        assert_eq!(answer.status, status, "{target} {answer:?}");
        if status == 503 {
            assert!(answer.body.contains("00000007"), "{target} {}", answer.body);
        }
        assert_eq!(app.get("/good").body, "good", "after {target}");
    }
    assert_eq!(app.send(request("POST", "/loop", &[], "")).status, 503);
    assert_eq!(app.get("/good").body, "good");
}

#[test]
fn a_full_queue_says_so_at_once() {
    let app = world().limits(|limits| limits.queue = 2).load();
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    // Keeps the only worker until all others have come.
    let first = app.pool.submit(cirrus::work::Job::Native(Box::new(move |_| {
        begun.send(()).unwrap();
        may_go_on.recv().unwrap();
        cirrus::web::Response::bytes(http::StatusCode::OK, "text/plain", "first")
    })));
    has_begun.recv().unwrap();
    let jobs: Vec<_> = (0..6)
        .map(|_| app.pool.submit(cirrus::work::Job::Handle(std::sync::Arc::new(request("GET", "/loop", &[], "")))))
        .collect();
    go_on.send(()).unwrap();
    assert_eq!(app.runtime.block_on(first).unwrap().status, 200);
    let all: Vec<_> = jobs.into_iter().map(|job| app.runtime.block_on(job).unwrap()).collect();
    assert!(all.iter().all(|response| response.status == 503));
    assert_eq!(all.iter().filter(|response| response.headers.contains_key("retry-after")).count(), 4);
}

#[test]
fn an_idle_worker_ends() {
    let app = world().limits(|limits| limits.idle = Duration::from_millis(20)).load();
    assert_eq!(app.pool.workers(), 0);
    assert_eq!(app.send(request("POST", "/loop", &[], "")).status, 503);
    let ended = (0..6000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        app.pool.workers() == 0
    });
    assert!(ended);
}

#[test]
fn nothing_that_was_interrupted_can_be_answered_by_a_catch() {
    let app = World::new(
        "
        const cosas = db.table('cosas');
        const endless = () => cosas.where('texto', 'contains', 'none').order('texto').count();
        app.get('/query', (req, res) => {
            for (let i = 0; i < 100000; i++) try { endless(); } catch (e) { return res.json('wrong'); }
            res.json('counted');
        });
        app.get('/create', (req, res) => {
            try { res.json(cosas.create({ texto: 'made' }).texto); } catch (e) { res.json('wrong'); }
        });
        cosas.before('update', () => { for (;;); });
        app.post('/trigger', (req, res) => {
            try { cosas.update(cosas.first().id, { texto: 'other' }); } catch (e) { res.json('wrong'); }
        });
        app.get('/all', (req, res) => res.json(cosas.limit(2).map((row) => row.texto)));
    ",
    )
    .file("schema.toml", "[tables.cosas.fields]\ntexto = { type = \"text\" }")
    .limits(|limits| {
        limits.inline = Duration::from_millis(20);
        limits.run = Duration::from_millis(300);
    })
    .load();
    let made = app.get("/create");
    assert_eq!((made.status, &*made.body, made.inline), (200, "\"made\"", false));
    let session = app.store.begin().unwrap();
    for i in 0..3000 {
        let mut record = cirrus::data::Record::new();
        record.set("texto", cirrus::data::Value::Text(format!("text {i}")));
        session.create("cosas", record).unwrap();
    }
    session.commit().unwrap();
    let query = app.get("/query");
    assert_eq!((query.status, query.inline), (503, false), "{query:?}");
    let trigger = app.send(request("POST", "/trigger", &[], ""));
    assert_eq!(trigger.status, 503, "{trigger:?}");
    assert_eq!(app.get("/all").body, "[\"made\",\"text 0\"]");
}

#[test]
fn what_is_thrown_costs_nobody_his_runtime() {
    let app = World::new(
        "
        let n = 0;
        app.post('/null', () => { n += 1; throw null; });
        app.post('/deep', (req, res) => {
            let a = 1;
            for (let i = 0; i < 500; i++) a = [a];
            const f = () => { try { f(); } catch (e) { res.json(a); } };
            n += 1;
            f();
        });
        app.post('/late', (req, res) => {
            n += 1;
            const e = Object.defineProperty(new Error('e'), 'message', { get: () => { Promise.reject(1); throw 2; } });
            for (let i = 0; i < 5; i++) Promise.reject(e);
            res.send('sent');
        });
        app.post('/n', (req, res) => res.json(n));
    ",
    )
    .load();
    let post = |target: &str| app.send(request("POST", target, &[], ""));
    assert_eq!(post("/null").status, 500);
    post("/deep");
    assert_eq!(post("/late").body, "sent");
    assert_eq!(post("/n").body, "3");
}

const WAITS: &str = "
    let n = 0;
    app.post('/wait', (req, res) => { setTimeout(() => res.send('waited'), 3600000); });
    app.post('/memory', () => { const a = []; for (;;) a.push({ a: [n], b: 'x' + a.length }); });
    app.post('/caught', () => { const a = []; for (;;) try { a.push({ a: [n] }); } catch (e) { a.push(e); } });
    const chain = async () => { for (;;) { n += 1; await null; } };
    app.post('/microtasks', () => { for (let i = 0; i < 10; i++) chain(); });
    app.post('/n', (req, res) => res.json(n));
";

/// While one request waits, another makes its runtime useless. Only that may end the waiting, however slow the machine.
fn made_again(target: &str, limits: impl FnOnce(&mut cirrus::script::Limits)) {
    let app = World::new(WAITS).limits(|all| all.answer = Duration::from_secs(7200)).limits(limits).load();
    let job = |target: &str| {
        app.pool.submit(cirrus::work::Job::Handle(std::sync::Arc::new(request("POST", target, &[], ""))))
    };
    let (waits, ends) = (job("/wait"), job(target));
    for (answer, why) in [(ends, "the answer took too long"), (waits, "the handlers were started again")] {
        let response = app.runtime.block_on(answer).unwrap();
        assert_eq!(response.status, 503, "{target}");
        let cirrus::web::Body::Bytes(body) = response.body else { panic!("{target}: no body") };
        let body = String::from_utf8_lossy(&body);
        assert!(body.contains("00000007") && body.contains(why), "{target}: {body}");
    }
    assert_eq!(app.send(request("POST", "/n", &[], "")).body, "0", "after {target}");
}

#[test]
fn a_runtime_without_memory_is_made_again_and_those_who_wait_in_it_are_told() {
    for target in ["/memory", "/caught"] {
        made_again(target, |limits| {
            limits.memory = 8 << 20;
            limits.run = Duration::from_secs(600);
        });
    }
}

/// Several chains: the interrupt may end one of them, and then a single one leaves nothing behind.
#[test]
fn a_runtime_with_work_left_behind_is_made_again_and_those_who_wait_in_it_are_told() {
    made_again("/microtasks", |limits| limits.run = Duration::from_millis(300));
}

#[test]
fn what_does_not_fit_is_not_loaded_and_says_why() {
    let world = World::new("const a = []; for (;;) a.push({});").limits(|limits| limits.memory = 4 << 20);
    let problem = world.try_load().err().unwrap();
    assert!(problem.contains("4194304 bytes of memory"), "{problem}");
}
