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
            assert!(
                answer.body.contains("00000007") || answer.body.contains("started again"),
                "{target} {}",
                answer.body
            );
        }
        assert_eq!(app.get("/good").body, "good", "after {target}");
    }
    assert_eq!(app.send(request("POST", "/loop", &[], "")).status, 503);
    assert_eq!(app.get("/good").body, "good");
}

#[test]
fn a_full_queue_says_so_at_once() {
    let app = world().limits(|limits| limits.queue = 2).load();
    let jobs: Vec<_> = (0..6)
        .map(|_| app.pool.submit(cirrus::work::Job::Handle(std::sync::Arc::new(request("GET", "/loop", &[], "")))))
        .collect();
    let all: Vec<_> = jobs.into_iter().map(|job| app.runtime.block_on(job).unwrap()).collect();
    assert!(all.iter().all(|response| response.status == 503));
    assert!(all.iter().any(|response| response.headers.contains_key("retry-after")));
}

#[test]
fn an_idle_worker_ends() {
    let app = world().limits(|limits| limits.idle = Duration::from_millis(20)).load();
    assert_eq!(app.pool.workers(), 0);
    assert_eq!(app.send(request("POST", "/loop", &[], "")).status, 503);
    let ended = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        app.pool.workers() == 0
    });
    assert!(ended);
}
