//! Commands that ask the API: what they send, print and end with.

use serde_json::{Value, json};

use crate::fake::{Fake, answer, page, problem};

pub const ID: &str = "0190f3a2-7c1e-7000-8000-000000000001";
const OPERATION: &str = "/operations/0190f3a2-7c1e-7000-8000-000000000001";

fn installation(name: &str) -> Value {
    json!({
        "id": ID, "name": name, "publisher": "main", "app": "hola", "customer": "acme", "version": 2, "state": "running",
        "server": ID,
        "url": format!("http://{name}.localhost:8080"), "ports": [], "created_at": 0, "operation": null,
        "deployment": null, "rollback": null, "error": null,
    })
}

pub fn operation(state: &str, error: Option<&str>) -> Value {
    let step = |name: &str, direction: &str, error: Option<&str>| {
        json!({
            "name": name, "direction": direction, "began_at": 1000, "ended_at": 1012, "error": error,
        })
    };
    json!({
        "id": ID, "verb": "restart", "installation": ID, "name": "acme", "deployment": null, "requested_by": "operator",
        "state": state, "waiting_for": null, "error": error, "requested_at": 1000, "ended_at": 1300,
        "steps": [step("stop", "do", None), step("start", "do", error), step("stop", "undo", None)],
    })
}

pub fn accepted() -> Value {
    json!({ "operation": ID, "installation": installation("acme") })
}

fn app() -> Value {
    json!({
        "publisher": "main", "slug": "hola", "name": "Guest book", "created_at": 0, "newest_version": 2, "versions": 2,
        "installations": 1,
    })
}

fn deployment(state: &str, part: &str, error: Option<&str>) -> Value {
    json!({
        "id": ID, "kind": "deploy", "publisher": "main", "app": "hola", "version": 2, "canary": 1, "keep_hours": 48,
        "state": state,
        "requested_by": "operator", "created_at": 1000, "ended_at": 2500, "error": error, "counts": { part: 1 },
        "installations": [{
            "deployment": ID, "position": 0, "installation": ID, "name": "acme", "server": ID, "canary": true, "from_version": 1, "to_version": 2,
            "state": part, "operation": ID, "steps": [], "began_at": 1000, "ended_at": 2000, "held_ms": 40,
            "error": error,
        }],
    })
}

fn deployments(state: &str, part: &str, error: Option<&str>) -> Fake {
    let ended = deployment(state, part, error);
    let step = json!({ "kind": "installation", "step": ended["installations"][0] });
    let begun = json!({ "kind": "deployment", "deployment": deployment("canary", "running", None) });
    let lines = format!("{begun}\n\n{step}\n{}\n", json!({ "kind": "deployment", "deployment": ended }));
    Fake::new(vec![
        ("POST /apps/hola/deployments", vec![answer(202, deployment("canary", "waiting", None))]),
        (
            "GET /deployments/0190f3a2-7c1e-7000-8000-000000000001/events",
            vec![(200, "application/x-ndjson", lines.into_bytes())],
        ),
        ("GET /deployments/0190f3a2-7c1e-7000-8000-000000000001", vec![answer(200, ended)]),
    ])
}

#[test]
fn a_list_is_an_aligned_table_or_json() {
    let fake =
        Fake::new(vec![("GET /installations", vec![page(json!([installation("acme"), installation("globex-2")]))])]);
    let ended = fake.run(&["installation", "list"]);
    assert_eq!(ended.status, 0, "{}", ended.err);
    let without_age: Vec<&str> =
        ended.out.lines().map(|line| line.rsplit_once("8080").map_or(line, |(l, _)| l)).collect();
    let expected = [
        "INSTALLATION  APP   VERSION  CUSTOMER  STATE    URL                             CREATED",
        "acme          hola        2  acme      running  http://acme.localhost:",
        "globex-2      hola        2  acme      running  http://globex-2.localhost:",
    ];
    assert_eq!(without_age, expected);
    let list: Value = serde_json::from_str(&fake.run(&["--json", "installation", "list"]).out).unwrap();
    assert_eq!(list["items"][1]["name"], "globex-2");
}

#[test]
fn an_empty_list_says_what_to_do() {
    let fake = Fake::new(vec![("GET /apps", vec![page(json!([]))])]);
    assert!(fake.run(&["app", "list"]).out.contains("vclouden app create"));
    assert_eq!(fake.run(&["--json", "app", "list"]).out, "{\"items\":[]}\n");
}

