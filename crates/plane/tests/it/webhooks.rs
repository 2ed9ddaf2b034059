//! Webhooks, with a real receiver.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::InstallationId;
use http_body_util::BodyExt;
use nimbus_api::{NimbusEventKind, Phase};
use plane::store::mails;
use plane::wire::{Delivery, NewToken, NewWebhook, Page, Webhook};
use serde_json::{Value, json};

use crate::pages::{Browser, join};
use crate::world::World;

/// What a receiver was sent.
#[derive(Clone, Debug)]
struct Got {
    id: String,
    timestamp: String,
    signature: String,
    body: String,
}

impl Got {
    fn name(&self) -> String {
        serde_json::from_str::<Value>(&self.body).unwrap()["type"].as_str().unwrap().to_owned()
    }
}

type Answer = Box<dyn Fn(usize) -> Response + Send + Sync>;

struct Shared {
    got: Mutex<Vec<Got>>,
    answer: Mutex<Answer>,
}

/// A web server that answers as it is told to.
struct Receiver {
    url: String,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers[name].to_str().unwrap().to_owned();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let (id, timestamp, signature) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let mut got = shared.got.lock().unwrap();
    got.push(Got { id, timestamp, signature, body });
    shared.answer.lock().unwrap()(got.len())
}

impl Receiver {
    async fn new() -> Self {
        let shared = Arc::new(Shared { got: Mutex::default(), answer: Mutex::new(Box::new(|_| ok())) });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?x=1", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(take).with_state(shared.clone());
        let service = hyper_util::service::TowerToHyperService::new(router);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let io = hyper_util::rt::TokioIo::new(stream);
                let serve = hyper::server::conn::http1::Builder::new().serve_connection(io, service.clone());
                connections.spawn(serve);
            }
        });
        Self { url, shared, task }
    }

    fn answers(&self, answer: impl Fn(usize) -> Response + Send + Sync + 'static) {
        *self.shared.answer.lock().unwrap() = Box::new(answer);
    }

    fn got(&self) -> Vec<Got> {
        self.shared.got.lock().unwrap().clone()
    }

    fn names(&self) -> Vec<String> {
        self.got().iter().map(Got::name).collect()
    }

    async fn until(&self, world: &World, count: usize) {
        world.until(&format!("{count} came"), async || self.got().len() >= count).await;
        assert_eq!(self.got().len(), count, "{:?}", self.names());
    }
}

fn ok() -> Response {
    (http::StatusCode::OK, "thanks").into_response()
}

fn status(code: u16) -> Response {
    (http::StatusCode::from_u16(code).unwrap(), "no").into_response()
}

/// A world in which webhooks may reach this machine.
async fn world() -> World {
    let world = World::with_app().await;
    world.post("/settings", json!({"webhook_networks": ["127.0.0.0/8"]})).await.expect(200);
    world
}

async fn webhook(world: &World, url: &str, events: &[&str]) -> NewWebhook {
    world.post("/webhooks", json!({"url": url, "events": events})).await.expect(201).json()
}

async fn deliveries(world: &World, webhook: &Webhook) -> Vec<Delivery> {
    world.get(&format!("/webhooks/{}/deliveries", webhook.id)).await.expect(200).json::<Page<Delivery>>().items
}

async fn last(world: &World, webhook: &Webhook) -> Delivery {
    let id = deliveries(world, webhook).await[0].id;
    world.get(&format!("/webhooks/{}/deliveries/{id}", webhook.id)).await.expect(200).json()
}

/// Waits until the newest delivery is as wanted.
async fn until(world: &World, webhook: &Webhook, what: &str, is: impl Fn(&Delivery) -> bool) -> Delivery {
    world.until(what, async || deliveries(world, webhook).await.first().is_some_and(&is)).await;
    last(world, webhook).await
}

fn phase(world: &World, id: InstallationId, phase: Phase) {
    world.fake.emit(Some(id), NimbusEventKind::PhaseChanged { phase, exit: None });
}

