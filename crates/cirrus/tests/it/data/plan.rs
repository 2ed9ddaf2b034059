//! How a changed schema comes to a database that has rows: what is kept, what is refused, what is logged.

use std::path::Path;

use cirrus::data::plan::{self, What};
use cirrus::data::{Condition, Error, Query, Read, Store, Value, backup};

use super::{Chance, record, schema, text};

fn open(dir: &Path, tables: &str) -> Store {
    Store::open(dir, schema(tables)).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(dir: &Path, tables: &str) -> String {
    match Store::open(dir, schema(tables)) {
        Err(Error::Refused(message)) => message,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was applied"),
    }
}

/// One field of every row, as text.
fn column(store: &Store, table: &str, field: &str) -> Vec<String> {
    let rows = store.reader().unwrap().query(&Query::of(table)).unwrap();
    rows.iter().map(|row| row.get(field).unwrap().to_text()).collect()
}

fn fill(store: &Store, table: &str, rows: &[&[(&str, Value)]]) {
    let session = store.begin().unwrap();
    for row in rows {
        let fields = row.iter().map(|(name, value)| ((*name).into(), value.clone()));
        session.create(table, fields.collect()).unwrap();
    }
    session.commit().unwrap();
}

const PEOPLE: &str = r#"
[tables.personas.fields]
nombre = { type = "text", required = true }
edad = { type = "integer" }
notas = { type = "text" }
"#;

fn people(dir: &Path) {
    let store = open(dir, PEOPLE);
    fill(
        &store,
        "personas",
        &[
            &[("nombre", text("Ana")), ("edad", Value::Integer(30)), ("notas", text("12.50"))],
            &[("nombre", text("Luis")), ("edad", Value::Integer(41))],
            &[("nombre", text("Eva")), ("notas", text("no sé"))],
        ],
    );
}

#[test]
fn adding_keeps_rows_and_the_same_schema_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    people(dir.path());
    let more = r#"
[tables.ciudades.fields]
nombre = { type = "text" }
[tables.personas.fields]
apodo = { type = "text", max = 20 }
nombre = { type = "text", required = true }
activa = { type = "boolean", required = true, default = true }
edad = { type = "integer" }
notas = { type = "text" }
ciudad = { type = "link", to = "ciudades" }
[tables.personas.indexes]
por_nombre = { kind = "words", fields = ["nombre", "notas"] }
"#;
    let preview = plan::preview(dir.path(), &schema(more)).unwrap();
    let what: Vec<What> = preview.changes.iter().map(|change| change.what).collect();
    assert_eq!(what, [What::CreateTable, What::AddField, What::AddField, What::AddField, What::AddIndex], "{preview}");
    assert!(preview.losses.is_empty() && preview.obstacles.is_empty());
    assert!(serde_json::to_string(&preview).unwrap().contains("\"create_table\""));
    let store = open(dir.path(), more);
    assert_eq!(column(&store, "personas", "nombre"), ["Ana", "Luis", "Eva"]);
    assert_eq!(column(&store, "personas", "activa"), ["true", "true", "true"]);
    let found = Query::of("personas").filter(Condition::Words("por_nombre".into(), "luis".into()));
    assert_eq!(store.reader().unwrap().count(&found).unwrap(), 1, "a new index covers the rows that are there");
    drop(store);
    assert!(plan::preview(dir.path(), &schema(more)).unwrap().is_empty());
    assert!(plan::apply(dir.path(), &schema(more), false).unwrap().is_empty());
    let log = rusqlite::Connection::open(dir.path().join("data.sqlite")).unwrap();
    let logged: i64 = log.query_row("select count(*) from _cirrus_changes", [], |row| row.get(0)).unwrap();
    assert_eq!(logged, 2);
}

#[test]
fn what_would_be_lost_is_counted_and_refused_unless_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    people(dir.path());
    let without = "[tables.personas.fields]\nnombre = { type = \"text\", required = true }";
    let message = refused(dir.path(), without);
    assert!(
        message.contains("LOST  personas.edad: 2 values") && message.contains("LOST  personas.notas: 2 values"),
        "{message}"
    );
    assert!(message.contains("from = \"edad\""), "{message}");
    let store = open(dir.path(), PEOPLE);
    assert_eq!(column(&store, "personas", "edad"), ["30", "41", ""], "a refusal changes nothing");
    drop(store);
    let other = "[tables.otra.fields]\nx = { type = \"text\" }";
    assert!(refused(dir.path(), other).contains("LOST  personas: 7 values in 3 rows"));
    let applied = plan::apply(dir.path(), &schema(without), true).unwrap();
    let copy = applied.copy.unwrap();
    backup::check_file(&copy).unwrap();
    let kept = rusqlite::Connection::open(&copy).unwrap();
    let ages: i64 = kept.query_row("select count(edad) from personas", [], |row| row.get(0)).unwrap();
    assert_eq!(ages, 2, "the copy is of before");
    let store = open(dir.path(), without);
    assert_eq!(column(&store, "personas", "nombre"), ["Ana", "Luis", "Eva"]);
    assert!(store.reader().unwrap().get("personas", 1).unwrap().get("edad").is_none());
}

