//! What is old is forgotten, and what is still needed is not.

use domain::InstallationId;
use domain::state::{InstallationState, OperationState};
use nimbus_api::Work;
use plane::access::Reach;
use plane::store::operations::{self, New};
use plane::wire::{Accepted, Deployment, Operation, Page};
use serde_json::{Value, json};

use crate::fake::Outcome;
use crate::world::World;

/// Days until anything is too old.
const OLD: u64 = 401;

/// Sets the clock forward, and has the control plane look at what is old.
async fn later(world: &mut World, days: u64) {
    world.clock.forward(days * 24);
    world.stop().await;
    world.start().await;
}

async fn verbs(world: &World) -> Vec<String> {
    let page: Page<Operation> = world.get("/operations").await.expect(200).json();
    page.items.into_iter().map(|operation| operation.verb).collect()
}

async fn deployments(world: &World) -> Vec<Deployment> {
    world.get("/deployments").await.expect(200).json::<Page<Deployment>>().items
}

#[tokio::test]
async fn old_operations_and_deployments_are_deleted_and_what_a_rollback_needs_is_kept() {
    let mut world = World::with_app().await;
    world.install("hola", "acme").await;
    world.publish("hola", 2).await;
    let first = world.deploy_all("hola").await.id;
    world.publish("hola", 3).await;
    let second = world.deploy_all("hola").await.id;
    assert_eq!(verbs(&world).await, ["switch", "switch", "install"]);
    later(&mut world, OLD - 2).await;
    world.done("/installations/hola-acme/restart").await;
    assert_eq!(verbs(&world).await, ["restart", "switch", "switch", "install"], "none is old");

    later(&mut world, 2).await;
    world.until("the old ones are gone", async || verbs(&world).await == ["restart", "switch"]).await;
    // The last that changed an installation stays, with its steps.
    let kept = deployments(&world).await;
    assert_eq!(kept.iter().map(|d| d.id).collect::<Vec<_>>(), [second]);
    assert_eq!(world.deployment(second).await.installations.unwrap()[0].steps.len(), 3);
    world.get(&format!("/deployments/{first}")).await.refused(404, "unknown-deployment");

    // Its installation gone, nothing needs it any more, and in the end not even the installation's own record.
    let removed: Accepted = world.delete("/installations/hola-acme").await.expect(202).json();
    world.ended(removed.operation).await;
    let id = removed.installation.id;
    later(&mut world, 0).await;
    world.until("the deployment is gone", async || deployments(&world).await.is_empty()).await;
    world.get(&format!("/installations/{id}")).await.expect(200);
    later(&mut world, OLD).await;
    world.until("nothing is left", async || verbs(&world).await.is_empty()).await;
    world.until("nobody knows it", async || world.get(&format!("/installations/{id}")).await.status == 404).await;
    let versions: Page<Value> = world.get("/apps/hola/versions").await.expect(200).json();
    assert_eq!(versions.items.len(), 3, "what was published stays");
}

#[tokio::test]
async fn a_withdrawn_version_stays_so_when_the_deployment_that_failed_is_forgotten() {
    let mut world = World::with_app().await;
    world.install("hola", "acme").await;
    world.publish("hola", 2).await;
    world.fake.script(|_| Outcome::Undo("not healthy"));
    let id = world.deploy("hola", json!({})).await.id;
    world.deployed(id).await;
    world.fake.script(|_| Outcome::Finish);
    later(&mut world, OLD).await;
    world.until("it is forgotten", async || deployments(&world).await.is_empty()).await;
    assert_eq!(world.install("hola", "acme").await.version, 1);
}

#[tokio::test]
async fn what_is_under_way_or_stuck_is_never_deleted() {
    let mut world = World::with_app().await;
    world.install("hola", "acme").await;
    world.install("hola", "acme").await;
    world.publish("hola", 2).await;
    world.fake.script(|_| Outcome::Stuck("the undo failed"));
    let stuck = world.done("/installations/hola-acme-2/restart").await.id;
    world.fake.script(|_| Outcome::Hold);
    let live = world.deploy("hola", json!({})).await.id;
    let held = world.fake.wait_running(1).await[0];
    later(&mut world, OLD).await;
    world.until("the old ones are gone", async || !verbs(&world).await.contains(&"install".to_owned())).await;
    assert_eq!(verbs(&world).await, ["switch", "restart"]);
    world.fake.end(held, Outcome::Finish);
    world.post(&format!("/operations/{stuck}/retry"), json!({})).await.expect(202);
    world.until("the deployment goes on", async || world.fake.asked().len() > 4).await;
    world.fake.end(world.fake.wait_running(1).await[0], Outcome::Finish);
    assert_eq!(world.deployed(live).await.counts["finished"], 2);
}

