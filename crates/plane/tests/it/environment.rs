//! Variables of installations and applications: sealed at rest, told to the server only, never shown when secret.

use domain::state::OperationState;
use nimbus_api::Work;
use plane::store::{Location, Store};
use plane::wire::{Accepted, Applied, Event, Operation, Page, Variable};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::fake::Outcome;
use crate::pages::scene;
use crate::world::World;

fn set(name: &str, value: &str, secret: bool) -> Value {
    json!({ "set": [{ "name": name, "value": value, "secret": secret }] })
}

async fn change(world: &World, name: &str, body: Value) -> OperationState {
    let accepted: Accepted = world.post(&format!("/installations/{name}/environment"), body).await.expect(202).json();
    world.ended(accepted.operation).await.state
}

async fn shown(world: &World, path: &str) -> Vec<Variable> {
    world.get(&format!("{path}/environment")).await.expect(200).json::<Page<Variable>>().items
}

/// What the server was told last.
fn told(world: &World) -> Vec<(String, String)> {
    let asked = world.fake.asked();
    let (Work::Configure { environment } | Work::Install { environment, .. }) = &asked.last().unwrap().1.work else {
        panic!("{asked:?}")
    };
    environment.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.into(), value.into())
}

#[tokio::test]
async fn variables_reach_the_server_and_secrets_nobody_else() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    let body = json!({ "set": [
        { "name": "API_KEY", "value": "s3cret-value" }, { "name": "HOST", "value": "smtp", "secret": false },
    ]});
    let accepted: Accepted = world.post("/installations/hola-acme/environment", body).await.expect(202).json();
    let operation = world.get(&format!("/operations/{}?wait=20", accepted.operation)).await.expect(200);
    assert!(!operation.text().contains("s3cret-value"));
    assert_eq!(told(&world), [pair("API_KEY", "s3cret-value"), pair("HOST", "smtp")]);
    let all = shown(&world, "/installations/hola-acme").await;
    let values: Vec<_> = all.iter().map(|one| (one.name.as_str(), one.value.as_deref(), one.secret)).collect();
    assert_eq!(values, [("API_KEY", None, true), ("HOST", Some("smtp"), false)]);
    assert_eq!(all[0].set_by, "operator");
    // Another value of a secret leaves it one, and the others stay.
    let again = json!({ "set": [{ "name": "API_KEY", "value": "s3cret-other" }] });
    assert_eq!(change(&world, "hola-acme", again).await, OperationState::Finished);
    assert_eq!(told(&world), [pair("API_KEY", "s3cret-other"), pair("HOST", "smtp")]);
    assert!(shown(&world, "/installations/hola-acme").await[0].secret);
    assert_eq!(change(&world, "hola-acme", json!({ "unset": ["HOST"] })).await, OperationState::Finished);
    assert_eq!(told(&world), [pair("API_KEY", "s3cret-other")]);
    let events: Page<Event> = world.get("/events?installation=hola-acme&limit=200").await.expect(200).json();
    let text = serde_json::to_string(&events.items).unwrap();
    assert!(!text.contains("s3cret") && text.contains("API_KEY"), "the audit has names, never values");
    let changes = events.items.iter().filter(|event| event.verb == "installation.configure").count();
    assert_eq!(changes, 6, "each accepted and done");
}

#[tokio::test]
async fn nothing_in_the_clear_is_kept() {
    let mut world = World::with_app().await;
    world.install("hola", "acme").await;
    world.fake.script(|_| Outcome::Hold);
    world.post("/apps/hola/environment", set("APP_KEY", "s3cret-app", true)).await.expect(200);
    world.post("/installations/hola-acme/environment", set("KEY", "s3cret-own", true)).await.expect(202);
    let running = world.fake.wait_running(1).await;
    world.post("/installations/hola-acme/environment", set("B", "1", true)).await.refused(409, "busy");
    for ended in [false, true] {
        if ended {
            world.fake.end(running[0], Outcome::Finish);
            world.ended(running[0]).await;
        }
        world.stop().await;
        let store = Store::open(&world.store).await.unwrap();
        let mut kept = String::new();
        for sql in [
            "SELECT variables, work AS other FROM operations",
            "SELECT variables, name AS other FROM installations",
            "SELECT variables, name AS other FROM apps",
            "SELECT detail AS variables, verb AS other FROM events",
        ] {
            let db = store.read();
            let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
            for row in rows {
                let sealed: Option<String> = row.try_get("", "variables").unwrap();
                if sql.contains("operations") && ended {
                    assert_eq!(sealed, None, "what has ended keeps no variables");
                }
                kept.push_str(&sealed.unwrap_or_default());
                kept.push_str(&row.try_get::<String>("", "other").unwrap());
            }
        }
        assert!(kept.len() > 500 && !kept.contains("s3cret"), "{kept}");
        drop(store);
        if let Location::File(path) = &world.store {
            for file in [path.clone(), path.with_extension("sqlite-wal")] {
                let bytes = std::fs::read(&file).unwrap_or_default();
                assert!(!bytes.windows(6).any(|part| part == b"s3cret"), "{}", file.display());
            }
        }
        world.start().await;
    }
    assert_eq!(told(&world), [pair("APP_KEY", "s3cret-app"), pair("KEY", "s3cret-own")]);
}

