//! Many writers at once, and death at any moment: no acknowledged row is lost, and totals and balances are right.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use cirrus::data::{Condition, Error, Query, Read, Session, Store, Value};

use super::{Chance, record, schema, text};

const LEDGER: &str = r#"
[tables.cuentas.fields]
nombre = { type = "text", required = true }
saldo = { type = "decimal", scale = 2 }
apuntes = { type = "integer" }
grupo = { type = "link", to = "grupos" }
[tables.grupos.fields]
saldo = { type = "decimal", scale = 2 }
[tables.apuntes.fields]
cuenta = { type = "link", to = "cuentas", on_delete = "cascade", required = true }
fecha = { type = "date", required = true }
debe = { type = "decimal", scale = 2, default = 0, required = true }
haber = { type = "decimal", scale = 2, default = 0, required = true }
concepto = { type = "text" }
[tables.apuntes.indexes]
por_concepto = { kind = "words", fields = ["concepto"] }
numero = { kind = "unique", fields = ["concepto"] }
[[tables.apuntes.accumulate]]
to = "cuenta"
total = "saldo"
add = "debe - haber"
[[tables.apuntes.accumulate]]
to = "cuenta"
total = "apuntes"
add = "1"
[[tables.cuentas.accumulate]]
to = "grupo"
total = "saldo"
add = "saldo"
[tables.apuntes.balances.mayor]
group = ["cuenta"]
order = ["fecha"]
debit = "debe"
credit = "haber"
"#;

const ACCOUNTS: i64 = 6;
/// How often the process that writes is killed, at moments that follow from the seed.
const KILLS: u64 = 200;
const SEED: u64 = 2026;

fn ledger(dir: &Path) -> Store {
    let store = Store::open(dir, schema(LEDGER)).unwrap();
    let session = store.begin().unwrap();
    if session.count(&Query::of("cuentas")).unwrap() == 0 {
        for _ in 0..2 {
            session.create("grupos", record([])).unwrap();
        }
        for number in 0..ACCOUNTS {
            let account = record([("nombre", text("c")), ("grupo", Value::Integer(1 + number % 2))]);
            session.create("cuentas", account).unwrap();
        }
    }
    session.commit().unwrap();
    store
}

fn movement(chance: &mut Chance, name: &str) -> cirrus::data::Record {
    let fields = [
        ("cuenta", Value::Integer(chance.between(1, ACCOUNTS))),
        ("fecha", Value::Text(format!("2026-{:02}-{:02}", chance.between(1, 12), chance.between(1, 28)))),
        ("debe", Value::Decimal { units: chance.between(0, 100_000), scale: 2 }),
        ("haber", Value::Decimal { units: chance.between(0, 100_000), scale: 2 }),
        ("concepto", text(name)),
    ];
    record(fields)
}

/// Some random row of the table, when there is one.
fn any(session: &Session, chance: &mut Chance) -> Option<i64> {
    let top = session.first(&Query::of("apuntes").order("id", true)).unwrap()?.id().unwrap();
    let from = Condition::compare("id", cirrus::data::query::Comparison::Ge, chance.between(1, top));
    session.first(&Query::of("apuntes").filter(from)).unwrap()?.id()
}