async fn customer(world: &World, slug: &str) {
    world.post("/customers", json!({"slug": slug})).await.expect(201);
}

#[tokio::test]
async fn what_happens_is_sent_signed_and_in_order() {
    let (world, receiver) = (world().await, Receiver::new().await);
    let id = world.install("hola", "acme").await.id;
    let chosen = ["installation.crashed", "installation.recovered", "deployment.finished", "deployment.undone"];
    let made = webhook(&world, &receiver.url, &chosen).await;
    assert!(made.secret.starts_with("whsec_"), "{made:?}");
    // That it is healthy now is no recovery.
    for one in [Phase::Healthy, Phase::Restarting, Phase::Starting, Phase::Healthy] {
        phase(&world, id, one);
    }
    receiver.until(&world, 2).await;
    world.publish("hola", 2).await;
    world.deploy_all("hola").await;
    let undone: plane::wire::Deployment = world.post("/apps/hola/rollback", json!({})).await.expect(202).json();
    world.deployed(undone.id).await;
    receiver.until(&world, 4).await;
    assert_eq!(receiver.names(), chosen, "in the order in which it happened, and nothing else");
    let key = STANDARD.decode(made.secret.trim_start_matches("whsec_")).unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    for got in receiver.got() {
        let signed = format!("{}.{}.{}", got.id, got.timestamp, got.body);
        let tag = STANDARD.decode(got.signature.strip_prefix("v1,").unwrap()).unwrap();
        ring::hmac::verify(&key, signed.as_bytes(), &tag).expect("the signature is right");
    }
    let body: Value = serde_json::from_str(&receiver.got()[0].body).unwrap();
    assert_eq!(body["data"]["name"], "hola-acme");
    assert!(body["timestamp"].as_str().unwrap().ends_with('Z'), "{body}");
    // What was received is noted a moment later.
    let noted = async || deliveries(&world, &made.webhook).await.iter().all(|one| one.delivered_at.is_some());
    world.until("every delivery is noted", noted).await;
    let log = deliveries(&world, &made.webhook).await;
    assert!(
        log.iter().all(|one| one.status == Some(200) && one.attempts == 1 && one.delivered_at.is_some()),
        "{log:?}"
    );
    assert_eq!(log[0].response.as_deref(), Some("thanks"));
    let shown = last(&world, &made.webhook).await;
    assert_eq!(shown.body.unwrap()["type"], "deployment.undone");
}

#[tokio::test]
async fn what_is_not_taken_is_sent_again_and_holds_back_what_follows() {
    let (world, receiver) = (world().await, Receiver::new().await);
    let made = webhook(&world, &receiver.url, &["customer.create"]).await;
    receiver.answers(|count| if count == 1 { status(500) } else { ok() });
    customer(&world, "one").await;
    let failed = until(&world, &made.webhook, "it failed", |one| one.error.is_some()).await;
    assert_eq!((failed.status, failed.attempts, failed.delivered_at), (Some(500), 1, None));
    let wait = failed.next_at.unwrap() - failed.tried_at.unwrap();
    assert!((4_000..=61_000).contains(&wait), "{wait}");
    customer(&world, "two").await;
    until(&world, &made.webhook, "the second is written down", |one| one.attempts == 0).await;
    // Although it is due, it waits for the first.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.got().len(), 1);
    world.clock.forward(1);
    receiver.until(&world, 3).await;
    let got = receiver.got();
    assert_eq!(got[0].id, got[1].id, "the same delivery");
    assert!(got[0].timestamp < got[1].timestamp && got[0].signature != got[1].signature, "{got:?}");
    let names: Vec<Value> = got.iter().map(|one| serde_json::from_str::<Value>(&one.body).unwrap()).collect();
    assert_eq!((&names[1]["data"]["id"], &names[2]["data"]["id"]), (&json!("one"), &json!("two")));
}