#[tokio::test]
async fn what_an_installation_was_not_healthy_with_is_not_kept() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    change(&world, "hola-acme", set("KEY", "good", false)).await;
    world.fake.script(|_| Outcome::Undo("it did not become healthy"));
    assert_eq!(change(&world, "hola-acme", set("KEY", "bad", false)).await, OperationState::Undone);
    assert_eq!(shown(&world, "/installations/hola-acme").await[0].value.as_deref(), Some("good"));
    assert!(world.installation("hola-acme").await.error.is_some());
    world.fake.script(|_| Outcome::Stuck("nobody knows"));
    assert_eq!(change(&world, "hola-acme", set("KEY", "late", false)).await, OperationState::Stuck);
    assert_eq!(shown(&world, "/installations/hola-acme").await[0].value.as_deref(), Some("good"));
    let operation = world.installation("hola-acme").await.operation.unwrap();
    world.post(&format!("/operations/{operation}/retry"), json!({})).await.expect(202);
    world
        .until("it is taken up again", async || {
            shown(&world, "/installations/hola-acme").await[0].value.as_deref() == Some("late")
        })
        .await;
}

#[tokio::test]
async fn deployments_and_restores_leave_them_and_removing_forgets_them() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    change(&world, "hola-acme", set("KEY", "v", false)).await;
    world.publish("hola", 2).await;
    world.deploy_all("hola").await;
    world.done("/installations/hola-acme/restart").await;
    assert_eq!(shown(&world, "/installations/hola-acme").await.len(), 1);
    let id = world.installation("hola-acme").await.id;
    let accepted: Accepted = world.delete("/installations/hola-acme").await.expect(202).json();
    world.ended(accepted.operation).await;
    assert_eq!(shown(&world, &format!("/installations/{id}")).await, []);
    world.install("hola", "acme").await;
    assert_eq!(told(&world), []);
}

#[tokio::test]
async fn an_applications_variables_are_for_all_its_installations() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    world.post("/apps/hola/environment", set("HOST", "all", false)).await.expect(200);
    world.post("/customers", json!({"slug": "other"})).await.expect(201);
    world.install("hola", "other").await;
    assert_eq!(told(&world), [pair("HOST", "all")]);
    change(&world, "hola-acme", set("HOST", "own", false)).await;
    assert_eq!(told(&world), [pair("HOST", "own")], "its own go first");
    let inherited: Vec<_> = shown(&world, "/installations/hola-other").await;
    assert_eq!((inherited[0].value.as_deref(), inherited[0].inherited), (Some("all"), true));
    world.post("/apps/hola/environment", set("PORT_OF_MAIL", "25", false)).await.expect(200);
    let before = world.fake.asked().len();
    let applied: Applied = world.post("/apps/hola/environment/apply", json!({})).await.expect(202).json();
    assert_eq!((applied.operations.len(), applied.left.len()), (2, 0));
    for id in applied.operations {
        assert_eq!(world.ended(id).await.state, OperationState::Finished);
    }
    assert_eq!(world.fake.asked().len(), before + 2);
    world.post("/apps/none/environment", set("A", "1", true)).await.refused(404, "unknown-app");
}

#[tokio::test]
async fn they_are_applied_to_one_after_the_other_until_one_does_not_bear_them() {
    let world = World::with_app().await;
    for customer in ["b", "c", "d"] {
        world.post("/customers", json!({"slug": customer})).await.expect(201);
        world.install("hola", customer).await;
    }
    world.post("/apps/hola/environment", set("HOST", "all", false)).await.expect(200);
    let before = world.fake.asked().len();
    let mut turn = 0;
    world.fake.script(move |_| {
        turn += 1;
        if turn == 1 { Outcome::Hold } else { Outcome::Undo("it did not start") }
    });
    let applied: Applied = world.post("/apps/hola/environment/apply", json!({})).await.expect(202).json();
    let ids = applied.operations;
    assert_eq!(ids.len(), 3);
    assert_eq!(world.fake.wait_running(1).await, [ids[0]]);
    // Whatever else is asked for goes on meanwhile.
    world.post("/customers", json!({"slug": "e"})).await.expect(201);
    assert_eq!(world.fake.asked().len(), before + 1, "the others wait for the first");
    world.fake.end(ids[0], Outcome::Finish);
    let ended: Vec<Operation> = vec![world.ended(ids[0]).await, world.ended(ids[1]).await, world.ended(ids[2]).await];
    let states: Vec<OperationState> = ended.iter().map(|one| one.state).collect();
    assert_eq!(states, [OperationState::Finished, OperationState::Undone, OperationState::Undone]);
    assert!(ended[2].error.as_deref().unwrap().contains("not begun: hola-c did not"), "{:?}", ended[2]);
    assert_eq!(world.fake.asked().len(), before + 2, "the third was not touched");
}