#[test]
fn renames_keep_data_only_when_declared() {
    let dir = tempfile::tempdir().unwrap();
    people(dir.path());
    let renamed = r#"
[tables.gente]
from = "personas"
[tables.gente.fields]
nombre = { type = "text", required = true }
anios = { type = "integer", from = "edad" }
notas = { type = "text" }
"#;
    let undeclared = renamed.replace(", from = \"edad\"", "");
    assert!(refused(dir.path(), &undeclared).contains("personas.edad: 2 values"));
    let store = open(dir.path(), renamed);
    assert_eq!(column(&store, "gente", "anios"), ["30", "41", ""]);
    drop(store);
    // `from` may stay where it is: it was applied already.
    let further = format!("{renamed}\nmas = {{ type = \"text\" }}");
    let store = open(dir.path(), &further);
    assert_eq!(column(&store, "gente", "anios"), ["30", "41", ""]);
}

#[test]
fn types_change_exactly_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    people(dir.path());
    let changed = |notes: &str| {
        format!(
            "[tables.personas.fields]\nnombre = {{ type = \"text\", required = true }}\n\
             edad = {{ type = \"decimal\", scale = 1 }}\nnotas = {{ {notes} }}"
        )
    };
    let message = refused(dir.path(), &changed("type = \"decimal\", scale = 2"));
    assert!(
        message.contains("personas.notas: 1 values in 1 rows") && message.contains("of type decimal exactly"),
        "{message}"
    );
    let store = open(dir.path(), &changed("type = \"text\""));
    assert_eq!(column(&store, "personas", "edad"), ["30.0", "41.0", ""]);
    drop(store);
    plan::apply(dir.path(), &schema(&changed("type = \"decimal\", scale = 2")), true).unwrap();
    let store = open(dir.path(), &changed("type = \"decimal\", scale = 2"));
    assert_eq!(column(&store, "personas", "notas"), ["12.50", "", ""]);
}

#[test]
fn what_the_rows_contradict_is_counted_and_never_forced() {
    let dir = tempfile::tempdir().unwrap();
    people(dir.path());
    let wrong = r#"
[tables.personas.fields]
nombre = { type = "text", required = true }
edad = { type = "integer", required = true, check = "edad < 40" }
notas = { type = "text" }
nueva = { type = "text", required = true }
[tables.personas.indexes]
unica = { kind = "unique", fields = ["edad"] }
"#;
    let store = open(dir.path(), PEOPLE);
    fill(&store, "personas", &[&[("nombre", text("Otro")), ("edad", Value::Integer(30))]]);
    drop(store);
    for allow_loss in [false, true] {
        let message = plan::apply(dir.path(), &schema(wrong), allow_loss).unwrap_err().to_string();
        for expected in [
            "WRONG personas.edad: 1 rows. It is required",
            "WRONG personas.edad: 1 rows. They do not meet edad < 40",
            "WRONG personas.nueva: 4 rows",
            "WRONG personas.unica: 2 rows",
        ] {
            assert!(message.contains(expected), "{expected} is missing in {message}");
        }
    }
    let right = wrong
        .replace("required = true, check = \"edad < 40\"", "required = true, default = 0, check = \"edad < 99\"")
        .replace("type = \"text\", required = true }\n[", "type = \"text\", required = true, default = \"-\" }\n[")
        .replace("unique", "repeated");
    let store = open(dir.path(), &right);
    assert_eq!(column(&store, "personas", "edad"), ["30", "41", "0", "30"]);
    assert_eq!(column(&store, "personas", "nueva"), ["-", "-", "-", "-"]);
}

#[test]
fn a_schema_says_itself_what_may_be_lost() {
    let dir = tempfile::tempdir().unwrap();
    people(dir.path());
    let without = PEOPLE.replace("edad = { type = \"integer\" }\n", "");
    assert_ne!(without, PEOPLE);
    let message = refused(dir.path(), &without);
    assert!(message.contains("write lose = [\"personas.edad\"] at the top of schema.toml"), "{message}");
    let message = refused(dir.path(), &format!("lose = [\"personas.notas\", \"personas\"]\n{without}"));
    assert!(message.contains("LOST  personas.edad"), "{message}");
    drop(open(dir.path(), &format!("lose = [\"personas.edad\"]\n{without}")));
    let copies = std::fs::read_dir(dir.path().join("copies")).unwrap();
    assert_eq!(copies.count(), 1, "a copy is kept");
}