/// Recomputed here from the rows alone, without SQL of the code under test.
fn right(store: &Store) {
    assert_eq!(store.check().unwrap(), Vec::<String>::new());
    let reader = store.reader().unwrap();
    let units = |value: Option<&Value>| match value {
        Some(Value::Decimal { units, .. } | Value::Integer(units)) => *units,
        other => panic!("{other:?}"),
    };
    let mut sums: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for row in reader.query(&Query::of("apuntes")).unwrap() {
        let sum = sums.entry(units(row.get("cuenta"))).or_default();
        sum.0 += units(row.get("debe")) - units(row.get("haber"));
        sum.1 += 1;
    }
    let mut groups: BTreeMap<i64, i64> = BTreeMap::new();
    let balance = reader.ledger("apuntes", "mayor").unwrap();
    for account in reader.query(&Query::of("cuentas")).unwrap() {
        let id = account.id().unwrap();
        let (sum, count) = sums.get(&id).copied().unwrap_or_default();
        assert_eq!((units(account.get("saldo")), units(account.get("apuntes"))), (sum, count), "account {id}");
        *groups.entry(units(account.get("grupo"))).or_default() += sum;
        let group = [rusqlite::types::Value::Integer(id)];
        let closing = balance.balance(reader.connection(), &group, &cirrus::data::siblings::Bound::end()).unwrap();
        assert_eq!(closing, sum, "the running balance of account {id}");
    }
    for group in reader.query(&Query::of("grupos")).unwrap() {
        // A group may have lost all its accounts.
        let sum = groups.get(&group.id().unwrap()).copied().unwrap_or_default();
        assert_eq!(units(group.get("saldo")), sum, "totals of totals");
    }
}

/// A random change; some fail on purpose and must leave no trace.
fn change(session: &Session, chance: &mut Chance, name: &str) -> Result<(), Error> {
    session.atomically(|session| {
        for step in 0..chance.between(1, 3) {
            let row = any(session, chance);
            match (chance.below(8), row) {
                (0 | 1, Some(id)) => session.delete("apuntes", id)?,
                (2, Some(id)) => drop(session.update(
                    "apuntes",
                    id,
                    record([("cuenta", Value::Integer(chance.between(1, ACCOUNTS)))]),
                )?),
                (3, Some(id)) => {
                    let mut changes = movement(chance, "x");
                    changes.remove("concepto");
                    session.update("apuntes", id, changes).map(drop)?;
                }
                (4, _) => {
                    let account = record([("grupo", Value::Integer(chance.between(1, 2)))]);
                    session.update("cuentas", chance.between(1, ACCOUNTS), account).map(drop)?;
                }
                _ => drop(session.create("apuntes", movement(chance, &format!("{name} {step}")))?),
            }
        }
        if chance.below(6) == 0 { Err(Error::Invalid("on purpose".into())) } else { Ok(()) }
    })
}