/// Three installations, whose application's variables are applied to all.
async fn applied(world: &World) -> Applied {
    for customer in ["b", "c", "d"] {
        world.post("/customers", json!({"slug": customer})).await.expect(201);
        world.install("hola", customer).await;
    }
    world.post("/apps/hola/environment", set("HOST", "all", false)).await.expect(200);
    world.post("/apps/hola/environment/apply", json!({})).await.expect(202).json()
}

/// Why each was not begun.
async fn not_begun(world: &World, all: &[domain::OperationId]) -> Vec<String> {
    let mut why = Vec::new();
    for id in all {
        let ended = world.ended(*id).await;
        assert_eq!(ended.state, OperationState::Undone);
        why.push(ended.error.unwrap());
    }
    why
}

#[tokio::test]
async fn who_waits_for_their_turn_can_do_everything_else() {
    let world = World::with_app().await;
    let first = applied_while(&world, Outcome::Hold).await;
    let ids = first.operations;
    world.fake.wait_running(1).await;
    let waits: Operation = world.get(&format!("/operations/{}", ids[2])).await.json();
    assert_eq!(waits.waiting_for.as_deref(), Some("its turn"));
    // The second is busy at its turn, the third has got a variable of its own by then.
    let busy: Accepted = world.post("/installations/hola-c/restart", json!({})).await.expect(202).json();
    world.fake.wait_running(2).await;
    world.fake.script(|_| Outcome::Finish);
    assert_eq!(change(&world, "hola-d", set("OWN", "later", false)).await, OperationState::Finished);
    world.fake.end(ids[0], Outcome::Finish);
    assert_eq!(not_begun(&world, &ids[1..2]).await, ["not begun: something else is being done to it"]);
    assert_eq!(world.ended(ids[2]).await.state, OperationState::Finished, "that one was busy spoils nothing");
    assert_eq!(told(&world), [pair("HOST", "all"), pair("OWN", "later")]);
    assert_eq!(shown(&world, "/installations/hola-d").await.len(), 2, "what was set meanwhile stays");
    world.fake.end(busy.operation, Outcome::Finish);
    world.ended(busy.operation).await;
}

async fn applied_while(world: &World, outcome: Outcome) -> Applied {
    let mut outcome = Some(outcome);
    world.fake.script(move |request| match &request.work {
        Work::Configure { .. } => outcome.take().unwrap_or(Outcome::Finish),
        Work::Restart => Outcome::Hold,
        _ => Outcome::Finish,
    });
    applied(world).await
}

#[tokio::test]
async fn a_stuck_or_silent_one_locks_nobody() {
    let world = World::with_app().await;
    let ids = applied_while(&world, Outcome::Stuck("nobody knows")).await.operations;
    let why = not_begun(&world, &ids[1..]).await;
    assert!(why.iter().all(|why| why.starts_with("not begun: hola-b is stuck")), "{why:?}");
    world.fake.script(|_| Outcome::Finish);
    assert_eq!(change(&world, "hola-c", json!({})).await, OperationState::Finished);
    let asked = world.fake.asked().len();
    world.fake.set_up(false);
    let again: Applied = world.post("/apps/hola/environment/apply", json!({})).await.expect(202).json();
    assert_eq!(again.left.len(), 1, "the stuck one");
    let why = not_begun(&world, &again.operations).await;
    assert!(why.iter().all(|why| why == "not begun: its server does not answer"), "{why:?}");
    world.fake.set_up(true);
    assert_eq!(change(&world, "hola-d", json!({})).await, OperationState::Finished);
    assert_eq!(world.fake.asked().len(), asked + 1);
}