const ORDERS: &str = r#"
[tables.clientes.fields]
nombre = { type = "text" }
telefono = { type = "text" }
[tables.pedidos.fields]
cliente = { type = "link", to = "clientes", on_delete = "cascade" }
importe = { type = "decimal", scale = 2 }
calle = { type = "text" }
"#;

fn orders(dir: &Path) {
    let store = open(dir, ORDERS);
    for number in 1..=3 {
        fill(
            &store,
            "clientes",
            &[&[("nombre", Value::Text(format!("c{number}"))), ("telefono", Value::Text(format!("t{number}")))]],
        );
    }
    for (client, street) in [(1, "Mayor"), (1, "Mayor"), (2, "Sol")] {
        fill(
            &store,
            "pedidos",
            &[&[("cliente", Value::Integer(client)), ("importe", text("1.10")), ("calle", text(street))]],
        );
    }
}

#[test]
fn fields_move_between_tables_through_their_links() {
    let dir = tempfile::tempdir().unwrap();
    orders(dir.path());
    // From the master to its details: the third client has none, so his number would be lost.
    let down = ORDERS
        .replace("telefono = { type = \"text\" }\n", "")
        .replace("calle =", "telefono = { type = \"text\", from = \"clientes.telefono\" }\ncalle =");
    assert!(refused(dir.path(), &down).contains("clientes.telefono: 1 values in 1 rows"));
    // From the details to their master: both streets of the first are the same, so nothing is lost.
    let up = ORDERS
        .replace("calle = { type = \"text\" }\n", "")
        .replace("telefono =", "calle = { type = \"text\", from = \"pedidos.calle\" }\ntelefono =");
    let store = open(dir.path(), &up);
    assert_eq!(column(&store, "clientes", "calle"), ["Mayor", "Sol", ""]);
    assert_eq!(column(&store, "clientes", "telefono"), ["t1", "t2", "t3"]);
    drop(store);
    // Into a table of their own, that links back.
    let split = format!(
        "{}\n[tables.contactos.fields]\ncliente = {{ type = \"link\", to = \"clientes\", required = true }}\n\
         numero = {{ type = \"text\", from = \"clientes.telefono\" }}",
        up.replace("telefono = { type = \"text\" }\n", "")
    );
    let store = open(dir.path(), &split);
    assert_eq!(column(&store, "contactos", "numero"), ["t1", "t2", "t3"]);
    assert_eq!(column(&store, "contactos", "cliente"), ["1", "2", "3"]);
    assert_eq!(store.check().unwrap(), Vec::<String>::new());
}

#[test]
fn totals_formulas_and_balances_are_computed_for_the_rows_that_are_there() {
    let dir = tempfile::tempdir().unwrap();
    orders(dir.path());
    let more = format!(
        "{}\ndoble = {{ type = \"formula\", of = \"importe * 2\", scale = 2 }}\n\
         [[tables.pedidos.accumulate]]\nto = \"cliente\"\ntotal = \"total\"\nadd = \"doble\"",
        ORDERS.replace("telefono =", "total = { type = \"decimal\", scale = 2 }\ntelefono =")
    );
    let store = open(dir.path(), &more);
    assert_eq!(column(&store, "pedidos", "doble"), ["2.20", "2.20", "2.20"]);
    assert_eq!(column(&store, "clientes", "total"), ["4.40", "2.20", "0.00"]);
    drop(store);
    let other = more.replace("add = \"doble\"", "add = \"doble + 1\"");
    let store = open(dir.path(), &other);
    assert_eq!(column(&store, "clientes", "total"), ["6.40", "3.20", "0.00"]);
    fill(&store, "pedidos", &[&[("cliente", Value::Integer(3)), ("importe", text("5"))]]);
    assert_eq!(column(&store, "clientes", "total"), ["6.40", "3.20", "11.00"]);
    assert_eq!(store.check().unwrap(), Vec::<String>::new());
    drop(store);
    // The total becomes a plain number and keeps its value; the formula too.
    let plain = other
        .split("[[")
        .next()
        .unwrap()
        .replace("{ type = \"formula\", of = \"importe * 2\", scale = 2 }", "{ type = \"decimal\", scale = 2 }");
    let store = open(dir.path(), &plain);
    assert_eq!(column(&store, "clientes", "total"), ["6.40", "3.20", "11.00"]);
    assert_eq!(column(&store, "pedidos", "doble"), ["2.20", "2.20", "2.20", "10.00"]);
}

