//! What customers and operators reach by program as by page: the catalogue, documentation, one's profile, announcements, names.

use plane::wire::{CurrentAnnouncement, Customer, Document, Me, NewToken, Offer, Page, PlatformSettings, Publisher};
use reqwest::Method;
use serde_json::{Value, json};

use crate::pages::{Browser, Multi, PIXEL, join, scene};
use crate::world::{Got, World};

async fn of(world: &World, role: &str, customer: Option<&str>) -> String {
    let body = json!({"name": "x", "role": role, "publisher": "acme", "customer": customer});
    world.post("/tokens", body).await.expect(201).json::<NewToken>().secret
}

async fn ask(world: &World, token: &str, method: Method, path: &str, body: Option<Value>) -> Got {
    let request = world.http.request(method, world.url(path)).bearer_auth(token);
    world
        .send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
}

#[tokio::test]
async fn customers_see_the_catalogue_and_all_documentation() {
    let world = World::new().await;
    scene(&world).await;
    let (admin, user) =
        (of(&world, "customer-admin", Some("sol")).await, of(&world, "customer-user", Some("sol")).await);
    let offered: Page<Offer> = ask(&world, &admin, Method::GET, "/catalogue", None).await.expect(200).json();
    assert_eq!((offered.items.len(), offered.items[0].app.as_str(), offered.items[0].version), (1, "hola", 2));
    assert!(offered.items[0].memory > 0 && offered.items[0].logo.is_none() && offered.next.is_none());
    ask(&world, &user, Method::GET, "/catalogue", None).await.refused(403, "forbidden");
    let hidden = json!({"slug": "hidden", "title": "Hidden draft", "text": "x"});
    world.post("/apps/acme:hola/documents", hidden).await.expect(201);
    let docs = async |token: &str, query: &str| -> Vec<Document> {
        let got = ask(&world, token, Method::GET, &format!("/documents{query}"), None).await;
        got.expect(200).json::<Page<Document>>().items
    };
    let mut all = docs(&user, "").await;
    all.sort_by_key(|one| one.slug.to_string());
    assert_eq!(all.iter().map(|one| one.slug.as_str()).collect::<Vec<_>>(), ["more", "start"]);
    assert!(all.iter().all(|one| one.text.is_none() && one.app.as_str() == "hola"));
    let found = docs(&user, "?search=contrasena").await;
    assert!(found.len() == 1 && found[0].found.as_deref().unwrap().contains("Contraseña"));
    assert!(docs(&user, "?search=hidden").await.is_empty());
    assert_eq!(docs(&of(&world, "developer", None).await, "").await.len(), 3);
    world.post("/publishers", json!({"slug": "zulu"})).await.expect(201);
    ask(&world, &user, Method::GET, "/documents?publisher=zulu", None).await.refused(404, "unknown-publisher");
    assert_eq!(world.get("/documents?publisher=acme").await.expect(200).json::<Page<Document>>().items.len(), 3);
}

#[tokio::test]
async fn a_person_changes_how_they_are_called() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let form = [("name", "x"), ("days", "10"), ("role", ""), ("manage", "on")];
    let made = owner.send("/p/acme/tokens", "/p/acme/tokens", &form).await;
    let token = format!("vct_{}", made.after("readonly value=\"vct_"));
    let me: Me = ask(&world, &token, Method::GET, "/me", None).await.expect(200).json();
    let profile = me.profile.unwrap();
    assert_eq!((profile.mail.as_str(), profile.name.as_str()), ("ana@acme.example", "Ana Núñez"));
    assert_eq!((me.publisher_name.as_deref(), me.customer_name), (Some("Acme Software"), None));
    let body = json!({"language": "es", "time_zone": "America/Bogota"});
    let me: Me = ask(&world, &token, Method::POST, "/me", Some(body)).await.expect(200).json();
    let profile = me.profile.unwrap();
    assert_eq!((&*profile.name, &*profile.language, &*profile.time_zone), ("Ana Núñez", "es", "America/Bogota"));
    let bad = json!({"language": "fr"});
    ask(&world, &token, Method::POST, "/me", Some(bad)).await.refused(422, "bad-language");
    let bad = json!({"time_zone": "Moon/Base"});
    ask(&world, &token, Method::POST, "/me", Some(bad)).await.refused(422, "bad-time-zone");
    // What belongs to nobody has no profile, but a customer's token knows whose it is.
    let body = json!({"address": "support@example.com"});
    world.post("/settings", json!({ "incoming": body })).await.expect(200);
    let nobody = of(&world, "customer-user", Some("sol")).await;
    ask(&world, &nobody, Method::POST, "/me", Some(json!({"name": "X"}))).await.refused(403, "not-personal");
    let me: Me = ask(&world, &nobody, Method::GET, "/me", None).await.expect(200).json();
    assert_eq!((me.profile, me.customer_name.as_deref()), (None, Some("Panadería El Sol")));
    assert_eq!(me.ticket_address.as_deref(), Some("support+acme@example.com"));
}

