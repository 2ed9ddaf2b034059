//! Whatever is sent, no answer is a server's error.

use plane::access::Role;
use reqwest::Method;
use serde_json::json;

use crate::world::{TOKEN, World};

#[tokio::test]
async fn bodies_that_are_no_good_are_told_why() {
    let world = World::new().await;
    let post = async |media: &str, body: Vec<u8>| {
        let request = world.request(Method::POST, "/apps").header("content-type", media);
        world.send(request.body(body)).await
    };
    post("application/json", b"{".to_vec()).await.refused(400, "bad-json");
    post("application/json", b"\xff\xfe".to_vec()).await.refused(400, "bad-json");
    post("application/json", Vec::new()).await.refused(422, "bad-body");
    post("application/json", b"[]".to_vec()).await.refused(422, "bad-body");
    post("application/json", b"{\"slug\":\"-x\"}".to_vec()).await.refused(422, "bad-body");
    post("application/json", b"{\"slug\":7}".to_vec()).await.refused(422, "bad-body");
    post("text/plain", b"{\"slug\":\"x\"}".to_vec()).await.refused(415, "media-type");
    post("application/json", vec![b' '; (256 << 10) + 1]).await.refused(413, "too-large");
    let unknown = post("application/json", b"{\"slug\":\"x\",\"colour\":1}".to_vec()).await.refused(422, "bad-body");
    assert!(unknown.detail.contains("colour"), "{unknown:?}");
    for name in ["", "   ", "a\nb", &"x".repeat(101)] {
        world.post("/apps", json!({"slug": "x", "name": name})).await.refused(422, "bad-name");
    }
    world.get("/apps/x").await.refused(404, "unknown-app");
}

#[tokio::test]
async fn unknown_and_repeated_query_keys_are_refused_everywhere() {
    let world = World::new().await;
    // What is for customers alone is forbidden before anything is read.
    for row in plane::access::TABLE.iter().filter(|row| row.who.contains(&Role::Operator)) {
        let method: Method = row.method.as_str().parse().unwrap();
        let path = row.path.replace(['{', '}'], "");
        let got = world.send(world.request(method.clone(), &format!("{path}?bogus=1"))).await;
        let problem = got.refused(422, "unknown-key");
        assert!(problem.detail.contains("bogus"));
        if let Some(key) = row.query.first() {
            let got = world.send(world.request(method, &format!("{path}?{key}=1&{key}=2"))).await;
            got.refused(422, "repeated-key");
        }
    }
}

#[tokio::test]
async fn nonsense_in_every_place_is_never_a_servers_error() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    let long = "x".repeat(3000);
    let words =
        ["%00", "%ff", "..%2f..", "%20", "-", "0", "-1", "18446744073709551616", "null", "ñ", &long, "';--", "{}"];
    let bodies =
        ["", "{}", "[]", "null", "1", "\"x\"", "{\"a\":", "{\"version\":-1}", "{\"version\":4294967296}", "\u{0}"];
    for row in plane::access::TABLE {
        let method: Method = row.method.as_str().parse().unwrap();
        for word in words {
            let mut path = String::new();
            for part in row.path.split('/').skip(1) {
                path.push('/');
                path.push_str(if part.starts_with('{') { word } else { part });
            }
            // What streams without end is not asked to.
            let query: Vec<String> =
                row.query.iter().filter(|key| **key != "follow").map(|key| format!("{key}={word}")).collect();
            let bare = world.request(method.clone(), &path);
            let queried = world.request(method.clone(), &format!("{path}?{}", query.join("&")));
            for request in [bare, queried] {
                let got = world.send(request).await;
                assert!(got.status.as_u16() < 500, "{method} {path}: {}", got.status);
            }
        }
        // A letter may be anything; whose it is not is not told.
        if method != Method::GET && row.path != "/mail" {
            let path = row.path.replace("{app}", "hola").replace("{installation}", "hola-acme");
            let path = path.replace("{number}", "1").replace(['{', '}'], "");
            for body in bodies.iter().filter(|body| !body.is_empty() && **body != "{}") {
                let request = world.request(method.clone(), &path).header("content-type", "application/json");
                let got = world.send(request.body((*body).to_owned())).await;
                assert!(got.status.is_client_error(), "{method} {path} {body}: {}", got.status);
            }
        }
    }
    assert_eq!(world.installation("hola-acme").await.version, 1);
}

#[tokio::test]
async fn broken_http_does_not_disturb_others() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::new().await;
    for raw in [
        "\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        format!("GET /api/v1/{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(700_000)),
        format!("GET /api/v1/apps HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(200)),
        format!(
            "POST /api/v1/apps HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: 9\r\n\r\n{{"
        ),
    ] {
        let mut stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
        // It may have closed its side already.
        let _ = stream.write_all(raw.as_bytes()).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 5"));
    }
    world.get("/status").await.expect(200);
}