#[test]
fn links_are_checked_when_they_are_made_from_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let plain = "[tables.a.fields]\nx = { type = \"text\" }\n[tables.b.fields]\na = { type = \"integer\" }";
    let store = open(dir.path(), plain);
    fill(&store, "a", &[&[("x", text("uno"))]]);
    fill(&store, "b", &[&[("a", Value::Integer(1))], &[("a", Value::Integer(7))]]);
    drop(store);
    let linked = plain.replace("\"integer\"", "\"link\", to = \"a\"");
    assert!(refused(dir.path(), &linked).contains("b.a: 1 values in 1 rows. They lead to no row"));
    plan::apply(dir.path(), &schema(&linked), true).unwrap();
    let store = open(dir.path(), &linked);
    assert_eq!(column(&store, "b", "a"), ["1", ""]);
    assert!(matches!(store.begin().unwrap().delete("a", 1), Err(Error::Linked { .. })));
}

#[test]
fn another_process_that_changes_the_tables_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    people(dir.path());
    let store = open(dir.path(), PEOPLE);
    plan::apply(dir.path(), &schema(&format!("{PEOPLE}\nmas = {{ type = \"text\" }}")), false).unwrap();
    assert!(matches!(store.begin(), Err(Error::SchemaChanged)));
}

/// Random schemas one after the other over the same rows: whatever is applied without a refusal loses no value that
/// both schemas have, and the database is sound and stays so when it is written.
#[test]
fn any_order_of_schemas_leaves_a_sound_database() {
    for seed in 0..12 {
        let dir = tempfile::tempdir().unwrap();
        let mut chance = Chance::new(seed);
        let mut applied = 0;
        for _ in 0..12 {
            let wanted = random_schema(&mut chance);
            let wanted = schema(&wanted);
            match plan::apply(dir.path(), &wanted, chance.below(3) == 0) {
                Ok(_) => applied += 1,
                Err(Error::Refused(_)) => continue,
                Err(other) => panic!("seed {seed}: {other}\n{}", wanted.text),
            }
            let store = Store::open(dir.path(), wanted).unwrap();
            let session = store.begin().unwrap();
            for number in 0..5 {
                for table in ["a", "b"] {
                    if store.schema().table(table).is_some() {
                        let mut row = record([]);
                        for field in &store.schema().table(table).unwrap().fields {
                            if field.writable() && &*field.name != "enlace" && chance.below(3) > 0 {
                                row.set(&*field.name, number.to_string().as_str());
                            }
                        }
                        // Rules of the schema may refuse it; what matters is that the rest stays sound.
                        match session.create(table, row) {
                            Ok(_) | Err(Error::Validation { .. }) => {}
                            Err(other) => panic!("seed {seed}: {other}"),
                        }
                    }
                }
            }
            session.commit().unwrap();
            assert_eq!(store.check().unwrap(), Vec::<String>::new(), "seed {seed}\n{}", store.schema().text);
        }
        assert!(applied > 1, "seed {seed}: nothing was tried");
    }
}

fn random_schema(chance: &mut Chance) -> String {
    let kinds = [
        "type = \"text\"",
        "type = \"integer\"",
        "type = \"decimal\", scale = 2",
        "type = \"decimal\", scale = 0, default = 1",
        "type = \"text\", required = true, default = \"1\"",
    ];
    let mut text = String::new();
    for table in ["a", "b"] {
        text.push_str(&format!("[tables.{table}.fields]\nn = {{ type = \"integer\" }}\n"));
        for name in ["p", "q", "r"] {
            if chance.below(4) > 0 {
                let from = ["", ", from = \"p\"", ", from = \"q\"", ", from = \"a.r\""][chance.below(4) as usize];
                let from = if from.contains(&format!("\"{name}\"")) || (table == "a" && from.contains("a.")) {
                    ""
                } else {
                    from
                };
                let from = if text.contains("from = \"p\"") || text.contains("from = \"q\"") { "" } else { from };
                text.push_str(&format!("{name} = {{ {}{from} }}\n", kinds[chance.below(5) as usize]));
            }
        }
        if chance.below(2) == 0 {
            text.push_str("f = { type = \"formula\", of = \"coalesce(n, 0) * 2 + 1\" }\n");
        }
        if table == "b" {
            text.push_str("enlace = { type = \"link\", to = \"a\" }\n");
        }
        if chance.below(2) == 0 {
            let kind = ["repeated", "unique", "ordered"][chance.below(3) as usize];
            text.push_str(&format!("[tables.{table}.indexes]\ni = {{ kind = \"{kind}\", fields = [\"n\"] }}\n"));
        }
    }
    if chance.below(2) == 0 {
        text.push_str("[[tables.b.accumulate]]\nto = \"enlace\"\ntotal = \"n\"\nadd = \"1\"\n");
    }
    text
}