#[tokio::test]
async fn everybody_hears_what_is_for_them() {
    let world = World::new().await;
    scene(&world).await;
    let later = world.clock.now() + 3_600_000;
    for (audience, text, from) in
        [("console", "for teams", None), ("portals", "for customers", None), ("everybody", "later", Some(later))]
    {
        let body = json!({"level": "info", "audience": audience, "en": text, "from": from});
        world.post("/announcements", body).await.expect(201);
    }
    let heard = async |token: String| -> Vec<String> {
        let got = ask(&world, &token, Method::GET, "/announcements/current", None).await.expect(200);
        assert!(!got.text().contains("operator"), "who wrote it is nobody's business");
        got.json::<Page<CurrentAnnouncement>>().items.into_iter().map(|one| one.en).collect()
    };
    assert_eq!(heard(of(&world, "customer-user", Some("sol")).await).await, ["for customers"]);
    assert_eq!(heard(of(&world, "billing", None).await).await, ["for teams"]);
    world.clock.forward(2);
    assert_eq!(heard(of(&world, "billing", None).await).await, ["for teams", "later"]);
}

#[tokio::test]
async fn a_customer_is_looked_after_on_its_page() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    let page = "/p/acme/customers/sol";
    owner.open(page).await.has("/p/acme/tickets?customer=sol").has("/p/acme/usage?customer=sol");
    owner.send(page, &format!("{page}/name"), &[("name", "El Sol S.A.")]).await.has("<h1>El Sol S.A.</h1>");
    assert_eq!(owner.send(page, &format!("{page}/name"), &[("name", " ")]).await.status, 422);
    let named: Customer = world.get("/customers/acme:sol").await.json();
    assert_eq!(named.name, "El Sol S.A.");
    let support = of(&world, "support", None).await;
    let body = json!({"name": "Sol"});
    ask(&world, &support, Method::POST, "/customers/sol", Some(body)).await.expect(200);
    let body = json!({"name": "Sol"});
    let user = of(&world, "customer-admin", Some("sol")).await;
    ask(&world, &user, Method::POST, "/customers/sol", Some(body)).await.refused(403, "forbidden");
    // Its people and who is invited.
    let form = [("mail", "leo@sol.example"), ("role", "customer-user")];
    let invited = owner.send(page, &format!("{page}/invitations"), &form).await;
    let id = invited.after(&format!("{page}/invitations/")).replace("/withdraw", "");
    owner.send(page, &format!("{page}/invitations/{id}/withdraw"), &[]).await.has("was taken back");
    let luz = owner.open(page).await.after(&format!("{page}/people/")).replace("/role", "").replace("/remove", "");
    let role = format!("{page}/people/{luz}/role");
    assert_eq!(owner.send(page, &role, &[("role", "customer-user")]).await.status, 409, "the only administrator");
    let body = json!({"mail": "eva@sol.example", "role": "customer-admin", "publisher": "acme", "customer": "sol"});
    let mut other = Browser::new(&world, "acme.localhost");
    join(&world, &mut other, body).await;
    owner.send(page, &role, &[("role", "customer-user")]).await.has("The role was changed");
    let remove = format!("{page}/people/{luz}/remove");
    assert_eq!(owner.send(page, &remove, &[("confirm", "luz")]).await.status, 422);
    owner.send(page, &remove, &[("confirm", "luz@sol.example")]).await;
    assert!(admin.open("/c/sol").await.path.starts_with("/login"));
    other.open("/c/sol/events").await.has("removed somebody").has("changed a role");
    let (_, file) = other.download("/c/sol/events.csv").await;
    assert!(!String::from_utf8(file).unwrap().contains("publisher.create"));
}

#[tokio::test]
async fn staff_opens_a_ticket_for_a_customer() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    let new = "/p/acme/tickets/new";
    owner.open(&format!("{new}?customer=sol")).await.has("<option value=\"sol\" selected");
    let fields: &[(&str, &str)] =
        &[("customer", "sol"), ("installation", "hola-sol"), ("subject", "Called today"), ("text", "The till is slow")];
    owner.send_files(new, "/p/acme/tickets", Multi { fields, files: &[] }).await.has("The ticket is open");
    admin.open("/c/sol/tickets").await.has("Called today");
    let fields: &[(&str, &str)] =
        &[("customer", "luna"), ("installation", ""), ("subject", "No"), ("text", "kept text")];
    let page = owner.send_files(new, "/p/acme/tickets", Multi { fields, files: &[] }).await;
    assert_eq!(page.has("kept text").status, 404);
}

