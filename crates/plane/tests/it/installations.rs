//! Installing, starting, stopping, removing; logs and exec.

use bytes::BytesMut;
use domain::state::{InstallationState, OperationState};
use nimbus_api::{ExecFrame, LogLine, Work};
use plane::wire::{Accepted, Installation, Operation, Page};
use reqwest::Method;
use serde_json::json;

use crate::fake::Outcome;
use crate::world::World;

#[tokio::test]
async fn an_installation_is_made_shown_listed_and_removed() {
    let world = World::with_app().await;
    let accepted: Accepted =
        world.post("/installations", json!({"app": "hola", "customer": "acme"})).await.expect(202).json();
    assert_eq!(accepted.installation.state, InstallationState::Installing);
    let operation = world.ended(accepted.operation).await;
    assert_eq!((operation.state, operation.verb.as_str()), (OperationState::Finished, "install"));
    assert_eq!(operation.steps.len(), 3);
    let shown = world.installation("hola-acme").await;
    assert_eq!(shown.state, InstallationState::Running);
    assert_eq!(shown.url.as_deref(), Some("http://hola-acme.localhost:8080"));
    assert_eq!((shown.ports[0].name.as_str(), shown.ports[0].port), ("mail", 20_000));
    assert!(shown.live.is_some());
    assert_eq!(shown.limits.as_ref().map(|limits| limits.disk), Some(1 << 30));
    assert_eq!(world.installation(&shown.id.to_string()).await, shown);
    let Work::Install { ports, version, .. } = &world.fake.asked()[0].1.work else { panic!() };
    assert_eq!((ports["mail"], version.number), (20_000, 1));

    world.post("/customers", json!({"slug": "other"})).await.expect(201);
    world.install("hola", "other").await;
    assert_eq!(world.installation("hola-other").await.ports[0].port, 20_001);
    for (filter, count) in
        [("", 2), ("?customer=acme", 1), ("?app=hola", 2), ("?app=nothing", 0), ("?app=hola&customer=other", 1)]
    {
        let page: Page<Installation> = world.get(&format!("/installations{filter}")).await.expect(200).json();
        assert_eq!(page.items.len(), count, "{filter}");
    }

    let accepted: Accepted = world.delete("/installations/hola-acme").await.expect(202).json();
    assert_eq!(world.ended(accepted.operation).await.state, OperationState::Finished);
    world.get("/installations/hola-acme").await.refused(404, "unknown-installation");
    world.delete("/installations/hola-acme").await.refused(404, "unknown-installation");
    // Its record stays under its id; its port and name are free.
    assert_eq!(world.installation(&shown.id.to_string()).await.state, InstallationState::Removed);
    world.delete(&format!("/installations/{}", shown.id)).await.refused(409, "removed");
    assert_eq!(world.install("hola", "acme").await.ports[0].port, 20_000);
}

#[tokio::test]
async fn names_are_made_unique_unless_given() {
    let world = World::with_app().await;
    for name in ["hola-acme", "hola-acme-2", "hola-acme-3"] {
        assert_eq!(world.install("hola", "acme").await.name.as_str(), name);
    }
    let given = json!({"app": "hola", "customer": "acme", "name": "mine"});
    world.post("/installations", given.clone()).await.expect(202);
    world.post("/installations", given).await.refused(409, "name-taken");
    let long = "a".repeat(30);
    world.publish(&long, 1).await;
    world.post("/customers", json!({"slug": "b".repeat(30)})).await.expect(201);
    for _ in 0..11 {
        let body = json!({"app": long, "customer": "b".repeat(30)});
        world.post("/installations", body).await.expect(202);
    }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let world = World::with_app().await;
    let post = async |body| world.post("/installations", body).await;
    post(json!({"app": "no", "customer": "acme"})).await.refused(404, "unknown-app");
    post(json!({"app": "hola", "customer": "no"})).await.refused(404, "unknown-customer");
    post(json!({"app": "hola", "customer": "acme", "version": 7})).await.refused(404, "unknown-version");
    world.post("/apps", json!({"slug": "empty"})).await.expect(201);
    post(json!({"app": "empty", "customer": "acme"})).await.refused(409, "no-version");
    let page: Page<Installation> = world.get("/installations").await.json();
    assert!(page.items.is_empty());
}

