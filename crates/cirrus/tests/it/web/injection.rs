//! What a stranger writes never becomes SQL: every parameter of a resource with every injection, and a judge that looks
//! at the answer, at the rows that could be asked for, and at the whole database. The judge is judged too: over a
//! careless query it finds everything that can go wrong.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rusqlite::{Connection, fallible_iterator::FallibleIterator, types::Value as Cell};
use serde_json::{Value, json};

use super::world::{App, Server, data};

const SCHEMA: &str = r#"
[tables.canario.fields]
tesoro = { type = "text" }

[tables.clientes.fields]
nombre = { type = "text" }

[tables.tareas.fields]
titulo  = { type = "text", required = true, max = 300 }
hecha   = { type = "boolean", required = true, default = false }
importe = { type = "decimal", scale = 2 }
horas   = { type = "integer" }
estado  = { type = "choice", of = ["nueva", "hecha"] }
cliente = { type = "link", to = "clientes" }
fecha   = { type = "date" }
cuando  = { type = "timestamp" }
hora    = { type = "time" }
foto    = { type = "blob" }
doble   = { type = "formula", of = "importe * 2", scale = 2 }
[tables.tareas.indexes]
palabras = { kind = "words", fields = ["titulo"] }
trozos = { kind = "pieces", fields = ["titulo"] }
"#;

/// In no row that a stranger may see.
const TREASURE: &str = "tesoro-7731";
const TITLES: [&str; 4] = ["alfa", "beta gamma", "O'Brien \"x\" --", "100% de _todo_"];

const ATTACKS: [&str; 56] = [
    "'",
    "\"",
    "`",
    "''",
    "\\'",
    "' OR '1'='1",
    "' OR 1=1 --",
    "' OR 1=1 /*",
    "\" OR \"\"=\"",
    "') OR ('1'='1",
    "1) OR (1=1",
    "1 OR 1=1",
    "-1 OR id > 0",
    "1e999 OR 1",
    "0x31",
    "'; DROP TABLE canario; --",
    "\"; DROP TABLE \"canario\"; --",
    "1; DELETE FROM canario",
    "'; UPDATE tareas SET titulo = 'x'; --",
    "'; ATTACH DATABASE ':memory:' AS x; --",
    "'; PRAGMA writable_schema = 1; --",
    "' UNION SELECT id, tesoro FROM canario --",
    "' UNION SELECT 1, sql FROM sqlite_schema --",
    "' || (SELECT tesoro FROM canario) || '",
    "(SELECT tesoro FROM canario)",
    "titulo FROM canario --",
    "tesoro",
    "canario.tesoro",
    "rowid",
    "_rowid_",
    "oid",
    "titulo COLLATE BINARY",
    "CASE WHEN 1 THEN titulo ELSE id END",
    "titulo, (SELECT tesoro FROM canario)",
    "titulo; DROP TABLE canario",
    "\"titulo\"",
    "[titulo]",
    "randomblob(1000000000)",
    "load_extension('x')",
    "%",
    "_",
    "%' ESCAPE '%",
    "a*",
    "^alfa",
    "alfa OR beta",
    "alfa NOT beta",
    "NEAR(alfa beta)",
    "NEAR(",
    "titulo : alfa",
    "{titulo} : (alfa OR beta)",
    "\"alfa\" OR \"beta\"",
    "alfa\" OR titulo : \"beta",
    "- titulo : alfa",
    "alfa + beta",
    "ｕｎｉｏｎ ʼ OR ʼ1ʼ=ʼ1",
    "a\u{0}' OR 1=1 --",
];

/// Filters over texts, whose rows the oracle tells; every other name takes none of the attacks.
const TEXTS: [&str; 16] = [
    "titulo",
    "titulo[eq]",
    "titulo[ne]",
    "titulo[lt]",
    "titulo[lte]",
    "titulo[gt]",
    "titulo[gte]",
    "titulo[in]",
    "titulo[between]",
    "titulo[contains]",
    "titulo[begins]",
    "titulo[like]",
    "titulo[words]",
    "titulo[pieces]",
    "trozos[pieces]",
    "q",
];
const TYPED: [&str; 9] = ["id", "hecha", "importe", "horas", "cliente", "fecha", "cuando", "hora", "doble"];
const WORDS: [&str; 14] =
    ["eq", "ne", "lt", "lte", "gt", "gte", "between", "in", "null", "contains", "begins", "like", "words", "pieces"];
const OTHERS: [&str; 6] = ["sort", "fields", "limit", "offset", "total", "cursor"];

