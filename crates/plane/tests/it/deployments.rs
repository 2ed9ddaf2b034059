//! Deployments and rollbacks.

use std::sync::Arc;

use domain::state::{DeploymentState, DeploymentStepState, InstallationState, OperationState};
use nimbus_api::Work;
use plane::wire::{Accepted, Deployment, DeploymentEvent, DeploymentKind, Page};
use reqwest::Method;
use serde_json::json;

use crate::fake::Outcome;
use crate::world::World;

/// A world with that many installations of version 1 and a version 2.
async fn fleet(count: usize) -> World {
    let world = World::with_app().await;
    let mut operations = Vec::new();
    for _ in 0..count {
        let accepted: Accepted =
            world.post("/installations", json!({"app": "hola", "customer": "acme"})).await.expect(202).json();
        operations.push(accepted.operation);
    }
    for operation in operations {
        assert_eq!(world.ended(operation).await.state, OperationState::Finished);
    }
    world.publish("hola", 2).await;
    world
}

fn versions(deployment: &Deployment) -> Vec<(u32, u32, DeploymentStepState)> {
    let steps = deployment.installations.as_ref().unwrap();
    steps.iter().map(|step| (step.from_version, step.to_version, step.state)).collect()
}

#[tokio::test]
async fn a_deployment_reaches_every_installation_canary_first() {
    let world = fleet(20).await;
    let before = world.fake.asked().len();
    let deployment = world.deploy_all("hola").await;
    assert_eq!(deployment.counts["finished"], 20);
    assert!(versions(&deployment).iter().all(|v| *v == (1, 2, DeploymentStepState::Finished)));
    let steps = deployment.installations.as_ref().unwrap();
    assert!(steps[0].canary && !steps[1].canary);
    assert!(steps.iter().all(|step| step.held_ms >= Some(7)));
    let asked = &world.fake.asked()[before..];
    assert_eq!(asked.len(), 20);
    assert_eq!(asked[0].1.installation, steps[0].installation);
    assert!(steps[1..].iter().all(|step| step.began_at >= steps[0].ended_at));
    assert!(world.fake.most_running() <= 20);
    for step in steps {
        let shown = world.installation(&step.installation.to_string()).await;
        assert_eq!((shown.version, shown.rollback.unwrap().version, shown.deployment), (2, 1, None));
    }
    // Again there is nothing to do.
    let again: Deployment = world.post("/apps/hola/deployments", json!({})).await.expect(200).json();
    assert_eq!((again.state, again.installations.unwrap().len()), (DeploymentState::Finished, 0));
    world.get(&format!("/deployments/{}", again.id)).await.refused(404, "unknown-deployment");
}

#[tokio::test]
async fn no_more_than_the_workers_of_a_server_work_at_once() {
    let mut world = fleet(12).await;
    world.stop().await;
    world.workers = 3;
    world.start().await;
    world.fake.script(|_| Outcome::Hold);
    let id = world.deploy("hola", json!({"canary": 0})).await.id;
    let mut left = 12;
    while left > 0 {
        let running = world.fake.wait_running(left.min(3)).await;
        assert!(running.len() <= 3, "{running:?}");
        world.fake.end(running[0], Outcome::Finish);
        left -= 1;
    }
    assert_eq!(world.deployed(id).await.state, DeploymentState::Finished);
}

#[tokio::test]
async fn a_bad_canary_goes_back_and_nobody_else_is_touched() {
    let world = fleet(5).await;
    world.fake.script(|request| match request.work {
        Work::Switch { .. } => Outcome::Undo("not healthy after 10 s"),
        _ => Outcome::Finish,
    });
    let id = world.deploy("hola", json!({})).await.id;
    let deployment = world.deployed(id).await;
    assert_eq!(deployment.state, DeploymentState::Failed);
    assert!(deployment.error.as_ref().unwrap().contains("not healthy after 10 s"));
    assert_eq!((deployment.counts["undone"], deployment.counts["skipped"]), (1, 4));
    let shown = world.installation("hola-acme").await;
    assert_eq!((shown.version, shown.state), (1, InstallationState::Running));
    // The way is free for the next.
    world.fake.script(|_| Outcome::Finish);
    assert_eq!(world.deploy_all("hola").await.counts["finished"], 5);
}

