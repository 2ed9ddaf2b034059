//! What is read has a tag, and what is changed can depend on it.

use plane::access::{Row, TABLE};
use reqwest::Method;
use serde_json::json;

use crate::world::{Got, World};

async fn with(world: &World, method: Method, path: &str, header: &str, tag: &str) -> Got {
    world.send(world.request(method, path).header(header, tag)).await
}

fn tag(got: &Got) -> String {
    got.headers["etag"].to_str().unwrap().to_owned()
}

/// A path of that row in a world with one of everything.
fn path(row: &Row, deployment: &str, operation: &str, server: &str) -> String {
    row.path
        .replace("{publisher}", "main")
        .replace("{app}", "hola")
        .replace("{number}", "1")
        .replace("{customer}", "acme")
        .replace("{installation}", "hola-acme")
        .replace("{deployment}", deployment)
        .replace("{operation}", operation)
        .replace("{server}", server)
}

#[tokio::test]
async fn everything_that_is_read_as_a_whole_has_a_tag_and_is_not_sent_twice() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    world.publish("hola", 2).await;
    let deployment = world.deploy_all("hola").await.id.to_string();
    let first = |got: Got| got.json::<serde_json::Value>()["items"][0]["id"].as_str().unwrap().to_owned();
    let operation = first(world.get("/operations").await);
    let server = first(world.get("/servers").await);
    let mut seen = 0;
    for row in TABLE.iter().filter(|row| row.method == http::Method::GET) {
        let path = path(row, &deployment, &operation, &server);
        let got = world.get(&path).await;
        if got.status != 200 {
            let none = path.ends_with("/log") || path.ends_with("/logo");
            assert!(path.contains('{') || none, "{path}: {}", got.text());
            continue;
        }
        let lines = got.headers["content-type"] == "application/x-ndjson" || path.ends_with("/archive");
        assert_eq!(got.headers.contains_key("etag"), !lines, "{path}");
        if lines {
            continue;
        }
        let again = with(&world, Method::GET, &path, "if-none-match", &format!("\"other\", {}", tag(&got))).await;
        // What a server says of itself may differ from one look to the next.
        assert!(again.status == 304 || again.body != got.body, "{path}: {}", again.status);
        assert!(again.status != 304 || (again.body.is_empty() && tag(&again) == tag(&got)), "{path}");
        let head = world.send(world.request(Method::HEAD, &path)).await.expect(200);
        assert!(head.body.is_empty(), "{path}");
        assert!(tag(&head) == tag(&got) || again.status == 200, "{path}: HEAD says what GET says");
        seen += 1;
    }
    assert!(seen >= 25, "{seen}");
}

#[tokio::test]
async fn what_changed_has_another_tag() {
    let world = World::with_app().await;
    let before = tag(&world.get("/customers").await);
    assert_eq!(with(&world, Method::GET, "/customers", "if-none-match", &before).await.status, 304);
    world.post("/customers", json!({"slug": "globex"})).await.expect(201);
    let got = with(&world, Method::GET, "/customers", "if-none-match", &before).await.expect(200);
    assert_ne!(tag(&got), before);
}

#[tokio::test]
async fn a_change_can_depend_on_what_was_read() {
    let world = World::new().await;
    let before = tag(&world.get("/settings").await);
    let change = async |tag: &str, sign_up: bool| {
        let request = world.request(Method::POST, "/settings").header("if-match", tag);
        world.send(request.json(&json!({"sign_up": sign_up}))).await
    };
    let after = change(&before, true).await.expect(200);
    let refused = change(&before, false).await.refused(412, "changed");
    let now = tag(&world.get("/settings").await);
    assert!(refused.detail.contains(&now), "{refused:?}");
    assert_eq!(after.json::<serde_json::Value>()["sign_up"], true);
    change(&now, false).await.expect(200);
    change("*", true).await.expect(200);
    // What is not there is missing, not changed; and what cannot be read has no tag.
    with(&world, Method::DELETE, "/customers/no", "if-match", "*").await.refused(404, "unknown-customer");
    let request = world.request(Method::POST, "/members/no").header("if-match", "*");
    world.send(request.json(&json!({"role": "owner"}))).await.refused(412, "no-etag");
    let nobody = world.http.post(world.url("/settings")).header("if-match", "*").json(&json!({}));
    world.send(nobody).await.refused(401, "unauthorized");
}

#[tokio::test]
async fn of_two_changes_that_depend_on_the_same_tag_one_is_refused() {
    let world = World::new().await;
    let before = tag(&world.get("/settings").await);
    let change = async |mail: &str| {
        let body = json!({"mail": {"host": "localhost", "security": "none", "from": format!("{mail}@example.com")}});
        world.send(world.request(Method::POST, "/settings").header("if-match", &before).json(&body)).await.status
    };
    let (a, b, c) = tokio::join!(change("a"), change("b"), change("c"));
    let done = [a, b, c].iter().filter(|status| **status == 200).count();
    assert_eq!(done, 1, "{a} {b} {c}");
}
