//! Creating, changing and deleting rows: values, rules, links, totals and triggers.

use std::cell::RefCell;
use std::rc::Rc;

use cirrus::data::schema::Table;
use cirrus::data::{Condition, Error, Event, Hooks, Query, Read, Record, Rejection, Session, Store, Value};

use super::{record, tasks, text};

fn faults(result: Result<Record, Error>) -> Vec<(String, &'static str)> {
    match result.unwrap_err() {
        Error::Validation { faults, .. } => faults.into_iter().map(|fault| (fault.field, fault.code)).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_row_comes_back_whole_with_defaults_and_formulas() {
    let dir = tempfile::tempdir().unwrap();
    let store = tasks(dir.path());
    let session = store.begin().unwrap();
    let created = session
        .create(
            "tareas",
            record([("titulo", text("pintar")), ("importe", Value::Real(12.5)), ("vence", text("2026-11-23"))]),
        )
        .unwrap();
    assert_eq!(created.id(), Some(1));
    assert_eq!(created.get("importe"), Some(&Value::Decimal { units: 1250, scale: 2 }));
    assert_eq!(created.get("doble"), Some(&Value::Decimal { units: 2500, scale: 2 }));
    assert_eq!(created.get("mes"), Some(&Value::Integer(11)));
    assert_eq!(created.get("hecha"), Some(&Value::Boolean(false)));
    assert_eq!(created.get("estado"), Some(&text("nueva")));
    assert!(matches!(created.get("creada"), Some(Value::Text(now)) if now.ends_with('Z')));
    let changed =
        session.update("tareas", 1, record([("importe", text("3.10")), ("hecha", Value::Boolean(true))])).unwrap();
    assert_eq!(changed.get("doble"), Some(&Value::Decimal { units: 620, scale: 2 }));
    assert_eq!(changed.get("titulo"), Some(&text("pintar")));
    session.commit().unwrap();
    let reader = store.reader().unwrap();
    assert_eq!(reader.get("tareas", 1).unwrap(), changed);
    assert!(matches!(reader.get("tareas", 2), Err(Error::NotFound { id: 2, .. })));
}

#[test]
fn every_broken_rule_is_named_with_its_field() {
    let dir = tempfile::tempdir().unwrap();
    let store = tasks(dir.path());
    let session = store.begin().unwrap();
    let wrong = record([
        ("importe", text("1.234")),
        ("horas", Value::Integer(1001)),
        ("estado", text("vieja")),
        ("vence", text("2026-02-30")),
        ("adjunto", text("no es base64")),
        ("doble", Value::Integer(1)),
        ("color", text("rojo")),
        ("hecha", Value::Integer(7)),
    ]);
    let mut found = faults(session.create("tareas", wrong));
    found.sort();
    let expected = [
        ("adjunto", "type"),
        ("color", "unknown"),
        ("doble", "read_only"),
        ("estado", "choice"),
        ("hecha", "type"),
        ("horas", "range"),
        ("importe", "too_precise"),
        ("titulo", "required"),
        ("vence", "type"),
    ];
    assert_eq!(found, expected.map(|(field, code)| (field.to_owned(), code)));
    let long = record([("titulo", Value::Text("ñ".repeat(201)))]);
    assert_eq!(faults(session.create("tareas", long)), [("titulo".to_owned(), "too_long")]);
    let negative = record([("titulo", text("x")), ("importe", text("-1"))]);
    assert_eq!(faults(session.create("tareas", negative)), [("importe".to_owned(), "check")]);
    let nowhere = record([("titulo", text("x")), ("cliente", Value::Integer(99))]);
    assert_eq!(faults(session.create("tareas", nowhere)), [("cliente".to_owned(), "link")]);
    session.create("clientes", record([("nombre", text("Ana"))])).unwrap();
    assert_eq!(
        faults(session.create("clientes", record([("nombre", text("Ana"))]))),
        [("nombre".to_owned(), "unique")]
    );
    assert_eq!(
        faults(session.update("clientes", 1, record([("saldo", text("1"))]))),
        [("saldo".to_owned(), "read_only")]
    );
    assert_eq!(
        faults(session.update("clientes", 1, record([("nombre", Value::Null)]))),
        [("nombre".to_owned(), "required")]
    );
    assert!(matches!(session.create("nada", Record::new()), Err(Error::NoTable(_))));
    assert_eq!(session.count(&Query::of("tareas")).unwrap(), 0);
}

#[test]
fn totals_follow_their_rows_between_masters() {
    let dir = tempfile::tempdir().unwrap();
    let store = tasks(dir.path());
    let session = store.begin().unwrap();
    for name in ["Ana", "Luis"] {
        session.create("clientes", record([("nombre", text(name))])).unwrap();
    }
    let totals = |session: &Session| {
        let rows = session.query(&Query::of("clientes")).unwrap();
        rows.iter()
            .map(|row| format!("{}/{}", row.get("saldo").unwrap().to_text(), row.get("tareas").unwrap().to_text()))
            .collect::<Vec<_>>()
    };
    let task = |cliente: i64, importe: &str| {
        record([("titulo", text("t")), ("cliente", Value::Integer(cliente)), ("importe", text(importe))])
    };
    session.create("tareas", task(1, "10.50")).unwrap();
    session.create("tareas", task(1, "0.25")).unwrap();
    assert_eq!(totals(&session), ["10.75/2", "0.00/0"]);
    session.update("tareas", 1, record([("cliente", Value::Integer(2)), ("importe", text("7"))])).unwrap();
    assert_eq!(totals(&session), ["0.25/1", "7.00/1"]);
    session.update("tareas", 1, record([("cliente", Value::Null)])).unwrap();
    session.delete("tareas", 2).unwrap();
    assert_eq!(totals(&session), ["0.00/0", "0.00/0"]);
    let largest = "92233720368547758.07";
    session.create("tareas", record([("titulo", text("t")), ("importe", text("0"))])).unwrap();
    // The formula that doubles it does not fit, so nothing is written.
    let failed = session.create("tareas", task(1, largest)).unwrap_err();
    assert!(matches!(failed, Error::Overflow { .. }), "{failed:?}");
    for _ in 0..2 {
        session.create("tareas", task(1, "46116860184273879.03")).unwrap();
    }
    let failed = session.create("tareas", task(1, "0.02")).unwrap_err();
    assert!(matches!(failed, Error::Overflow { .. }), "{failed:?}");
    assert_eq!(totals(&session)[0], "92233720368547758.06/2");
}

#[test]
fn links_restrict_cascade_and_clear() {
    let dir = tempfile::tempdir().unwrap();
    let store = tasks(dir.path());
    let session = store.begin().unwrap();
    session.create("clientes", record([("nombre", text("Ana"))])).unwrap();
    session.create("clientes", record([("nombre", text("Luis"))])).unwrap();
    session.create("tareas", record([("titulo", text("t")), ("cliente", Value::Integer(1))])).unwrap();
    session.create("notas", record([("tarea", Value::Integer(1)), ("autor", Value::Integer(2))])).unwrap();
    match session.delete("clientes", 1).unwrap_err() {
        Error::Linked { by, field, count, .. } => assert_eq!((&*by, &*field, count), ("tareas", "cliente", 1)),
        other => panic!("{other:?}"),
    }
    session.delete("clientes", 2).unwrap();
    assert_eq!(session.get("notas", 1).unwrap().get("autor"), Some(&Value::Null));
    session.delete("tareas", 1).unwrap();
    assert_eq!(session.count(&Query::of("notas")).unwrap(), 0);
    assert!(matches!(session.delete("tareas", 1), Err(Error::NotFound { .. })));
}

/// Writes what it sees into a list; before a create it sets the hours, and it rejects what is called so.
struct Watching {
    seen: RefCell<Vec<String>>,
}

impl Watching {
    fn note(&self, when: &str, event: Event, table: &Table, old: Option<&Record>, new: Option<&Record>) {
        let id = old.or(new).and_then(Record::id).map_or("-".to_owned(), |id| id.to_string());
        self.seen.borrow_mut().push(format!("{when} {event:?} {} {id}", table.name));
    }
}

impl Hooks for Watching {
    fn before(
        &self,
        session: &Session,
        event: Event,
        table: &Table,
        old: Option<&Record>,
        new: Option<&mut Record>,
    ) -> Result<(), Rejection> {
        self.note("before", event, table, old, new.as_deref());
        if &*table.name == "tareas"
            && let Some(new) = new
        {
            if event == Event::Create {
                new.set("horas", 3);
                // What a trigger writes belongs to the same write.
                session.create("clientes", record([("nombre", text("de la tarea"))])).unwrap();
            }
            if new.get("titulo") == Some(&text("no antes")) {
                return Err(Rejection::new("así no"));
            }
            if new.get("titulo") == Some(&text("mal")) {
                new.set("importe", "-5");
            }
        }
        Ok(())
    }

    fn after(
        &self,
        _: &Session,
        event: Event,
        table: &Table,
        old: Option<&Record>,
        new: Option<&Record>,
    ) -> Result<(), Rejection> {
        self.note("after", event, table, old, new);
        match new.and_then(|new| new.get("titulo")) {
            Some(Value::Text(title)) if title == "no después" => Err(Rejection::new("tampoco")),
            _ => Ok(()),
        }
    }
}

fn counts(session: &Session) -> (u64, u64) {
    (session.count(&Query::of("tareas")).unwrap(), session.count(&Query::of("clientes")).unwrap())
}

#[test]
fn triggers_change_reject_and_take_back_all_they_did() {
    let dir = tempfile::tempdir().unwrap();
    let store = tasks(dir.path());
    let hooks = Rc::new(Watching { seen: RefCell::new(Vec::new()) });
    let session = store.begin_with(hooks.clone()).unwrap();
    for (title, rejected) in [("no antes", "así no"), ("no después", "tampoco")] {
        let error = session.create("tareas", record([("titulo", text(title))])).unwrap_err();
        assert!(matches!(&error, Error::Rejected(rejection) if rejection.message == rejected), "{error:?}");
        assert_eq!(counts(&session), (0, 0), "{title}");
    }
    assert!(matches!(session.create("tareas", record([("titulo", text("mal"))])), Err(Error::Validation { .. })));
    assert_eq!(counts(&session), (0, 0), "what a trigger sets is judged too");
    hooks.seen.borrow_mut().clear();
    let created = session.create("tareas", record([("titulo", text("bien"))])).unwrap();
    assert_eq!(created.get("horas"), Some(&Value::Integer(3)));
    assert_eq!(counts(&session), (1, 1));
    session.create("notas", record([("tarea", Value::Integer(1))])).unwrap();
    session.update("tareas", 1, record([("titulo", text("mejor"))])).unwrap();
    session.delete("tareas", 1).unwrap();
    let expected = [
        "before Create tareas -",
        "before Create clientes -",
        "after Create clientes 1",
        "after Create tareas 1",
        "before Create notas -",
        "after Create notas 1",
        "before Update tareas 1",
        "after Update tareas 1",
        "before Delete tareas 1",
        "before Delete notas 1",
        "after Delete notas 1",
        "after Delete tareas 1",
    ];
    assert_eq!(*hooks.seen.borrow(), expected);
}

/// A trigger that causes itself.
struct Endless;

impl Hooks for Endless {
    fn before(
        &self,
        session: &Session,
        _: Event,
        _: &Table,
        _: Option<&Record>,
        _: Option<&mut Record>,
    ) -> Result<(), Rejection> {
        let again = session.create("notas", record([("tarea", Value::Integer(1))]));
        again.map(drop).map_err(|error| Rejection {
            field: None,
            message: error.to_string(),
            source: Some(Box::new(error)),
        })
    }

    fn after(&self, _: &Session, _: Event, _: &Table, _: Option<&Record>, _: Option<&Record>) -> Result<(), Rejection> {
        Ok(())
    }
}

#[test]
fn a_trigger_that_causes_itself_ends() {
    let dir = tempfile::tempdir().unwrap();
    let session = tasks(dir.path()).begin_with(Rc::new(Endless)).unwrap();
    let error = session.create("notas", record([("tarea", Value::Integer(1))])).unwrap_err();
    assert!(error.to_string().contains("deep"), "{error}");
    assert_eq!(session.count(&Query::of("notas")).unwrap(), 0);
}

#[test]
fn sessions_nest_wait_for_each_other_and_leave_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let store = tasks(dir.path());
    let client = |name: &str| record([("nombre", text(name))]);
    {
        let session = store.begin().unwrap();
        session.create("clientes", client("uno")).unwrap();
        assert!(
            matches!(store.begin(), Err(Error::Busy(_))),
            "a second session of the same thread would wait for itself"
        );
    }
    let session = store.begin().unwrap();
    assert_eq!(session.count(&Query::of("clientes")).unwrap(), 0, "what is not committed is gone");
    session.create("clientes", client("uno")).unwrap();
    let failed: Result<(), Error> = session.atomically(|session| {
        session.create("clientes", client("dos"))?;
        let inner: Result<(), Error> = session.atomically(|session| {
            session.create("clientes", client("tres"))?;
            Err(Error::Invalid("no".into()))
        });
        assert!(inner.is_err());
        assert_eq!(session.count(&Query::of("clientes"))?, 2);
        Err(Error::Invalid("tampoco".into()))
    });
    assert!(failed.is_err());
    session.commit().unwrap();
    let reader = store.reader().unwrap();
    assert_eq!(reader.count(&Query::of("clientes")).unwrap(), 1);
    let stamp = |reader: &cirrus::data::Reader| reader.stamp(&[0]).unwrap().unwrap();
    let (before, other) = (stamp(&reader), reader.stamp(&[1]).unwrap());
    let writer = std::thread::spawn({
        let store: Store = store.clone();
        move || {
            let session = store.begin().unwrap();
            session.create("clientes", record([("nombre", text("cuatro"))])).unwrap();
            session.commit().unwrap();
        }
    });
    writer.join().unwrap();
    assert_ne!(stamp(&reader), before);
    assert_eq!(reader.stamp(&[1]).unwrap(), other, "the other table's cache is still good");
    // Another process: a connection of its own.
    let outside = rusqlite::Connection::open(store.path()).unwrap();
    let before = stamp(&reader);
    outside.execute("insert into clientes (nombre) values ('fuera')", []).unwrap();
    assert_ne!(stamp(&reader), before);
    assert_eq!(stamp(&reader), stamp(&reader));
    let condition = Condition::eq("nombre", "fuera");
    assert_eq!(
        reader.first(&Query::of("clientes").filter(condition)).unwrap().unwrap().get("tareas"),
        Some(&Value::Integer(0))
    );
    assert!(reader.connection().execute("delete from clientes", []).is_err(), "a reader cannot write");
}

#[test]
fn a_total_keeps_its_own_rules() {
    let tables = r#"
[tables.cuentas.fields]
saldo = { type = "decimal", scale = 2, check = "saldo >= 0" }
plazas = { type = "integer", max = 2 }
[tables.apuntes.fields]
cuenta = { type = "link", to = "cuentas" }
importe = { type = "decimal", scale = 2, required = true }
[[tables.apuntes.accumulate]]
to = "cuenta"
total = "saldo"
add = "importe"
[[tables.apuntes.accumulate]]
to = "cuenta"
total = "plazas"
add = "1"
"#;
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), super::schema(tables)).unwrap();
    let session = store.begin().unwrap();
    session.create("cuentas", Record::new()).unwrap();
    let entry = |importe: &str| record([("cuenta", Value::Integer(1)), ("importe", text(importe))]);
    session.create("apuntes", entry("10")).unwrap();
    assert_eq!(faults(session.create("apuntes", entry("-10.01"))), [("cuenta".to_owned(), "total")], "no overdraft");
    session.create("apuntes", entry("-10")).unwrap();
    assert_eq!(faults(session.create("apuntes", entry("1"))), [("cuenta".to_owned(), "total")], "no third place");
    let held = session.delete("apuntes", 1).unwrap_err();
    assert!(held.to_string().contains("cuentas.saldo would not meet saldo >= 0"), "{held}");
    assert_eq!(session.get("cuentas", 1).unwrap().get("saldo"), Some(&Value::Decimal { units: 0, scale: 2 }));
    let given = tables.replace("check = \"saldo >= 0\"", "default = 5");
    assert!(cirrus::data::Schema::parse(&given, "s").unwrap_err()[0].message.contains("begins at zero"));
}