#[tokio::test]
async fn a_failure_in_the_wave_lets_what_is_under_way_end_and_begins_nothing_new() {
    let mut world = fleet(8).await;
    world.stop().await;
    world.workers = 2;
    world.start().await;
    world.fake.script(|_| Outcome::Hold);
    let id = world.deploy("hola", json!({"canary": 1})).await.id;
    let canary = world.fake.wait_running(1).await;
    world.fake.end(canary[0], Outcome::Finish);
    let two = world.fake.wait_running(2).await;
    world.fake.end(two[0], Outcome::Undo("bad"));
    world.until("it is recorded", async || world.deployment(id).await.error.is_some()).await;
    assert_eq!(world.deployment(id).await.state, DeploymentState::Wave);
    world.fake.end(two[1], Outcome::Finish);
    let deployment = world.deployed(id).await;
    assert_eq!(deployment.state, DeploymentState::Failed);
    let counts = &deployment.counts;
    assert_eq!((counts["finished"], counts["undone"], counts["skipped"]), (2, 1, 5));
}

#[tokio::test]
async fn the_second_of_two_people_is_told_of_the_first() {
    let world = Arc::new(fleet(2).await);
    world.fake.script(|_| Outcome::Hold);
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { world.post("/apps/hola/deployments", json!({})).await })
        })
        .collect();
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for task in tasks {
        let got = task.await.unwrap();
        match got.status.as_u16() {
            202 => accepted.push(got.json::<Deployment>()),
            _ => refused.push(got.refused(409, "deployment-under-way")),
        }
    }
    assert_eq!((accepted.len(), refused.len()), (1, 5));
    assert!(refused.iter().all(|problem| problem.detail.contains(&accepted[0].id.to_string())));
    world.post("/apps/hola/rollback", json!({})).await.refused(409, "deployment-under-way");
    world.post("/installations/hola-acme/rollback", json!({})).await.refused(409, "deployment-under-way");
}

#[tokio::test]
async fn a_stopped_deployment_begins_nothing_new() {
    let world = fleet(3).await;
    world.fake.script(|_| Outcome::Hold);
    let id = world.deploy("hola", json!({})).await.id;
    let canary = world.fake.wait_running(1).await;
    let path = format!("/deployments/{id}/stop");
    let stopping: Deployment = world.post(&path, json!({})).await.expect(202).json();
    assert_eq!(stopping.state, DeploymentState::Stopping);
    world.post(&path, json!({})).await.expect(202);
    // What waits may be removed again only when the deployment has ended.
    world.delete("/installations/hola-acme-2").await.refused(409, "under-deployment");
    world.fake.end(canary[0], Outcome::Finish);
    let deployment = world.deployed(id).await;
    assert_eq!(deployment.state, DeploymentState::Stopped);
    assert_eq!((deployment.counts["finished"], deployment.counts["skipped"]), (1, 2));
    world.post(&path, json!({})).await.refused(409, "deployment-ended");
    world.fake.script(|_| Outcome::Finish);
    world.delete("/installations/hola-acme-2").await.expect(202);
}

#[tokio::test]
async fn what_a_deployment_needs_is_protected_from_others() {
    let world = fleet(2).await;
    world.fake.script(|_| Outcome::Hold);
    let id = world.deploy("hola", json!({})).await.id;
    let canary = world.fake.wait_running(1).await;
    for version in [1, 2] {
        world.delete(&format!("/apps/hola/versions/{version}")).await.refused(409, "version-in-use");
    }
    let problem = world.delete("/installations/hola-acme").await.refused(409, "under-deployment");
    assert!(problem.detail.contains(&id.to_string()));
    world.post("/installations/hola-acme/stop", json!({})).await.refused(409, "busy");
    world.delete("/apps/hola").await.refused(409, "app-in-use");
    world.fake.script(|_| Outcome::Finish);
    world.fake.end(canary[0], Outcome::Finish);
    assert_eq!(world.deployed(id).await.state, DeploymentState::Finished);
}

#[tokio::test]
async fn a_busy_installation_is_waited_for_and_a_failed_one_is_left_out() {
    let world = fleet(1).await;
    world.fake.script(|_| Outcome::Hold);
    let backup: Accepted = world.post("/installations/hola-acme/backups", json!({})).await.expect(202).json();
    let body = json!({"app": "hola", "customer": "acme", "version": 1, "name": "late"});
    let late: Accepted = world.post("/installations", body).await.expect(202).json();
    world.fake.wait_running(2).await;
    world.fake.script(|_| Outcome::Finish);
    let id = world.deploy("hola", json!({"canary": 0})).await.id;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(world.deployment(id).await.counts["waiting"], 2);
    world.fake.end(backup.operation, Outcome::Finish);
    world.fake.end(late.operation, Outcome::Undo("no"));
    let deployment = world.deployed(id).await;
    assert_eq!(deployment.state, DeploymentState::Finished);
    assert_eq!((deployment.counts["finished"], deployment.counts["skipped"]), (1, 1));
}