#[tokio::test]
async fn one_that_is_never_taken_does_not_hold_back_the_others_for_ever() {
    let (world, receiver) = (world().await, Receiver::new().await);
    let made = webhook(&world, &receiver.url, &["customer.create"]).await;
    receiver.answers(|_| status(500));
    customer(&world, "one").await;
    for attempts in 1..=3 {
        until(&world, &made.webhook, "it was tried", |one| one.attempts == attempts && one.error.is_some()).await;
        if attempts < 3 {
            world.clock.forward(1);
        }
    }
    receiver.answers(|_| ok());
    customer(&world, "two").await;
    let taken = until(&world, &made.webhook, "the second is taken", |one| one.delivered_at.is_some()).await;
    assert_eq!(taken.body.unwrap()["data"]["id"], "two");
    let log = deliveries(&world, &made.webhook).await;
    assert_eq!((log[1].attempts, log[1].delivered_at), (3, None));
    world.clock.forward(1);
    world
        .until("the first is taken, too", async || deliveries(&world, &made.webhook).await[1].delivered_at.is_some())
        .await;
}

#[tokio::test]
async fn a_control_plane_that_is_killed_in_between_sends_it_again() {
    let (mut world, receiver) = (world().await, Receiver::new().await);
    let made = webhook(&world, &receiver.url, &["customer.create"]).await;
    // It has taken it, but its answer never comes.
    receiver.answers(|_| {
        axum::body::Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>())
            .into_response()
    });
    customer(&world, "one").await;
    receiver.until(&world, 1).await;
    world.kill().await;
    receiver.answers(|_| ok());
    world.start().await;
    customer(&world, "two").await;
    world.clock.forward(1);
    receiver.until(&world, 3).await;
    let got = receiver.got();
    assert_eq!(got[0].id, got[1].id, "at least once, and it can be told that it is the same");
    assert_ne!(got[1].id, got[2].id);
    until(&world, &made.webhook, "the last is noted", |one| one.delivered_at.is_some()).await;
    let log = deliveries(&world, &made.webhook).await;
    assert_eq!((log[0].attempts, log[1].attempts), (1, 2));
}

#[tokio::test]
async fn nothing_is_followed_and_no_answer_is_too_long() {
    let (world, receiver) = (world().await, Receiver::new().await);
    let made = webhook(&world, &receiver.url, &["customer.create"]).await;
    let url = receiver.url.clone();
    receiver.answers(move |count| match count {
        1 => (http::StatusCode::TEMPORARY_REDIRECT, [("location", url.clone())]).into_response(),
        _ => (http::StatusCode::OK, "long\u{7}\n".repeat(100_000)).into_response(),
    });
    customer(&world, "one").await;
    let failed = until(&world, &made.webhook, "it failed", |one| one.error.is_some()).await;
    assert_eq!(failed.status, Some(307));
    assert!(failed.error.unwrap().contains("redirects are not followed"));
    assert_eq!(receiver.got().len(), 1);
    world.clock.forward(1);
    let taken = until(&world, &made.webhook, "it was taken", |one| one.delivered_at.is_some()).await;
    let excerpt = taken.response.unwrap();
    assert_eq!(excerpt.chars().count(), 1_000);
    assert!(!excerpt.contains('\u{7}'));
}

#[tokio::test]
async fn a_slow_receiver_is_given_up_on() {
    let (world, receiver) = (world().await, Receiver::new().await);
    let made = webhook(&world, &receiver.url, &["customer.create"]).await;
    receiver.answers(|_| {
        let drops = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            Some((Ok::<_, std::io::Error>("."), ()))
        });
        axum::body::Body::from_stream(drops).into_response()
    });
    customer(&world, "one").await;
    receiver.until(&world, 1).await;
    let mut failed = last(&world, &made.webhook).await;
    while failed.error.is_none() {
        tokio::time::sleep(Duration::from_millis(200)).await;
        failed = last(&world, &made.webhook).await;
        assert!(failed.delivered_at.is_none(), "{failed:?}");
    }
    assert!(failed.error.as_deref().unwrap().contains("more than 15 seconds"), "{failed:?}");
    assert!(failed.duration_ms.unwrap() >= 15_000, "{failed:?}");
}

