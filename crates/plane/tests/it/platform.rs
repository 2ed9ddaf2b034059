//! What the operator looks after: limits, retention, announcements, and the pages of servers and operations.

use plane::wire::{Accepted, Announcement, Installation, Page, PlatformSettings, Publisher};
use serde_json::json;

use crate::fake::Outcome;
use crate::pages::{Browser, join, scene};
use crate::world::{World, manifest, package_of};

#[tokio::test]
async fn nothing_is_installed_beyond_the_limits_of_a_publisher() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    let shown: Publisher = world.get("/publishers/main").await.expect(200).json();
    assert_eq!((shown.running, shown.disk, shown.limits.installations), (1, 1 << 30, None));
    assert!(shown.memory > 0);
    let install = async || world.post("/installations", json!({"app": "hola", "customer": "acme"})).await;
    let limit = async |body: serde_json::Value| world.post("/publishers/main/limits", body).await.expect(200);
    for limits in [
        json!({"installations": 1}),
        json!({"memory": shown.memory * 2 - 1_048_576}),
        json!({"disk": (2_u64 << 30) - 1_048_576}),
    ] {
        limit(limits.clone()).await;
        let problem = install().await.refused(409, "over-limit");
        assert!(problem.detail.contains("main"), "{limits}: {problem:?}");
    }
    let shown: Publisher =
        limit(json!({"installations": 2, "memory": shown.memory * 2, "disk": 2_u64 << 30})).await.json();
    assert_eq!(shown.limits.installations, Some(2));
    let accepted: Accepted = install().await.expect(202).json();
    world.ended(accepted.operation).await;
    install().await.refused(409, "over-limit");
    // What is removed or failed takes nothing.
    let accepted: Accepted = world.delete("/installations/hola-acme-2").await.expect(202).json();
    world.ended(accepted.operation).await;
    world.fake.script(|_| Outcome::Undo("no"));
    let accepted: Accepted = install().await.expect(202).json();
    world.ended(accepted.operation).await;
    world.fake.script(|_| Outcome::Finish);
    install().await.expect(202);
    limit(json!({})).await;
    // A version that needs more than there is is not deployed; one that needs less always is.
    let sized_of = |app: &str, memory: u32, content: u32| {
        package_of(&format!("{}[limits]\nmemory = \"{memory} MiB\"\n", manifest(app)), content)
    };
    let sized = |memory: u32, content: u32| sized_of("big", memory, content);
    world.publish_bytes("big", "?create=true", sized(64, 1)).await.expect(201);
    world.install("big", "acme").await;
    world.publish_bytes("big", "", sized(96, 2)).await.expect(201);
    let taken = world.get("/publishers/main").await.json::<Publisher>().memory;
    limit(json!({"memory": taken + (31 << 20)})).await;
    let problem = world.post("/apps/big/deployments", json!({})).await.refused(409, "over-limit");
    assert!(problem.detail.contains("needs 32 more"), "{problem:?}");
    limit(json!({"memory": taken + (32 << 20)})).await;
    world.deploy_all("big").await;
    assert_eq!(world.get("/publishers/main").await.json::<Publisher>().memory, taken + (32 << 20));
    limit(json!({"memory": 1})).await;
    world.publish_bytes("big", "", sized(32, 3)).await.expect(201);
    world.deploy_all("big").await;
    // What an accepted deployment will need is taken from then on, and free when it came to nothing.
    world.publish_bytes("big", "", sized(128, 4)).await.expect(201);
    world.publish_bytes("other", "?create=true", sized_of("other", 32, 5)).await.expect(201);
    limit(json!({})).await;
    world.install("other", "acme").await;
    world.publish_bytes("other", "", sized_of("other", 48, 6)).await.expect(201);
    let taken = world.get("/publishers/main").await.json::<Publisher>().memory;
    limit(json!({"memory": taken + (100 << 20)})).await;
    world.fake.script(|_| Outcome::Hold);
    let big = world.deploy("big", json!({})).await;
    let held = world.fake.wait_running(1).await;
    let problem = world.post("/apps/other/deployments", json!({})).await.refused(409, "over-limit");
    assert!(problem.detail.contains(&format!("{} are taken", (taken >> 20) + 96)), "{problem:?}");
    install().await.refused(409, "over-limit");
    world.fake.script(|_| Outcome::Finish);
    world.fake.end(held[0], Outcome::Undo("no"));
    world.deployed(big.id).await;
    world.deploy_all("other").await;
    limit(json!({})).await;
    world.post("/publishers/none/limits", json!({})).await.refused(404, "unknown-publisher");
    world.post("/publishers/main/limits", json!({"installations": -1})).await.refused(422, "bad-body");
}