#[tokio::test]
async fn it_is_stopped_started_and_restarted_one_thing_at_a_time() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    for (verb, state) in [("stop", "stopped"), ("stop", "stopped"), ("start", "running"), ("restart", "running")] {
        assert_eq!(world.done(&format!("/installations/hola-acme/{verb}")).await.state, OperationState::Finished);
        assert_eq!(world.installation("hola-acme").await.state.as_str(), state, "{verb}");
    }
    world.done("/installations/hola-acme/stop").await;
    let problem = world.post("/installations/hola-acme/restart", json!({})).await.refused(409, "stopped");
    assert!(problem.detail.contains("installation start hola-acme"), "{problem:?}");
    world.done("/installations/hola-acme/start").await;
    world.fake.script(|_| Outcome::Hold);
    let accepted: Accepted = world.post("/installations/hola-acme/restart", json!({})).await.expect(202).json();
    world.fake.wait_running(1).await;
    for path in ["start", "stop", "restart", "backups"] {
        let problem = world.post(&format!("/installations/hola-acme/{path}"), json!({})).await.refused(409, "busy");
        assert!(problem.detail.contains(&accepted.operation.to_string()));
    }
    world.delete("/installations/hola-acme").await.refused(409, "busy");
    let running: Operation = world.get(&format!("/operations/{}?wait=5&seen=1", accepted.operation)).await.json();
    assert_eq!((running.state, running.steps.len()), (OperationState::Running, 2));
    world.fake.end(accepted.operation, Outcome::Undo("no luck"));
    let ended = world.ended(accepted.operation).await;
    assert_eq!(ended.error.as_deref(), Some("no luck"));
    let shown = world.installation("hola-acme").await;
    assert_eq!((shown.state, shown.error.as_deref()), (InstallationState::Running, Some("no luck")));
}

#[tokio::test]
async fn a_failed_install_leaves_a_record_that_can_be_removed() {
    let world = World::with_app().await;
    world.fake.script(|request| match request.work {
        Work::Install { .. } => Outcome::Undo("it did not become healthy: exit status 1"),
        _ => Outcome::Finish,
    });
    let accepted: Accepted =
        world.post("/installations", json!({"app": "hola", "customer": "acme"})).await.expect(202).json();
    assert_eq!(world.ended(accepted.operation).await.state, OperationState::Undone);
    let shown = world.installation("hola-acme").await;
    assert_eq!(shown.state, InstallationState::Failed);
    assert!(shown.error.unwrap().contains("exit status 1"));
    assert!(shown.ports.is_empty() && shown.live.is_none() && shown.live_error.is_some());
    world.post("/installations/hola-acme/start", json!({})).await.refused(409, "not-installed");
    world.post("/installations/hola-acme/rollback", json!({})).await.refused(409, "not-installed");
    // What it wrote is kept for a while, under its operation and under its name.
    let operation = accepted.operation;
    for path in ["/installations/hola-acme/logs", &format!("/operations/{operation}/log")] {
        let got = world.get(&format!("{path}?lines=2")).await.expect(200);
        assert_eq!(String::from_utf8(got.body).unwrap().lines().count(), 2);
    }
    world.get(&format!("/operations/{operation}/log?lines=10001")).await.refused(422, "bad-lines");
    world.fake.forget_logs();
    let problem = world.get("/installations/hola-acme/logs").await.refused(409, "not-installed");
    assert!(problem.detail.contains("its installation failed and was undone: it did not become healthy"));
    // Its server has none of that id: what was asked for is so.
    let accepted: Accepted = world.delete("/installations/hola-acme").await.expect(202).json();
    assert_eq!(world.ended(accepted.operation).await.state, OperationState::Finished);
}

