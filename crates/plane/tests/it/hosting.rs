//! What a publisher hosts for itself: a website or a package, that no customer is offered.

use domain::state::OperationState;
use nimbus_api::Work;
use plane::wire::{App, Hosted, Page};
use reqwest::Method;
use serde_json::json;

use crate::pages::scene;
use crate::world::{Got, World, package};

/// A website as an archive.
fn site(index: &str, text: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(index), text).unwrap();
    std::fs::create_dir(directory.path().join("css")).unwrap();
    std::fs::write(directory.path().join("css/a.css"), "p{}").unwrap();
    let mut archive = Vec::new();
    archive::pack_data(directory.path(), &archive::Limits::default(), &mut archive).unwrap();
    archive
}

async fn host(world: &World, name: &str, query: &str, archive: Vec<u8>) -> Got {
    let request = world.request(Method::POST, &format!("/apps/{name}/host{query}"));
    world.send(request.header("content-type", "application/gzip").body(archive)).await
}

#[tokio::test]
async fn a_website_is_hosted_and_replaced() {
    let world = World::with_app().await;
    let first: Hosted = host(&world, "web", "?memory=48&disk=96", site("index.html", "one")).await.expect(202).json();
    assert_eq!(world.ended(first.operation.unwrap()).await.state, OperationState::Finished);
    let asked = world.fake.asked();
    let Work::Install { version, name, .. } = &asked.last().unwrap().1.work else { panic!() };
    assert_eq!(
        (name.as_str(), version.manifest.limits.memory, version.manifest.limits.disk),
        ("web", 48 << 20, 96 << 20)
    );
    let shown = world.installation("web").await;
    assert_eq!((shown.customer.as_str(), shown.version), ("own", 1));
    let again: Hosted = host(&world, "web", "?memory=48&disk=96", site("index.html", "two")).await.expect(202).json();
    assert_eq!((again.operation, again.version), (None, 2));
    world.deployed(again.deployment.unwrap()).await;
    assert_eq!(world.installation("web").await.version, 2);
    let apps: Page<App> = world.get("/apps").await.expect(200).json();
    assert_eq!(
        apps.items.iter().map(|app| (app.slug.as_str(), app.own)).collect::<Vec<_>>(),
        [("hola", false), ("web", true)]
    );
    // A package says itself what it is and what it may use.
    let tool: Hosted = host(&world, "tool", "", package("tool", 1)).await.expect(202).json();
    world.ended(tool.operation.unwrap()).await;
    assert_eq!(world.installation("tool").await.version, 1);
}

#[tokio::test]
async fn what_cannot_be_hosted_is_told_and_leaves_nothing() {
    let world = World::with_app().await;
    host(&world, "web", "", site("start.html", "x")).await.refused(422, "no-index");
    host(&world, "web", "?memory=0", site("index.html", "x")).await.refused(422, "bad-manifest");
    host(&world, "hola", "", site("index.html", "x")).await.refused(409, "not-own");
    host(&world, "web", "", b"nonsense".to_vec()).await.refused(422, "bad-archive");
    host(&world, "other", "", package("tool", 1)).await.refused(422, "other-app");
    let apps: Page<App> = world.get("/apps").await.expect(200).json();
    assert_eq!(apps.items.len(), 1);
    let incoming = world.data.path().join("artifacts");
    let left = walk(&incoming).into_iter().filter(|path| path.contains("incoming")).collect::<Vec<_>>();
    assert!(left.is_empty(), "{left:?}");
    let hosted: Hosted = host(&world, "web", "", site("index.html", "x")).await.expect(202).json();
    world.ended(hosted.operation.unwrap()).await;
    world.post("/installations", json!({"app": "web", "customer": "acme"})).await.refused(409, "own-app");
}

/// Every file below a directory.
fn walk(directory: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => walk(&path),
            path => vec![path.display().to_string()],
        })
        .collect()
}

#[tokio::test]
async fn it_is_hosted_on_a_page_and_no_customer_is_offered_it() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    owner.open("/p/acme/hosting").await.has("Nothing is hosted yet");
    owner.open("/p/acme/hosting/site").await.has("name=\"memory\"");
    assert_eq!(owner.open("/p/acme/hosting/site?name=No+Name").await.status, 422);
    owner.open("/p/acme/hosting/site?name=web&memory=32&disk=64").await.has("name=\"package\"");
    let hosted: Hosted = host(&world, "acme:web", "", site("index.html", "x")).await.expect(202).json();
    world.ended(hosted.operation.unwrap()).await;
    owner.open("/p/acme/hosting").await.has("http://web.localhost:8080").has("Replace");
    owner.open("/p/acme/hosting/site?name=web").await.has("takes the place");
    let catalogue = admin.open("/c/sol/catalogue").await;
    assert!(!catalogue.has("hola").html.contains("catalogue/web"));
}
