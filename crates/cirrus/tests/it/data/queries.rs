//! Queries: what they find, that they use their indexes, and that nothing a stranger sends becomes SQL.

use cirrus::data::query::{Comparison, Cursor};
use cirrus::data::{Condition, Error, Query, Read, Store, Value};

use super::{Chance, record, tasks, text};

fn filled(dir: &std::path::Path) -> Store {
    let store = tasks(dir);
    let session = store.begin().unwrap();
    let titles = [
        "Pintar la habitación",
        "Comprar camión",
        "Llamar a Ñoño",
        "pintura roja",
        "100% 'hecho'; --",
        "Revisar CAMIÓN",
    ];
    for (number, title) in titles.iter().enumerate() {
        let number = number as i64;
        let mut task = record([
            ("titulo", text(title)),
            ("importe", Value::Integer(number * 10)),
            ("horas", Value::Integer(number % 3)),
        ]);
        if number % 2 == 0 {
            task.set("vence", format!("2026-0{}-01", number + 1).as_str());
        }
        session.create("tareas", task).unwrap();
    }
    session.commit().unwrap();
    store
}

fn ids(store: &Store, query: &Query) -> Vec<i64> {
    store.reader().unwrap().query(query).unwrap().iter().map(|row| row.id().unwrap()).collect()
}

fn plan(store: &Store, query: &Query) -> String {
    let compiled = query.compile(store.schema(), false).unwrap();
    let reader = store.reader().unwrap();
    let mut statement = reader.connection().prepare(&format!("explain query plan {}", compiled.sql)).unwrap();
    let details = statement.query_map(rusqlite::params_from_iter(&compiled.parameters), |row| row.get::<_, String>(3));
    details.unwrap().collect::<Result<Vec<_>, _>>().unwrap().join(" | ")
}

#[test]
fn conditions_find_what_they_say() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let found =
        |json: serde_json::Value| ids(&store, &Query::of("tareas").filter(Condition::from_json(&json).unwrap()));
    use serde_json::json;
    assert_eq!(found(json!({"horas": 1})), [2, 5]);
    assert_eq!(found(json!({"importe": {"ge": "20.00", "lt": 50}})), [3, 4, 5]);
    assert_eq!(found(json!({"horas": {"ne": 1}})), [1, 3, 4, 6]);
    assert_eq!(found(json!({"id": [1, 6, 99]})), [1, 6]);
    assert_eq!(found(json!({"vence": null})), [2, 4, 6]);
    assert_eq!(found(json!({"vence": {"null": false}})), [1, 3, 5]);
    assert_eq!(found(json!({"not": {"vence": {"gt": "2026-02-01"}}})), [1, 2, 4, 6], "no date is not later");
    assert_eq!(found(json!({"any": [{"horas": 0}, {"horas": 1}], "hecha": false})), [1, 2, 4, 5]);
    assert_eq!(found(json!({"titulo": {"contains": "PINT"}})), [1, 4]);
    assert_eq!(found(json!({"titulo": {"contains": "%"}})), [5]);
    assert_eq!(found(json!({"titulo": {"contains": "ÑOÑ"}})), [3], "case does not matter, in any alphabet");
    assert_eq!(found(json!({"titulo": {"contains": ""}})).len(), 6);
    assert_eq!(found(json!({"titulo": {"words": "camio\u{301}n"}})), [2, 6], "an accent of its own");
    assert_eq!(found(json!({"titulo": {"begins": "p"}})), [4]);
    assert_eq!(found(json!({"titulo": {"like": "%PINT%"}})), found(json!({"titulo": {"contains": "pint"}})));
    assert_eq!(found(json!({"titulo": {"like": "p%"}})), [1, 4]);
    assert_eq!(found(json!({"titulo": {"like": "%Ñ%Ñ%"}})), [3]);
    assert_eq!(found(json!({"titulo": {"like": "pint"}})), Vec::<i64>::new(), "all of the text, not a part of it");
    assert_eq!(found(json!({"titulo": {"like": "%%"}})).len(), 6);
    assert_eq!(found(json!({"id": {"between": [2, 4]}})), [2, 3, 4]);
    assert_eq!(found(json!({"titulo": {"words": "camion"}})), [2, 6], "accents and case do not matter");
    assert_eq!(found(json!({"por_titulo": {"words": "pint habit"}})), [1], "beginnings of words, all of them");
    assert_eq!(found(json!({"titulo": {"words": "\" OR titulo:*"}})), Vec::<i64>::new());
    assert_eq!(found(json!({"titulo": {"pieces": "amió"}})), [2, 6]);
    assert_eq!(found(json!({"titulo": {"pieces": "'hecho'; --"}})), [5]);
    assert_eq!(found(json!({"any": []})), Vec::<i64>::new());
    assert_eq!(found(json!({"all": []})).len(), 6);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let refused = |json: serde_json::Value| {
        let condition = Condition::from_json(&json);
        let compiled =
            condition.and_then(|condition| Query::of("tareas").filter(condition).compile(store.schema(), false));
        assert!(matches!(compiled, Err(Error::Invalid(_) | Error::TooLarge(_))), "{json}");
    };
    use serde_json::json;
    refused(json!({"titulo\" = '' or 1=1 --": 1}));
    refused(json!({"horas": "many"}));
    refused(json!({"horas": {"gt": null}}));
    refused(json!({"horas": {"like": "x"}}));
    refused(json!({"horas": {"words": "x"}}));
    refused(json!({"titulo": {"pieces": "ab"}}));
    refused(json!({"horas": {"between": [1]}}));
    refused(json!({"horas": {"between": [1, null]}}));
    refused(json!({"horas": {"between": "1,2"}}));
    refused(json!({"titulo": {"contains": "a\u{0}b"}}));
    refused(json!([1]));
    refused(json!({"id": (0..501).collect::<Vec<_>>()}));
    let mut deep = json!({"horas": 1});
    for _ in 0..40 {
        deep = json!({"not": deep});
    }
    refused(deep);
    assert!(Query::of("tareas").order("nada", false).compile(store.schema(), false).is_err());
    assert!(Query::of("tareas").fields(["id", "id"]).compile(store.schema(), false).is_err());
    assert!(matches!(Query::of("sqlite_schema").compile(store.schema(), false), Err(Error::NoTable(_))));
}

