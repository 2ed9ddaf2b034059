//! The audit: who did what to which thing and when.

use std::time::Duration;

use futures_util::StreamExt;
use nimbus_api::{NimbusEventKind, Phase};
use plane::wire::{Event, Outcome, Page};
use reqwest::Method;
use serde_json::json;

use crate::world::World;

async fn events(world: &World, query: &str) -> Vec<Event> {
    world.get(&format!("/events{query}")).await.expect(200).json::<Page<Event>>().items
}

#[tokio::test]
async fn everything_that_a_person_does_is_written_down_also_what_is_refused() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    world.post("/customers", json!({"slug": "acme"})).await.refused(409, "customer-exists");
    let all = events(&world, "").await;
    let told: Vec<(&str, Outcome)> = all.iter().map(|event| (event.verb.as_str(), event.outcome)).collect();
    assert_eq!(
        told,
        [
            ("app.create", Outcome::Done),
            ("version.publish", Outcome::Done),
            ("customer.create", Outcome::Done),
            ("installation.install", Outcome::Accepted),
            ("installation.install", Outcome::Done),
            ("customer.create", Outcome::Refused),
        ]
    );
    assert!(all.iter().all(|event| event.actor == "operator" && event.at > 0));
    assert!(all.windows(2).all(|pair| pair[0].sequence + 1 == pair[1].sequence));
    assert_eq!(all[3].name.as_deref(), Some("hola-acme"));
    assert_eq!(all[5].detail["code"], "customer-exists");
    assert_eq!(events(&world, "?installation=hola-acme").await.len(), 2);
    assert_eq!(events(&world, "?app=hola").await.len(), 4);
    let page: Page<Event> = world.get("/events?limit=2").await.json();
    let next = page.next.unwrap();
    assert_eq!(events(&world, &format!("?cursor={next}")).await, all[2..]);
    assert_eq!(events(&world, &format!("?after={next}")).await, all[2..]);
    world.get("/events?installation=no").await.refused(404, "unknown-installation");
}

#[tokio::test]
async fn what_a_server_reports_is_taken_once_across_restarts() {
    let mut world = World::with_app().await;
    let id = world.install("hola", "acme").await.id;
    let phase = |phase| NimbusEventKind::PhaseChanged { phase, exit: Some("exit status 1".into()) };
    world.fake.emit(Some(id), phase(Phase::Restarting));
    let phases = async |world: &World| {
        events(world, "?installation=hola-acme").await.into_iter().filter(|e| e.actor == "nimbus").collect::<Vec<_>>()
    };
    world.until("it is there", async || phases(&world).await.len() == 1).await;
    world.stop().await;
    world.fake.emit(Some(id), phase(Phase::Healthy));
    world.start().await;
    world.until("both are there", async || phases(&world).await.len() == 2).await;
    let told = phases(&world).await;
    assert_eq!((told[0].outcome, told[1].outcome), (Outcome::Failed, Outcome::Done));
    assert_eq!(told[0].detail["exit"], "exit status 1");
}

#[tokio::test]
async fn they_can_be_followed() {
    let world = World::new().await;
    let mut follow = world.request(Method::GET, "/events?follow=true").send().await.unwrap().bytes_stream();
    for slug in ["one", "two"] {
        world.post("/customers", json!({"slug": slug})).await.expect(201);
    }
    let mut text = String::new();
    while text.lines().count() < 2 {
        let piece = tokio::time::timeout(Duration::from_secs(5), follow.next()).await.unwrap().unwrap().unwrap();
        text.push_str(std::str::from_utf8(&piece).unwrap());
    }
    let ids: Vec<String> = text.lines().map(|line| serde_json::from_str::<Event>(line).unwrap().id).collect();
    assert_eq!(ids, ["one", "two"]);
}
