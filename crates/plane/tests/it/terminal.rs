//! A terminal over a WebSocket, as the page speaks it, and who may have one.

use futures_util::{SinkExt, StreamExt};
use plane::wire::{Event, NewToken, Page};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::pages::{Browser, join, scene};
use crate::world::World;

const SOCKET: &str = "/p/acme/installations/hola-sol/terminal/socket";

type Socket = WebSocketStream<TcpStream>;

/// Opens one as a page of that origin would; otherwise the status of the refusal.
async fn open(world: &World, browser: &Browser<'_>, origin: Option<&str>) -> Result<Socket, u16> {
    let mut request = format!("ws://{}{SOCKET}", browser.host).into_client_request().unwrap();
    let cookies: Vec<String> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let headers = request.headers_mut();
    headers.insert("cookie", cookies.join("; ").parse().unwrap());
    if let Some(origin) = origin {
        headers.insert("origin", origin.parse().unwrap());
    }
    let stream = TcpStream::connect(world.address).await.unwrap();
    match tokio_tungstenite::client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn say(socket: &mut Socket, what: Value) {
    socket.send(Message::text(what.to_string())).await.unwrap();
}

/// The next thing that is told; nothing at the end.
async fn told(socket: &mut Socket) -> Option<Value> {
    loop {
        match socket.next().await? {
            Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// What is told until the screen shows a text or the terminal ends.
async fn until(socket: &mut Socket, text: &str) -> Value {
    let mut all = String::new();
    while let Some(news) = told(socket).await {
        all.push_str(&news.to_string());
        if news.to_string().contains(text) {
            return news;
        }
    }
    panic!("\"{text}\" was never shown: {all}");
}

async fn audit(world: &World) -> Vec<(String, Value)> {
    let events: Page<Event> = world.get("/events?installation=hola-sol&limit=500").await.expect(200).json();
    let found = events.items.into_iter().filter(|event| event.verb == "installation.terminal");
    found.map(|event| (event.actor, event.detail)).collect()
}

#[tokio::test]
async fn an_owner_has_a_terminal_and_the_audit_has_from_when_to_when() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    owner.open("/p/acme/installations/hola-sol").await.has("/p/acme/installations/hola-sol/terminal");
    let page = owner.open("/p/acme/installations/hola-sol/terminal").await;
    assert_eq!(page.after("data-terminal=\""), SOCKET);
    let origin = format!("http://{}", owner.host);
    let mut socket = open(&world, &owner, Some(&origin)).await.unwrap();
    say(&mut socket, json!({ "size": [24, 80] })).await;
    // The fake server says first what it was asked to run, and then gives back what was typed.
    let first = until(&mut socket, "/bin/sh").await;
    assert_eq!(first["size"], json!([24, 80]));
    say(&mut socket, json!({ "text": "hola mundo" })).await;
    until(&mut socket, "hola mundo").await;
    say(&mut socket, json!({ "size": [10, 40] })).await;
    let small = until(&mut socket, "\"size\":[10,40]").await;
    assert_eq!(small["rows"].as_array().unwrap().len(), 10, "all is told anew");
    assert_eq!(audit(&world).await.len(), 1);
    socket.close(None).await.unwrap();
    world.until("its end is written down", async || audit(&world).await.len() == 2).await;
    let all = audit(&world).await;
    assert!(all.iter().all(|(actor, _)| actor == "ana@acme.example"));
    assert_eq!(all[1].1["ended"], "left");
    let text = world.get("/events?installation=hola-sol&limit=500").await.text();
    assert!(!text.contains("hola mundo"), "what was typed is nobody's affair");
}

#[tokio::test]
async fn nobody_else_has_one() {
    let world = World::new().await;
    let (owner, _) = scene(&world).await;
    let origin = format!("http://{}", owner.host);
    assert_eq!(open(&world, &owner, None).await.err(), Some(403), "a program has no page");
    assert_eq!(open(&world, &owner, Some("http://evil.example")).await.err(), Some(403));
    assert_eq!(open(&world, &owner, Some("null")).await.err(), Some(403));
    let nobody = Browser::new(&world, "localhost");
    assert_eq!(open(&world, &nobody, Some(&origin)).await.err(), Some(303), "log in first");
    let mut support = Browser::new(&world, "localhost");
    join(&world, &mut support, json!({"mail": "sue@acme.example", "role": "support", "publisher": "acme"})).await;
    assert_eq!(open(&world, &support, Some(&origin)).await.err(), Some(403));
    assert_eq!(audit(&world).await, [], "nothing was begun");
    // More than that one person cannot look at.
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(open(&world, &owner, Some(&origin)).await.unwrap());
    }
    assert_eq!(open(&world, &owner, Some(&origin)).await.err(), Some(429));
    drop(all);
    world.until("there is room again", async || open(&world, &owner, Some(&origin)).await.is_ok()).await;
}

#[tokio::test]
async fn developers_are_let_inside_by_an_owner() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    let mut developer = Browser::new(&world, "localhost");
    join(&world, &mut developer, json!({"mail": "dev@acme.example", "role": "developer", "publisher": "acme"})).await;
    let origin = format!("http://{}", developer.host);
    let body = json!({"name": "dev", "role": "developer", "publisher": "acme"});
    let token: NewToken = world.post("/tokens", body).await.expect(201).json();
    let exec = async || {
        let request = world.http.request(Method::POST, world.url("/installations/hola-sol/exec"));
        world.send(request.bearer_auth(&token.secret).body("{\"command\": [\"/bin/true\"]}\n")).await
    };
    exec().await.refused(403, "exec-not-allowed");
    assert_eq!(open(&world, &developer, Some(&origin)).await.err(), Some(403));
    assert_eq!(developer.open("/p/acme/installations/hola-sol/terminal").await.status, 403);
    assert!(!developer.open("/p/acme/installations/hola-sol").await.html.contains("/terminal"));
    let form = [("developers", "on")];
    assert_eq!(developer.send("/p/acme/apps", "/p/acme/team/exec", &form).await.status, 403, "not by themselves");
    owner.send("/p/acme/team", "/p/acme/team/exec", &form).await.has("name=\"developers\" value=\"on\" checked");
    exec().await.expect(200);
    let mut socket = open(&world, &developer, Some(&origin)).await.unwrap();
    say(&mut socket, json!({ "size": [24, 80] })).await;
    until(&mut socket, "/bin/sh").await;
    world.post("/publishers/acme", json!({"developers_exec": false})).await.expect(200);
    exec().await.refused(403, "exec-not-allowed");
    world.post("/publishers/zulu", json!({"developers_exec": false})).await.refused(404, "unknown-publisher");
}

#[tokio::test]
async fn what_makes_no_sense_ends_it() {
    let world = World::new().await;
    let (owner, _) = scene(&world).await;
    let origin = format!("http://{}", owner.host);
    let mut socket = open(&world, &owner, Some(&origin)).await.unwrap();
    say(&mut socket, json!({ "size": [0, 65535] })).await;
    let first = until(&mut socket, "size").await;
    assert_eq!(first["size"], json!([2, 300]));
    say(&mut socket, json!({ "nonsense": 1 })).await;
    until(&mut socket, "\"end\"").await;
    assert_eq!(told(&mut socket).await, None);
    let request = world.http.get(format!("http://{}{SOCKET}", world.address));
    let cookies: Vec<String> = owner.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let got = world.send(request.header("host", &owner.host).header("cookie", cookies.join("; "))).await;
    assert_eq!(got.status, 422, "a page that is no WebSocket: {}", got.text());
}
