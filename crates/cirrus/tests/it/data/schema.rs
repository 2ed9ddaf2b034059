//! `schema.toml`: what is understood, and what is refused with line, key and advice.

use cirrus::data::schema::{Expression, IndexKind, Kind, Type};
use cirrus::data::{Schema, Store};

use super::{Chance, TASKS, schema};

#[test]
fn tables_fields_and_indexes_come_in_the_order_of_the_file() {
    let schema = schema(TASKS);
    let names: Vec<&str> = schema.tables.iter().map(|table| &*table.name).collect();
    assert_eq!(names, ["clientes", "tareas", "notas"]);
    let tasks = schema.table("tareas").unwrap();
    let fields: Vec<&str> = tasks.fields.iter().map(|field| &*field.name).collect();
    assert_eq!(&fields[..5], ["titulo", "hecha", "importe", "horas", "estado"]);
    assert_eq!(tasks.index("por_titulo").unwrap().kind, IndexKind::Words);
    assert!(matches!(tasks.field("doble").unwrap().kind, Kind::Formula { result: Type::Decimal(2), .. }));
    assert!(matches!(tasks.field("mes").unwrap().kind, Kind::Formula { result: Type::Integer, .. }));
    assert!(schema.table("clientes").unwrap().field("saldo").unwrap().kept);
    assert_eq!(schema.table("clientes").unwrap().label["es"], "Clientes");
}

#[test]
fn every_problem_is_told_at_once_with_its_line_and_what_to_do() {
    let text = r#"
[tables.tareas]
colour = "red"
[tables.tareas.fields]
titulo = { type = "texto" }
importe = { type = "decimal" }
id = { type = "integer" }
estado = { type = "choice" }
cliente = { type = "link", to = "nadie", on_delete = "explode" }
doble = { type = "formula", of = "importe * nada" }
hecha = { type = "boolean", default = "quizás", requird = true }
[tables.tareas.indexes]
i = { kind = "fast", fields = ["titulo"] }
j = { kind = "words", fields = ["hecha"] }
[tables."con espacio".fields]
x = { type = "integer", min = 5, max = 1 }
"#;
    let problems = Schema::parse(text, "schema.toml").unwrap_err();
    let found: Vec<(usize, &str)> = problems.iter().map(|p| (p.line, &*p.key)).collect();
    for expected in [
        (3, "tables.tareas.colour"),
        (5, "tables.tareas.fields.titulo.type"),
        (6, "tables.tareas.fields.importe.scale"),
        (7, "tables.tareas.fields.id"),
        (8, "tables.tareas.fields.estado.of"),
        (9, "tables.tareas.fields.cliente.to"),
        (9, "tables.tareas.fields.cliente.on_delete"),
        (10, "tables.tareas.fields.doble.of"),
        (11, "tables.tareas.fields.hecha.default"),
        (11, "tables.tareas.fields.hecha.requird"),
        (13, "tables.tareas.indexes.i.kind"),
        (14, "tables.tareas.indexes.j.fields"),
        (15, "tables.con espacio"),
        (16, "tables.con espacio.fields.x.min"),
    ] {
        assert!(found.contains(&expected), "{expected:?} is missing in {found:#?}");
    }
    assert!(problems.iter().all(|p| !p.advice.is_empty() && p.file == "schema.toml"));
}

#[test]
fn broken_toml_and_hostile_names_are_refused_with_their_line() {
    let problems = Schema::parse("[tables.a.fields]\nx = {", "s.toml").unwrap_err();
    assert_eq!(problems[0].line, 2);
    for name in ["sqlite_x", "a.b", "1a", "_a", "a\\\"b", "a; drop table x", &"a".repeat(64)] {
        let text = format!("[tables.\"{name}\".fields]\nx = {{ type = \"text\" }}");
        assert!(Schema::parse(&text, "s").is_err(), "{name}");
        let text = format!("[tables.t.fields]\n\"{name}\" = {{ type = \"text\" }}");
        assert!(Schema::parse(&text, "s").is_err(), "{name}");
    }
    let twice = "[tables.Uno.fields]\nx = { type = \"text\" }\n[tables.uno.fields]\nx = { type = \"text\" }";
    assert!(Schema::parse(twice, "s").unwrap_err()[0].message.contains("differ only"));
    assert!(Schema::parse(&" ".repeat(2 << 20), "s").is_err());
}