#[tokio::test]
async fn applied_anew_nothing_waits_twice_and_a_kill_loses_no_turn() {
    let mut world = World::with_app().await;
    let first = applied_while(&world, Outcome::Hold).await.operations;
    world.fake.wait_running(1).await;
    let second: Applied = world.post("/apps/hola/environment/apply", json!({})).await.expect(202).json();
    assert_eq!((second.operations.len(), second.left.len()), (2, 1));
    let why = not_begun(&world, &first[1..]).await;
    assert!(why.iter().all(|why| why == "not begun: the variables were applied to all once more"), "{why:?}");
    for id in &second.operations {
        assert_eq!(world.ended(*id).await.state, OperationState::Finished);
    }
    let third: Applied = world.post("/apps/hola/environment/apply", json!({})).await.expect(202).json();
    world.kill().await;
    world.start().await;
    for id in third.operations {
        assert_eq!(world.ended(id).await.state, OperationState::Finished);
    }
    world.fake.end(first[0], Outcome::Finish);
    assert_eq!(world.ended(first[0]).await.state, OperationState::Finished);
}

#[tokio::test]
async fn names_that_cannot_be_are_refused_without_their_values() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    let post = async |body: Value| world.post("/installations/hola-acme/environment", body).await;
    for bad in ["PORT", "VCLOUDEN_X", "1A", "A-B", "", "Ñ"] {
        let problem = post(set(bad, "s3cret", true)).await.refused(422, "bad-variable");
        assert!(!problem.detail.contains("s3cret"), "{problem:?}");
    }
    post(set("A", "zero\0byte", true)).await.refused(422, "bad-variable");
    let twice = json!({"set": [{"name": "A", "value": "1"}], "unset": ["A"]});
    post(twice).await.refused(422, "bad-variable");
    post(json!({"unset": ["NONE"]})).await.refused(404, "unknown-variable");
    world.post("/apps/hola/environment", set("PORT", "1", true)).await.refused(422, "bad-variable");
    assert_eq!(world.fake.asked().len(), 1, "nothing reached the server");
}

#[tokio::test]
async fn who_makes_applications_sets_variables_on_a_page() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let page = "/p/acme/installations/hola-sol/environment";
    owner.open(page).await.has("No variables yet");
    let form = [("lines", "API_KEY=s3cret\nexport B=\"two\\nlines\""), ("secret", "on")];
    owner.send(page, page, &form).await.has("hola-sol");
    world.until("it is configured", async || world.installation("hola-sol").await.operation.is_none()).await;
    assert_eq!(told(&world), [pair("API_KEY", "s3cret"), pair("B", "two\nlines")]);
    let shown = owner.open(page).await;
    shown.has("API_KEY").has("secret");
    assert!(!shown.html.contains("s3cret"));
    let refused = owner.send(page, page, &[("lines", "PORT=80"), ("secret", "on")]).await;
    assert_eq!(refused.status, 422);
    owner.cookies.insert("language".into(), "es".into());
    owner.send(page, page, &[("lines", "PORT=80")]).await.has("Esas variables no valen");
    owner.cookies.insert("language".into(), "en".into());
    owner.send(page, &format!("{page}/B/unset"), &[]).await.has("hola-sol");
    world.until("it is configured", async || world.installation("hola-sol").await.operation.is_none()).await;
    assert_eq!(told(&world), [pair("API_KEY", "s3cret")]);
    let of_app = "/p/acme/apps/hola/environment";
    owner.send(of_app, of_app, &[("lines", "HOST=smtp")]).await.has("HOST").has("smtp");
    owner.send(of_app, &format!("{of_app}/apply"), &[]).await.has("one after the other");
    world.until("it is applied", async || told(&world) == [pair("API_KEY", "s3cret"), pair("HOST", "smtp")]).await;
    owner.open("/p/acme/installations").await.has("data-label=\"Memory\"");
}

#[tokio::test]
async fn a_log_is_a_page_that_goes_on() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    for (browser, base) in [(&mut owner, "/p/acme"), (&mut admin, "/c/sol")] {
        let path = format!("{base}/installations/hola-sol/logs");
        let page = browser.open(&path).await;
        page.has("line 199").has("class=\"at\" title=\"1 Jan 1970, 00:00:00 (UTC)\">00:00:00<");
        let live = page.after("data-log=\"").replace("&amp;", "&");
        assert_eq!(live, format!("{path}/live?after=199.1&"));
        // The server tells the last lines again: those that the page has are not sent twice.
        let more = browser.open(&live).await;
        more.has(": here").has("line 200").has("line 1999").has("id: 1999.1");
        assert!(!more.html.contains("line 199<"));
        let found = browser.open(&format!("{path}?q=LINE+77")).await;
        found.has("line 77<").has("line 7777<");
        assert!(!found.html.contains("line 78<"));
        let file = browser.open(&format!("{path}?download=1")).await;
        file.has("1970-01-01T00:00:00Z line 1\n");
    }
}