fn application() -> App {
    let rows: Vec<Value> = TITLES.iter().map(|title| json!({ "titulo": title })).collect();
    App::new(&[
        ("schema.toml", SCHEMA),
        ("app.js", "app.resource('tareas'); app.resource('clientes');"),
        ("initial-data/tareas.json", &Value::from(rows).to_string()),
        ("initial-data/canario.json", &json!([{ "tesoro": TREASURE }]).to_string()),
    ])
}

/// Everything that the file says but the inner tables of searching, which change when a row comes and goes.
fn content(file: &Path) -> String {
    let database = Connection::open(file).unwrap();
    let rows = |sql: &str| -> Vec<Vec<Cell>> {
        let mut statement = database.prepare(sql).unwrap();
        let columns = statement.column_count();
        let cells = |row: &rusqlite::Row<'_>| (0..columns).map(|at| row.get(at)).collect::<rusqlite::Result<_>>();
        statement.query_map([], cells).unwrap().map(Result::unwrap).collect()
    };
    let schema = rows("SELECT name, type, tbl_name, sql FROM sqlite_schema ORDER BY name, type");
    let mut all = format!("{schema:?}");
    for table in &schema {
        let (Cell::Text(name), Cell::Text(kind)) = (&table[0], &table[1]) else { unreachable!("{table:?}") };
        if kind == "table" && !name.contains('.') {
            all.push_str(&format!("\n{name}: {:?}", rows(&format!("SELECT * FROM \"{name}\" ORDER BY 1"))));
        }
    }
    all
}

/// Whether a question may find the row of this title.
fn may(name: &str, attack: &str, title: &str) -> bool {
    let (lower, wanted) = (title.to_lowercase(), attack.to_lowercase());
    if !TEXTS.contains(&name) {
        return false;
    }
    let word = name.split_once('[').map_or(name, |(_, word)| word.trim_end_matches(']'));
    match word {
        "titulo" | "eq" => title == attack,
        "ne" => title != attack,
        "lt" => title < attack,
        "lte" => title <= attack,
        "gt" => title > attack,
        "gte" => title >= attack,
        "in" => attack.split(',').any(|one| one == title),
        "between" => attack.split_once(',').is_some_and(|(low, high)| low <= title && title <= high),
        "contains" | "pieces" => lower.contains(&wanted),
        "begins" => title.starts_with(attack),
        "like" => wanted.split('%').all(|part| lower.contains(part)),
        "words" | "q" => wanted.split(|c: char| !c.is_alphanumeric()).all(|part| lower.contains(part)),
        _ => false,
    }
}

/// Sees whether the database is what it was.
struct Watch<'f> {
    file: &'f Path,
    before: String,
    connection: Connection,
    version: Cell,
    changed: bool,
}

impl<'f> Watch<'f> {
    fn new(file: &'f Path) -> Self {
        let connection = Connection::open(file).unwrap();
        Self { file, before: content(file), version: version(&connection), connection, changed: false }
    }

    /// Reads all of it only when somebody wrote, or something was wrong before.
    fn changed(&mut self) -> bool {
        let now = version(&self.connection);
        if now != self.version || self.changed {
            self.changed = content(self.file) != self.before;
            self.version = now;
        }
        self.changed
    }
}

fn version(connection: &Connection) -> Cell {
    connection.query_row("PRAGMA data_version", [], |row| row.get(0)).unwrap()
}

/// What is wrong with an answer, or with the database after it.
fn judge(name: &str, attack: &str, (status, text): &(u16, String), watch: &mut Watch) -> Vec<String> {
    let mut found = Vec::new();
    let mut wrong = |what: &str| found.push(format!("{what}: {name}={attack}: {status} {text}"));
    if text.contains(TREASURE) {
        wrong("leaked");
    }
    let rows = serde_json::from_str::<Value>(text);
    match (status, rows.as_ref().ok().and_then(Value::as_array)) {
        (400 | 404, _) => {}
        (200, Some(rows)) => {
            for row in rows {
                let number = row["id"].as_u64().and_then(|id| usize::try_from(id).ok()).unwrap_or(0);
                match TITLES.get(number.wrapping_sub(1)) {
                    Some(title) if row["titulo"] == **title && may(name, attack, title) => {}
                    Some(title) if row["titulo"] == **title => wrong("not asked for"),
                    _ => wrong("no such row"),
                }
            }
        }
        _ => wrong("neither refused nor answered"),
    }
    if watch.changed() {
        wrong("changed");
    }
    found
}

/// Asks in every way with every attack, or with one in so many: then each name meets some and each attack many names.
fn every(one_in: usize, names: &[String], file: &Path, ask: &dyn Fn(&str, &str) -> (u16, String)) -> Vec<String> {
    let mut watch = Watch::new(file);
    let mut found = Vec::new();
    for (place, attack) in ATTACKS.into_iter().enumerate() {
        for (_, name) in names.iter().enumerate().filter(|(at, _)| (place + at) % one_in == 0) {
            found.extend(judge(name, attack, &ask(name, attack), &mut watch));
        }
    }
    found
}