#[test]
fn each_kind_of_index_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let used = |query: Query, index: &str| {
        let plan = plan(&store, &query);
        assert!(plan.contains(index), "{index}: {plan}");
        assert!(!plan.contains("SCAN tareas") || plan.contains("USING"), "{plan}");
    };
    let tasks = || Query::of("tareas");
    used(Query::of("clientes").filter(Condition::eq("nombre", "Ana")), "clientes.por_nombre");
    used(
        tasks().filter(Condition::eq("estado", "nueva")).filter(Condition::compare("importe", Comparison::Gt, 5)),
        "estado=? AND importe>?",
    );
    used(tasks().filter(Condition::eq("estado", "nueva")).order("importe", true).limit(5), "tareas.por_estado");
    used(tasks().order("vence", true).limit(10), "tareas.por_vence");
    let sorted = plan(&store, &tasks().order("vence", true).limit(10));
    assert!(!sorted.contains("TEMP B-TREE"), "{sorted}");
    used(tasks().filter(Condition::Words("titulo".into(), "pint".into())), "VIRTUAL TABLE INDEX");
    used(tasks().filter(Condition::Pieces("titulo".into(), "amió".into())), "VIRTUAL TABLE INDEX");
    used(tasks().filter(Condition::Contains("titulo".into(), "camión".into())), "VIRTUAL TABLE INDEX");
    used(tasks().filter(Condition::eq("cliente", 1)), "tareas.link.cliente");
    used(Query::of("clientes").filter(Condition::Begins("nombre".into(), "An".into())), "nombre>? AND nombre<?");
}

#[test]
fn words_and_pieces_follow_changes() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let session = store.begin().unwrap();
    session.update("tareas", 2, record([("titulo", text("Vender barco"))])).unwrap();
    session.delete("tareas", 6).unwrap();
    session.commit().unwrap();
    let words = |word: &str| ids(&store, &Query::of("tareas").filter(Condition::Words("titulo".into(), word.into())));
    assert_eq!(words("camion"), Vec::<i64>::new());
    assert_eq!(words("barco"), [2]);
    assert_eq!(ids(&store, &Query::of("tareas").filter(Condition::Pieces("titulo".into(), "der bar".into()))), [2]);
    let outside = rusqlite::Connection::open(store.path()).unwrap();
    for index in ["tareas.por_titulo", "tareas.trozos"] {
        outside
            .execute(&format!("insert into \"{index}\"(\"{index}\", rank) values ('integrity-check', 1)"), [])
            .unwrap();
    }
}