#[tokio::test]
async fn the_own_network_is_reached_only_where_the_operator_says_so() {
    let (world, receiver) = (World::new().await, Receiver::new().await);
    let url = receiver.url.replace("http:", "https:");
    let made = webhook(&world, &url, &[]).await;
    customer(&world, "one").await;
    let failed = until(&world, &made.webhook, "it failed", |one| one.error.is_some()).await;
    assert!(failed.error.as_deref().unwrap().contains("private network"), "{failed:?}");
    assert_eq!((failed.status, receiver.got().len()), (None, 0));
    world.post("/webhooks", json!({"url": receiver.url})).await.refused(422, "bad-url");
    for bad in ["https://user:word@example.com/", "https://example.com/#x", "ftp://example.com/"] {
        world.post("/webhooks", json!({"url": bad})).await.refused(422, "bad-url");
    }
    world.post("/webhooks", json!({"url": url, "events": ["no.such"]})).await.refused(422, "bad-event");
    world.post("/settings", json!({"webhook_networks": ["localhost"]})).await.refused(422, "bad-network");
    world.post("/settings", json!({"webhook_networks": ["10.0.0.0/8"]})).await.expect(200);
    let body = json!({"url": receiver.url});
    world.post(&format!("/webhooks/{}", made.webhook.id), body).await.expect(200);
    world.clock.forward(1);
    let failed = until(&world, &made.webhook, "it failed again", |one| one.attempts == 2 && one.error.is_some()).await;
    assert!(
        failed.error.as_deref().unwrap().contains("private network"),
        "another network is no exception: {failed:?}"
    );
    world.post("/settings", json!({"webhook_networks": ["127.0.0.1"]})).await.expect(200);
    world.clock.forward(1);
    receiver.until(&world, 1).await;
}

#[tokio::test]
async fn one_that_nobody_answers_at_is_disabled_and_its_owner_is_told() {
    let (mut world, receiver) = (world().await, Receiver::new().await);
    let mail = json!({"host": "localhost", "port": 1, "security": "none", "from": "vClouden <noreply@example.com>"});
    let sign_up = json!({"sign_up": true, "mail": mail});
    world.post("/settings", sign_up).await.expect(200);
    let owner = "ana@main.example";
    let role = json!({"mail": owner, "role": "owner", "publisher": "main"});
    join(&world, &mut Browser::new(&world, "localhost"), role).await;
    let made = webhook(&world, &receiver.url, &["customer.create"]).await;
    receiver.answers(|_| status(503));
    customer(&world, "one").await;
    until(&world, &made.webhook, "it failed", |one| one.error.is_some()).await;
    let path = format!("/webhooks/{}", made.webhook.id);
    let shown: Webhook = world.get(&path).await.json();
    assert!(shown.failing_since.is_some() && shown.disabled_at.is_none(), "{shown:?}");
    world.clock.forward(3 * 24 + 1);
    let disabled = async || world.get(&path).await.json::<Webhook>().disabled_at.is_some();
    world.until("it is disabled", disabled).await;
    let shown: Webhook = world.get(&path).await.json();
    assert_eq!(shown.disabled_because.as_deref(), Some("it answered 503"));
    world.post(&format!("{path}/test"), json!({})).await.refused(409, "webhook-disabled");
    let before = receiver.got().len();
    customer(&world, "two").await;
    world.clock.forward(24);
    // Enabled again it is told of what happens from then on.
    receiver.answers(|_| ok());
    world.post(&path, json!({"enabled": true})).await.expect(200);
    customer(&world, "three").await;
    receiver.until(&world, before + 1).await;
    let body: Value = serde_json::from_str(&receiver.got().last().unwrap().body).unwrap();
    assert_eq!(body["data"]["id"], "three");
    world.stop().await;
    let store = plane::store::Store::open(&world.store).await.unwrap();
    let letters = mails::list(store.read(), 50).await.unwrap();
    let about: Vec<_> = letters.iter().filter(|letter| letter.body.contains(&path)).collect();
    assert_eq!(about.len(), 1, "{letters:?}");
    assert_eq!(about[0].recipient, owner);
    assert!(about[0].body.contains("503"), "{about:?}");
}

