//! Operations are listed, read back step by step, and taken up again when they are stuck.

use domain::state::OperationState;
use plane::wire::{Accepted, Operation, Page, Status};
use serde_json::json;

use crate::fake::Outcome;
use crate::world::World;

async fn list(world: &World, query: &str) -> Page<Operation> {
    world.get(&format!("/operations{query}")).await.expect(200).json()
}

fn verbs(page: &Page<Operation>) -> Vec<&str> {
    page.items.iter().map(|operation| operation.verb.as_str()).collect()
}

#[tokio::test]
async fn they_are_listed_newest_first_in_parts() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    world.install("hola", "acme").await;
    for verb in ["stop", "start", "restart"] {
        world.done(&format!("/installations/hola-acme/{verb}")).await;
    }
    world.publish("hola", 2).await;
    world.deploy_all("hola").await;
    let all = list(&world, "").await;
    assert_eq!(verbs(&all), ["switch", "switch", "restart", "start", "stop", "install", "install"]);
    assert!(all.items.iter().all(|operation| operation.steps.len() == 3));
    let (mut parts, mut query) = (Vec::new(), "?limit=3".to_owned());
    loop {
        let page = list(&world, &query).await;
        parts.extend(page.items);
        let Some(next) = page.next else { break };
        query = format!("?limit=3&cursor={next}");
    }
    assert_eq!(parts, all.items);
    let of_one = list(&world, "?installation=hola-acme&state=finished").await;
    assert_eq!(verbs(&of_one), ["switch", "restart", "start", "stop", "install"]);
    assert!(list(&world, "?state=running").await.items.is_empty());
    world.get("/operations?state=lost").await.refused(422, "bad-query");
    world.get("/operations?installation=lost").await.refused(404, "unknown-installation");
    world.get("/operations?cursor=x").await.refused(422, "bad-cursor");
}

#[tokio::test]
async fn a_stuck_one_is_found_and_tried_until_it_succeeds() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    world.fake.script(|_| Outcome::Stuck("the undo failed"));
    let stuck = world.done("/installations/hola-acme/restart").await;
    assert_eq!(stuck.state, OperationState::Stuck);
    assert_eq!(list(&world, "?state=stuck").await.items, std::slice::from_ref(&stuck));
    assert_eq!(world.get("/status").await.json::<Status>().stuck, 1);

    // In vain: why is told anew, with what was tried.
    world.fake.retries_end(Outcome::Stuck("it failed again"));
    let (path, id) = (format!("/operations/{}/retry", stuck.id), format!("/operations/{}", stuck.id));
    world.post(&path, json!({})).await.expect(202);
    let now = async || world.get(&id).await.expect(200).json::<Operation>();
    world.until("it was tried", async || now().await.error.as_deref() == Some("it failed again")).await;
    assert_eq!((now().await.state, now().await.steps.len()), (OperationState::Stuck, stuck.steps.len() + 1));

    world.fake.retries_end(Outcome::Finish);
    world.post(&path, json!({})).await.expect(202);
    world.until("it is finished", async || now().await.state == OperationState::Finished).await;
    assert!(list(&world, "?state=stuck").await.items.is_empty());
    world.post(&path, json!({})).await.refused(409, "not-stuck");
}

#[tokio::test]
async fn an_operation_that_did_not_fail_has_no_log() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    let id = list(&world, "").await.items[0].id;
    let problem = world.get(&format!("/operations/{id}/log")).await.refused(404, "no-log");
    assert!(problem.detail.contains("vclouden installation logs hola-acme"), "{problem:?}");
    world.get("/operations/nonsense/log").await.refused(404, "unknown-operation");
}

#[tokio::test]
async fn what_a_removed_installation_left_stuck_needs_nobody() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    world.fake.script(|_| Outcome::Stuck("the undo failed"));
    world.done("/installations/hola-acme/restart").await;
    world.fake.script(|_| Outcome::Finish);
    let removed: Accepted = world.delete("/installations/hola-acme").await.expect(202).json();
    assert_eq!(world.ended(removed.operation).await.state, OperationState::Finished);
    assert!(list(&world, "?state=stuck").await.items.is_empty());
    assert_eq!(world.get("/status").await.json::<Status>().stuck, 0);
}