#[test]
fn pages_by_cursor_cover_every_row_once_in_every_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let mut chance = Chance::new(7);
    let session = store.begin().unwrap();
    for number in 0..60 {
        let mut task = record([("titulo", Value::Text(format!("t{}", chance.below(5))))]);
        if chance.below(3) > 0 {
            task.set("horas", chance.between(0, 4));
        }
        if number % 4 == 0 {
            task.set("vence", format!("2026-01-{:02}", 1 + chance.below(9)).as_str());
        }
        session.create("tareas", task).unwrap();
    }
    session.commit().unwrap();
    let reader = store.reader().unwrap();
    let orders: [&[(&str, bool)]; 8] = [
        &[],
        &[("id", true)],
        &[("titulo", false)],
        &[("titulo", true)],
        &[("horas", false)],
        &[("horas", true)],
        &[("horas", true), ("vence", false)],
        &[("titulo", false), ("vence", true), ("horas", false)],
    ];
    for order in orders {
        let mut query = Query::of("tareas").fields(["id"]);
        for (field, descending) in order {
            query = query.order(field, *descending);
        }
        let every: Vec<i64> = reader.query(&query).unwrap().iter().map(|row| row.id().unwrap()).collect();
        let mut paged = Vec::new();
        query = query.limit(7);
        loop {
            let mut json = Vec::new();
            let page = reader.write_json(&query.compile(store.schema(), true).unwrap(), &mut json).unwrap();
            let rows: Vec<serde_json::Value> = serde_json::from_slice(&json).unwrap();
            assert_eq!(rows.len() as u64, page.rows);
            paged.extend(rows.iter().map(|row| row["id"].as_i64().unwrap()));
            match page.next {
                Some(next) => query.after = Some(Cursor::parse(&next.text()).unwrap()),
                None => break,
            }
        }
        assert_eq!(paged, every, "{order:?}");
        assert_eq!(every.len(), 66);
    }
    for hostile in ["", "x", "W10", "WzEsMl0", "bnVsbA", &"A".repeat(20_000)] {
        let query = Query { after: Cursor::parse(hostile).ok(), ..Query::of("tareas").order("titulo", false) };
        assert!(query.after.is_none() || query.compile(store.schema(), true).is_err(), "{hostile}");
    }
}

#[test]
fn counts_sums_and_json() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let reader = store.reader().unwrap();
    let query = Query::of("tareas").filter(Condition::compare("importe", Comparison::Ge, 30)).limit(1);
    assert_eq!(reader.count(&query).unwrap(), 3);
    assert_eq!(reader.sum(&query, "importe").unwrap(), Value::Decimal { units: 12_000, scale: 2 });
    assert_eq!(reader.sum(&Query::of("clientes"), "saldo").unwrap(), Value::Decimal { units: 0, scale: 2 });
    assert!(reader.sum(&query, "titulo").is_err());
    let mut json = Vec::new();
    let query =
        Query::of("tareas").fields(["id", "titulo", "importe", "hecha", "vence"]).order("id", true).limit(2).offset(1);
    let page = reader.write_json(&query.compile(store.schema(), false).unwrap(), &mut json).unwrap();
    assert_eq!(page.rows, 2);
    let expected = r#"[{"id":5,"titulo":"100% 'hecho'; --","importe":"40.00","hecha":false,"vence":"2026-05-01"},"#;
    assert!(String::from_utf8(json).unwrap().starts_with(expected));
    let mut one = Vec::new();
    assert!(reader.write_json_of("tareas", 3, &mut one).unwrap());
    let parsed: serde_json::Value = serde_json::from_slice(&one).unwrap();
    assert_eq!(parsed["titulo"], "Llamar a Ñoño");
    assert_eq!(parsed["adjunto"], serde_json::Value::Null);
    assert_eq!(reader.get("tareas", 3).unwrap().to_json(), parsed, "both ways to JSON agree");
    let slow = Query::of("tareas").filter(Condition::Contains("titulo".into(), "x".into()));
    reader.set_deadline(Some(std::time::Instant::now())).unwrap();
    // Short questions end before the deadline is looked at.
    assert!(reader.count(&slow).is_ok());
    let endless = reader.connection().query_row(
        "with recursive n(i) as (select 1 union all select i+1 from n) select max(i) from n",
        [],
        |row| row.get::<_, i64>(0),
    );
    assert!(endless.is_err());
    reader.set_deadline(None).unwrap();
}
