//! `db`: queries, writes, transactions, triggers.

use cirrus::data::{Query, Read, Record};
use serde_json::json;

use super::{App, World, request};

const SCHEMA: &str = r#"
[tables.tareas.fields]
titulo = { type = "text", required = true, max = 20 }
hecha = { type = "boolean", default = false }
importe = { type = "decimal", scale = 2, default = "0.00" }
fecha = { type = "date" }
grande = { type = "integer" }
[tables.tareas.indexes]
por_titulo = { kind = "words", fields = ["titulo"] }
por_fecha = { kind = "ordered", fields = ["fecha"] }
[tables.registro.fields]
texto = { type = "text" }
"#;

fn app(source: &str) -> App {
    World::new(source).file("schema.toml", SCHEMA).load()
}

fn count(app: &App, table: &str) -> u64 {
    app.store.reader().unwrap().count(&Query::of(table)).unwrap()
}

fn write(app: &App, titulo: &str) {
    let session = app.store.begin().unwrap();
    session.create("tareas", Record::new().with("titulo", titulo)).unwrap();
    session.commit().unwrap();
}

const CRUD: &str = "
    const tareas = db.table('tareas');
    app.get('/tareas', (req, res) => res.json(tareas.order('-importe').limit(10)));
    app.get('/objects', (req, res) => res.json(tareas.order('-importe').limit(10).map((t) => ({ ...t }))));
    app.get('/tareas/:id', (req, res) => res.json(tareas.get(req.params.id)));
    app.get('/numbers', (req, res) => res.json([tareas.count(), tareas.sum('importe'), tareas.where('hecha', true).count(), tareas.where('importe', '>', '1').first()?.titulo, [...tareas.fields('titulo')]]));
    app.get('/words', (req, res) => res.json(tareas.words('por_titulo', req.query.q).map((t) => t.titulo)));
    app.get('/index', (req, res) => res.json(tareas.index('por_fecha').map((t) => t.fecha)));
    app.get('/page', (req, res) => res.json(tareas.fields('titulo').page({ size: 1, after: req.query.after })));
    app.get('/where', (req, res) => res.json(tareas.where({ any: [{ titulo: 'uno' }, { importe: { ge: '2.00' } }] }).offset(0).map((t) => t.id)));
    app.get('/orders', (req, res) => res.json([['importe'], ['importe', 'desc'], ['importe', 'DESC'], ['-importe'], ['importe desc'],
        ['importe asc, titulo'], ['hecha', 'importe desc']].map((o) => tareas.order(...o).first().titulo)
        .concat(tareas.orderBy('importe', 'desc').first().titulo)));
    app.get('/wrong-order', (req, res) => res.json(tareas.order('importe down')));
    app.get('/wrong', (req, res) => res.json(tareas.where('nada', 1)));
    app.post('/tareas', (req, res) => res.status(201).json(tareas.create(req.body)));
    app.put('/tareas/:id', (req, res) => res.json(tareas.update(req.params.id, req.body)));
    app.delete('/tareas/:id', (req, res) => { tareas.delete(req.params.id); res.sendStatus(204); });
    app.get('/write', (req, res) => { tareas.create({ titulo: 'get' }); res.json(tareas.count()); });
    app.post('/fail', () => { tareas.create({ titulo: 'lost' }); throw new Error('after'); });
    app.post('/caught', (req, res) => { try { db.transaction(() => { tareas.create({ titulo: 'in' }); throw new Error('x'); }); } catch {} tareas.create({ titulo: 'out' }); res.json(tareas.count()); });
    app.post('/async', async (req, res) => { tareas.create({ titulo: 'before' }); await new Promise((r) => setTimeout(r, 5)); tareas.create({ titulo: 'later' }); res.json(tareas.count()); });
    app.post('/late', async () => { await new Promise((r) => setTimeout(r, 5)); tareas.create({ titulo: 'lost' }); throw new Error('late'); });
    app.post('/types', (req, res) => res.json(tareas.create({ titulo: 'T', importe: Decimal('0.10').add('0.20'), fecha: '2026-01-31', grande: 9007199254740993n })));
