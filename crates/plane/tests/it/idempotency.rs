//! The same request sent twice.

use plane::wire::{Accepted, Page, Version};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Got, World, package};

async fn post(world: &World, key: &str, path: &str, body: &str) -> Got {
    let request = world.request(Method::POST, path).header("content-type", "application/json");
    world.send(request.header("idempotency-key", key).body(body.to_owned())).await
}

#[tokio::test]
async fn the_same_key_and_request_get_the_same_answer() {
    let world = World::with_app().await;
    let body = r#"{"app":"hola","customer":"acme"}"#;
    let first = post(&world, "k1", "/installations", body).await.expect(202);
    let second = post(&world, "k1", "/installations", body).await.expect(202);
    assert_eq!(first.body, second.body);
    assert_eq!(first.headers["content-type"], second.headers["content-type"]);
    assert_eq!(second.headers["idempotent-replay"], "true");
    assert_eq!(world.get("/installations").await.json::<Page<Value>>().items.len(), 1);
    let other = r#"{"app":"hola","customer":"acme","name":"x"}"#;
    post(&world, "k1", "/installations", other).await.refused(422, "idempotency-key-reused");
    post(&world, "k1", "/customers", body).await.refused(422, "idempotency-key-reused");
    let third: Accepted = post(&world, "k2", "/installations", body).await.expect(202).json();
    assert_eq!(third.installation.name.as_str(), "hola-acme-2");
    // A refusal is an answer too.
    post(&world, "k3", "/customers", r#"{"slug":"acme"}"#).await.refused(409, "customer-exists");
    let again = post(&world, "k3", "/customers", r#"{"slug":"acme"}"#).await;
    assert_eq!(again.headers["idempotent-replay"], "true");
    again.refused(409, "customer-exists");
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day_and_across_a_restart() {
    let mut world = World::new().await;
    post(&world, "k", "/customers", r#"{"slug":"acme"}"#).await.expect(201);
    world.stop().await;
    world.start().await;
    post(&world, "k", "/customers", r#"{"slug":"acme"}"#).await.expect(201);
    world.clock.forward(25);
    post(&world, "k", "/customers", r#"{"slug":"acme"}"#).await.refused(409, "customer-exists");
}

#[tokio::test]
async fn publishing_and_deleting_know_keys_too() {
    let world = World::new().await;
    let publish = async |content| {
        let request = world.request(Method::POST, "/apps/hola/versions?create=true");
        let request = request.header("content-type", "application/gzip").header("idempotency-key", "p");
        world.send(request.body(package("hola", content))).await
    };
    assert_eq!(publish(1).await.expect(201).json::<Version>().number, 1);
    world.publish("hola", 2).await;
    assert_eq!(publish(1).await.expect(201).json::<Version>().number, 1);
    publish(3).await.refused(422, "idempotency-key-reused");
    let delete = async || {
        let request = world.request(Method::DELETE, "/apps/hola/versions/1").header("idempotency-key", "d");
        world.send(request).await
    };
    delete().await.expect(204);
    assert!(delete().await.expect(204).body.is_empty());
    world.delete("/apps/hola/versions/1").await.refused(404, "unknown-version");
}

#[tokio::test]
async fn a_key_is_checked() {
    let world = World::with_app().await;
    for key in ["", " ", "a b", &"k".repeat(256)] {
        post(&world, key, "/customers", r#"{"slug":"x"}"#).await.refused(422, "bad-idempotency-key");
    }
    world.install("hola", "acme").await;
    let request = world.request(Method::POST, "/installations/hola-acme/exec").header("idempotency-key", "e");
    world.send(request.body("{\"command\":[\"true\"]}")).await.refused(422, "no-idempotency");
}

#[tokio::test]
async fn ten_at_once_with_one_key_are_one() {
    let world = std::sync::Arc::new(World::with_app().await);
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move {
                post(&world, "same", "/installations", r#"{"app":"hola","customer":"acme"}"#).await.status.as_u16()
            })
        })
        .collect();
    for task in tasks {
        let status = task.await.unwrap();
        assert!(status == 202 || status == 409, "{status}");
    }
    assert_eq!(world.get("/installations").await.json::<Page<Value>>().items.len(), 1);
}

#[tokio::test]
async fn what_was_cut_in_the_middle_is_never_done_twice() {
    let mut world = World::new().await;
    let body = json!({"slug": "acme"}).to_string();
    post(&world, "cut", "/customers", &body).await.expect(201);
    world.stop().await;
    let store = plane::store::Store::open(&world.store).await.unwrap();
    let tx = store.write().await.unwrap();
    // As a control plane leaves it that dies between the claim and the answer.
    let sql = "DELETE FROM customers; UPDATE idempotency SET status = NULL, media_type = NULL, body = NULL";
    sea_orm::ConnectionTrait::execute_unprepared(&*tx, sql).await.unwrap();
    tx.commit().await.unwrap();
    drop(store);
    world.start().await;
    post(&world, "cut", "/customers", &body).await.refused(409, "idempotency-unknown");
    world.get("/customers/acme").await.refused(404, "unknown-customer");
    post(&world, "new", "/customers", &body).await.expect(201);
}
