//! From whom a request comes: what limits, sessions and the audit go by.

use serde_json::json;

use crate::factors::PASSWORD;
use crate::pages::{Browser, scene};
use crate::world::World;

#[tokio::test]
async fn only_a_trusted_proxy_says_where_somebody_is() {
    let mut world = World::new().await;
    let (owner, _) = scene(&world).await;
    drop(owner);
    for (trusted, seen) in [("", "127.0.0.1"), ("192.0.2.0/24", "127.0.0.1"), ("127.0.0.1 10.0.0.0/8", "198.51.100.7")]
    {
        world.stop().await;
        world.trusted = trusted.split_whitespace().map(|text| text.parse().unwrap()).collect();
        world.start().await;
        let mut browser = Browser::new(&world, "localhost");
        // The client has written the first of them itself.
        browser.forwarded = "203.0.113.9, 198.51.100.7, 10.0.0.3";
        let form = [("mail", "ana@acme.example"), ("password", PASSWORD), ("to", "/account")];
        let page = browser.send("/login", "/login", &form).await;
        page.has(&format!(">{seen}<"));
        assert!(!page.html.contains("203.0.113.9"));
        let told = world.get("/events?before=now&limit=1&verb=session.create").await.text();
        assert!(told.contains(&format!("\"address\":\"{seen}\"")), "{told}");
    }
}

#[tokio::test]
async fn limits_go_by_where_somebody_is() {
    let mut world = World::new().await;
    world.stop().await;
    world.trusted = vec!["127.0.0.1".parse().unwrap()];
    world.start().await;
    let begin = async |from: &str| {
        let request = world.http.post(world.url("/device-logins")).json(&json!({ "name": "x" }));
        world.send(request.header("x-forwarded-for", from)).await
    };
    for _ in 0..30 {
        begin("198.51.100.7").await.expect(201);
    }
    let told = begin("203.0.113.9, 198.51.100.7").await;
    assert!(told.headers.contains_key("retry-after"));
    told.refused(429, "too-many-requests");
    begin("198.51.100.8").await.expect(201);
}

#[tokio::test]
async fn who_changes_too_much_at_once_waits_and_everybody_else_goes_on() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    let form = [("name", "x"), ("days", "10"), ("role", ""), ("manage", "on")];
    let made = owner.send("/p/acme/tokens", "/p/acme/tokens", &form).await;
    let token = format!("vct_{}", made.after("readonly value=\"vct_"));
    let write = async || {
        let request = world.http.post(world.url("/customers")).bearer_auth(&token).json(&json!({ "slug": "sol" }));
        world.send(request).await
    };
    let mut refused = None;
    for _ in 0..700 {
        let got = write().await;
        if got.status == 429 {
            refused = Some(got);
            break;
        }
        assert_eq!(got.status, 409);
    }
    let refused = refused.expect("there is a limit");
    let seconds: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    refused.refused(429, "too-many-requests");
    // Others go on, and reading does too; what was refused for that does not fill the audit.
    admin.send("/account", "/account/sessions/end", &[]).await.has("All other sessions");
    world.post("/customers", json!({"slug": "luna"})).await.expect(201);
    let request = world.http.get(world.url("/customers")).bearer_auth(&token);
    world.send(request).await.expect(200);
    assert!(!world.get("/events?before=now&limit=5").await.text().contains("too-many-requests"));
    world.clock.forward(1);
    write().await.refused(409, "customer-exists");
    // The same by forms: a page says it.
    let mut refused = None;
    for _ in 0..700 {
        let page = owner.submit("/account/sessions/end", &[]).await;
        if page.status == 429 {
            refused = Some(page);
            break;
        }
    }
    refused.expect("there is a limit").has("wait");
}

#[tokio::test]
async fn the_audit_is_searched_by_who_what_when_and_result() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let mut thief = Browser::new(&world, "localhost");
    let wrong = [("mail", "ANA@acme.example"), ("password", "wrong"), ("to", "/")];
    thief.send("/login", "/login", &wrong).await;
    owner.send("/p/acme/customers", "/p/acme/customers", &[("name", "Luna"), ("slug", "luna")]).await;
    let count = async |query: &str| {
        let page: plane::wire::Page<serde_json::Value> = world.get(&format!("/events{query}")).await.expect(200).json();
        page.items.len()
    };
    assert_eq!(count("?actor=ANA&verb=customer.create").await, 1);
    assert_eq!(count("?actor=ana&verb=customer&text=LUN").await, 1);
    assert_eq!(count("?actor=ana&verb=session&outcome=refused").await, 1);
    assert_eq!(count("?actor=a%25a").await, 0, "it is text and no pattern");
    let now = world.clock.now();
    assert_eq!(count(&format!("?since={}", now + 60_000)).await, 0);
    assert_eq!(count(&format!("?until={}", now - 3_600_000)).await, 0);
    assert!(count(&format!("?since={}&until={}", now - 600_000, now + 60_000)).await > 5);
    world.get("/events?outcome=strange").await.refused(422, "bad-query");

    let query = "?by=ana&what=customer&result=done&q=luna&from=2020-01-01&to=2099-12-31";
    let page = owner.open(&format!("/p/acme/events{query}")).await;
    page.has("created a customer").has("events.csv?by=ana&amp;what=customer");
    assert!(!page.html.contains("began a deployment"), "{}", page.html.len());
    let file = owner.open(&format!("/p/acme/events.csv{query}")).await;
    assert_eq!(file.html.lines().count(), 2, "{}", file.html);
    owner.open("/p/acme/events?by=nobody").await.has("Show all");
    assert_eq!(owner.open("/p/acme/events?from=yesterday").await.status, 422);
}

#[tokio::test]
async fn logging_out_has_the_browser_forget() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let csrf = owner.open("/account").await.csrf();
    let request = world.http.post(format!("http://{}/logout", world.address)).header("host", &owner.host);
    let request = request.header("cookie", format!("session={}", owner.cookies["session"]));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(format!("csrf={csrf}"));
    let response = testkit::client().build().unwrap();
    let response = response.execute(request.build().unwrap()).await.unwrap();
    assert_eq!(response.headers()["clear-site-data"], "\"cache\", \"storage\"");
}
