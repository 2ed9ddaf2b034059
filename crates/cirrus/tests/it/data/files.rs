//! Rows that come from files and go to files: CSV, JSON, backups.

use cirrus::data::import::Existing;
use cirrus::data::{Error, Query, Read, RowFault, Session, Store, Value, backup, export};

use super::{record, tasks, text};

fn count(session: &Session, table: &str) -> u64 {
    session.count(&Query::of(table)).unwrap()
}

fn faults(result: Result<u64, Error>) -> Vec<RowFault> {
    match result.unwrap_err() {
        Error::Import(faults) => faults,
        other => panic!("{other:?}"),
    }
}

/// Rows with everything that CSV and JSON find hard.
fn hard(store: &Store) {
    let session = store.begin().unwrap();
    session.create("clientes", record([("nombre", text("Ñoño, \"el\"\nde allí"))])).unwrap();
    for number in 0..50i64 {
        let mut row = record([
            ("titulo", Value::Text(format!("=1+1;{number}\t'😀' </textarea>"))),
            ("horas", Value::Integer(number)),
        ]);
        row.set("importe", Value::Decimal { units: number * 101, scale: 2 });
        if number % 2 == 0 {
            row.set("cliente", 1);
            row.set("adjunto", vec![0, 255, number as u8]);
            row.set("vence", "2026-01-31");
            row.set("hora", "09:30");
            row.set("hecha", true);
        }
        session.create("tareas", row).unwrap();
    }
    session.commit().unwrap();
}

#[test]
fn what_is_exported_can_be_imported_and_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let store = tasks(dir.path());
    hard(&store);
    let reader = store.reader().unwrap();
    for format in ["csv", "json"] {
        let other = tempfile::tempdir().unwrap();
        let copy = tasks(other.path());
        let session = copy.begin().unwrap();
        for table in ["clientes", "tareas"] {
            let mut file = Vec::new();
            let rows = if format == "csv" {
                let rows = export::csv(&reader, &Query::of(table), &mut file).unwrap();
                assert_eq!(session.import_csv(table, &*file, Existing::Refuse).unwrap(), rows);
                rows
            } else {
                let rows = export::json(&reader, &Query::of(table), &mut file).unwrap();
                assert_eq!(session.import_json(table, &*file, Existing::Refuse).unwrap(), rows);
                rows
            };
            assert_eq!(rows, reader.count(&Query::of(table)).unwrap());
            // Once more: refused as it is, or taken as changes that change nothing.
            if format == "csv" {
                assert_eq!(faults(session.import_csv(table, &*file, Existing::Refuse))[0].row, 1);
                session.import_csv(table, &*file, Existing::Update).unwrap();
            }
        }
        for table in ["clientes", "tareas"] {
            let (there, here) = (session.query(&Query::of(table)).unwrap(), reader.query(&Query::of(table)).unwrap());
            assert_eq!(there, here, "{format}");
        }
        session.commit().unwrap();
        assert_eq!(copy.check().unwrap(), Vec::<String>::new());
    }
}

#[test]
fn wrong_rows_are_told_by_number_and_nothing_is_imported() {
    let dir = tempfile::tempdir().unwrap();
    let store = tasks(dir.path());
    let session = store.begin().unwrap();
    let csv = "titulo,importe,horas\nuno,1.50,\ndos,mucho,3\n,2,2\ncuatro,4,4000\ncinco,-1,1\n";
    let found = faults(session.import_csv("tareas", csv.as_bytes(), Existing::Refuse));
    let told: Vec<(u64, bool)> = found
        .iter()
        .zip(["importe", "titulo", "horas", "importe"])
        .map(|(fault, field)| (fault.row, fault.message.contains(field)))
        .collect();
    assert_eq!(told, [(2, true), (3, true), (4, true), (5, true)], "{found:?}");
    assert_eq!(count(&session, "tareas"), 0);
    let json =
        r#"[{"titulo": "uno"}, {"titulo": "dos", "horas": 1.5}, 7, {"titulo": {}}, {"color": 1, "titulo": "x"}]"#;
    let rows: Vec<u64> =
        faults(session.import_json("tareas", json.as_bytes(), Existing::Refuse)).iter().map(|f| f.row).collect();
    assert_eq!(rows, [2, 3, 4, 5]);
    assert_eq!(count(&session, "tareas"), 0);
    for broken in ["", "[", "{}", "[{\"titulo\": \"a\"}", "[{\"titulo\": \"a\"}] x", "[{\"titulo\": \"\u{0}\"}]"] {
        faults(session.import_json("tareas", broken.as_bytes(), Existing::Refuse));
    }
    for broken in ["nada\nx\n", "titulo,titulo\na,b\n", "titulo\na,b\n"] {
        faults(session.import_csv("tareas", broken.as_bytes(), Existing::Refuse));
    }
    let latin = faults(session.import_csv("tareas", &b"titulo\nbien\na\xf1o\n"[..], Existing::Refuse));
    assert_eq!((latin[0].row, latin[0].message.contains("UTF-8")), (2, true));
    let many: String =
        std::iter::once("titulo".to_owned()).chain((0..1000).map(|_| "x".repeat(300))).collect::<Vec<_>>().join("\n");
    assert_eq!(
        faults(session.import_csv("tareas", many.as_bytes(), Existing::Refuse)).len(),
        20,
        "it does not go on for ever"
    );
    assert_eq!(count(&session, "tareas"), 0);
    assert_eq!(
        session
            .import_csv("tareas", &b"\xef\xbb\xbftitulo,hecha\r\nuno,yes\r\ndos,\r\n"[..], Existing::Refuse)
            .unwrap(),
        2
    );
    assert_eq!(
        session.get("tareas", 2).unwrap().get("hecha"),
        Some(&Value::Boolean(false)),
        "an empty cell is the default"
    );
}