#[tokio::test]
async fn installations_of_before_count_as_well() {
    let mut world = World::with_app().await;
    world.install("hola", "acme").await;
    world.stop().await;
    let store = plane::store::Store::open(&world.store).await.unwrap();
    let tx = store.write().await.unwrap();
    sea_orm::ConnectionTrait::execute_unprepared(&*tx, "UPDATE installations SET memory = 0, disk = 0").await.unwrap();
    tx.commit().await.unwrap();
    drop(store);
    world.start().await;
    let shown: Publisher = world.get("/publishers/main").await.expect(200).json();
    assert!(shown.memory > 0 && shown.disk == 1 << 30, "{shown:?}");
}

#[tokio::test]
async fn records_are_kept_as_long_as_the_operator_says() {
    let world = World::with_app().await;
    let settings: PlatformSettings = world.get("/settings").await.expect(200).json();
    assert_eq!((settings.retention.days, settings.retention.copy_hours), (400, None));
    let good = json!({"days": 30, "events": 1000, "operations": 100, "copy_hours": 2});
    world.post("/settings", json!({ "retention": good })).await.expect(200);
    for (key, value) in [("days", 29), ("events", 10), ("operations", 1), ("copy_hours", 721)] {
        let mut bad = good.clone();
        bad[key] = value.into();
        world.post("/settings", json!({ "retention": bad })).await.refused(422, "bad-retention");
    }
    // Other settings leave it as it is.
    let settings: PlatformSettings = world.post("/settings", json!({"sign_up": true})).await.expect(200).json();
    assert_eq!(settings.retention.days, 30);
    world.install("hola", "acme").await;
    world.publish("hola", 2).await;
    assert_eq!(world.deploy_all("hola").await.keep_hours, 2);
}

#[tokio::test]
async fn an_announcement_stands_on_every_page_until_it_is_dismissed() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    let body = json!({"level": "warn", "audience": "everybody", "en": "Restart <soon>", "es": "Reinicio pronto"});
    let made: Announcement = world.post("/announcements", body).await.expect(201).json();
    let only = json!({"level": "info", "audience": "portals", "en": "For customers", "until": made.from + 3_600_000});
    world.post("/announcements", only).await.expect(201);
    owner.open("/p/acme").await.has("Restart &lt;soon&gt;");
    assert!(!owner.open("/p/acme/apps").await.html.contains("For customers"));
    admin.cookies.insert("language".into(), "es".into());
    admin.open("/c/sol").await.has("Reinicio pronto").has("For customers");
    world.clock.forward(2);
    assert!(!admin.open("/c/sol").await.html.contains("For customers"), "it is over");
    let action = format!("/announcements/{}/dismiss", made.id);
    let page = owner.send("/p/acme/apps", &action, &[("to", "/p/acme/apps")]).await;
    assert_eq!((page.status.as_u16(), page.path.as_str()), (200, "/p/acme/apps"));
    assert!(!page.html.contains("Restart"));
    admin.open("/c/sol").await.has("Reinicio pronto");
    let evil = owner.send("/p/acme/apps", &action, &[("to", "//evil.example")]).await;
    assert!(evil.path.starts_with('/') && !evil.path.starts_with("//"), "{}", evil.path);
    world.delete(&format!("/announcements/{}", made.id)).await.expect(204);
    assert!(!admin.open("/c/sol").await.html.contains("Reinicio"));
    world.delete(&format!("/announcements/{}", made.id)).await.refused(404, "unknown-announcement");
    let post = async |body| world.post("/announcements", body).await;
    post(json!({"level": "info", "audience": "console"})).await.refused(422, "bad-announcement");
    post(json!({"level": "info", "audience": "console", "en": "x".repeat(501)})).await.refused(422, "bad-announcement");
    post(json!({"level": "info", "audience": "console", "en": "x", "until": 1})).await.refused(422, "bad-announcement");
}

