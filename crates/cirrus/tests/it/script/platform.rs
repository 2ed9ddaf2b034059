//! Parts of the web platform, `Decimal`, scheduled jobs.

use cirrus::script::Job;
use serde_json::json;

use super::app;

#[test]
fn what_authors_expect_is_there() {
    let app = app("
        app.get('/url', (req, res) => { const u = new URL('../x/./y?a=1&b=%20#h', 'https://user:p@EXAMPLE.com:443/a/b/c'); u.searchParams.append('c', 'ñ &'); res.json([u.href, u.host, u.origin, u.pathname, u.searchParams.get('b'), URL.canParse('nope')]); });
        app.get('/params', (req, res) => { const p = new URLSearchParams({ a: '1' }); p.append('a', '2'); res.json([p.getAll('a'), String(p), [...new URLSearchParams('?x=a+b')]]); });
        app.get('/text', (req, res) => res.json([btoa('hola'), atob('aG9sYQ=='), [...new TextEncoder().encode('ñ')], new TextDecoder().decode(new Uint8Array([195, 177]))]));
        app.get('/crypto', (req, res) => res.json([crypto.randomUUID(), crypto.getRandomValues(new Uint8Array(4)).length]));
        app.get('/clone', (req, res) => { const a = { d: new Date(0), l: [1], m: new Map([[1, 2]]) }; a.self = a; const b = structuredClone(a); res.json([b.self === b, b.d.getTime(), b.l, b.m.get(1)]); });
        app.get('/decimal', (req, res) => res.json([Decimal('0.1').add('0.2'), Decimal('1').div('3', 4), Decimal('-2.345').round(2), Decimal('1.005').mul('100'), Decimal.sum(['1.10', '2.20', null]), Decimal('2') > Decimal('10'), Decimal('10.00').eq(10), Decimal('-0.05').toString(), new Decimal('1e3').toFixed(2)]));
        app.get('/bad', (req, res) => { try { Decimal('1,5'); } catch (e) { res.json(e.name); } });
        app.get('/log', (req, res) => { console.log('a %s %d', 'b', 1, { c: [1] }); console.error(new Error('x')); const o = {}; o.o = o; console.log(o); res.end(); });
    ");
    assert_eq!(
        app.get("/url").json(),
        json!([
            "https://user:p@example.com/a/x/y?a=1&b=+&c=%C3%B1+%26#h",
            "example.com",
            "https://example.com",
            "/a/x/y",
            " ",
            false
        ])
    );
    assert_eq!(app.get("/params").json(), json!([["1", "2"], "a=1&a=2", [["x", "a b"]]]));
    assert_eq!(app.get("/text").json(), json!(["aG9sYQ==", "hola", [195, 177], "ñ"]));
    let crypto = app.get("/crypto").json();
    assert_eq!((crypto[0].as_str().unwrap().len(), &crypto[1]), (36, &json!(4)));
    assert_eq!(app.get("/clone").json(), json!([true, 0, [1], 2]));
    assert_eq!(
        app.get("/decimal").json(),
        json!(["0.3", "0.3333", "-2.35", "100.500", "3.30", false, true, "-0.05", "1000.00"])
    );
    assert_eq!(app.get("/bad").json(), json!("TypeError"));
    assert_eq!(app.get("/log").status, 200);
}

#[test]
fn jobs_are_declared_and_run() {
    let app = app("
        let n = 0;
        app.cron('0 3 * * *', () => { n = 'cron'; });
        setInterval(() => { n++; }, 50);
        setTimeout(async () => { n = 'once'; }, 1000);
        app.cron('0 0 1 1 *', () => { throw new Error('job'); });
        app.post('/n', (req, res) => res.json(n));
    ");
    assert_eq!(
        app.engine.declared().jobs,
        [Job::Cron("0 3 * * *".into()), Job::Every(50), Job::Once(1000), Job::Cron("0 0 1 1 *".into())]
    );
    app.pool.run_job(1);
    assert_eq!(app.post("/n", json!({})).json(), json!(1));
    app.pool.run_job(0);
    assert_eq!(app.post("/n", json!({})).json(), json!("cron"));
    app.pool.run_job(2);
    app.pool.run_job(3);
    assert_eq!(app.post("/n", json!({})).json(), json!("once"));
}

#[test]
fn a_schedule_hands_jobs_to_workers() {
    let app = app("let n = 0; setInterval(() => { n++; }, 10); app.post('/n', (req, res) => res.json(n));");
    let _guard = app.runtime.enter();
    let _schedule = cirrus::work::Schedule::start(&app.pool, &app.engine.declared().jobs);
    let ran = (0..500).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        app.post("/n", json!({})).json().as_i64().unwrap() > 1
    });
    assert!(ran);
}

#[test]
fn a_schedule_that_is_none_is_refused() {
    let problem = super::World::new("app.cron('every day', () => {});").try_load().err().unwrap();
    assert!(problem.contains("every day"), "{problem}");
}