#[tokio::test]
async fn one_that_is_gone_is_disabled_at_once() {
    let (world, receiver) = (world().await, Receiver::new().await);
    let made = webhook(&world, &receiver.url, &[]).await;
    receiver.answers(|_| status(410));
    customer(&world, "one").await;
    let path = format!("/webhooks/{}", made.webhook.id);
    world.until("it is disabled", async || world.get(&path).await.json::<Webhook>().disabled_at.is_some()).await;
    assert_eq!(receiver.got().len(), 1);
    let log = last(&world, &made.webhook).await;
    assert_eq!((log.next_at, log.delivered_at), (None, None));
}

#[tokio::test]
async fn it_can_be_tried_and_anything_sent_again() {
    let (world, receiver) = (world().await, Receiver::new().await);
    let made = webhook(&world, &receiver.url, &["backup.create"]).await;
    let path = format!("/webhooks/{}", made.webhook.id);
    let tried: Delivery = world.post(&format!("{path}/test"), json!({})).await.expect(202).json();
    receiver.until(&world, 1).await;
    assert_eq!(receiver.names(), ["webhook.test"]);
    let resend = format!("{path}/deliveries/{}/resend", tried.id);
    let again: Delivery = world.post(&resend, json!({})).await.expect(202).json();
    receiver.until(&world, 2).await;
    let got = receiver.got();
    assert_eq!(got[0].body, got[1].body);
    assert_eq!((got[0].id.as_str(), got[1].id.as_str()), (&*tried.id.to_string(), &*again.id.to_string()));
    world.post(&format!("{path}/deliveries/no/resend"), json!({})).await.refused(404, "unknown-delivery");
    world.delete(&path).await.expect(204);
    world.get(&path).await.refused(404, "unknown-webhook");
}

#[tokio::test]
async fn nobody_else_knows_of_it_and_its_secret_is_nowhere() {
    let (mut world, receiver) = (world().await, Receiver::new().await);
    world.post("/publishers", json!({"slug": "globex"})).await.expect(201);
    let made = webhook(&world, &receiver.url, &[]).await;
    let body = json!({"name": "a test", "role": "owner", "publisher": "globex"});
    let other: NewToken = world.post("/tokens", body).await.expect(201).json();
    let ask = async |method: reqwest::Method, path: &str| {
        let request = world.http.request(method, world.url(path)).bearer_auth(&other.secret);
        world.send(request).await
    };
    let path = format!("/webhooks/{}", made.webhook.id);
    assert_eq!(ask(reqwest::Method::GET, "/webhooks").await.json::<Page<Webhook>>().items, []);
    for (method, path) in [
        (reqwest::Method::GET, path.clone()),
        (reqwest::Method::POST, path.clone()),
        (reqwest::Method::DELETE, path.clone()),
        (reqwest::Method::GET, format!("{path}/deliveries")),
        (reqwest::Method::POST, format!("{path}/test")),
    ] {
        ask(method, &path).await.refused(404, "unknown-webhook");
    }
    // What happens elsewhere is not told.
    let body = json!({"slug": "theirs", "publisher": "globex"});
    world.post("/customers", body).await.expect(201);
    customer(&world, "ours").await;
    receiver.until(&world, 1).await;
    assert!(!receiver.got()[0].body.contains("theirs"));
    world.stop().await;
    if let plane::store::Location::File(path) = &world.store {
        let stored = std::fs::read(path).unwrap();
        let secret = made.secret.trim_start_matches("whsec_").as_bytes();
        assert!(!stored.windows(secret.len()).any(|part| part == secret));
    }
}

