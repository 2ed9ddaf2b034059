//! Handlers that do everything wrong, in runtimes that are interrupted and starved at random places: everything is
//! answered, the others go on, the process lives. The clock is that of `state::thread_time` in tests: it counts how
//! often it is looked at, so that a seed always gives the same run.
//!
//! Longer and elsewhere: `CIRRUS_TORTURE=rounds,seed cargo test -p cirrus --lib torture`, best with the C code built by
//! `CFLAGS=-fsanitize=address`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method};

use super::host::Limits;
use super::{Engine, Inline};
use crate::app::App;
use crate::config::Config;
use crate::data::Read;
use crate::web::{Body, Request, RequestId, Response};
use crate::work::{Job, Pool};

const ROUNDS: u64 = 3;
const SEED: u64 = 3;
/// Requests between two reloads.
const REQUESTS: u64 = 100;

const SCHEMA: &str = r#"
[tables.cosas.fields]
texto = { type = "text", required = true }
n = { type = "integer", default = 0 }
[tables.apuntes.fields]
cuenta = { type = "text", required = true }
anio = { type = "integer", required = true }
mes = { type = "integer", required = true }
debe = { type = "decimal", scale = 2, required = true, default = "0.00" }
[tables.apuntes.balances.saldo]
group = ["cuenta"]
order = ["anio", "mes"]
amount = "debe"
"#;

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// One application between two reloads.
struct World<'a> {
    engine: Engine,
    pool: Pool,
    seen: &'a mut BTreeMap<String, u64>,
}

fn request(method: Method, target: &str) -> Request {
    Request {
        id: RequestId(7),
        method,
        uri: target.parse().unwrap(),
        headers: HeaderMap::new(),
        body: "{}".into(),
        form: None,
        peer: [127, 0, 0, 1].into(),
        secure: false,
        visitor: Arc::default(),
    }
}

impl World<'_> {
    fn send(&mut self, request: Request, inline: bool) -> Response {
        let request = Arc::new(request);
        let how = if inline { self.engine.try_inline(&request) } else { Inline::Elsewhere };
        let (how, response) = match how {
            Inline::Answered(response) => ("inline", response),
            Inline::Elsewhere => {
                let answer = self.pool.submit(Job::Handle(request));
                ("worker", answer.blocking_recv().expect("an answer"))
            }
            Inline::NoRoute(_) => ("inline", crate::web::problem::not_found()),
            Inline::Native(..) => panic!("nothing native is declared"),
        };
        *self.seen.entry(format!("{how} {}", response.status)).or_default() += 1;
        response
    }

    fn good(&mut self, inline: bool) -> bool {
        let response = self.send(request(Method::GET, "/good"), inline);
        matches!(response.body, Body::Bytes(bytes) if bytes == r#"{"good":"good"}"#)
    }
}

fn limits(random: &mut Random) -> Limits {
    Limits {
        inline: Duration::from_millis(1 + random.below(20)),
        run: Duration::from_millis(10 + random.below(50)),
        answer: Duration::from_millis(40),
        memory: (1200 << 10) + random.below(3 << 20) as usize,
        stack: (128 << 10) + random.below(400 << 10) as usize,
        ..Limits::default()
    }
}

#[test]
fn handlers_that_do_everything_wrong() {
    let wanted = std::env::var("CIRRUS_TORTURE").unwrap_or_default();
    let wanted: Vec<u64> = wanted.split(',').filter_map(|number| number.parse().ok()).collect();
    let (rounds, seed) = (wanted.first().copied().unwrap_or(ROUNDS), wanted.get(1).copied().unwrap_or(SEED));
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("schema.toml"), SCHEMA).unwrap();
    std::fs::write(directory.path().join("app.js"), include_str!("torture.js")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut seen = BTreeMap::new();
    for round in 0..rounds {
        let seed = seed + round;
        let mut random = Random((seed + 1) * 0x9e37_79b9);
        (0..10).for_each(|_| _ = random.below(2));
        let mut app =
            App::load_configured(directory.path(), &directory.path().join("data"), Config::default()).unwrap();
        app.limits = limits(&mut random);
        fill(&app);
        let app = Arc::new(app);
        eprintln!("info: round {round} of seed {seed}: {:?}", app.limits);
        let engine = match Engine::load(app.clone()) {
            Ok(engine) => engine,
            Err(problem) => panic!("{problem}"),
        };
        let pool = Pool::new(app, runtime.handle().clone());
        let mut world = World { engine, pool, seen: &mut seen };
        world.torture(&mut random);
        world.pool.stop(Duration::from_secs(60));
        assert_eq!(world.pool.workers(), 0);
    }
    eprintln!("info: {seen:?}");
    for how in ["inline 200", "inline 500", "worker 200", "worker 422", "worker 500", "worker 503"] {
        assert!(seen.keys().any(|key| key.starts_with(how)), "no {how} among {seen:?}");
    }
}

/// Enough rows for a query to take too long.
fn fill(app: &App) {
    let session = app.store.begin().unwrap();
    let rows: i64 = session.connection().query_row("SELECT count(*) FROM apuntes", [], |row| row.get(0)).unwrap();
    if rows < 2000 {
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
            INSERT INTO apuntes (cuenta, anio, mes, debe) SELECT 'c' || i % 50, 2024, i % 12, i FROM n";
        session.connection().execute(sql, []).unwrap();
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
            INSERT INTO cosas (texto, n) SELECT 'text ' || i, i FROM n";
        session.connection().execute(sql, []).unwrap();
    }
    session.connection().execute("DELETE FROM cosas WHERE id > 4000", []).unwrap();
    session.commit().unwrap();
}

impl World<'_> {
    fn torture(&mut self, random: &mut Random) {
        let names =
            (0..100).map(|_| self.send(request(Method::GET, "/names"), false)).find(|names| names.status == 200);
        let names = match names.expect("the names of the handlers").body {
            Body::Bytes(bytes) => serde_json::from_slice::<Vec<String>>(&bytes).unwrap(),
            other => panic!("{other:?}"),
        };
        for _ in 0..REQUESTS {
            let name = &names[random.below(names.len() as u64) as usize];
            let (e, h, p) = (random.below(28), random.below(6), random.below(12));
            let most = 1 << random.below(17);
            let n = random.below(most);
            let target = format!("/t/{name}?e={e}&n={n}&h={h}&p={p}");
            let inline = random.below(3) > 0;
            let method = if inline || random.below(2) == 0 { Method::GET } else { Method::POST };
            if std::env::var_os("CIRRUS_TORTURE").is_some() {
                eprintln!("info: {method} {target} inline {inline}");
            }
            self.send(request(method, &target), inline);
            // A runtime that was interrupted has the rest of its work before it; it may take a few turns.
            let good = (0..20).any(|_| self.good(inline));
            assert!(good, "after {target}: {:?}", self.seen);
        }
    }
}
