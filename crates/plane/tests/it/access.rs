//! Who may come in at all.

use reqwest::Method;

use sha2::Digest;

use crate::world::{TOKEN, World};

#[test]
fn every_route_is_in_the_table_of_access_and_every_row_is_a_route() {
    let routes = plane::router::routes();
    for (method, path) in routes.list() {
        assert!(plane::access::find(method, path).is_some(), "{method} {path} is missing from the table of access");
    }
    for row in plane::access::TABLE {
        let known = routes.list().iter().any(|(method, path)| *method == row.method && *path == row.path);
        assert!(known, "{} {} is in the table of access but is no route", row.method, row.path);
        let changes = row.method != http::Method::GET;
        assert_eq!(changes, !row.verb.is_empty(), "{} {}: what changes something has a verb", row.method, row.path);
    }
    assert_eq!(routes.list().len(), plane::access::TABLE.len());
}

#[tokio::test]
async fn no_route_answers_without_a_valid_token() {
    let world = World::new().await;
    for row in plane::access::TABLE.iter().filter(|row| !row.who.is_empty()) {
        let method: Method = row.method.as_str().parse().unwrap();
        let path = row.path.replace(['{', '}'], "");
        // So many wrong tokens in one minute would be told to wait.
        world.clock.forward(1);
        for token in [None, Some("vco_wrong"), Some(""), Some("\u{e9}")] {
            let mut request = world.http.request(method.clone(), world.url(&path));
            if let Some(token) = token {
                let value = reqwest::header::HeaderValue::from_bytes(format!("Bearer {token}").as_bytes()).unwrap();
                request = request.header("authorization", value);
            }
            let got = world.send(request).await;
            let wanted = got.headers["www-authenticate"].clone();
            assert_eq!(wanted, "Bearer", "{method} {path}");
            got.refused(401, "unauthorized");
        }
        let basic = world.http.request(method, world.url(&path)).basic_auth("operator", Some(TOKEN));
        world.send(basic).await.refused(401, "unauthorized");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_apart() {
    let world = World::new().await;
    world.get("/nothing").await.refused(404, "unknown-path");
    world.send(world.request(Method::PUT, "/apps")).await.refused(405, "unknown-method");
    world.send(world.request(Method::DELETE, "/status")).await.refused(405, "unknown-method");
    let head = world.send(world.request(Method::HEAD, "/apps")).await.expect(200);
    assert!(head.body.is_empty());
}

#[tokio::test]
async fn a_new_token_replaces_the_old_one() {
    let mut world = World::new().await;
    world.stop().await;
    let store = plane::store::Store::open(&world.store).await.unwrap();
    let old = format!("{:x}", sha2::Sha256::digest(TOKEN));
    let row = plane::store::tokens::find(store.read(), &old).await.unwrap().unwrap();
    let tx = store.write().await.unwrap();
    plane::store::tokens::create(&tx, &"0".repeat(64), &row).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(plane::store::tokens::find(store.read(), &old).await.unwrap(), None);
    drop(store);
    world.start().await;
    world.get("/status").await.expect(200);
}

#[tokio::test]
async fn who_shows_many_wrong_tokens_is_told_to_wait_and_the_operator_is_not_locked_out() {
    let world = World::new().await;
    let wrong = async || world.send(world.http.get(world.url("/status")).bearer_auth("vco_wrong")).await;
    for _ in 0..20 {
        wrong().await.refused(401, "unauthorized");
    }
    let told = wrong().await;
    let seconds: u64 = told.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    told.refused(429, "too-many-wrong-tokens");
    world.get("/status").await.expect(200);
    world.clock.forward(1);
    wrong().await.refused(401, "unauthorized");
}