#[tokio::test]
async fn a_rollback_takes_everybody_back() {
    let world = fleet(6).await;
    world.post("/apps/hola/rollback", json!({})).await.refused(409, "nothing-to-roll-back");
    world.deploy_all("hola").await;
    let rollback: Deployment = world.post("/apps/hola/rollback", json!({})).await.expect(202).json();
    assert_eq!((rollback.kind, rollback.version), (DeploymentKind::Rollback, None));
    let rollback = world.deployed(rollback.id).await;
    assert_eq!(rollback.state, DeploymentState::Finished);
    assert!(versions(&rollback).iter().all(|v| *v == (2, 1, DeploymentStepState::Finished)));
    let page: Page<serde_json::Value> = world.get("/installations").await.json();
    assert!(page.items.iter().all(|item| item["version"] == 1 && item["rollback"].is_null()));
    world.post("/apps/hola/rollback", json!({})).await.refused(409, "nothing-to-roll-back");
}

#[tokio::test]
async fn one_installation_can_go_back_alone_and_only_in_time() {
    let world = fleet(2).await;
    world.deploy_all("hola").await;
    let rollback: Deployment = world.post("/installations/hola-acme/rollback", json!({})).await.expect(202).json();
    assert_eq!(world.deployed(rollback.id).await.state, DeploymentState::Finished);
    assert_eq!(world.installation("hola-acme").await.version, 1);
    assert_eq!(world.installation("hola-acme-2").await.version, 2);
    world.clock.forward(49);
    world.post("/installations/hola-acme-2/rollback", json!({})).await.refused(409, "nothing-to-roll-back");
    assert_eq!(world.installation("hola-acme-2").await.rollback, None);
}

#[tokio::test]
async fn going_back_further_is_asked_for() {
    let world = fleet(2).await;
    world.deploy_all("hola").await;
    world.publish("hola", 3).await;
    world.deploy_all("hola").await;
    let back = async |path: &str, body| {
        let rollback: Deployment = world.post(path, body).await.expect(202).json();
        let ended = world.deployed(rollback.id).await;
        (ended.state, versions(&ended))
    };
    let finished = |from, to| (from, to, DeploymentStepState::Finished);
    let one = back("/installations/hola-acme/rollback", json!({})).await;
    assert_eq!(one, (DeploymentState::Finished, vec![finished(3, 2)]));
    // Version 3 was taken from one only.
    assert!(withdrawn(&world).await.is_empty());
    let problem = world.post("/installations/hola-acme/rollback", json!({})).await.refused(409, "rolled-back-already");
    assert!(problem.detail.contains("rollback hola-acme --further"), "{problem:?}");
    // The other one has not gone back yet.
    assert_eq!(back("/apps/hola/rollback", json!({})).await.1, [finished(3, 2)]);
    assert_eq!(withdrawn(&world).await, [3]);
    let problem = world.post("/apps/hola/rollback", json!({})).await.refused(409, "rolled-back-already");
    assert!(problem.detail.contains("hola-acme-2") && problem.detail.contains("rollback hola --further"));
    world.post("/apps/hola/rollback", json!({"farther": true})).await.refused(422, "bad-body");
    let all = back("/apps/hola/rollback", json!({"further": true})).await;
    assert_eq!(all.1, [finished(2, 1), finished(2, 1)]);
    assert_eq!(withdrawn(&world).await, [3, 2]);
    world.post("/apps/hola/rollback", json!({"further": true})).await.refused(409, "nothing-to-roll-back");
    // A deployment makes it good again, and the next rollback is a first one.
    world.deployed(world.deploy("hola", json!({"version": 2})).await.id).await;
    assert_eq!(withdrawn(&world).await, [3]);
    assert_eq!(back("/apps/hola/rollback", json!({})).await.1, [finished(2, 1), finished(2, 1)]);
}

/// Numbers of the withdrawn versions, newest first.
async fn withdrawn(world: &World) -> Vec<u32> {
    let page: Page<plane::wire::Version> = world.get("/apps/hola/versions").await.expect(200).json();
    page.items.into_iter().filter(|version| version.withdrawn).map(|version| version.number).collect()
}

#[tokio::test]
async fn what_failed_is_not_installed_unless_asked_for() {
    let world = fleet(1).await;
    world.fake.script(|request| match request.work {
        Work::Switch { .. } => Outcome::Undo("not healthy after 10 s"),
        _ => Outcome::Finish,
    });
    world.deployed(world.deploy("hola", json!({})).await.id).await;
    assert_eq!(withdrawn(&world).await, [2]);
    assert_eq!(world.install("hola", "acme").await.version, 1);
    let body = json!({"app": "hola", "customer": "acme", "version": 2});
    let accepted: Accepted = world.post("/installations", body).await.expect(202).json();
    assert_eq!(accepted.installation.version, 2);
    world.ended(accepted.operation).await;
    world.deployed(world.deploy("hola", json!({"version": 1})).await.id).await;
    assert_eq!(withdrawn(&world).await, [2, 1]);
    let body = json!({"app": "hola", "customer": "acme"});
    let problem = world.post("/installations", body).await.refused(409, "all-withdrawn");
    assert!(problem.detail.contains("--version"), "{problem:?}");
    // The default of a deployment stays the newest.
    world.fake.script(|_| Outcome::Finish);
    assert_eq!(world.deploy_all("hola").await.version, Some(2));
    assert_eq!(withdrawn(&world).await, [1]);
}