#[test]
fn every_page_of_a_list_is_fetched() {
    let first = answer(200, json!({ "items": [app()], "next": "c" }));
    let fake = Fake::new(vec![("GET /apps", vec![first, page(json!([app()]))])]);
    assert_eq!(fake.run(&["app", "list"]).out.lines().count(), 3);
}

#[test]
fn a_refusal_ends_with_1_and_shows_every_mistake() {
    let fake = Fake::new(vec![("POST /apps", vec![problem(409, "exists", "there is an app hola already")])]);
    let ended = fake.run(&["app", "create", "hola"]);
    assert_eq!(ended.status, 1);
    assert_eq!(ended.err, "error: there is an app hola already\n  line 3: x\n");
    assert_eq!(fake.asked()[0].1, br#"{"slug":"hola"}"#);
}

#[test]
fn long_work_shows_its_steps_and_an_undone_one_ends_with_4() {
    let why = "it is not healthy\nlast line of log";
    let fake = Fake::new(vec![
        ("POST /installations/acme/restart", vec![answer(202, accepted())]),
        ("GET /operations/0190f3a2-7c1e-7000-8000-000000000001", vec![answer(200, operation("undone", Some(why)))]),
    ]);
    let ended = fake.run(&["installation", "restart", "acme"]);
    assert_eq!(ended.status, 4, "{}", ended.err);
    for expected in
        ["acme  stop  done in 12 ms", "acme  start  failed after 12 ms", "stop  undone in", "last line of log"]
    {
        assert!(ended.err.contains(expected), "{expected} is missing: {}", ended.err);
    }
    assert!(fake.asked().iter().any(|(request, _)| request.ends_with(OPERATION)));
}

#[test]
fn without_waiting_only_the_acceptance_is_told() {
    let fake = Fake::new(vec![("POST /installations/acme/stop", vec![answer(202, accepted())])]);
    let ended = fake.run(&["--json", "installation", "stop", "acme", "--no-wait"]);
    assert_eq!(serde_json::from_str::<Value>(&ended.out).unwrap()["operation"], ID);
    assert_eq!(fake.asked().len(), 1);
}

#[test]
fn installing_for_a_customer_that_does_not_exist_says_how_to_create_it() {
    let fake = Fake::new(vec![]);
    let ended = fake.run(&["install", "hola", "--customer", "nobody"]);
    assert_eq!(ended.status, 1);
    assert!(ended.err.contains("vclouden customer create nobody"), "{}", ended.err);
}

#[test]
fn a_customer_is_deleted_or_it_is_said_why_not() {
    let in_use = problem(409, "customer-in-use", "customer acme has installations: hola-acme; remove them first");
    let fake = Fake::new(vec![
        ("DELETE /customers/acme", vec![in_use]),
        ("DELETE /customers/globex", vec![(204, "application/json", Vec::new())]),
    ]);
    let ended = fake.run(&["customer", "delete", "acme"]);
    assert!(ended.status == 1 && ended.err.contains("hola-acme"), "{}", ended.err);
    assert_eq!(fake.run(&["customer", "delete", "globex"]).out, "Deleted customer globex.\n");
}

#[test]
fn what_made_it_fail_can_be_read_in_full() {
    let error = "version 2 of hola did not become healthy: exit status 1; its last lines:\n  told to die";
    let log = "{\"at\":0,\"stream\":\"err\",\"text\":\"told to die\"}\n".as_bytes().to_vec();
    let fake = Fake::new(vec![
        ("GET /operations/0190f3a2-7c1e-7000-8000-000000000001", vec![answer(200, operation("undone", Some(error)))]),
        (
            "GET /operations/0190f3a2-7c1e-7000-8000-000000000001/log",
            vec![(200, "application/x-ndjson", log), problem(404, "no-log", "nothing is kept")],
        ),
        (
            "GET /deployments/0190f3a2-7c1e-7000-8000-000000000001",
            vec![answer(200, deployment("failed", "undone", Some(error)))],
        ),
    ]);
    for shown in ["operation", "deployment"] {
        let out = fake.run(&[shown, "show", ID]).out;
        assert!(out.contains(&format!("All that it wrote: vclouden operation logs {ID}")), "{out}");
    }
    assert_eq!(fake.run(&["operation", "logs", ID]).out, "1970-01-01 00:00:00 err    told to die\n");
    assert!(fake.run(&["operation", "logs", ID]).err.contains("nothing is kept"));
}

#[test]
fn a_server_that_needs_attention_says_so() {
    let full = json!([{ "code": "host-disk-low", "message": "the disk is nearly full: make room" }]);
    let status = json!({
        "version": "0", "started_at": 0, "apps": 0, "customers": 0, "installations": {}, "phases": {},
        "deployments": 0, "operations": 0, "stuck": 0,
        "servers": [{
            "id": ID, "host": "here", "nimbus": true, "nimbus_version": "0", "edge": true, "error": null, "warnings": full,
        }],
    });
    let share = json!({ "total": 2_u64 << 30, "taken": 1 << 30 });
    let report = json!({
        "id": ID, "host": "here", "version": "0", "cpus_milli": share, "memory": share, "disk": share,
        "storage": "btrfs", "layers": [], "installations": 0, "edge_connected": true, "disk_promised": 5_u64 << 30,
        "host_disk": { "total": 8_u64 << 30, "free": 1 << 30, "growth": 2_u64 << 30, "reserve": 0 }, "warnings": full,
        "volume": { "id": ID, "path": "/srv/volume", "image": "/srv/volume.img", "created_at": 0 },
    });
    let server = json!({
        "id": ID, "host": "here", "reachable": true, "report": report, "error": null, "installations": 0,
    });
    let fake =
        Fake::new(vec![("GET /status", vec![answer(200, status)]), ("GET /servers", vec![page(json!([server]))])]);
    assert!(fake.run(&["status"]).out.contains("the disk is nearly full"));
    let out = fake.run(&["server", "show"]).out;
    assert!(
        out.contains("make room") && out.contains("1.0 GiB free of 8.0 GiB; the volume may grow by 2.0 GiB"),
        "{out}"
    );
    assert!(out.contains("/srv/volume.img"), "{out}");
}

#[test]
fn what_an_installation_uses_stands_beside_what_it_may() {
    let mut shown = installation("acme");
    shown["limits"] = json!({ "memory": 64 << 20, "cpus_milli": 500, "disk": 1 << 30, "processes": 16 });
    shown["live"] = json!({
        "id": ID, "name": "acme", "app": "hola", "version": 2, "wanted": "running", "phase": "healthy", "since": 0,
        "address": null, "pid": 7, "restarts": 0, "last_exit": null, "memory": 3 << 20, "disk": 12 << 20, "snapshots": [],
    });
    let fake = Fake::new(vec![("GET /installations/acme", vec![answer(200, shown)])]);
    let out = fake.run(&["installation", "show", "acme"]).out;
    assert!(out.contains("3.0 MiB of 64.0 MiB") && out.contains("12.0 MiB of 1.0 GiB"), "{out}");
}

#[test]
fn every_kept_copy_is_listed_and_an_undo_can_be_undone() {
    let copy = |name: &str, reason: &str, backup: Value, label: Value, until: Value| {
        json!({
            "name": name, "reason": reason, "backup": backup, "version": 2, "artifact": "0".repeat(64),
            "taken_at": 1000, "expires_at": until, "label": label,
        })
    };
    let (rolled, restored) = (format!("before-rollback-{ID}"), format!("before-restore-{ID}"));
    let copies = json!([
        copy(&format!("backup-{ID}"), "backup", json!(ID), json!("before the move"), Value::Null),
        copy(&rolled, "before-rollback", Value::Null, Value::Null, json!(172_800_000)),
        copy(&restored, "before-restore", Value::Null, Value::Null, json!(172_800_000)),
    ]);
    let path = "POST /installations/acme/snapshots/before-rollback-0190f3a2-7c1e-7000-8000-000000000001/restore";
    let mut before = accepted();
    before["installation"]["version"] = json!(1);
    let fake = Fake::new(vec![
        ("GET /installations/acme/snapshots", vec![page(copies)]),
        (path, vec![answer(202, before)]),
        ("GET /operations/0190f3a2-7c1e-7000-8000-000000000001", vec![answer(200, operation("finished", None))]),
        ("GET /installations/0190f3a2-7c1e-7000-8000-000000000001", vec![answer(200, installation("acme"))]),
    ]);
    let out = fake.run(&["backup", "list", "acme"]).out;
    let rows: Vec<&str> = out.lines().collect();
    assert!(rows[1].starts_with(ID) && rows[1].ends_with("you delete it        before the move"), "{out}");
    assert!(rows[2].contains("before rollback") && rows[2].contains("1970-01-03 00:00:00"), "{out}");
    let ended = fake.run(&["backup", "restore", "acme", &rolled]);
    assert!(ended.out.contains("version 2 instead of 1"), "{} {}", ended.out, ended.err);
    assert!(ended.out.contains(&format!("vclouden backup restore acme {restored}")), "{}", ended.out);
    fake.run(&["backup", "restore", "acme", &rolled, "--data-only"]);
    fake.run(&["backup", "restore", "acme", &rolled, "--with-version"]);
    let bodies: Vec<Vec<u8>> =
        fake.asked().into_iter().filter(|(asked, _)| asked == path).map(|(_, body)| body).collect();
    assert_eq!(bodies, [&b"{}"[..], b"{\"code\":false}", b"{\"code\":true}"]);
    assert_eq!(fake.run(&["backup", "restore", "acme", "../../x"]).status, 2);
}

#[test]
fn removing_wants_the_name_again() {
    let fake = Fake::new(vec![]);
    let ended = fake.run_with(&["installation", "remove", "acme"], "acme\n");
    assert_eq!(ended.status, 2, "it was not asked on a terminal: {}", ended.err);
    assert!(ended.err.contains("--yes") && fake.asked().is_empty());
}

#[test]
fn a_deployment_is_followed_to_its_end() {
    let ended = deployments("finished", "finished", None).run(&["deploy", "hola"]);
    assert_eq!(ended.status, 0, "{}", ended.err);
    assert!(ended.out.starts_with("Deployed hola version 2 to 1 installation in 1.5 s."), "{}", ended.out);
    assert!(ended.err.contains("version 1 -> 2 in 1.0 s, requests held for 40 ms"), "{}", ended.err);
}

#[test]
fn a_deployment_that_was_undone_ends_with_4_and_says_why() {
    let fake = deployments("failed", "undone", Some("health check failed:\n  told to die"));
    let ended = fake.run(&["deploy", "hola"]);
    assert_eq!(ended.status, 4, "{}", ended.err);
    assert!(ended.err.contains("told to die") && ended.err.contains("got code and data back"), "{}", ended.err);
    let ended = fake.run(&["--json", "deploy", "hola"]);
    assert_eq!(serde_json::from_str::<Value>(&ended.out).unwrap()["state"], "failed");
    assert_eq!(ended.status, 4);
}

#[test]
fn watching_in_json_prints_every_event() {
    let ended = deployments("finished", "finished", None).run(&["--json", "deploy", "hola", "--watch"]);
    let kinds: Vec<Value> =
        ended.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].clone()).collect();
    assert_eq!(kinds, ["deployment", "installation", "deployment"]);
}