#[test]
fn expressions_are_typed_and_let_nothing_else_through() {
    let field = |name: &str| match name {
        "debe" | "haber" => Some(Type::Decimal(2)),
        "cantidad" => Some(Type::Integer),
        "nombre" => Some(Type::Text),
        "fecha" => Some(Type::Date),
        "hecha" => Some(Type::Boolean),
        _ => None,
    };
    let kind =
        |text: &str| Expression::parse(text, &field).map(|parsed| parsed.kind().map(Type::word).unwrap_or("null"));
    assert_eq!(kind("debe - haber"), Ok("decimal"));
    assert_eq!(kind("debe * cantidad"), Ok("decimal"));
    assert_eq!(kind("cantidad + 1"), Ok("integer"));
    assert_eq!(kind("case when hecha then 'sí' else nombre end"), Ok("text"));
    assert_eq!(kind("fecha >= '2026-01-31' and not hecha"), Ok("boolean"));
    assert_eq!(kind("nombre in ('a', 'b') or cantidad between 1 and 10"), Ok("boolean"));
    assert_eq!(kind("coalesce(debe, 0) > 1000.50"), Ok("boolean"));
    for bad in [
        "",
        "debe -",
        "(debe",
        "debe)",
        "otro",
        "load_extension('x')",
        "debe; drop table x",
        "debe -- haber x",
        "(select 1)",
        "nombre + 1",
        "hecha > 1",
        "fecha = 'ayer'",
        "'a''b'",
        "debe /* x */",
        "\"debe\"",
        "[debe]",
        "random()",
        "nombre like '%'",
        "cantidad and hecha",
        "1.00000000001",
        "x'00'",
        "?1",
        ":a",
        "debe collate nocase",
    ] {
        assert!(kind(bad).is_err(), "{bad}");
    }
    let deep = format!("{}debe{}", "(".repeat(200), ")".repeat(200));
    assert!(kind(&deep).is_err());
    let explosive = format!("round({}debe{}, 0)", "round(0.01 * ".repeat(9), ", 2)".repeat(9));
    assert!(kind(&explosive).is_err(), "rounding within rounding must not grow without end");
}

#[test]
fn expressions_compute_exactly_and_say_when_a_number_does_not_fit() {
    let database = rusqlite::Connection::open_in_memory().unwrap();
    let field = |name: &str| match name {
        "a" => Some(Type::Decimal(2)),
        "n" => Some(Type::Integer),
        _ => None,
    };
    database.execute_batch("create table t (a integer, n integer)").unwrap();
    let compute = |text: &str, wanted: Type, a: i64, n: i64| -> Result<Option<i64>, String> {
        database.execute("delete from t", []).unwrap();
        database.execute("insert into t values (?, ?)", [a, n]).unwrap();
        let sql = Expression::parse(text, &field).unwrap().sql_as(wanted, "").unwrap();
        database.query_row(&format!("select {sql} from t"), [], |row| row.get(0)).map_err(|error| error.to_string())
    };
    let cents = Type::Decimal(2);
    assert_eq!(compute("a * 2", cents, 1050, 0), Ok(Some(2100)));
    assert_eq!(compute("a + 1.5", cents, 1050, 0), Ok(Some(1200)));
    assert_eq!(compute("a * 0.21", cents, 1050, 0), Ok(Some(221)), "2.205 rounds away from zero");
    assert_eq!(compute("a * 0.21", cents, -1050, 0), Ok(Some(-221)));
    assert_eq!(compute("a / n", cents, 1000, 3), Ok(Some(333)));
    assert_eq!(compute("a / n", cents, -2000, 3), Ok(Some(-667)));
    assert_eq!(compute("a / n", cents, 1000, 0), Ok(None));
    assert_eq!(compute("7 / 2", Type::Integer, 0, 0), Ok(Some(4)), "a quotient is exact, not cut");
    assert_eq!(compute("round(a, 1)", cents, 1055, 0), Ok(Some(1060)));
    assert_eq!(compute("-a - -1", cents, 250, 0), Ok(Some(-150)));
    assert_eq!(compute("a % n", cents, 1050, 4), Ok(Some(250)));
    for overflowing in ["n + n", "n * n", "n * 1000 / 1000", "n + n - n", "a * n"] {
        let failed = compute(overflowing, cents, i64::MAX / 2 + 1, i64::MAX / 2 + 1).unwrap_err();
        assert!(failed.contains("overflow"), "{overflowing}: {failed}");
    }
}

