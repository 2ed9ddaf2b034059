//! Which site a host name is, and who is believed to bring whom.

use reqwest::StatusCode;
use serde_json::json;

use crate::world::{EDGE_SECRET, World};

struct Asked<'a> {
    host: &'a str,
    secret: Option<&'a str>,
    from: &'a str,
}

async fn ask(world: &World, path: &str, Asked { host, secret, from }: Asked<'_>) -> (StatusCode, bool, String) {
    let mut request = world.http.get(format!("http://{}{path}", world.address)).header("host", host);
    if let Some(secret) = secret {
        request = request.header("x-vclouden-edge", secret);
    }
    let response = request.header("x-forwarded-for", from).send().await.unwrap();
    let nobody = response.headers().contains_key("x-vclouden-nobody");
    (response.status(), nobody, response.text().await.unwrap())
}

#[tokio::test]
async fn the_edge_brings_people_to_portals_and_to_the_console_and_to_nothing_else() {
    let world = World::new().await;
    world.post("/publishers", json!({"slug": "acme", "name": "Acme Software"})).await.expect(201);
    let edge = Some(EDGE_SECRET);
    for (host, secret, says) in [
        ("acme.localhost:8080", edge, Some("Acme Software")),
        ("ACME.localhost", edge, Some("Acme Software")),
        ("localhost:8080", edge, Some("vClouden")),
        ("zulu.localhost:8080", edge, None),
        ("evil.example", edge, None),
        ("evil.example", Some("guessed"), Some("vClouden")),
        ("evil.example", None, Some("vClouden")),
    ] {
        let (status, nobody, text) = ask(&world, "/login", Asked { host, secret, from: "203.0.113.9" }).await;
        assert_eq!(nobody, says.is_none(), "{host} {secret:?}");
        assert_eq!(status, if nobody { 404 } else { 200 }, "{host} {secret:?}");
        assert!(text.contains(says.unwrap_or("nothing at this address")), "{host}: {text}");
    }
    let (status, nobody, _) = ask(&world, "/api/v1/status", Asked { host: "x.y", secret: edge, from: "::1" }).await;
    assert!(status == 404 && nobody, "the API is at our own names only");
}

#[tokio::test]
async fn only_the_edge_says_from_whom_a_request_comes() {
    let world = World::new().await;
    let wrong = async |secret: Option<&str>, from: &str| {
        let request = world.http.get(world.url("/status")).header("host", "localhost").bearer_auth("vco_wrong");
        let request = request.header("x-forwarded-for", from);
        let request = match secret {
            Some(secret) => request.header("x-vclouden-edge", secret),
            None => request,
        };
        request.send().await.unwrap().status().as_u16()
    };
    for _ in 0..20 {
        assert_eq!(wrong(Some(EDGE_SECRET), "203.0.113.9").await, 401);
    }
    assert_eq!(wrong(Some(EDGE_SECRET), "203.0.113.9").await, 429, "they come from one address");
    assert_eq!(wrong(Some(EDGE_SECRET), "203.0.113.10").await, 401, "another one has its own tries");
    for n in 0..20 {
        assert_eq!(wrong(Some("guessed"), &format!("203.0.113.{}", 50 + n)).await, 401);
    }
    assert_eq!(wrong(None, "203.0.113.99").await, 429, "whoever is not the edge is who connects");
}

#[tokio::test]
async fn nobody_gets_the_consoles_name() {
    let mut world = World::with_app().await;
    world.stop().await;
    world.console_url = Some("http://console.localhost:8080".into());
    world.start().await;
    let body = json!({"app": "hola", "customer": "acme", "name": "console"});
    world.post("/installations", body).await.refused(409, "name-taken");
    world.post("/publishers", json!({"slug": "console"})).await.refused(409, "publisher-exists");
    let asked = Asked { host: "console.localhost:8080", secret: Some(EDGE_SECRET), from: "::1" };
    let (status, _, text) = ask(&world, "/login", asked).await;
    assert!(status == 200 && text.contains("vClouden"), "{text}");
}