#[tokio::test]
async fn of_too_many_operations_the_oldest_are_deleted() {
    let mut world = World::with_app().await;
    let installation = world.install("hola", "acme").await.id;
    world.stop().await;
    let store = plane::store::Store::open(&world.store).await.unwrap();
    let tx = store.write().await.unwrap();
    for at in 1..=2500 {
        keep(&tx, installation, at).await;
    }
    assert_eq!(operations::begin_of_newest(&tx, 10_000).await.unwrap(), 0);
    let before = operations::begin_of_newest(&tx, 101).await.unwrap();
    assert_eq!(before, 2401, "a hundred of these, and the one that installed it");
    assert_eq!(operations::prune(&tx, before).await.unwrap(), 2000, "some at a time");
    assert_eq!(operations::prune(&tx, before).await.unwrap(), 400);
    assert_eq!(operations::prune(&tx, before).await.unwrap(), 0);
}

async fn keep(tx: &plane::store::Tx, installation: InstallationId, at: u64) {
    let id = domain::OperationId::new();
    let new = New {
        id,
        installation,
        deployment: None,
        variables: None,
        batch: None,
        work: &Work::Restart,
        state_before: InstallationState::Running,
        requested_by: "operator",
        at,
    };
    operations::create(tx, &new).await.unwrap();
    let mut row = operations::find(&**tx, id).await.unwrap().unwrap();
    (row.state, row.ended_at) = (OperationState::Finished, Some(at));
    operations::update(tx, &row).await.unwrap();
}

#[tokio::test]
async fn the_audit_of_one_publisher_pushes_nothing_of_anothers_out() {
    let mut world = World::new().await;
    for slug in ["loud", "calm"] {
        world.post("/publishers", json!({"slug": slug})).await.expect(201);
    }
    world.post("/customers", json!({"publisher": "calm", "slug": "sol"})).await.expect(201);
    let retention = json!({"days": 400, "events": 1000, "operations": 50000});
    world.post("/settings", json!({"retention": retention})).await.expect(200);
    // Much at once, as a change of thousands of installations writes it.
    let store = plane::store::Store::open(&world.store).await.unwrap();
    let many = async |publisher: Option<&str>, count: usize| {
        let tx = store.write().await.unwrap();
        for _ in 0..count {
            let new = plane::store::events::New {
                at: world.clock.now(),
                actor: "a test".into(),
                address: None,
                verb: "installation.restart",
                kind: "installation",
                id: "x".into(),
                name: None,
                publisher: publisher.map(|slug| slug.parse().unwrap()),
                customer: None,
                app: None,
                installation: None,
                outcome: plane::wire::Outcome::Done,
                detail: json!({}),
            };
            plane::store::events::record(&tx, &new).await.unwrap();
        }
        tx.commit().await.unwrap();
    };
    many(Some("loud"), 2500).await;
    many(None, 1200).await;
    let count = async |publisher: &str| {
        let part = plane::store::events::Part::After(0);
        let all =
            plane::store::events::list(store.read(), &Reach::All, &Default::default(), part, 10_000).await.unwrap();
        all.iter().filter(|event| event.publisher.as_ref().map_or("", |slug| slug.as_str()) == publisher).count()
    };
    let (calm, loud) = (count("calm").await, count("loud").await);
    assert!(calm >= 1 && loud > 2500, "{calm} {loud}");
    later(&mut world, 0).await;
    world.until("there are no more than may be", async || (count("loud").await, count("").await) == (1000, 1000)).await;
    assert_eq!(count("calm").await, calm);
    let events = world.get("/events?text=sol&verb=customer.create&limit=10").await.text();
    assert!(events.contains("\"calm\""), "{events}");
    // The newest are those that are left.
    let kept: Page<Value> = world.get("/events?before=now&limit=500&verb=publisher.create").await.json();
    assert!(kept.items.iter().all(|event| event["publisher"] != "loud"), "its first is gone");
}