#[test]
fn a_name_decides_what_is_rolled_back() {
    let done = deployment("finished", "finished", None);
    let fake = |answers: Vec<(&'static str, Value)>| {
        Fake::new(answers.into_iter().map(|(path, body)| (path, vec![answer(200, body)])).collect())
    };
    let post = ("POST /installations/acme/rollback", done.clone());
    let one = fake(vec![("GET /installations/acme", installation("acme")), post]);
    let ended = one.run(&["rollback", "acme", "--no-wait"]);
    assert_eq!(ended.status, 0, "{}", ended.err);
    let both = fake(vec![("GET /installations/hola", installation("hola")), ("GET /apps/hola", app())]);
    let ended = both.run(&["rollback", "hola"]);
    assert_eq!(ended.status, 2, "{}", ended.err);
    assert!(ended.err.contains("--app hola") && ended.err.contains("--installation hola"), "{}", ended.err);
    assert!(fake(vec![]).run(&["rollback", "what"]).err.contains("no application and no installation what"));
}

#[test]
fn a_plan_is_shown_and_exactly_one_deployment_is_taken_back() {
    let plan = json!({
        "app": "hola", "version": 3, "installations": 5,
        "servers": [{ "server": ID, "host": "madrid-1", "installations": 5,
            "from": [{ "version": 1, "installations": 2 }, { "version": 2, "installations": 3 }] }],
    });
    let api = Fake::new(vec![("GET /apps/hola/plan", vec![answer(200, plan.clone()), answer(200, plan)])]);
    let ended = api.run(&["deploy", "hola", "--version", "3", "--dry-run"]);
    assert_eq!(ended.status, 0, "{}", ended.err);
    assert!(ended.out.contains("madrid-1") && ended.out.contains("1 × 2, 2 × 3"), "{}", ended.out);
    assert!(ended.out.contains("would change 5 installations. Nothing was done."), "{}", ended.out);
    let document: Value = serde_json::from_str(&api.run(&["--json", "deploy", "hola", "--dry-run"]).out).unwrap();
    assert_eq!(document["servers"][0]["from"][1]["installations"], 3);
    assert!(api.asked().iter().all(|asked| asked.0.starts_with("GET ")), "{:?}", api.asked());

    let path: &'static str = "POST /deployments/0190f3a2-7c1e-7000-8000-000000000001/rollback";
    let begun = deployment("canary", "running", None);
    let api = Fake::new(vec![(path, vec![answer(202, begun)])]);
    let ended = api.run(&["rollback", "--deployment", ID, "--no-wait"]);
    assert!(ended.status == 0 && ended.out.contains("is under way"), "{} {}", ended.out, ended.err);
}