fn coded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn asked(server: &Server, query: &str) -> (u16, String) {
    let answer = server.get(&format!("/tareas?{query}"));
    (answer.status, answer.text())
}

#[test]
fn no_parameter_of_a_list_becomes_sql() {
    let app = application();
    let server = app.serve();
    let file = data(&app).join("data.sqlite");
    let ask = |name: &str, attack: &str| asked(&server, &format!("{}={}", coded(name), coded(attack)));
    let names: Vec<String> = TEXTS.iter().chain(&OTHERS).chain(&TYPED).map(ToString::to_string).collect();
    assert_eq!(every(1, &names, &file, &ask), [""; 0]);
    let compared = |field: &str| WORDS.map(|word| format!("{field}[{word}]"));
    let names: Vec<String> = TYPED.iter().flat_map(|field| compared(field)).collect();
    assert_eq!(every(5, &names, &file, &ask), [""; 0]);
    // As the name of a field, as a comparison, and in the middle of a list that is right.
    let forms: Vec<String> =
        ["NAME=1", "titulo[NAME]=x", "NAME[eq]=x", "sort=id,NAME", "fields=id,titulo,NAME"].map(str::to_owned).to_vec();
    let found = every(1, &forms, &file, &|form, attack| {
        // A parameter `_` is one that pages add to get past memories: it says nothing.
        let name = if attack == "_" { "__" } else { attack };
        asked(&server, &form.replace("NAME", &coded(name)))
    });
    assert_eq!(found, [""; 0]);
    // Bytes that are no UTF-8, on which a quote could hide.
    for bytes in ["%FF%27 OR 1=1", "%C0%A7 OR 1=1 --", "%27%27%FE", "%u0027"] {
        let bytes = bytes.replace(' ', "%20");
        let answer = asked(&server, &format!("titulo={bytes}"));
        assert_eq!(judge("titulo", &bytes, &answer, &mut Watch::new(&file)), [""; 0]);
        assert_eq!(answer.1, "[]");
    }
}

#[test]
fn no_cursor_becomes_sql() {
    let app = application();
    let server = app.serve();
    let file = data(&app).join("data.sqlite");
    let shapes: Vec<String> =
        ["[X]", "[X,1]", "[1,X]", "[X,X]", "[[X],1]", "[{\"a\":X},1]", "{\"X\":1}", "[null,X]", "[1e999,1]", "[X,1,1]"]
            .map(str::to_owned)
            .to_vec();
    for sort in ["titulo", "-titulo", "importe", "-fecha", "id", "-hecha"] {
        let found = every(4, &shapes, &file, &|shape, attack| {
            let cursor = URL_SAFE_NO_PAD.encode(shape.replace('X', &Value::from(attack).to_string()));
            let (status, text) = asked(&server, &format!("sort={sort}&cursor={cursor}"));
            // A text and a number are a place in the order of texts, and the rows after it may come: which ones, the
            // order tells, and the judge is told that they may.
            let placed = shape == "[X,1]" && sort.ends_with("titulo");
            let rows: Vec<Value> = serde_json::from_str(&text).unwrap_or_default();
            let after = |row: &Value| {
                let title = row["titulo"].as_str().unwrap_or("");
                if sort == "titulo" { title >= attack } else { title <= attack }
            };
            let asked_for = placed && rows.iter().all(after) && !text.contains(TREASURE);
            if status == 200 && asked_for { (200, "[]".to_owned()) } else { (status, text) }
        });
        assert_eq!(found, [""; 0], "{sort}");
    }
}