#[tokio::test]
async fn a_failed_try_does_not_keep_its_name() {
    let world = World::with_app().await;
    world.post("/customers", json!({"slug": "other"})).await.expect(201);
    let install = async |body| {
        let accepted: Accepted = world.post("/installations", body).await.expect(202).json();
        world.ended(accepted.operation).await;
        accepted.installation
    };
    world.fake.script(|_| Outcome::Undo("no"));
    let first = install(json!({"app": "hola", "customer": "acme"})).await;
    let second = install(json!({"app": "hola", "customer": "acme"})).await;
    assert_eq!(second.name.as_str(), "hola-acme");
    assert_ne!(first.id, second.id);
    let named = json!({"app": "hola", "customer": "other", "name": "mine"});
    install(named.clone()).await;
    world.fake.script(|_| Outcome::Finish);
    // Another customer's record is not touched.
    let foreign = json!({"app": "hola", "customer": "acme", "name": "mine"});
    world.post("/installations", foreign).await.refused(409, "name-taken");
    assert_eq!(install(named).await.name.as_str(), "mine");
    let third = world.install("hola", "acme").await;
    assert_eq!((third.name.as_str(), third.ports[0].port), ("hola-acme", 20_001));
    assert_eq!(world.installation(&first.id.to_string()).await.state, InstallationState::Removed);
    let page: Page<Installation> = world.get("/installations").await.expect(200).json();
    assert!(page.items.iter().all(|item| item.phase == Some(nimbus_api::Phase::Healthy)), "{page:?}");
    assert_eq!(world.install("hola", "acme").await.name.as_str(), "hola-acme-2");
}

#[tokio::test]
async fn a_refusal_of_the_server_is_told_and_counts_as_undone() {
    let world = World::with_app().await;
    world.fake.script(|_| Outcome::Refuse(422, "no-memory", "the server has not enough memory left"));
    let accepted: Accepted =
        world.post("/installations", json!({"app": "hola", "customer": "acme"})).await.expect(202).json();
    let ended = world.ended(accepted.operation).await;
    assert_eq!(ended.error.as_deref(), Some("the server has not enough memory left"));
    assert_eq!(world.installation("hola-acme").await.state, InstallationState::Failed);
}

#[tokio::test]
async fn removing_twice_is_one_removal() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    world.fake.script(|_| Outcome::Hold);
    let first: Accepted = world.delete("/installations/hola-acme").await.expect(202).json();
    world.fake.wait_running(1).await;
    let second: Accepted = world.delete("/installations/hola-acme").await.expect(202).json();
    assert_eq!(first.operation, second.operation);
    world.post("/installations/hola-acme/start", json!({})).await.refused(409, "being-removed");
    world.fake.end(first.operation, Outcome::Undo("the volume is busy"));
    world.ended(first.operation).await;
    assert_eq!(world.installation("hola-acme").await.state, InstallationState::Running);
    world.fake.script(|_| Outcome::Finish);
    let third: Accepted = world.delete("/installations/hola-acme").await.expect(202).json();
    assert_eq!(world.ended(third.operation).await.state, OperationState::Finished);
}

#[tokio::test]
async fn what_is_stuck_says_so_and_can_be_removed() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    world.fake.script(|request| match request.work {
        Work::Remove => Outcome::Finish,
        _ => Outcome::Stuck("the undo failed"),
    });
    assert_eq!(world.done("/installations/hola-acme/restart").await.state, OperationState::Stuck);
    let status: plane::wire::Status = world.get("/status").await.json();
    assert_eq!(status.stuck, 1);
    world.post("/installations/hola-acme/restart", json!({})).await.refused(409, "busy");
    let accepted: Accepted = world.delete("/installations/hola-acme").await.expect(202).json();
    assert_eq!(world.ended(accepted.operation).await.state, OperationState::Finished);
    let status: plane::wire::Status = world.get("/status").await.json();
    assert_eq!(status.stuck, 0);
}

