//! From the portal into the application.

use std::time::{SystemTime, UNIX_EPOCH};

use nimbus_api::pass::{KEYS_PATH, Keys, PATH};
use plane::wire::{Event, Installation, NewToken, Opened, Page};
use serde_json::json;
use sha2::Digest;

use crate::pages::{Browser, scene};
use crate::world::{World, manifest, package_of};

/// A version that takes passes, on all installations.
async fn takes_passes(world: &World) {
    let manifest = manifest("hola").replace("health", "single_sign_on = true\nhealth");
    world.publish_bytes("acme:hola", "", package_of(&manifest, 3)).await.expect(201);
    world.deploy_all("acme:hola").await;
}

#[tokio::test]
async fn open_leads_in_with_a_pass_that_says_who_comes() {
    let world = World::new().await;
    let (_, mut admin) = scene(&world).await;
    let page = admin.send("/c/sol", "/c/sol/installations/hola-sol/open", &[]).await;
    assert_eq!(page.after("class=\"button primary wide\" href=\""), "http://hola-sol.localhost:8080");
    takes_passes(&world).await;
    let page = admin.send("/c/sol", "/c/sol/installations/hola-sol/open", &[]).await;
    page.has("Opening hola-sol");
    let url = page.after("class=\"button primary wide\" href=\"");
    let pass = url.strip_prefix(&format!("http://hola-sol.localhost:8080{PATH}?pass=")).unwrap();
    let keys = world.http.get(format!("http://{}{KEYS_PATH}", world.address)).send().await.unwrap();
    assert_eq!(keys.headers()["content-type"], "application/jwk-set+json");
    let keys = Keys::read(&keys.bytes().await.unwrap()).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = keys.check(pass, now).unwrap();
    let installation: Installation = world.installation("hola-sol").await;
    assert_eq!(claims.aud, installation.id);
    assert!(claims.iss.starts_with("http://acme.localhost"), "{}", claims.iss);
    let person = claims.person;
    assert_eq!((person.mail.as_str(), person.name.as_str()), ("luz@sol.example", "Ana Núñez"));
    assert_eq!((person.role.as_str(), person.support), ("customer-admin", false));
    let events: Page<Event> = world.get("/events?installation=hola-sol&limit=500").await.expect(200).json();
    let opened: Vec<_> = events.items.iter().filter(|event| event.verb == "installation.open").collect();
    assert!(opened.len() == 2 && opened[0].actor == "luz@sol.example", "{opened:?}");
}

#[tokio::test]
async fn who_may_not_is_told_why() {
    let mut world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    takes_passes(&world).await;
    let body = json!({"name": "x", "role": "customer-user", "publisher": "acme", "customer": "sol"});
    let token: NewToken = world.post("/tokens", body).await.expect(201).json();
    let open = |world: &World, secret: &str| {
        let request = world.http.post(world.url("/installations/hola-sol/open")).bearer_auth(secret);
        request.header("content-type", "application/json").body("{}")
    };
    world.send(open(&world, &token.secret)).await.refused(409, "no-person");
    assert_eq!(owner.open("/c/sol/installations/hola-sol").await.status, 404, "not even an owner comes in by himself");
    world.done("/installations/hola-sol/stop").await;
    let page = admin.send("/c/sol", "/c/sol/installations/hola-sol/open", &[]).await;
    assert_eq!(page.status, 409);
    page.has("is stopped");
    world.done("/installations/hola-sol/start").await;
    // The key is kept: a pass that is under way while the control plane is replaced is still good.
    let keys = |world: &World| world.http.get(format!("http://{}{KEYS_PATH}", world.address)).send();
    let before = keys(&world).await.unwrap().text().await.unwrap();
    let host = admin.host.clone();
    drop((owner, admin));
    world.stop().await;
    world.start().await;
    assert_eq!(keys(&world).await.unwrap().text().await.unwrap(), before);
    let stranger = Browser::new(&world, host.split(':').next().unwrap()).open("/c/sol").await;
    assert!(stranger.path.starts_with("/login"));
}

#[tokio::test]
async fn a_persons_token_opens_by_the_api() {
    let world = World::new().await;
    let (_, _) = scene(&world).await;
    takes_passes(&world).await;
    let store = plane::store::Store::open(&world.store).await.unwrap();
    let realm = Some("acme".parse().unwrap());
    let luz = plane::store::people::with_mail(store.read(), realm.as_ref(), "luz@sol.example").await.unwrap().unwrap();
    let secret = "vct_of-luz";
    let row = plane::store::tokens::TokenRow {
        id: "luz".into(),
        name: "luz".into(),
        person: Some(luz.id),
        membership: plane::store::people::memberships(store.read(), luz.id).await.unwrap().remove(0),
        scopes: vec!["operate".into()],
        created_at: 0,
        expires_at: None,
        used_at: None,
    };
    let tx = store.write().await.unwrap();
    let hash = format!("{:x}", sha2::Sha256::digest(secret));
    plane::store::tokens::create(&tx, &hash, &row).await.unwrap();
    tx.commit().await.unwrap();
    let request = world.http.post(world.url("/installations/hola-sol/open")).bearer_auth(secret);
    let request = request.header("content-type", "application/json").body("{}");
    let opened: Opened = world.send(request).await.expect(200).json();
    assert!(opened.single_sign_on && opened.expires_at.is_some() && opened.url.contains("?pass="), "{opened:?}");
}