#[test]
fn nothing_that_is_sent_to_be_stored_becomes_sql() {
    let app = application();
    let server = app.serve();
    let file = data(&app).join("data.sqlite");
    let before = content(&file);
    let unchanged = |what: &str| assert_eq!(content(&file), before, "{what}");
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let multipart = [("Content-Type", "multipart/form-data; boundary=x")];
    for attack in ATTACKS {
        let place = format!("/tareas/{}", coded(attack).replace('+', "%20"));
        for method in ["GET", "PUT", "PATCH", "DELETE"] {
            let answer = server.json(method, &place, &json!({ "titulo": "x" }));
            assert_eq!(answer.status, 404, "{method} {place}: {answer:?}");
        }
        assert_eq!(server.send("DELETE", "/tareas/1", &[("If-Match", "\"x' OR 1=1\"")], b"").status, 412);
        for (method, target) in [("POST", "/tareas"), ("PATCH", "/tareas/1"), ("PUT", "/tareas/1")] {
            assert_eq!(server.json(method, target, &json!({ attack: 1, "titulo": "x" })).status, 422, "{attack}");
            for field in TYPED {
                let answer = server.json(method, target, &json!({ field: attack, "titulo": "x" }));
                assert_eq!(answer.status, 422, "{field} {attack}: {answer:?}");
            }
            let name = coded(attack);
            let answer = server.send(method, target, &form, format!("titulo=x&{name}=1").as_bytes());
            assert!(matches!(answer.status, 201 | 200 | 422), "{attack}: {answer:?}");
            // What begins with `_` is no field but a word to the server, and does nothing.
            assert_eq!(answer.status == 422, !attack.starts_with('_'), "{attack}: {answer:?}");
            restore(&server, &answer);
            let part = format!(
                "--x\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{0}\"\r\n\r\n1\r\n--x--\r\n",
                attack.replace(['"', '\0'], "")
            );
            let answer = server.send(method, target, &multipart, part.as_bytes());
            assert!(matches!(answer.status, 200 | 400 | 422), "{attack}: {answer:?}");
        }
        unchanged(attack);
        // Text is text: it comes back as it went in, found by itself and by nothing else.
        let made = server.json("POST", "/tareas", &json!({ "titulo": attack }));
        if attack.contains('\0') {
            assert_eq!(made.status, 422);
            continue;
        }
        assert_eq!((made.status, &made.value()["titulo"]), (201, &json!(attack)));
        let found = server.get(&format!("/tareas?titulo={}&fields=titulo", coded(attack)));
        assert_eq!(found.value(), json!([{ "titulo": attack }]));
        let row = format!("/tareas/{}", made.value()["id"]);
        let changed = server.json("PATCH", &row, &json!({ "titulo": format!("{attack}{attack}") }));
        assert_eq!(changed.value()["titulo"], format!("{attack}{attack}"));
        assert_eq!(server.send("DELETE", &row, &[], b"").status, 204);
        unchanged(attack);
    }
}

/// Takes back what a form was allowed to do.
fn restore(server: &Server, answer: &super::world::Answer) {
    match answer.status {
        201 => drop(server.send("DELETE", &format!("/tareas/{}", answer.value()["id"]), &[], b"")),
        200 => drop(server.json("PATCH", "/tareas/1", &json!({ "titulo": TITLES[0] }))),
        _ => {}
    }
}

/// The same questions put together as text, by somebody who does not know better.
fn careless(file: &Path, name: &str, attack: &str) -> (u16, String) {
    let database = Connection::open(file).unwrap();
    let sql = match name {
        "sort" => format!("SELECT id, titulo FROM tareas WHERE id > 4 ORDER BY {attack}"),
        "q" => {
            format!("SELECT id, titulo FROM tareas WHERE id IN (SELECT rowid FROM \"tareas.palabras\" ('{attack}'))")
        }
        _ => format!("SELECT id, titulo FROM tareas WHERE titulo = '{attack}'"),
    };
    let mut all = Vec::new();
    let mut rest = rusqlite::Batch::new(&database, &sql);
    loop {
        let mut statement = match rest.next() {
            Ok(Some(statement)) => statement,
            Ok(None) => return (200, Value::from(all).to_string()),
            Err(error) => return (500, error.to_string()),
        };
        let read =
            |row: &rusqlite::Row<'_>| Ok(json!({ "id": row.get::<_, i64>(0)?, "titulo": row.get::<_, String>(1)? }));
        match statement.query_map([], read).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
            Ok(rows) => all.extend(rows),
            Err(error) => return (500, error.to_string()),
        }
    }
}

#[test]
fn the_judge_finds_what_a_careless_query_does() {
    let app = application();
    drop(app.serve());
    let file = data(&app).join("data.sqlite");
    Connection::open(&file).unwrap().execute_batch("PRAGMA journal_mode = DELETE").unwrap();
    let whole = std::fs::read(&file).unwrap();
    let names = ["titulo", "q", "sort"].map(str::to_owned);
    let found = every(1, &names, &file, &|name, attack| {
        std::fs::write(&file, &whole).unwrap();
        careless(&file, name, attack)
    });
    for (what, by) in [
        ("leaked", "titulo=' UNION SELECT id, tesoro"),
        ("not asked for", "titulo=' OR '1'='1"),
        ("not asked for", "q=alfa OR beta"),
        ("no such row", "titulo=' UNION SELECT 1, sql"),
        ("changed", "titulo='; DROP TABLE canario"),
        ("changed", "titulo='; UPDATE tareas"),
        ("neither refused nor answered", "q=NEAR("),
        ("neither refused nor answered", "sort='"),
    ] {
        let told = found.iter().any(|finding| finding.starts_with(what) && finding.contains(by));
        assert!(told, "nobody saw `{what}` of {by}");
    }
}