#[test]
fn the_steps_that_pages_count_are_those_of_a_server() {
    let verbs = "install start stop restart configure switch rollback backup restore forget-backup remove";
    for verb in verbs.split(' ') {
        let steps = nimbus::operations::steps(verb);
        assert!(!steps.is_empty(), "{verb}");
        assert_eq!(plane::progress::steps_of(verb), steps, "{verb}");
    }
}

#[test]
fn installations_are_filtered_sorted_and_their_history_is_a_table() {
    let (mut small, mut large) = (installation("small"), installation("large"));
    (small["disk"], large["disk"]) = (json!(1 << 20), json!(1 << 30));
    let list = page(json!([small, large]));
    let point = json!({
        "at": 1000, "awake_seconds": 10, "memory": 10 << 20, "memory_peak": 12 << 20, "cpu_ms": 20, "disk": 0,
        "restarts": 0, "requests": 3, "classes": [0, 2, 0, 0, 1], "bytes_in": 1, "bytes_out": 2, "p50_ms": 1.5,
        "p95_ms": null,
    });
    let report = answer(200, json!({ "step_seconds": 300, "points": [point] }));
    let api = Fake::new(vec![("GET /installations", vec![list]), ("GET /installations/acme/history", vec![report])]);
    let filters = ["--state", "running", "--version", "2", "--search", "a", "--troubled", "--sort", "disk"];
    let ended = api.run(&[&["installation", "list"][..], &filters].concat());
    assert_eq!(ended.status, 0, "{}", ended.err);
    assert!(ended.out.contains("1.0 GiB") || ended.out.contains("1 GiB"), "{}", ended.out);
    assert!(ended.out.find("large") < ended.out.find("small"), "{}", ended.out);
    let ended = api.run(&["installation", "history", "acme", "--range", "day"]);
    assert!(ended.status == 0 && ended.out.contains("1.5 ms"), "{} {}", ended.out, ended.err);
    let document: Value = serde_json::from_str(&api.run(&["--json", "installation", "history", "acme"]).out).unwrap();
    assert_eq!(document["points"][0]["requests"], 3);
    assert_eq!(api.run(&["installation", "history", "acme", "--range", "year"]).status, 2);
}