/// Whatever the text: no panic, and what is understood can be made in a database.
#[test]
fn changed_bytes_never_make_a_schema_that_cannot_be_applied() {
    let mut chance = Chance::new(5);
    let (mut understood, mut refused) = (0, 0);
    let pieces = [
        "\"", "=", "[", "]", "{", "}", "\n", "0", "-1", "type", "text", "importe", "'", "now", "true", "link", "ñ",
        "tareas", ",", ".",
    ];
    for _ in 0..4_000 {
        let mut text = TASKS.to_owned();
        for _ in 0..chance.between(1, 3) {
            let mut at = chance.below(text.len() as u64) as usize;
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let mut end = (at + chance.below(12) as usize).min(text.len());
            while !text.is_char_boundary(end) {
                end += 1;
            }
            let piece = if chance.below(2) == 0 { "" } else { pieces[chance.below(pieces.len() as u64) as usize] };
            text.replace_range(at..end, piece);
        }
        match Schema::parse(&text, "s") {
            Err(problems) => {
                assert!(!problems.is_empty());
                refused += 1;
            }
            Ok(schema) if understood < 60 => {
                understood += 1;
                let dir = tempfile::tempdir().unwrap();
                if let Err(error) = Store::open(dir.path(), schema) {
                    panic!("{error}\n{text}");
                }
            }
            Ok(_) => {}
        }
    }
    assert!(understood == 60 && refused > 1000, "{understood} {refused}");
}

/// What the grammar lets through is SQL that SQLite takes, and computes without failing but for overflow.
#[test]
fn every_expression_that_is_understood_is_sql() {
    let words = [
        "a",
        "n",
        "t",
        "d",
        "b",
        "1",
        "2.50",
        "'x'",
        "'2026-01-02'",
        "null",
        "true",
        "+",
        "-",
        "*",
        "/",
        "%",
        "||",
        "=",
        "<>",
        "<=",
        "(",
        ")",
        ",",
        "and",
        "or",
        "not",
        "is null",
        "is not null",
        "in (",
        "between",
        "case when",
        "then",
        "else",
        "end",
        "abs(",
        "coalesce(",
        "round(",
        "year(",
        "length(",
        "iif(",
        "min(",
        "substr(",
    ];
    let field = |name: &str| match name {
        "a" => Some(Type::Decimal(2)),
        "n" => Some(Type::Integer),
        "t" => Some(Type::Text),
        "d" => Some(Type::Date),
        "b" => Some(Type::Boolean),
        _ => None,
    };
    let database = rusqlite::Connection::open_in_memory().unwrap();
    database.execute_batch("create table r (a integer, n integer, t text, d text, b integer) strict").unwrap();
    database
        .execute_batch("insert into r values (150, 3, 'x', '2026-05-06', 1), (null, null, null, null, null)")
        .unwrap();
    let mut chance = Chance::new(11);
    let mut understood = 0;
    for _ in 0..300_000 {
        let length = chance.between(1, 9);
        let text: Vec<&str> = (0..length).map(|_| words[chance.below(words.len() as u64) as usize]).collect();
        let text = text.join(" ");
        let Ok(parsed) = Expression::parse(&text, &field) else { continue };
        understood += 1;
        let kind = parsed.kind().unwrap_or(Type::Text);
        let sql = parsed.sql_as(kind, "").unwrap();
        let mut statement =
            database.prepare(&format!("select typeof({sql}) from r")).unwrap_or_else(|error| panic!("{text}: {error}"));
        let found =
            statement.query_map([], |row| row.get::<_, String>(0)).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let expected = kind.column().to_lowercase();
        for found in found.unwrap_or_else(|error| panic!("{text}: {error}")) {
            assert!(found == "null" || found == expected, "{text} is of type {found}, not {expected}");
        }
    }
    assert!(understood > 3_000, "only {understood}");
}