#[tokio::test]
async fn a_rollback_goes_on_when_one_fails() {
    let mut world = fleet(4).await;
    world.deploy_all("hola").await;
    world.stop().await;
    world.workers = 1;
    world.start().await;
    let mut first = true;
    world.fake.script(move |_| match std::mem::replace(&mut first, false) {
        true => Outcome::Undo("no"),
        false => Outcome::Finish,
    });
    let rollback: Deployment = world.post("/apps/hola/rollback", json!({})).await.expect(202).json();
    let rollback = world.deployed(rollback.id).await;
    assert_eq!(rollback.state, DeploymentState::Failed);
    assert_eq!((rollback.counts["undone"], rollback.counts["finished"]), (1, 3));
}

#[tokio::test]
async fn a_stuck_installation_ends_the_deployment_and_is_settled_later() {
    let world = fleet(2).await;
    world.fake.script(|_| Outcome::Stuck("the undo failed"));
    let id = world.deploy("hola", json!({})).await.id;
    let deployment = world.deployed(id).await;
    assert_eq!((deployment.state, deployment.counts["stuck"]), (DeploymentState::Failed, 1));
    let operation = deployment.installations.unwrap()[0].operation.unwrap();
    world.post(&format!("/operations/{operation}/retry"), json!({})).await.expect(202);
    world.until("it is settled", async || world.deployment(id).await.counts.contains_key("finished")).await;
    assert_eq!(world.installation("hola-acme").await.version, 2);
    assert_eq!(world.deployment(id).await.state, DeploymentState::Failed);
}

#[tokio::test]
async fn the_stream_tells_everything_and_ends() {
    let world = fleet(3).await;
    world.fake.script(|_| Outcome::Hold);
    let id = world.deploy("hola", json!({"canary": 3})).await.id;
    let follow = world.request(Method::GET, &format!("/deployments/{id}/events")).send().await.unwrap();
    for operation in world.fake.wait_running(3).await {
        world.fake.end(operation, Outcome::Finish);
    }
    let text = follow.text().await.unwrap();
    let lines: Vec<DeploymentEvent> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(matches!(&lines[0], DeploymentEvent::Deployment { .. }));
    let DeploymentEvent::Deployment { deployment } = lines.last().unwrap() else { panic!("{text}") };
    assert_eq!(deployment.state, DeploymentState::Finished);
    let finished = lines.iter().filter(|line| match line {
        DeploymentEvent::Installation { step } => step.state == DeploymentStepState::Finished,
        DeploymentEvent::Deployment { .. } => false,
    });
    assert_eq!(finished.count(), 3);
}

#[tokio::test]
async fn what_is_wrong_with_a_deployment_is_said() {
    let world = fleet(1).await;
    let post = async |body| world.post("/apps/hola/deployments", body).await;
    post(json!({"version": 9})).await.refused(404, "unknown-version");
    post(json!({"keep_hours": 0})).await.refused(422, "bad-keep-hours");
    post(json!({"keep_hours": 721})).await.refused(422, "bad-keep-hours");
    post(json!({"canary": -1})).await.refused(422, "bad-body");
    world.post("/apps/no/deployments", json!({})).await.refused(404, "unknown-app");
    world.post("/apps/no/rollback", json!({})).await.refused(404, "unknown-app");
    world.get("/deployments/no").await.refused(404, "unknown-deployment");
    world.get("/deployments/no/events").await.refused(404, "unknown-deployment");
    world.post("/deployments/no/stop", json!({})).await.refused(404, "unknown-deployment");
    let missing = domain::DeploymentId::new();
    world.post(&format!("/deployments/{missing}/stop"), json!({})).await.refused(404, "unknown-deployment");
    assert!(world.get("/deployments?app=hola").await.expect(200).json::<Page<Deployment>>().items.is_empty());
    for version in [2, 1, 2] {
        world.deployed(world.deploy("hola", json!({"version": version})).await.id).await;
    }
    let page: Page<Deployment> = world.get("/deployments?app=hola&limit=2").await.expect(200).json();
    assert_eq!(page.items.len(), 2);
    let next = page.next.unwrap();
    let page: Page<Deployment> = world.get(&format!("/deployments?limit=2&cursor={next}")).await.expect(200).json();
    assert_eq!((page.items.len(), page.next), (1, None));
}