#[test]
fn a_program_in_the_sandbox_passes_everything_through() {
    let frames = b"\x01\0\0\0\x03out\x02\0\0\0\x03err\x03\0\0\0\x017".to_vec();
    let fake = Fake::new(vec![("POST /installations/acme/exec", vec![(200, "application/octet-stream", frames)])]);
    let ended = fake.run_with(&["installation", "exec", "acme", "--", "cat", "-n"], "to its input");
    assert_eq!((ended.status, ended.out.as_str(), ended.err.as_str()), (7, "out", "err"));
    assert_eq!(fake.asked()[0].1, b"{\"command\":[\"cat\",\"-n\"]}\nto its input");
}

#[test]
fn logs_are_lines_and_a_foreign_answer_is_named() {
    let lines = b"{\"at\":0,\"stream\":\"keeper\",\"text\":\"killed by SIGABRT\"}\n".to_vec();
    let fake = Fake::new(vec![
        ("GET /installations/acme/logs", vec![(200, "application/x-ndjson", lines)]),
        ("GET /status", vec![(502, "text/html", b"<h1>nginx</h1>".to_vec())]),
    ]);
    assert_eq!(fake.run(&["installation", "logs", "acme"]).out, "1970-01-01 00:00:00 keeper killed by SIGABRT\n");
    let ended = fake.run(&["status"]);
    assert_eq!(ended.status, 1);
    assert!(ended.err.contains("502") && ended.err.contains("--api"), "{}", ended.err);
}