";

#[test]
fn rows_are_read_and_written() {
    let app = app(CRUD);
    assert_eq!(app.get("/tareas").json(), json!([]));
    let made = app.post("/tareas", json!({ "titulo": "uno", "importe": "1.50", "fecha": "2026-02-01" }));
    assert_eq!(
        (made.status, &made.json()["id"], &made.json()["importe"]),
        (201, &json!(1), &json!("1.50")),
        "{made:?}"
    );
    app.post("/tareas", json!({ "titulo": "dos palabras", "importe": 2, "hecha": true, "fecha": "2026-01-01" }));
    let list = app.get("/tareas");
    assert!(list.inline);
    assert_eq!(
        list.json(),
        json!([
            { "id": 2, "titulo": "dos palabras", "hecha": true, "importe": "2.00", "fecha": "2026-01-01", "grande": null },
            { "id": 1, "titulo": "uno", "hecha": false, "importe": "1.50", "fecha": "2026-02-01", "grande": null },
        ])
    );
    assert_eq!(app.get("/tareas").body, list.body, "from memory");
    assert_eq!(app.get("/objects").body, list.body, "by way of objects");
    assert_eq!(
        app.get("/numbers").json(),
        json!([2, "3.50", 1, "uno", [{ "titulo": "uno" }, { "titulo": "dos palabras" }]])
    );
    assert_eq!(app.get("/words?q=palab").json(), json!(["dos palabras"]));
    assert_eq!(app.get("/index").json(), json!(["2026-01-01", "2026-02-01"]));
    assert_eq!(app.get("/where").json(), json!([1, 2]));
    assert_eq!(app.get("/wrong").status, 400);
    let (one, two) = ("uno", "dos palabras");
    assert_eq!(app.get("/orders").json(), json!([one, two, two, two, two, one, one, two]));
    assert_eq!(app.get("/wrong-order").json()["detail"], "\"importe down\" is no order; 'a', '-a' and 'a desc' are");
    assert_eq!(app.get("/tareas/1").json()["titulo"], "uno");
    assert_eq!((app.get("/tareas/9").status, app.get("/tareas/x").status), (404, 404));
    let page = app.get("/page").json();
    assert_eq!(page["rows"], json!([{ "titulo": "uno" }]));
    let next = app.get(&format!("/page?after={}", page["next"].as_str().unwrap())).json();
    assert_eq!((&next["rows"], &next["next"]), (&json!([{ "titulo": "dos palabras" }]), &json!(null)));
    let changed = app.send(request("PUT", "/tareas/1", &[("content-type", "application/json")], "{\"hecha\":true}"));
    assert_eq!(changed.json()["hecha"], true);
    assert_eq!(app.get("/tareas").json()[1]["hecha"], true, "what is remembered is not older than a write");
    assert_eq!(app.send(request("DELETE", "/tareas/1", &[], "")).status, 204);
    assert_eq!(app.get("/tareas").json().as_array().unwrap().len(), 1);
}

#[test]
fn what_other_processes_write_is_seen() {
    let app = app(CRUD);
    assert_eq!(app.get("/tareas").json(), json!([]));
    let other = rusqlite::Connection::open(app.store.path()).unwrap();
    other.execute("INSERT INTO tareas (titulo, hecha, importe) VALUES ('x', 0, 100)", []).unwrap();
    assert_eq!(app.get("/tareas").json()[0]["titulo"], "x");
}

