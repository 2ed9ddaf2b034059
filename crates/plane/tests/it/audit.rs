//! From where things are asked for, what forms are refused, and what the operator sees of everybody's audit.

use plane::access::{PAGES, Visitors, forms};
use plane::wire::{Event, NewToken, Outcome, Page};
use reqwest::Method;
use serde_json::json;

use crate::pages::{Browser, join, scene};
use crate::world::World;

async fn events(world: &World, token: Option<&str>, query: &str) -> Vec<Event> {
    let mut request = world.http.get(world.url(&format!("/events?before=now&limit=500&{query}")));
    request = request.bearer_auth(token.unwrap_or(crate::world::TOKEN));
    world.send(request).await.expect(200).json::<Page<Event>>().items
}

/// A world that believes what comes from this machine, so that people can be anywhere.
async fn believing() -> World {
    let mut world = World::new().await;
    world.stop().await;
    world.trusted = vec!["127.0.0.1".parse().unwrap()];
    world.start().await;
    world
}

#[tokio::test]
async fn the_audit_says_from_where() {
    let world = believing().await;
    let (mut owner, mut admin) = scene(&world).await;
    owner.forwarded = "198.51.100.7";
    owner.send("/p/acme/customers", "/p/acme/customers", &[("slug", "luna"), ("name", "")]).await.has("luna");
    owner.send("/p/acme/apps", "/p/acme/installations/hola-sol/stop", &[]).await;
    admin.forwarded = "2001:db8::9";
    admin.send("/c/sol", "/c/sol/installations/hola-sol/backup", &[("label", "")]).await;
    let request = world.request(Method::POST, "/customers").json(&json!({"slug": "api"}));
    world.send(request.header("x-forwarded-for", "203.0.113.4")).await.expect(201);
    let of = |all: &[Event], verb: &str, outcome| {
        let found = all.iter().find(|event| event.verb == verb && event.outcome == outcome);
        found.unwrap_or_else(|| panic!("no {verb}")).address.clone()
    };
    let all = events(&world, None, "").await;
    assert_eq!(of(&all, "installation.stop", Outcome::Accepted).as_deref(), Some("198.51.100.7"));
    assert_eq!(of(&all, "customer.create", Outcome::Done).as_deref(), Some("203.0.113.4"));
    assert_eq!(of(&all, "version.publish", Outcome::Done).as_deref(), Some("127.0.0.1"));
    // What the platform does by itself, nobody asked for over a network.
    world
        .until("it stopped", async || !events(&world, None, "verb=installation.stop&outcome=done").await.is_empty())
        .await;
    let done = events(&world, None, "verb=installation.stop&outcome=done").await;
    assert_eq!(done[0].address, None);
    let found = events(&world, None, "address=198.51.100").await;
    assert!(found.len() == 2 && found.iter().all(|event| event.actor == "ana@acme.example"), "{found:?}");
    // A customer learns it of its own people only, also by searching.
    let body = json!({"name": "x", "role": "customer-admin", "publisher": "acme", "customer": "sol"});
    let token: NewToken = world.post("/tokens", body).await.expect(201).json();
    let own = events(&world, Some(&token.secret), "").await;
    let known: Vec<_> = own.iter().filter(|event| event.address.is_some()).map(|event| &event.actor).collect();
    assert!(!known.is_empty() && known.iter().all(|actor| *actor == "luz@sol.example"), "{known:?}");
    assert!(own.iter().any(|event| event.actor == "ana@acme.example"));
    assert!(events(&world, Some(&token.secret), "address=198.51.100").await.is_empty());
    // The page shows and finds it, and the file has it.
    owner.open("/p/acme/events").await.has("198.51.100.7").has("2001:db8::9");
    let page = owner.open("/p/acme/events?address=2001:db8").await;
    assert!(page.has("made a backup").html.matches("<td class=\"main\">").count() == 1);
    let (_, file) = owner.download("/p/acme/events.csv?address=2001:db8").await;
    let file = String::from_utf8(file).unwrap();
    assert!(file.starts_with("sequence,at,actor,address,") && file.contains(",luz@sol.example,2001:db8::9,"), "{file}");
}