/// Gives the same bytes for ever.
struct Endless(&'static [u8], usize);

impl std::io::Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = if self.1 == 0 { self.0.len() } else { buffer.len() };
        buffer[..length].fill(b'x');
        if self.1 == 0 {
            buffer[..length].copy_from_slice(self.0);
        }
        self.1 += length;
        Ok(if self.1 > 100 << 20 { 0 } else { length })
    }
}

#[test]
fn a_row_without_end_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = tasks(dir.path());
    let session = store.begin().unwrap();
    let told = faults(session.import_csv("tareas", Endless(b"titulo\n", 0), Existing::Refuse));
    assert!(told[0].message.contains("longer than"), "{told:?}");
    let told = faults(session.import_json("tareas", Endless(b"[{\"titulo\":\"", 0), Existing::Refuse));
    assert!(told[0].message.contains("longer than"), "{told:?}");
}

#[test]
fn a_backup_made_while_writing_is_of_one_moment() {
    let dir = tempfile::tempdir().unwrap();
    let store = tasks(dir.path());
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writers: Vec<_> = (0..2)
        .map(|_| {
            let (store, stop) = (store.clone(), stop.clone());
            std::thread::spawn(move || {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    // Two rows that only come together.
                    let session = store.begin().unwrap();
                    for hours in [1, 2] {
                        session
                            .create("tareas", record([("titulo", text("x")), ("horas", Value::Integer(hours))]))
                            .unwrap();
                    }
                    session.commit().unwrap();
                }
            })
        })
        .collect();
    let file = dir.path().join("copia.sqlite");
    let mut last = 0;
    for _ in 0..10 {
        store.backup(&file).unwrap();
        backup::check_file(&file).unwrap();
        let copy = rusqlite::Connection::open(&file).unwrap();
        let (rows, hours): (i64, i64) = copy
            .query_row("select count(*), ifnull(sum(horas), 0) from tareas", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        assert_eq!(hours * 2, rows * 3, "half of a write is in the copy");
        assert!(rows >= last);
        last = rows;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert!(last > 0, "nothing was written meanwhile");
    // A restored copy is a database like any other.
    let restored = tempfile::tempdir().unwrap();
    std::fs::copy(&file, restored.path().join("data.sqlite")).unwrap();
    assert_eq!(tasks(restored.path()).check().unwrap(), Vec::<String>::new());
    // Damage is found.
    let mut bytes = std::fs::read(&file).unwrap();
    let (from, to) = (4096 * 2, bytes.len() - 4096);
    bytes[from..to].fill(0xaa);
    std::fs::write(&file, bytes).unwrap();
    assert!(backup::check_file(&file).is_err());
}

#[test]
fn the_check_finds_wrong_totals_and_links() {
    let dir = tempfile::tempdir().unwrap();
    let store = tasks(dir.path());
    hard(&store);
    assert_eq!(store.check().unwrap(), Vec::<String>::new());
    let outside = rusqlite::Connection::open(store.path()).unwrap();
    outside
        .execute_batch(
            "pragma foreign_keys = off; update clientes set saldo = saldo + 1; \
             update tareas set cliente = 99 where id = 1",
        )
        .unwrap();
    let found = store.check().unwrap();
    assert!(found.iter().any(|line| line.contains("clientes.saldo: 1 rows")), "{found:?}");
    assert!(found.iter().any(|line| line.contains("tareas links to rows of clientes")), "{found:?}");
}

#[test]
fn changed_bytes_are_imported_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let store = tasks(dir.path());
    let session = store.begin().unwrap();
    let mut chance = super::Chance::new(3);
    let files: [&[u8]; 2] = [
        "id,titulo,importe,hecha,adjunto\n1,\"uno, dos\",1.50,true,AAEC\n2,\"tr\"\"es\",,,\n3,ñ,0,false,\n".as_bytes(),
        r#"[{"id": 1, "titulo": "uno", "importe": "1.50", "adjunto": "AAEC"}, {"titulo": "ñ\u0041", "horas": 3}]"#
            .as_bytes(),
    ];
    let (mut whole, mut nothing) = (0, 0);
    for round in 0..3_000 {
        let mut bytes = files[round % 2].to_vec();
        for _ in 0..chance.between(1, 3) {
            let at = chance.below(bytes.len() as u64) as usize;
            match chance.below(3) {
                0 => bytes[at] = chance.below(256) as u8,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"\",\n[]{}0:e-\\"[chance.below(12) as usize]),
            }
        }
        let before = count(&session, "tareas");
        let result: Result<(), Error> = session.atomically(|session| {
            let imported = if round % 2 == 0 {
                session.import_csv("tareas", &*bytes, Existing::Refuse)
            } else {
                session.import_json("tareas", &*bytes, Existing::Refuse)
            };
            match imported {
                Ok(rows) => {
                    assert_eq!(count(session, "tareas"), before + rows);
                    whole += 1;
                }
                Err(Error::Import(told)) => {
                    assert!(!told.is_empty());
                    assert_eq!(count(session, "tareas"), before, "{}", String::from_utf8_lossy(&bytes));
                    nothing += 1;
                }
                Err(other) => panic!("{other:?}: {}", String::from_utf8_lossy(&bytes)),
            }
            // Taken back, so that the next round finds the table empty.
            Err(Error::Invalid("next".into()))
        });
        assert!(result.is_err());
    }
    assert!(whole > 100 && nothing > 300, "{whole} {nothing}");
}