#[test]
fn eight_writers_at_once_leave_every_total_right() {
    let dir = tempfile::tempdir().unwrap();
    let store = ledger(dir.path());
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let store = store.clone();
            std::thread::spawn(move || {
                let mut chance = Chance::new(100 + writer);
                for round in 0..25 {
                    let session = store.begin().unwrap();
                    // Several jobs in one transaction, as a worker with a queue does.
                    for job in 0..chance.between(1, 6) {
                        match change(&session, &mut chance, &format!("{writer} {round} {job}")) {
                            Ok(()) | Err(Error::Invalid(_)) => {}
                            Err(other) => panic!("{other:?}"),
                        }
                    }
                    if chance.below(5) == 0 { session.rollback() } else { session.commit().unwrap() }
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    right(&store);
}

/// Not a test of its own: what the killed process does. Before each commit it tells what it is going to do, after it
/// that it is done.
#[test]
#[ignore = "run by the tests that kill it"]
fn child() {
    let variable = |name: &str| std::env::var(name).expect("the parent sets it");
    let store = ledger(Path::new(&variable("CIRRUS_TORTURE_DIR")));
    let early = variable("CIRRUS_TORTURE_EARLY") == "true";
    let life = variable("CIRRUS_TORTURE_LIFE");
    let mut chance = Chance::new(life.parse().unwrap());
    let mut out = std::io::stdout();
    let mut tell = |line: String| out.write_all(line.as_bytes()).and_then(|()| out.flush()).unwrap();
    for batch in 0.. {
        let session = store.begin().unwrap();
        let mut steps = Vec::new();
        for job in 0..chance.between(1, 4) {
            if chance.below(3) == 0
                && let Some(id) = any(&session, &mut chance)
            {
                let row = session.get("apuntes", id).unwrap();
                session.delete("apuntes", id).unwrap();
                steps.push(format!("-{}", row.get("concepto").unwrap().to_text()));
            } else {
                let name = format!("{life}.{batch}.{job}");
                session.create("apuntes", movement(&mut chance, &name)).unwrap();
                steps.push(format!("+{name}"));
            }
        }
        tell(format!("try {}\n", steps.join(",")));
        if early {
            tell("ack\n".to_owned());
        }
        session.commit().unwrap();
        if !early {
            tell("ack\n".to_owned());
        }
    }
}

type Rows = BTreeSet<String>;

/// Starts the child, kills it at a random moment, and yields the rows that must be there: those that were acknowledged,
/// and those if the one write in flight was committed.
fn life(dir: &Path, seed: u64, early: bool, before: &Rows, chance: &mut Chance) -> (Rows, Rows) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "data::torture::child", "--ignored", "--nocapture", "--test-threads", "1"])
        .env("CIRRUS_TORTURE_DIR", dir)
        .env("CIRRUS_TORTURE_EARLY", early.to_string())
        .env("CIRRUS_TORTURE_LIFE", seed.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut sure, mut perhaps) = (before.clone(), before.clone());
    // Killed soon after a random number of acknowledged writes, some while it still opens the database.
    let patience = chance.below(12);
    let wait = std::time::Duration::from_micros(chance.below(if early { 100 } else { 4_000 }));
    let mut seen = 0;
    let mut take = |line: &str| {
        // The test's own harness may write on the same line before the first.
        if let Some((_, steps)) = line.split_once("try ") {
            for step in steps.split(',') {
                match step.split_at(1) {
                    ("+", name) => drop(perhaps.insert(name.to_owned())),
                    (_, name) => drop(perhaps.remove(name)),
                }
            }
        } else if line == "ack" {
            sure = perhaps.clone();
            return 1;
        }
        0
    };
    while seen < patience {
        seen += take(&lines.next().expect("the child goes on until it is killed").unwrap());
    }
    std::thread::sleep(wait);
    child.kill().unwrap();
    // What it had told before it died counts; a line without its end was not told.
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    for line in &rest {
        if line == "ack" || line.contains("try ") {
            take(line);
        }
    }
    child.wait().unwrap();
    (sure, perhaps)
}

fn rows(store: &Store) -> Rows {
    let rows = store.reader().unwrap().query(&Query::of("apuntes").fields(["concepto"])).unwrap();
    rows.iter().map(|row| row.get("concepto").unwrap().to_text()).collect()
}

#[test]
fn two_hundred_kills_lose_no_acknowledged_row() {
    let dir = tempfile::tempdir().unwrap();
    let mut chance = Chance::new(SEED);
    let mut there = rows(&ledger(dir.path()));
    let (mut told, mut in_flight) = (0, 0);
    for kill in 0..KILLS {
        let (sure, perhaps) = life(dir.path(), kill, false, &there, &mut chance);
        told += sure.difference(&there).count();
        let store = ledger(dir.path());
        there = rows(&store);
        assert!(
            there == sure || there == perhaps,
            "kill {kill} of {KILLS}, seed {SEED}: neither all that was acknowledged nor that and the last write"
        );
        in_flight += u32::from(there != sure);
        if kill % 20 == 19 {
            right(&store);
        }
    }
    assert!(told > 500, "only {told} rows were acknowledged: the kills came too soon to show anything");
    println!(
        "{KILLS} kills, seed {SEED}: {told} rows acknowledged, none lost; {in_flight} last writes were committed untold"
    );
}

/// The proof that the test above would see a loss: here the child acknowledges before it commits.
#[test]
fn acknowledging_before_the_commit_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut chance = Chance::new(SEED);
    let mut there = rows(&ledger(dir.path()));
    for kill in 0..KILLS {
        let (sure, perhaps) = life(dir.path(), kill, true, &there, &mut chance);
        there = rows(&ledger(dir.path()));
        if there != sure && there != perhaps {
            println!("found out by kill {kill} of {KILLS}, seed {SEED}");
            return;
        }
    }
    panic!("{KILLS} kills of a process that lies, seed {SEED}, were not enough to find it out");
}