#[tokio::test]
async fn refused_forms_are_written_down() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    owner.send("/p/acme/apps", "/p/acme/apps", &[("name", "Hola"), ("slug", "hola")]).await.has("already");
    owner.send("/p/acme/apps", "/p/acme/apps/hola/delete", &[("confirm", "halo")]).await;
    owner.send("/p/acme/apps", "/p/acme/installations/hola-sol/remove", &[("confirm", "no")]).await;
    owner.send("/p/acme/apps", "/p/acme/installations/hola-luna/stop", &[]).await;
    admin.send("/c/sol", "/c/sol/installations/hola-sol/copies/none/restore", &[]).await;
    let all = events(&world, None, "outcome=refused").await;
    let told: Vec<_> = all
        .iter()
        .rev()
        .map(|event| (&*event.verb, event.name.as_deref().unwrap_or(""), event.detail["code"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("app.create", "hola", "app-exists"),
            ("app.delete", "hola", "not-confirmed"),
            ("installation.remove", "hola-sol", "not-confirmed"),
            ("installation.stop", "hola-luna", "unknown-installation"),
            ("backup.restore", "hola-sol", "unknown-snapshot"),
        ]
    );
    assert!(
        all.iter()
            .all(|event| event.publisher.as_ref().is_some_and(|one| one.as_str() == "acme") && event.address.is_some())
    );
    assert_eq!(all[0].customer.as_ref().map(|one| one.as_str()), Some("sol"));
    let of_it = events(&world, None, "installation=hola-sol&outcome=refused").await;
    assert_eq!(of_it.len(), 2);
    // A form that succeeds is recorded once, as what it did.
    owner.send("/p/acme/customers", "/p/acme/customers", &[("slug", "luna"), ("name", "")]).await;
    assert_eq!(events(&world, None, "verb=customer.create&text=luna").await.len(), 1);
}

#[test]
fn every_form_has_a_name_in_the_audit() {
    let place = |path: &str| {
        let open = if path.starts_with("/operator") { 1 } else { 2 };
        path.match_indices('/').nth(open).map(|(at, _)| path[at..].to_owned()).unwrap()
    };
    let sent = PAGES.iter().filter(|row| row.method == Method::POST && matches!(row.who, Visitors::Roles(_)));
    let patterns: Vec<String> = sent.map(|row| place(row.path)).collect();
    for pattern in &patterns {
        assert!(forms::FORMS.iter().any(|(known, _)| known == pattern), "{pattern} is missing from access/forms.rs");
    }
    for (pattern, _) in forms::FORMS {
        assert!(patterns.iter().any(|known| known == pattern), "{pattern} in access/forms.rs is no form");
    }
    let verb = |path: &str| forms::verb("/installations/{installation}/{verb}", path);
    assert_eq!(verb("/installations/x/backup"), "backup.create");
    assert_eq!(verb("/installations/x/stop"), "installation.stop");
    assert_eq!(verb("/installations/x/dance"), forms::UNKNOWN);
}

#[tokio::test]
async fn the_operator_sees_the_audit_of_everybody() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    world.post("/publishers", json!({"slug": "zulu", "name": "Zulu"})).await.expect(201);
    world.post("/settings", json!({"sign_up": true})).await.expect(200);
    let mut operator = Browser::new(&world, "localhost");
    join(&world, &mut operator, json!({"mail": "root@localhost", "role": "operator"})).await;
    operator.open("/operator/events").await.has("created a publisher").has("href=\"/operator/publishers/zulu\"");
    operator.open("/operator/events?what=settings").await.has("changed the settings");
    let page = operator.open("/operator/events?q=zulu").await;
    assert!(!page.html.contains("hola-sol"));
    operator.open("/operator/events?installation=hola-sol").await.has("hola-sol");
    operator.open("/operator/events?installation=none").await.has("no installation");
    let (headers, file) = operator.download("/operator/events.csv?what=publisher").await;
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert!(String::from_utf8(file).unwrap().contains(",zulu,"));
    assert_eq!(owner.open("/operator/events").await.status, 404);
    // A publisher's own: by application and installation, and from an installation to the rest of what happened to it.
    owner.open("/p/acme/installations/hola-sol").await.has("/p/acme/events?installation=hola-sol");
    owner.open("/p/acme/events?app=hola&what=version").await.has("published a version");
    let page = owner.open("/p/acme/events?installation=hola-sol").await;
    assert!(!page.has("installed").html.contains("published a version"));
    assert!(!owner.open("/p/acme/events").await.html.contains("value=\"server\""));
}