#[tokio::test]
async fn an_owner_looks_after_webhooks_in_the_console() {
    let (world, receiver) = (world().await, Receiver::new().await);
    let mut owner = Browser::new(&world, "localhost");
    let role = json!({"mail": "ana@main.example", "role": "owner", "publisher": "main"});
    join(&world, &mut owner, role).await.has("Webhooks");
    let list = "/p/main/webhooks";
    owner.open(list).await.has("No webhooks yet").has("installation.crashed");
    let refused = owner.send(list, list, &[("url", "ftp://example.com/")]).await;
    refused.has("it must begin with https://");
    let made = owner.send(list, list, &[("url", &receiver.url), ("version.publish", "on"), ("no.event", "on")]).await;
    made.has("whsec_").has("version.publish");
    assert!(!owner.open(list).await.html.contains("whsec_"), "its secret is shown once");
    let id = world.get("/webhooks").await.json::<Page<Webhook>>().items[0].id;
    let here = format!("{list}/{id}");
    owner.send(&here, &format!("{here}/do/test"), &[]).await.has("It is being sent");
    receiver.until(&world, 1).await;
    let mut shown = owner.open(&here).await;
    while !shown.html.contains("thanks") {
        tokio::time::sleep(Duration::from_millis(50)).await;
        shown = owner.open(&here).await;
    }
    shown.has("webhook.test").has("delivered").has("200");
    let delivery = deliveries(&world, &world.get(&format!("/webhooks/{id}")).await.json()).await[0].id;
    owner.send(&here, &format!("{here}/deliveries/{delivery}/resend"), &[]).await.has("It is being sent");
    receiver.until(&world, 2).await;
    owner.send(&here, &format!("{here}/do/disable"), &[]).await.has("disabled it").has("Enable");
    owner.send(&here, &format!("{here}/do/test"), &[]).await.has("this webhook is disabled");
    owner.send(&here, &format!("{here}/do/enable"), &[]).await.has("Send a test");
    owner.send(&here, &here, &[("url", &receiver.url)]).await.has("all");
    let changed: Webhook = world.get(&format!("/webhooks/{id}")).await.json();
    assert_eq!((changed.events.len(), changed.disabled_at), (0, None));
    let delete = format!("{here}/do/delete");
    owner.send(&here, &delete, &[("confirm", "somewhere.example")]).await.has("nothing was done");
    let host = receiver.url.split('/').nth(2).unwrap();
    owner.send(&here, &delete, &[("confirm", host)]).await.has("No webhooks yet");
    let mut support = Browser::new(&world, "localhost");
    let role = json!({"mail": "eva@main.example", "role": "support", "publisher": "main"});
    join(&world, &mut support, role).await;
    assert_ne!(support.open(list).await.status, 200);
}

#[tokio::test]
async fn the_api_is_a_page_that_can_be_searched() {
    let world = World::new().await;
    let mut anyone = Browser::new(&world, "localhost");
    let all = anyone.open("/api").await;
    all.has("/api/v1/openapi.json").has("vclouden app list").has("/webhooks/{webhook}/deliveries");
    for row in plane::access::TABLE {
        all.has(row.path);
    }
    let found = anyone.open("/api?q=delete+customers").await;
    found.has("<code>/customers/{customer}</code>");
    assert!(!found.html.contains("/webhooks/{webhook}/deliveries"), "it was searched");
    anyone.open("/api?q=nothing-fits").await.has("Nothing fits");
    anyone.language = "es";
    anyone.open("/api").await.has("Todo lo que puede").has("vclouden app list");
}