#[test]
fn a_refusal_is_a_document_for_programs() {
    let found = vec![answer(200, installation("acme"))];
    let fake = Fake::new(vec![
        ("GET /apps/acme", vec![problem(404, "unknown-app", "no")]),
        ("GET /installations/acme", found),
        (
            "POST /installations/acme/rollback",
            vec![problem(409, "rolled-back-already", "acme was rolled back already")],
        ),
    ]);
    let ended = fake.run(&["--json", "rollback", "acme"]);
    assert_eq!(ended.status, 1);
    let json: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(json["code"], "rolled-back-already");
    assert!(ended.err.contains("rolled back already"), "{}", ended.err);
}

#[test]
fn what_processes_do_stands_beside_the_state() {
    let mut given_up = installation("acme");
    given_up["phase"] = json!("failed");
    let mut well = installation("globex");
    well["phase"] = json!("healthy");
    let out =
        Fake::new(vec![("GET /installations", vec![page(json!([given_up, well]))])]).run(&["installation", "ls"]).out;
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[1].contains("running (failed)") && !lines[2].contains("running ("), "{out}");
}

#[test]
fn a_deployment_with_nothing_to_do_says_why_and_ends_well() {
    let mut empty = deployment("finished", "finished", None);
    (empty["counts"], empty["installations"]) = (json!({}), json!([]));
    let fake = |all: Value| {
        Fake::new(vec![
            ("POST /apps/hola/deployments", vec![answer(202, empty.clone())]),
            ("GET /installations", vec![page(all)]),
        ])
    };
    for more in [&[][..], &["--no-wait"], &["--watch"]] {
        let ended = fake(json!([])).run(&[&["deploy", "hola"], more].concat());
        assert_eq!(ended.status, 0, "{}", ended.err);
        assert!(ended.out.contains("Nothing to do") && ended.out.contains("vclouden install hola"), "{}", ended.out);
    }
    let ended = fake(json!([installation("acme"), installation("globex")])).run(&["deploy", "hola"]);
    assert_eq!(ended.out, "Nothing to do: each of the 2 installations of hola has version 2 already.\n");
    let mut failed = installation("globex");
    (failed["state"], failed["version"]) = (json!("failed"), json!(1));
    let ended = fake(json!([installation("acme"), failed])).run(&["deploy", "hola"]);
    assert!(ended.out.contains("the only installation of hola has version 2 already (1 failed"), "{}", ended.out);
}

#[test]
fn stopping_a_deployment_says_what_becomes_of_everybody() {
    let mut stopping = deployment("stopping", "running", None);
    stopping["counts"] = json!({ "running": 1, "waiting": 3, "finished": 2 });
    let fake =
        Fake::new(vec![("POST /deployments/0190f3a2-7c1e-7000-8000-000000000001/stop", vec![answer(202, stopping)])]);
    let ended = fake.run(&["deployment", "stop", ID]);
    assert_eq!(ended.status, 0, "{}", ended.err);
    for expected in ["will end: 1.", "stay as they are: 3.", "stay so: 2 (`vclouden rollback hola`"] {
        assert!(ended.out.contains(expected), "{}", ended.out);
    }
}

#[test]
fn every_step_of_an_operation_is_read_back_with_its_time_and_direction() {
    let stuck = operation("stuck", Some("the volume is full\nmore"));
    let fake = Fake::new(vec![
        ("GET /operations", vec![page(json!([stuck.clone()]))]),
        ("GET /operations/0190f3a2-7c1e-7000-8000-000000000001", vec![answer(200, stuck)]),
    ]);
    let ended = fake.run(&["operation", "list", "--stuck"]);
    assert!(ended.out.contains("vclouden operation retry") && ended.out.contains("restart"), "{}", ended.out);
    let ended = fake.run(&["operation", "show", ID]);
    assert_eq!(ended.status, 0, "{}", ended.err);
    for expected in [
        "STEP   DIRECTION  BEGAN         ENDED          TOOK  RESULT",
        "stop   do         00:00:01.000  00:00:01.012  12 ms  done",
        "start  do         00:00:01.000  00:00:01.012  12 ms  failed: the volume is full",
        "stop   undo       00:00:01.000  00:00:01.012  12 ms  undone",
        "vclouden operation retry 0190f3a2",
    ] {
        assert!(ended.out.contains(expected), "{expected} is missing:\n{}", ended.out);
    }
    let none = Fake::new(vec![("GET /operations", vec![page(json!([]))])]);
    assert_eq!(none.run(&["operation", "list", "--stuck"]).out, "Nothing is stuck.\n");
}