#[test]
fn faults_name_their_fields() {
    let app = app(CRUD);
    let answer = app.post("/tareas", json!({ "importe": "1.234", "titulo": "x".repeat(30) }));
    assert_eq!(answer.status, 422, "{answer:?}");
    let errors = answer.json()["errors"].clone();
    let fields: Vec<_> = errors.as_array().unwrap().iter().map(|fault| fault["field"].clone()).collect();
    assert_eq!(fields.len(), 2, "{errors}");
    assert_eq!(app.post("/tareas", json!({ "titulo": "a", "nada": 1 })).status, 422);
    assert_eq!(app.post("/types", json!({})).json()["importe"], "0.30");
    assert_eq!(app.store.reader().unwrap().get("tareas", 1).unwrap().to_json()["grande"], "9007199254740993");
}

#[test]
fn a_handler_that_fails_leaves_nothing() {
    let app = app(CRUD);
    assert_eq!(app.post("/fail", json!({})).status, 500);
    assert_eq!(count(&app, "tareas"), 0);
    assert_eq!(app.post("/caught", json!({})).json(), json!(1));
    assert_eq!(app.post("/async", json!({})).json(), json!(3));
    assert_eq!(app.post("/late", json!({})).status, 500);
    assert_eq!(count(&app, "tareas"), 3, "what a handler wrote after it waited is taken back too");
    let write = app.get("/write");
    assert_eq!((write.json(), write.inline), (json!(4), false), "a GET that writes goes to a worker");
    assert_eq!(count(&app, "tareas"), 4);
}

#[test]
fn many_jobs_share_a_commit_and_each_fails_alone() {
    let app = app(CRUD);
    let jobs: Vec<_> = (0..200)
        .map(|n| {
            let target = if n % 3 == 0 { "/fail" } else { "/tareas" };
            let body = json!({ "titulo": format!("t{n}") }).to_string();
            let request = request("POST", target, &[("content-type", "application/json")], &body);
            app.pool.submit(cirrus::work::Job::Handle(std::sync::Arc::new(request)))
        })
        .collect();
    let statuses: Vec<_> = jobs.into_iter().map(|job| app.runtime.block_on(job).unwrap().status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 500).count(), 67);
    assert_eq!(count(&app, "tareas"), 133);
}