#[tokio::test]
async fn the_operator_looks_after_publishers_operators_and_tokens() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let mut operator = Browser::new(&world, "localhost");
    join(&world, &mut operator, json!({"mail": "root@localhost", "role": "operator"})).await;
    // New publishers have limits, also those that sign up.
    let limits = [("installations", "3"), ("memory", "512"), ("disk", "")];
    operator.send("/operator", "/operator/limits", &limits).await.has("value=\"512\"");
    let settings: PlatformSettings = world.get("/settings").await.json();
    assert_eq!(settings.publisher_limits.installations, Some(3));
    let made: Publisher = world.post("/publishers", json!({"slug": "zulu"})).await.expect(201).json();
    assert_eq!((made.limits.installations, made.limits.memory, made.limits.disk), (Some(3), Some(512 << 20), None));
    let zulu: Publisher = world.get("/publishers/zulu").await.json();
    assert_eq!(zulu.limits, made.limits);
    assert_eq!(world.get("/publishers/acme").await.json::<Publisher>().limits.installations, None);
    // Names and the end.
    let page = "/operator/publishers/zulu";
    operator.send(page, &format!("{page}/name"), &[("name", "Zulu Labs")]).await.has("<h1>Zulu Labs</h1>");
    let unsure = operator.send(page, &format!("{page}/delete"), &[("confirm", "zul")]).await;
    assert_eq!(unsure.status, 422);
    operator.send(page, &format!("{page}/delete"), &[("confirm", "zulu")]).await.has("The publisher was deleted");
    world.get("/publishers/zulu").await.refused(404, "unknown-publisher");
    let used =
        operator.send("/operator/publishers/acme", "/operator/publishers/acme/delete", &[("confirm", "acme")]).await;
    assert_eq!(used.status, 409);
    owner.send("/p/acme/team", "/p/acme/name", &[("name", "Acme S.A.")]).await.has("value=\"Acme S.A.\"");
    assert_eq!(owner.send("/p/acme/team", "/p/acme/name", &[("name", "")]).await.status, 422);
    // Operators are people.
    let people = "/operator/people";
    let form = [("mail", "two@localhost"), ("role", "operator")];
    let invited = operator.send(people, &format!("{people}/invitations"), &form).await;
    let id = invited.has("two@localhost").after("action=\"/operator/invitations/").replace("/withdraw", "");
    operator.send(people, &format!("/operator/invitations/{id}/withdraw"), &[]).await.has("was taken back");
    let mut second = Browser::new(&world, "localhost");
    join(&world, &mut second, json!({"mail": "three@localhost", "role": "operator"})).await;
    let members: Value = world.get("/members").await.expect(200).json();
    let three = members["items"].as_array().unwrap().iter().find(|one| one["mail"] == "three@localhost").unwrap();
    let remove = format!("{people}/{}/remove", three["id"].as_str().unwrap());
    assert_eq!(operator.send(people, &remove, &[("confirm", "three")]).await.status, 422);
    operator.send(people, &remove, &[("confirm", "three@localhost")]).await;
    assert!(second.open("/operator").await.path.starts_with("/login"));
    // A token that only hands letters over reads nothing.
    let form = [("name", "postbox"), ("days", "30"), ("role", "operator"), ("mail", "on")];
    let made = operator.send("/operator/tokens", "/operator/tokens", &form).await;
    let token = format!("vct_{}", made.after("readonly value=\"vct_"));
    ask(&world, &token, Method::GET, "/status", None).await.refused(403, "scope");
    let page = operator.open("/operator/tokens").await;
    let id = page.has("postbox").after("action=\"/operator/tokens/").replace("/delete", "");
    operator.send("/operator/tokens", &format!("/operator/tokens/{id}/delete"), &[]).await;
    assert!(!operator.open("/operator/tokens").await.html.contains("postbox"));
    assert_eq!(owner.open("/operator/people").await.status, 404);
}

#[tokio::test]
async fn pictures_of_a_brand_come_back_as_they_were_sent() {
    let world = World::new().await;
    scene(&world).await;
    let path = "/publishers/acme/branding/images/icon";
    world.get(path).await.refused(404, "unknown-picture");
    world.send(world.request(Method::POST, path).body(PIXEL.to_vec())).await.expect(200);
    let got = world.get(path).await.expect(200);
    assert_eq!((&got.body[..], got.headers["content-type"].to_str().unwrap()), (PIXEL, "image/png"));
    world.post("/publishers", json!({"slug": "zulu"})).await.expect(201);
    let body = json!({"name": "x", "role": "owner", "publisher": "zulu"});
    let token = world.post("/tokens", body).await.expect(201).json::<NewToken>().secret;
    ask(&world, &token, Method::GET, path, None).await.refused(404, "unknown-publisher");
}