#[tokio::test]
async fn what_is_stuck_can_be_tried_again() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    world.fake.script(|_| Outcome::Stuck("the undo failed"));
    let stuck = world.done("/installations/hola-acme/stop").await;
    assert_eq!((stuck.state, stuck.error.as_deref()), (OperationState::Stuck, Some("the undo failed")));
    let path = format!("/operations/{}", stuck.id);
    world.post(&format!("{path}/retry"), json!({})).await.expect(202);
    world
        .until("it is settled", async || world.get(&path).await.json::<Operation>().state == OperationState::Finished)
        .await;
    let shown = world.installation("hola-acme").await;
    assert_eq!((shown.state, shown.operation, shown.error), (InstallationState::Stopped, None, None));
    world.post(&format!("{path}/retry"), json!({})).await.refused(409, "not-stuck");
    world.post("/operations/no/retry", json!({})).await.refused(404, "unknown-operation");
}

#[tokio::test]
async fn a_server_that_is_away_is_waited_for() {
    let world = World::with_app().await;
    world.fake.set_up(false);
    let accepted: Accepted =
        world.post("/installations", json!({"app": "hola", "customer": "acme"})).await.expect(202).json();
    let path = format!("/operations/{}", accepted.operation);
    world.until("it says so", async || world.get(&path).await.json::<Operation>().waiting_for.is_some()).await;
    assert!(world.installation("hola-acme").await.live_error.is_some());
    world.get("/installations/hola-acme/logs").await.refused(503, "server-unreachable");
    world.fake.set_up(true);
    assert_eq!(world.ended(accepted.operation).await.state, OperationState::Finished);
    assert_eq!(world.fake.asked().len(), 1);
}

#[tokio::test]
async fn an_archive_is_sent_once_and_again_when_the_server_lost_it() {
    let world = World::with_app().await;
    for _ in 0..3 {
        world.install("hola", "acme").await;
    }
    assert_eq!(world.fake.sent(), 1);
    world.fake.forget_artifacts();
    world.install("hola", "acme").await;
    assert_eq!(world.fake.sent(), 2);
    world.publish("hola", 2).await;
    world.deploy_all("hola").await;
    assert_eq!(world.fake.sent(), 3);
    // What a rollback returns to is sent too, and what it would return from when it fails.
    world.fake.forget_artifacts();
    let rollback: plane::wire::Deployment = world.post("/installations/hola-acme/rollback", json!({})).await.json();
    world.deployed(rollback.id).await;
    assert_eq!(world.fake.sent(), 5);
}

#[tokio::test]
async fn logs_and_exec_are_passed_through() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    let got = world.get("/installations/hola-acme/logs?lines=3&follow=false").await.expect(200);
    assert_eq!(got.headers["content-type"], "application/x-ndjson");
    let lines: Vec<LogLine> =
        String::from_utf8(got.body).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["line 0", "line 1", "line 2"]);
    world.get("/installations/hola-acme/logs?lines=10001").await.refused(422, "bad-lines");

    let exec = async |body: &'static str| {
        world.send(world.request(Method::POST, "/installations/hola-acme/exec").body(body)).await
    };
    let got = exec("{\"command\":[\"cat\",\"-\"]}\nthe input").await.expect(200);
    let mut bytes = BytesMut::from(&got.body[..]);
    let mut frames = Vec::new();
    while let Some(frame) = ExecFrame::decode(&mut bytes).unwrap() {
        frames.push(frame);
    }
    let out = |text: &'static str| ExecFrame::Out(text.into());
    assert_eq!(frames, [out("cat -"), out("the input"), ExecFrame::Exit(3)]);
    exec("{\"command\":[\"true\"]}").await.expect(200);
    for bad in
        ["", "\n", "{}", "{\"command\":[]}", "{\"command\":[\"\"]}", "{\"command\":[\"a\\u0000\"]}", "{\"x\":1}\n"]
    {
        assert_eq!(exec(bad).await.status, 422, "{bad}");
    }
    world.done("/installations/hola-acme/stop").await;
    exec("{\"command\":[\"true\"]}").await.refused(409, "stopped");
}