#[test]
fn what_is_stuck_is_tried_again_and_its_end_awaited() {
    let stuck = operation("stuck", Some("no"));
    let mut finished = operation("finished", None);
    finished["steps"].as_array_mut().unwrap().pop();
    let mut in_vain = operation("stuck", Some("still no"));
    in_vain["steps"][2]["ended_at"] = json!(2000);
    let fake = |end: Value| {
        Fake::new(vec![
            ("POST /operations/0190f3a2-7c1e-7000-8000-000000000001/retry", vec![answer(202, stuck.clone())]),
            (
                "GET /operations/0190f3a2-7c1e-7000-8000-000000000001",
                vec![answer(200, stuck.clone()), answer(200, end)],
            ),
        ])
    };
    let ended = fake(finished).run(&["operation", "retry", ID]);
    assert_eq!((ended.status, ended.out.as_str()), (0, "Finished: restart of acme.\n"), "{}", ended.err);
    let ended = fake(in_vain).run(&["operation", "retry", ID]);
    assert_eq!(ended.status, 1);
    assert!(ended.err.contains("still no") && ended.err.contains("vclouden operation retry"), "{}", ended.err);
}

#[test]
fn the_status_points_to_what_is_stuck() {
    let status = |stuck: u32| {
        let body = json!({
            "version": "1", "started_at": 0, "apps": 1, "customers": 1, "installations": { "running": 1 },
            "phases": { "healthy": 1 }, "deployments": 0, "operations": 0, "stuck": stuck, "servers": [],
        });
        Fake::new(vec![("GET /status", vec![answer(200, body)])]).run(&["status"]).out
    };
    assert!(status(1).contains("1 operation") && status(1).contains("vclouden operation list --stuck"));
    assert!(!status(0).contains("tuck"));
}

#[test]
fn the_newest_events_are_shown_in_the_order_in_which_they_happened() {
    let event = |sequence: u64| {
        json!({
            "sequence": sequence, "at": 0, "actor": "operator", "verb": "installation.stop", "kind": "installation",
            "id": ID, "name": "acme", "app": "hola", "installation": ID, "outcome": "refused",
            "detail": { "why": "it is busy", "code": "busy", "status": 409, "path": "/installations/acme/stop" },
        })
    };
    let fake = Fake::new(vec![("GET /events", vec![page(json!([event(9), event(8)]))])]);
    let ended = fake.run(&["events", "-n", "2", "--installation", "acme"]);
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!(
        lines,
        [
            "     8  1970-01-01 00:00:00  operator  installation.stop  acme  refused  why=it is busy",
            "     9  1970-01-01 00:00:00  operator  installation.stop  acme  refused  why=it is busy",
        ],
        "{}",
        ended.err
    );
    let list: Value = serde_json::from_str(&fake.run(&["--json", "events", "-n", "1"]).out).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);

    // A stream that is cut off goes on where it was, until its token is not good any more.
    let stream = |text: String| (200, "text/event-stream", text.into_bytes());
    let first = format!(": here\nid: 7\n\nid: 8\ndata: {}\n\nid: 9\ndata: {{", event(8));
    let second = format!(": here\nid: 8\n\nid: 9\ndata: {}\n\n: here\nid: 12\n\n", event(9));
    let answers = vec![stream(first), stream(second), problem(401, "unauthorized", "it has ended")];
    let fake = Fake::new(vec![("GET /events", answers)]);
    let ended = fake.run(&["--json", "events", "--follow"]);
    let told = ended.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["sequence"].clone());
    assert_eq!(told.collect::<Vec<_>>(), [8, 9]);
    assert!(ended.status != 0 && ended.err.contains("it has ended"), "{}", ended.err);
    let after: Vec<_> = fake.asked().into_iter().map(|(_, last)| String::from_utf8(last).unwrap()).collect();
    assert_eq!(after, ["", "8", "12"]);
}
