//! Applications, customers, paging, status, servers.

use nimbus_api::Warning;
use plane::wire::{Accepted, App, Customer, Event, Outcome, Page, Server, Status};
use serde_json::{Value, json};

use crate::fake::Outcome as Fate;
use crate::world::World;

#[tokio::test]
async fn an_application_is_created_listed_shown_and_deleted() {
    let world = World::new().await;
    let app: App = world.post("/apps", json!({"slug": "hola", "name": "Hola"})).await.expect(201).json();
    assert_eq!((app.slug.as_str(), app.name.as_str(), app.newest_version), ("hola", "Hola", None));
    world.post("/apps", json!({"slug": "hola"})).await.refused(409, "app-exists");
    assert_eq!(world.get("/apps/hola").await.expect(200).json::<App>(), app);
    assert_eq!(world.get("/apps").await.expect(200).json::<Page<App>>().items, [app]);
    world.delete("/apps/hola").await.expect(204);
    world.delete("/apps/hola").await.refused(404, "unknown-app");
    world.get("/apps/hola").await.refused(404, "unknown-app");
    world.get("/apps/Not%20A%20Slug").await.refused(404, "unknown-app");
}

#[tokio::test]
async fn an_application_with_installations_is_not_deleted() {
    let world = World::with_app().await;
    let installation = world.install("hola", "acme").await;
    let problem = world.delete("/apps/hola").await.refused(409, "app-in-use");
    assert!(problem.detail.contains(installation.name.as_str()), "{problem:?}");
    world.delete(&format!("/installations/{}", installation.name)).await.expect(202);
    world.until("it is removed", async || world.get("/installations/hola-acme").await.status == 404).await;
    world.delete("/apps/hola").await.expect(204);
    let artifacts = std::fs::read_dir(world.data.path().join("artifacts")).unwrap().count();
    assert_eq!(artifacts, 0);
}

#[tokio::test]
async fn customers_are_created_listed_and_shown() {
    let world = World::new().await;
    let customer: Customer =
        world.post("/customers", json!({"slug": "acme", "name": "ACME S.A."})).await.expect(201).json();
    assert_eq!(customer.name, "ACME S.A.");
    world.post("/customers", json!({"slug": "acme"})).await.refused(409, "customer-exists");
    assert_eq!(world.get("/customers/acme").await.expect(200).json::<Customer>(), customer);
    world.get("/customers/other").await.refused(404, "unknown-customer");
    assert_eq!(world.get("/customers").await.expect(200).json::<Page<Customer>>().items, [customer]);
}

#[tokio::test]
async fn a_customer_is_deleted_once_nothing_is_installed_for_it() {
    let world = World::with_app().await;
    for _ in 0..6 {
        world.install("hola", "acme").await;
    }
    let problem = world.delete("/customers/acme").await.refused(409, "customer-in-use");
    assert!(problem.detail.contains("hola-acme, hola-acme-2") && problem.detail.contains("1 more"), "{problem:?}");
    for n in ["", "-2", "-3", "-4", "-5", "-6"] {
        let path = format!("/installations/hola-acme{n}");
        let removed: Accepted = world.delete(&path).await.expect(202).json();
        world.ended(removed.operation).await;
    }
    world.delete("/customers/acme").await.expect(204);
    world.delete("/customers/acme").await.refused(404, "unknown-customer");
    world.delete("/customers/Not%20A%20Slug").await.refused(404, "unknown-customer");
    let body = json!({"app": "hola", "customer": "acme"});
    world.post("/installations", body).await.refused(404, "unknown-customer");
    // Its past can still be read, and the name can be used again.
    assert_eq!(world.get("/operations").await.json::<Page<Value>>().items.len(), 12);
    world.post("/customers", json!({"slug": "acme"})).await.expect(201);
    assert_eq!(world.get("/customers/acme").await.json::<Customer>().installations, 0);
    let audit: Page<Event> = world.get("/events?before=now").await.expect(200).json();
    assert!(audit.items.iter().any(|event| event.verb == "customer.delete" && event.outcome == Outcome::Done));
}

#[tokio::test]
async fn an_application_of_a_deleted_ones_name_begins_anew() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    world.publish("hola", 2).await;
    world.fake.script(|_| Fate::Undo("not healthy"));
    let id = world.deploy("hola", json!({})).await.id;
    world.deployed(id).await;
    world.fake.script(|_| Fate::Finish);
    let removed: Accepted = world.delete("/installations/hola-acme").await.expect(202).json();
    world.ended(removed.operation).await;
    world.delete("/apps/hola").await.expect(204);
    world.publish("hola", 1).await;
    let second = world.publish("hola", 2).await;
    assert_eq!((second.number, second.withdrawn), (2, false));
    assert_eq!(world.install("hola", "acme").await.version, 2);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = World::new().await;
    for n in 0..7 {
        world.post("/customers", json!({"slug": format!("c{n}")})).await.expect(201);
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page: Page<Customer> = world.get(&format!("/customers?limit=3{cursor}")).await.expect(200).json();
        assert!(page.items.len() <= 3);
        seen.extend(page.items.into_iter().map(|customer| customer.slug.to_string()));
        let Some(next) = page.next else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, ["c0", "c1", "c2", "c3", "c4", "c5", "c6"]);
    for bad in ["limit=0", "limit=501", "limit=-1", "limit=x", "limit=", "cursor=%21", "cursor=____"] {
        assert_eq!(world.get(&format!("/customers?{bad}")).await.status, 422, "{bad}");
    }
    let page: Page<Value> = world.get("/customers?limit=7").await.expect(200).json();
    assert_eq!(page.next, None);
}

#[tokio::test]
async fn status_and_servers_tell_what_is_there_and_what_is_not() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    let status: Status = world.get("/status").await.expect(200).json();
    assert_eq!((status.apps, status.customers, status.installations["running"]), (1, 1, 1));
    assert_eq!(status.phases["healthy"], 1);
    assert!(status.servers[0].nimbus && status.servers[0].edge);
    let servers: Page<Server> = world.get("/servers").await.expect(200).json();
    assert!(servers.items[0].reachable);
    assert_eq!(servers.items[0].installations, 1);
    let by_host: Server = world.get("/servers/fake").await.expect(200).json();
    assert_eq!(by_host.id, servers.items[0].id);
    world.get("/servers/other").await.refused(404, "unknown-server");

    let warning = Warning { code: "host-disk-low".into(), message: "the disk is nearly full".into() };
    world.fake.warn(warning.clone());
    assert_eq!(world.get("/status").await.json::<Status>().servers[0].warnings, [warning]);

    world.fake.set_up(false);
    let status: Status = world.get("/status").await.expect(200).json();
    assert!(!status.servers[0].nimbus && status.servers[0].error.is_some());
    let server: Server = world.get("/servers/fake").await.expect(200).json();
    assert!(!server.reachable && server.error.is_some());
}
