//! The audit: who did what to which thing and when.

use nimbus_api::{NimbusEventKind, Phase};
use plane::wire::{Event, Outcome, Page};
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
async fn the_newest_can_come_first() {
    let world = World::new().await;
    for n in 1..=7 {
        world.post("/customers", json!({"slug": format!("c{n}")})).await.expect(201);
    }
    let sequences = |page: &Page<Event>| page.items.iter().map(|event| event.sequence).collect::<Vec<_>>();
    let page: Page<Event> = world.get("/events?before=now&limit=3").await.expect(200).json();
    assert_eq!(sequences(&page), [7, 6, 5]);
    let next = page.next.unwrap();
    let page: Page<Event> = world.get(&format!("/events?before=now&limit=3&cursor={next}")).await.expect(200).json();
    assert_eq!(sequences(&page), [4, 3, 2]);
    let page: Page<Event> = world.get("/events?before=5&after=2").await.expect(200).json();
    assert_eq!((sequences(&page), page.next), (vec![4, 3], None));
    world.get("/events?before=soon").await.refused(422, "bad-query");
}

#[tokio::test]
async fn what_was_refused_names_its_thing() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    world.post("/installations/hola-acme/rollback", json!({})).await.refused(409, "nothing-to-roll-back");
    world.post("/installations/nobody/stop", json!({})).await.refused(404, "unknown-installation");
    world.post("/apps", json!({"slug": "hola"})).await.refused(409, "app-exists");
    world.delete("/apps/hola/versions/1").await.refused(409, "version-in-use");
    let body = json!({"app": "hola", "customer": "globex"});
    world.post("/installations", body).await.refused(404, "unknown-customer");
    world.post("/deployments/x/stop", json!({})).await.refused(404, "unknown-deployment");
    let all = events(&world, "").await;
    let refused = all.iter().filter(|event| event.outcome == Outcome::Refused);
    let told: Vec<_> = refused.map(|event| (event.verb.as_str(), event.name.as_deref().unwrap_or(&event.id))).collect();
    assert_eq!(
        told,
        [
            ("installation.rollback", "hola-acme"),
            ("installation.stop", "nobody"),
            ("app.create", "hola"),
            ("version.delete", "hola/1"),
            ("installation.install", "hola for globex"),
            ("deployment.stop", "x"),
        ]
    );
    let of_it = events(&world, "?installation=hola-acme").await;
    assert_eq!(of_it.last().unwrap().detail["path"], "/installations/hola-acme/rollback");
}

#[tokio::test]
async fn old_events_are_deleted_and_none_is_counted_twice() {
    let mut world = World::new().await;
    for n in 1..=3 {
        world.post("/customers", json!({"slug": format!("c{n}")})).await.expect(201);
    }
    world.clock.forward(399 * 24);
    world.post("/customers", json!({"slug": "c4"})).await.expect(201);
    world.stop().await;
    world.start().await;
    assert_eq!(events(&world, "").await.len(), 4);
    world.clock.forward(2 * 24);
    world.stop().await;
    world.start().await;
    world.until("the old ones are gone", async || events(&world, "").await.len() == 1).await;
    assert_eq!(events(&world, "").await[0].sequence, 4);
    world.post("/customers", json!({"slug": "c5"})).await.expect(201);
    assert_eq!(events(&world, "").await[1].sequence, 5);
}

#[tokio::test]
async fn of_too_many_events_the_oldest_are_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let store = plane::store::Store::open(&crate::postgres::location(directory.path()).await).await.unwrap();
    let tx = store.write().await.unwrap();
    let new = plane::store::events::New {
        at: 1000,
        actor: "operator".into(),
        address: None,
        verb: "customer.create",
        kind: "customer",
        id: "acme".into(),
        name: None,
        publisher: None,
        customer: None,
        app: None,
        installation: None,
        outcome: Outcome::Done,
        detail: json!({}),
    };
    for _ in 0..2500 {
        plane::store::events::record(&tx, &new).await.unwrap();
    }
    assert_eq!(plane::store::events::prune_of(&tx, None, 2400).await.unwrap(), 2000, "some at a time");
    assert_eq!(plane::store::events::prune_of(&tx, None, 2400).await.unwrap(), 400);
    assert_eq!(plane::store::events::prune_of(&tx, None, 2400).await.unwrap(), 0);
    assert_eq!(plane::store::events::too_many(&*tx, 100).await.unwrap(), []);
    assert_eq!(plane::store::events::too_many(&*tx, 30).await.unwrap(), [(None, 2470)]);
    assert_eq!(plane::store::events::prune(&tx, 1000).await.unwrap(), 0, "none is so old");
    assert_eq!(plane::store::events::last(&*tx).await.unwrap(), 2500);
    tx.commit().await.unwrap();
}