#[tokio::test]
async fn the_operator_sees_everything_on_pages() {
    let world = World::new().await;
    scene(&world).await;
    let mut operator = Browser::new(&world, "localhost");
    join(&world, &mut operator, json!({"mail": "root@localhost", "role": "operator"})).await.has("Platform");
    let server = world.fake.id;
    operator.open(&format!("/operator/servers/{server}")).await.has("Layers of defence").has("/srv/fake");
    operator.open("/operator").await.has("/srv/fake");
    assert_eq!(operator.open("/operator/servers/none").await.status, 404);
    operator.open("/operator/installations").await.has("hola-sol");
    let none = operator.open("/operator/installations?q=nothing").await;
    assert!(!none.has("Nothing found").html.contains("hola-sol"));
    let page: Page<Installation> = world.get(&format!("/installations?server={server}")).await.expect(200).json();
    assert_eq!(page.items.len(), 1);
    world.get("/installations?server=none").await.refused(422, "bad-server");
    operator.open("/operator/operations").await.has("Nothing is stuck");
    world.fake.script(|_| Outcome::Stuck("nobody knows"));
    world.done("/installations/hola-sol/restart").await;
    let page = operator.open("/operator/operations").await;
    page.has("nobody knows").has("class=\"steps\"");
    let retry =
        format!("/operator/operations/{}/retry", page.after("action=\"/operator/operations/").replace("/retry", ""));
    operator.send("/operator/operations", &retry, &[]).await;
    world.until("it is tried again", async || world.installation("hola-sol").await.operation.is_none()).await;
    let limits = "/operator/publishers/acme";
    let form = [("installations", "1"), ("memory", ""), ("disk", "4096")];
    operator.send(limits, &format!("{limits}/limits"), &form).await.has("value=\"4096\"").has("The limits are saved");
    let problem = world.post("/installations", json!({"app": "acme:hola", "customer": "sol"})).await;
    problem.refused(409, "over-limit");
    let bad = operator.send(limits, &format!("{limits}/limits"), &[("installations", "many")]).await;
    assert_eq!(bad.status, 422);
    let kept = [("days", "90"), ("events", "5000"), ("operations", "500"), ("copy_hours", "24")];
    let unsure = operator.send("/operator", "/operator/retention", &kept).await;
    assert_eq!(unsure.has("deleted for good").status, 422);
    let kept: Vec<_> = kept.into_iter().chain([("delete", "on")]).collect();
    operator.send("/operator", "/operator/retention", &kept).await.has("value=\"90\"");
    let mail = [("host", ""), ("security", "none"), ("webhook_networks", "10.1.0.0/16\r\n192.168.0.0/24")];
    operator.send("/operator", "/operator/settings", &mail).await.has("10.1.0.0/16\n192.168.0.0/24</textarea>");
    let shown: PlatformSettings = world.get("/settings").await.json();
    assert_eq!(shown.webhook_networks, ["10.1.0.0/16", "192.168.0.0/24"]);
    let bad = [("host", ""), ("security", "none"), ("webhook_networks", "everywhere")];
    assert_eq!(operator.send("/operator", "/operator/settings", &bad).await.status, 422);
    let new = [("level", "info"), ("audience", "console"), ("en", "Hello all"), ("until", "2999-01-01T10:00")];
    operator.send("/operator/announcements", "/operator/announcements", &new).await.has("Hello all");
    let bad = [("level", "info"), ("audience", "console"), ("en", "kept text"), ("from", "tomorrow")];
    operator.send("/operator/announcements", "/operator/announcements", &bad).await.has("kept text");
}
