//! The audit as a stream of events: taken up after a cut, within reach, and no longer than its token.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use plane::wire::{Event, NewToken};
use reqwest::{Method, Response};
use serde_json::json;

use crate::pages::scene;
use crate::world::{Got, TOKEN, World};

/// What one block says.
#[derive(Debug, Default)]
struct Block {
    id: String,
    event: Option<Event>,
}

struct Events {
    pieces: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    text: String,
}

async fn ask(world: &World, token: &str, last: Option<&str>) -> Response {
    let request = world.http.request(Method::GET, world.url("/events")).bearer_auth(token);
    let request = request.header("accept", "text/event-stream");
    last.into_iter().fold(request, |request, id| request.header("last-event-id", id)).send().await.unwrap()
}

async fn refused(world: &World, last: &str, status: u16, code: &str) {
    let response = ask(world, TOKEN, Some(last)).await;
    let (status_is, headers) = (response.status(), response.headers().clone());
    let got = Got { status: status_is, headers, body: response.bytes().await.unwrap().to_vec() };
    got.refused(status, code);
}

impl Events {
    async fn open(world: &World, token: &str, last: Option<&str>) -> Self {
        let response = ask(world, token, last).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { pieces: Box::pin(response.bytes_stream()), text: String::new() }
    }

    /// The next block, as browsers read it; nothing at the end.
    async fn block(&mut self) -> Option<Block> {
        loop {
            if let Some((whole, rest)) = self.text.split_once("\n\n") {
                let mut block = Block::default();
                for line in whole.lines() {
                    match line.split_once(": ").unwrap() {
                        ("id", id) => block.id = id.to_owned(),
                        ("data", data) => block.event = Some(serde_json::from_str(data).unwrap()),
                        (name, _) => assert_eq!(name, "", "only comments have no name"),
                    }
                }
                self.text = rest.to_owned();
                return Some(block);
            }
            let piece = tokio::time::timeout(Duration::from_secs(60), self.pieces.next()).await.unwrap()?;
            // A server that ends cuts it off.
            self.text.push_str(std::str::from_utf8(&piece.ok()?).unwrap());
        }
    }

    /// The next event.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let block = self.block().await?;
            if let Some(event) = block.event {
                assert_eq!(block.id, event.sequence.to_string());
                return Some(event);
            }
        }
    }
}

async fn customer(world: &World, publisher: &str, slug: &str) {
    world.post("/customers", json!({"publisher": publisher, "slug": slug})).await.expect(201);
}

#[tokio::test]
async fn whoever_is_cut_off_loses_nothing() {
    let mut world = World::new().await;
    customer(&world, "main", "before").await;
    let mut events = Events::open(&world, TOKEN, None).await;
    let begin = events.block().await.unwrap();
    assert!(begin.event.is_none(), "from now on");
    drop(events);
    customer(&world, "main", "one").await;
    let mut events = Events::open(&world, TOKEN, Some(&begin.id)).await;
    let one = events.next().await.unwrap();
    assert_eq!(one.id, "one", "also who was cut off before anything came");
    // A control plane that ends does not wait for those who look on; another takes them up.
    customer(&world, "main", "two").await;
    world.stop().await;
    while events.block().await.is_some() {}
    world.start().await;
    customer(&world, "main", "three").await;
    let mut events = Events::open(&world, TOKEN, Some(&one.sequence.to_string())).await;
    for slug in ["two", "three"] {
        assert_eq!(events.next().await.unwrap().id, slug);
    }
    customer(&world, "main", "four").await;
    let four = events.next().await.unwrap();
    assert_eq!(four.id, "four");
    // While nothing happens, it says where it is.
    let here = events.block().await.unwrap();
    assert_eq!((here.id, here.event.is_none()), (four.sequence.to_string(), true));

    refused(&world, "soon", 422, "bad-last-event-id").await;
    refused(&world, "1000000", 422, "bad-last-event-id").await;
    world.clock.forward(401 * 24);
    world.stop().await;
    world.start().await;
    let gone = async || ask(&world, TOKEN, Some(&begin.id)).await.status() == 410;
    world.until("the old ones are gone", gone).await;
    refused(&world, &begin.id, 410, "events-gone").await;
    Events::open(&world, TOKEN, Some(&four.sequence.to_string())).await;
}

#[tokio::test]
async fn everybody_follows_their_own() {
    let world = World::new().await;
    scene(&world).await;
    world.post("/publishers", json!({"slug": "rival"})).await.expect(201);
    let token = async |body: serde_json::Value| world.post("/tokens", body).await.expect(201).json::<NewToken>().secret;
    let owner = token(json!({"name": "a", "role": "owner", "publisher": "acme"})).await;
    let rival = token(json!({"name": "b", "role": "owner", "publisher": "rival"})).await;
    let sol = token(json!({"name": "c", "role": "customer-admin", "publisher": "acme", "customer": "sol"})).await;
    let mut all = Events::open(&world, TOKEN, None).await;
    let mut one = Events::open(&world, &owner, None).await;
    let mut other = Events::open(&world, &rival, None).await;
    let mut theirs = Events::open(&world, &sol, None).await;
    for events in [&mut all, &mut one, &mut other, &mut theirs] {
        assert!(events.block().await.unwrap().event.is_none());
    }
    customer(&world, "acme", "luna").await;
    customer(&world, "rival", "mar").await;
    let restart = world.done("/installations/hola-sol/restart").await;
    let is = |event: &Event, verb: &str, name: &str| {
        assert_eq!((event.verb.as_str(), event.name.as_deref().unwrap_or(&event.id)), (verb, name), "{event:?}");
    };
    is(&all.next().await.unwrap(), "customer.create", "luna");
    is(&all.next().await.unwrap(), "customer.create", "mar");
    is(&one.next().await.unwrap(), "customer.create", "luna");
    is(&one.next().await.unwrap(), "installation.restart", "hola-sol");
    is(&other.next().await.unwrap(), "customer.create", "mar");
    is(&theirs.next().await.unwrap(), "installation.restart", "hola-sol");
    assert!(restart.error.is_none());
    customer(&world, "rival", "sur").await;
    is(&other.next().await.unwrap(), "customer.create", "sur");
}

#[tokio::test]
async fn a_stream_ends_with_its_token_and_nobody_has_too_many() {
    let world = World::new().await;
    let made = async |name: &str| {
        let body = json!({"name": name, "role": "owner", "publisher": "main", "days": 1});
        world.post("/tokens", body).await.expect(201).json::<NewToken>()
    };
    let (taken, expired) = (made("taken").await, made("expired").await);
    let mut events = Events::open(&world, &taken.secret, None).await;
    let mut until = Events::open(&world, &expired.secret, None).await;
    for events in [&mut events, &mut until] {
        assert!(events.block().await.unwrap().event.is_none());
    }
    world.delete(&format!("/tokens/{}", taken.token.id)).await.expect(204);
    assert!(events.next().await.is_none(), "not even that it ended is told");
    assert_eq!(until.next().await.unwrap().verb, "token.delete");
    assert_eq!(ask(&world, &taken.secret, None).await.status(), 401);
    world.clock.forward(25);
    customer(&world, "main", "late").await;
    assert!(until.next().await.is_none());

    let again = made("again").await.secret;
    let mut many = Vec::new();
    for _ in 0..20 {
        many.push(Events::open(&world, &again, None).await);
    }
    assert_eq!(ask(&world, &again, None).await.status(), 429);
    assert_eq!(ask(&world, TOKEN, None).await.status(), 200, "others have their own");
    drop(many);
    world.until("there is room again", async || ask(&world, &again, None).await.status() == 200).await;
}