#[test]
fn triggers_change_reject_and_write() {
    let app = app("
        const tareas = db.table('tareas'), registro = db.table('registro');
        tareas.before('create update', (r, old) => {
            if (r.titulo === 'malo') reject('no se puede', 'titulo');
            if (r.titulo === 'roto') throw new Error('a bug');
            r.titulo = r.titulo.trim();
            r.importe = Decimal(r.importe).add(old ? '0.00' : '1.00');
        });
        tareas.after('create', (r) => { registro.create({ texto: 'c ' + r.id + ' ' + r.titulo }); if (r.titulo === 'tarde') reject('tarde'); });
        tareas.after('update', (r, old) => registro.create({ texto: old.titulo + '>' + r.titulo }));
        tareas.before('delete', (r) => { if (r.hecha) reject('hecha'); });
        registro.before('create', (r) => { r.texto = r.texto + '!'; });
        app.post('/', (req, res) => res.json(tareas.create(req.body)));
        app.put('/:id', (req, res) => res.json(tareas.update(req.params.id, req.body)));
        app.delete('/:id', (req, res) => { tareas.delete(req.params.id); res.end(); });
        app.get('/log', (req, res) => res.json(registro.map((r) => r.texto)));
    ");
    let put = |body: &str| app.send(request("PUT", "/1", &[("content-type", "application/json")], body));
    let made = app.post("/", json!({ "titulo": " a ", "importe": "0.10" })).json();
    assert_eq!((&made["titulo"], &made["importe"]), (&json!("a"), &json!("1.10")), "{made}");
    let answer = app.post("/", json!({ "titulo": "malo" }));
    assert_eq!((answer.status, &answer.json()["errors"][0]["field"]), (422, &json!("titulo")), "{answer:?}");
    assert_eq!(app.post("/", json!({ "titulo": "roto" })).status, 500);
    assert_eq!(app.post("/", json!({ "titulo": "tarde" })).status, 422);
    assert_eq!(put("{\"titulo\":\"b\",\"hecha\":true}").json()["importe"], "1.10");
    assert_eq!(app.send(request("DELETE", "/1", &[], "")).status, 422);
    assert_eq!(app.get("/log").json(), json!(["c 1 a!", "a>b!"]));
    assert_eq!(count(&app, "tareas"), 1);
}

#[test]
fn triggers_run_for_native_jobs() {
    let app = app("db.table('tareas').before('create', (r) => { r.titulo += '!'; });");
    let job = cirrus::work::Job::Native(Box::new(|worker| {
        let made = worker.session().unwrap().create("tareas", cirrus::data::Record::new().with("titulo", "x")).unwrap();
        cirrus::web::Response::bytes(http::StatusCode::OK, "application/json", made.to_json().to_string())
    }));
    let response = app.runtime.block_on(app.pool.submit(job)).unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(app.store.reader().unwrap().get("tareas", 1).unwrap().to_json()["titulo"], "x!");
}

#[test]
fn endless_queries_and_triggers_end() {
    let app = World::new(
        "
        const registro = db.table('registro');
        registro.after('create', () => registro.create({ texto: 'again' }));
        app.post('/', (req, res) => res.json(registro.create({ texto: 'x' })));
        app.post('/loop', (req, res) => { registro.create({ texto: 'x' }); });
    ",
    )
    .file("schema.toml", SCHEMA)
    .load();
    assert_eq!(app.post("/", json!({})).status, 500);
    assert_eq!(count(&app, "registro"), 0);
}

#[test]
fn balances_are_told() {
    let app = World::new("
        const apuntes = db.table('apuntes'), saldo = apuntes.balance('saldo');
        app.post('/', (req, res) => res.json(apuntes.create(req.body)));
        app.get('/row/:id', (req, res) => res.json([apuntes.opening(req.params.id), apuntes.closing(req.params.id), apuntes.previous(req.params.id)?.id ?? null, apuntes.next(req.params.id)?.id ?? null]));
        app.get('/group', (req, res) => res.json([saldo.at({ cuenta: 'A' }), saldo.at('A', [2024, 1]), saldo.first(['A']).id, saldo.last('A').id, saldo.at('none')]));
        app.get('/lines', (req, res) => res.json(saldo.lines('A', { fields: ['mes'], limit: 2, from: { anio: 2024 } })));
        app.get('/periods', (req, res) => res.json(saldo.periods('A', { fields: 1 })));
        app.get('/trial', (req, res) => res.json(saldo.trial({ to: 2024 })));
        app.get('/wrong', (req, res) => res.json(saldo.at({ nada: 1 })));
    ").file("schema.toml", r#"
[tables.apuntes.fields]
cuenta = { type = "text", required = true }
anio = { type = "integer", required = true }
mes = { type = "integer", required = true }
debe = { type = "decimal", scale = 2, required = true, default = "0.00" }
haber = { type = "decimal", scale = 2, required = true, default = "0.00" }
[tables.apuntes.balances.saldo]
group = ["cuenta"]
order = ["anio", "mes"]
amount = "debe - haber"
"#).load();
    for (cuenta, anio, mes, debe) in
        [("A", 2024, 2, "10.00"), ("A", 2025, 1, "5.50"), ("B", 2024, 1, "1.00"), ("A", 2024, 1, "0.25")]
    {
        let made = app.post("/", json!({ "cuenta": cuenta, "anio": anio, "mes": mes, "debe": debe }));
        assert_eq!(made.status, 200, "{made:?}");
    }
    assert_eq!(app.get("/row/1").json(), json!(["0.25", "10.25", 4, 2]));
    assert_eq!(app.get("/row/4").json(), json!(["0.00", "0.25", null, 1]));
    assert_eq!(app.get("/group").json(), json!(["15.75", "0.25", 4, 2, "0.00"]));
    let lines = app.get("/lines").json();
    assert_eq!(
        lines[1],
        json!({ "id": 1, "mes": 2, "debit": "10.00", "credit": "0.00", "opening": "0.25", "closing": "10.25" })
    );
    assert_eq!(
        app.get("/periods").json()[0],
        json!({ "anio": 2024, "rows": 2, "opening": "0.00", "debit": "10.25", "credit": "0.00", "closing": "10.25" })
    );
    assert_eq!(
        app.get("/trial").json()[1],
        json!({ "cuenta": "B", "rows": 1, "opening": "0.00", "debit": "1.00", "credit": "0.00", "closing": "1.00" })
    );
    assert_eq!(app.get("/wrong").status, 400);
}

#[test]
fn what_a_visitor_sends_is_a_value_and_no_condition() {
    let app = app("
        const tareas = db.table('tareas');
        const all = (q) => [tareas.where({ titulo: q.titulo }), tareas.where('titulo', q.titulo), tareas.where('titulo', '=', q.titulo)];
        app.get('/find', (req, res) => res.json(all(req.query)[req.query.form].map((t) => t.titulo)));
        app.post('/find', (req, res) => res.json(all(req.body)[req.body.form].map((t) => t.titulo)));
        app.get('/whole', (req, res) => res.json(tareas.where({ any: [req.query] })));
        app.post('/own', (req, res) => res.json(tareas.where({ titulo: structuredClone(req.body.titulo) }).map((t) => t.titulo)));
    ");
    for titulo in ["uno", "dos"] {
        write(&app, titulo);
    }
    for form in 0..3 {
        assert_eq!(app.get(&format!("/find?form={form}&titulo=uno")).json(), json!(["uno"]));
        let any = app.get(&format!("/find?form={form}&titulo[ne]=x"));
        assert_eq!(any.status, 400, "{form}: {any:?}");
        let any = app.post("/find", json!({ "form": form, "titulo": { "ne": "" } }));
        assert_eq!(any.status, 400, "{form}: {any:?}");
    }
    assert_eq!(app.get("/find?form=0&titulo=uno&titulo=dos").json(), json!(["uno", "dos"]), "a list is one of these");
    assert_eq!(app.get("/whole?titulo[ne]=x").status, 400);
    // Who means it says so.
    assert_eq!(app.post("/own", json!({ "titulo": { "ne": "uno" } })).json(), json!(["dos"]));
}

#[test]
fn what_is_missing_never_means_every_row() {
    let app = app("
        const tareas = db.table('tareas');
        app.get('/where', (req, res) => res.json(tareas.where({ titulo: req.query.titulo })));
        app.get('/pair', (req, res) => res.json(tareas.where('titulo', req.query.titulo)));
        app.get('/deep', (req, res) => res.json(tareas.where({ any: [{ titulo: { contains: req.query.titulo } }] })));
        app.get('/mine/:id', (req, res) => res.json(tareas.where({ hecha: true }).get(req.params.id)));
        app.get('/one', (req, res) => res.json(tareas.get(req.query.id)));
        app.post('/update', () => tareas.update({ hecha: true }));
        app.post('/delete', () => tareas.delete());
        app.post('/add', (req, res) => res.json(tareas.create(req.body)));
    ");
    app.post("/add", json!({ "titulo": "uno", "hecha": false }));
    app.post("/add", json!({ "titulo": "dos", "hecha": true }));
    for path in ["/where", "/pair", "/deep"] {
        assert_eq!(app.get(path).status, 400, "{path}");
        assert_eq!(app.get(&format!("{path}?titulo=uno")).json().as_array().map(Vec::len), Some(1), "{path}");
    }
    assert_eq!((app.get("/mine/1").status, app.get("/mine/2").status, app.get("/mine/x").status), (404, 200, 404));
    assert_eq!((app.get("/one").status, app.get("/one?id=1").status), (404, 200));
    for path in ["/update", "/delete"] {
        assert_eq!(app.post(path, json!({})).status, 500, "{path}");
    }
    assert_eq!(count(&app, "tareas"), 2);
}
