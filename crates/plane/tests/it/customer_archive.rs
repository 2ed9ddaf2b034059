//! Everything that a customer has, in one file: it is whole, it is made while it is sent, and what breaks off leaves nothing.

use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use nimbus_api::DayUsage;
use plane::access::Role;
use plane::wire::{Event, NewToken, Page};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::fake::Data;
use crate::pages::{Browser, Multi, scene};
use crate::roles::ask;
use crate::world::World;

/// Unpacks a zip with what most people have.
fn unzip(zip: &[u8], into: &Path) {
    let file = into.join("all.zip");
    std::fs::write(&file, zip).unwrap();
    let done = Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&file).arg(into).output();
    let done = done.expect("python3 must be there; install the Debian package python3");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

async fn events(world: &World, outcome: &str) -> Vec<Event> {
    let path = format!("/events?verb=customer.download&outcome={outcome}&before=now");
    world.get(&path).await.expect(200).json::<Page<Event>>().items
}

#[tokio::test]
async fn everything_is_in_it_and_no_secret_is() {
    let mut world = World::new().await;
    let id = {
        let (_, mut admin) = scene(&world).await;
        let form = Multi { fields: &[("text", "Here <it> is")], files: &[("añ/o #1 100%.txt", b"of the till")] };
        admin.send_files("/c/sol/tickets/1", "/c/sol/tickets/1", form).await.has("Here &lt;it&gt; is");
        let note = json!({"text": "do not tell them", "internal": true});
        world.post("/tickets/acme:1/messages", note).await.expect(201);
        world.installation("hola-sol").await.id
    };
    let variables =
        json!({"set": [{"name": "API_KEY", "value": "hunter2"}, {"name": "COLOUR", "value": "teal", "secret": false}]});
    let accepted: plane::wire::Accepted =
        world.post("/installations/hola-sol/environment", variables).await.expect(202).json();
    world.ended(accepted.operation).await;
    let day = DayUsage {
        day: "2026-11-02".into(),
        awake_seconds: 3600,
        reserved_byte_seconds: 0,
        used_byte_seconds: 0,
        cpu_ms: 0,
        disk: 0,
        requests: 4711,
        bytes_in: 0,
        bytes_out: 0,
    };
    world.fake.used(id, vec![day]);
    // What it has written: a database with a row in it, larger than any piece.
    let data = tempfile::tempdir().unwrap();
    let rows = format!("a row that was written{}", "x".repeat(3 << 20));
    std::fs::create_dir(data.path().join("db")).unwrap();
    std::fs::write(data.path().join("db/data.sqlite"), &rows).unwrap();
    let mut packed = Vec::new();
    let limits = archive::Limits::of_data(1 << 30);
    archive::pack_data(data.path(), &limits, &mut packed).unwrap();
    world.fake.holds(Data::Pieces(packed.chunks(50_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect()));
    world.kill().await;
    world.start().await;
    world
        .until("usage is counted", async || {
            !world.get("/usage?month=2026-11").await.json::<Page<serde_json::Value>>().items.is_empty()
        })
        .await;

    let mut admin = Browser::new(&world, "acme.localhost");
    let login = [("mail", "luz@sol.example"), ("password", "four words serve well"), ("to", "/c/sol")];
    admin.send("/login", "/login", &login).await.has("href=\"/c/sol/archive\"");
    let (headers, zip) = admin.download("/c/sol/archive").await;
    assert_eq!(headers["content-type"], "application/zip");
    let name = headers["content-disposition"].to_str().unwrap();
    let folder = name.split('"').nth(1).unwrap().strip_suffix(".zip").unwrap().to_owned();
    assert!(folder.starts_with("sol-20"), "{name}");

    let out = tempfile::tempdir().unwrap();
    unzip(&zip, out.path());
    let root = out.path().join(folder);
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let file = std::fs::File::open(root.join("installations/hola-sol/data.tar.gz")).unwrap();
    let back = out.path().join("back");
    std::fs::create_dir(&back).unwrap();
    archive::unpack_data(std::io::BufReader::new(file), &back, &limits).unwrap();
    assert_eq!(std::fs::read_to_string(back.join("db/data.sqlite")).unwrap(), rows);

    let about = read("installations/hola-sol/installation.json");
    assert!(about.contains("API_KEY") && about.contains("COLOUR"), "{about}");
    let ticket = read("tickets/1/index.html");
    assert!(ticket.contains("Here &lt;it&gt; is") && ticket.contains("files/1-"), "{ticket}");
    let here = reqwest::Url::from_file_path(root.join("tickets/1/index.html")).unwrap();
    let link = ticket.split("href=\"").find(|rest| rest.starts_with("files/")).unwrap().split('"').next().unwrap();
    let link = here.join(link).unwrap();
    assert_eq!(std::fs::read(link.to_file_path().unwrap()).unwrap(), b"of the till", "{link}");
    let files: Vec<_> = std::fs::read_dir(root.join("tickets/1/files")).unwrap().collect();
    assert_eq!(files.len(), 1);
    assert_eq!(std::fs::read(files[0].as_ref().unwrap().path()).unwrap(), b"of the till");
    assert!(read("people.csv").contains("luz@sol.example,customer-admin"));
    assert!(read("usage.csv").contains("hola-sol,1,1.00,"));
    let index = read("index.html");
    for link in index.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(root.join(link).is_file(), "{link}");
    }
    assert!(
        index.contains("Panadería El Sol") && index.contains("API_KEY") && read("README.txt").contains("index.html")
    );
    let all: Vec<u8> = walk(&root).iter().flat_map(|path| std::fs::read(path).unwrap()).collect();
    for secret in ["hunter2", "teal", "do not tell them"] {
        assert!(!all.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{secret}");
    }

    world.until("the end is recorded", async || events(&world, "done").await.len() == 1).await;
    let end = &events(&world, "done").await[0];
    assert_eq!((end.actor.as_str(), end.detail["bytes"].as_u64()), ("luz@sol.example", Some(zip.len() as u64)));
    assert_eq!(events(&world, "accepted").await.len(), 1);
}

fn walk(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// A token of the customer's administrator.
async fn token(world: &World) -> String {
    let body = json!({"name": "t", "role": Role::CustomerAdmin, "publisher": "main", "customer": "acme"});
    world.post("/tokens", body).await.expect(201).json::<NewToken>().secret
}

#[tokio::test]
async fn it_is_made_while_it_is_sent_and_nothing_is_left_of_what_breaks_off() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    world.fake.holds(Data::Endless);
    let token = token(&world).await;
    let url = world.url("/customers/acme/archive");
    let mut response = world.http.get(&url).bearer_auth(&token).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let mut got = 0;
    while got < 5 << 20 {
        got += response.chunk().await.unwrap().unwrap().len();
    }
    // Whoever reads no more is not read for.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let made = world.fake.made();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(world.fake.made(), made, "it waits for whoever reads");
    assert!(made < 64 << 20, "{made} bytes for {got}");
    // A second one has to wait.
    let second = ask(&world, Some(&token), Method::GET, "/customers/acme/archive", None).await;
    second.refused(409, "download-under-way");
    drop(response);
    world.until("its server was told", async || world.fake.reading() == 0).await;
    world.until("its end is recorded", async || events(&world, "failed").await.len() == 1).await;

    // Begun again, it is whole.
    world.fake.holds(Data::Pieces(vec![Ok(Bytes::from_static(b"all"))]));
    world
        .until("there is room", async || {
            ask(&world, Some(&token), Method::GET, "/customers/acme/archive", None).await.status == 200
        })
        .await;
    world.until("the end is recorded", async || events(&world, "done").await.len() == 1).await;
}

#[tokio::test]
async fn what_is_not_whole_does_not_look_whole() {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    let token = token(&world).await;
    let broken = vec![Ok(Bytes::from_static(b"half")), Err("the disk is gone")];
    world.fake.holds(Data::Pieces(broken));
    let url = world.url("/customers/acme/archive");
    let response = world.http.get(&url).bearer_auth(&token).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.bytes().await.is_err(), "the connection broke");
    world.until("the end is recorded", async || events(&world, "failed").await.len() == 1).await;
    assert!(events(&world, "failed").await[0].detail["why"].as_str().unwrap().contains("the disk is gone"));

    // One that its server refuses is told of; the rest is there.
    world.fake.holds(Data::Refused);
    let got = ask(&world, Some(&token), Method::GET, "/customers/acme/archive", None).await.expect(200);
    let out = tempfile::tempdir().unwrap();
    unzip(&got.body, out.path());
    let readme = walk(out.path()).into_iter().find(|path| path.ends_with("README.txt")).unwrap();
    assert!(std::fs::read_to_string(readme).unwrap().contains("a socket cannot be packed"));

    // A server that is silent is known before anything is sent.
    world.fake.set_up(false);
    ask(&world, Some(&token), Method::GET, "/customers/acme/archive", None).await.refused(503, "server-unreachable");
    world.fake.set_up(true);
    let user = json!({"name": "u", "role": Role::CustomerUser, "publisher": "main", "customer": "acme"});
    let user: NewToken = world.post("/tokens", user).await.expect(201).json();
    let got = ask(&world, Some(&user.secret), Method::GET, "/customers/acme/archive", None).await;
    got.refused(403, "forbidden");
    world.get("/customers/nobody/archive").await.refused(404, "unknown-customer");
}

#[tokio::test]
async fn who_takes_nothing_is_not_waited_for_and_has_nothing_that_looks_whole() {
    let mut world = World::with_app().await;
    world.install("hola", "acme").await;
    world.fake.holds(Data::Endless);
    world.patience = Some(std::time::Duration::from_millis(200));
    world.kill().await;
    world.start().await;
    let token = token(&world).await;
    let url = world.url("/customers/acme/archive");
    let response = world.http.get(&url).bearer_auth(&token).send().await.unwrap().error_for_status().unwrap();
    world.until("its end is recorded", async || events(&world, "failed").await.len() == 1).await;
    assert!(response.bytes().await.is_err(), "the connection broke");
    // Its place is free.
    world.fake.holds(Data::Pieces(vec![Ok(Bytes::from_static(b"all"))]));
    ask(&world, Some(&token), Method::GET, "/customers/acme/archive", None).await.expect(200);
}

#[tokio::test]
async fn one_publishers_customers_do_not_take_every_place() {
    let world = World::with_app().await;
    world.fake.holds(Data::Endless);
    for customer in ["a", "b", "c"] {
        world.post("/customers", json!({ "slug": customer })).await.expect(201);
        world.install("hola", customer).await;
    }
    let mut held = Vec::new();
    for customer in ["a", "b"] {
        let request = world.request(Method::GET, &format!("/customers/{customer}/archive"));
        held.push(request.send().await.unwrap().error_for_status().unwrap());
    }
    world.get("/customers/c/archive").await.refused(429, "too-many-requests");
    world.post("/publishers", json!({"slug": "zulu"})).await.expect(201);
    world.post("/customers", json!({"slug": "z", "publisher": "zulu"})).await.expect(201);
    world.get("/customers/zulu:z/archive").await.expect(200);
    drop(held);
    world.fake.holds(Data::Pieces(vec![Ok(Bytes::from_static(b"all"))]));
    world.until("there is room", async || world.get("/customers/c/archive").await.status == 200).await;
}

#[tokio::test]
async fn no_ticket_is_missed_that_is_answered_while_they_are_read() {
    let world = World::new().await;
    scene(&world).await;
    for subject in ["second", "third"] {
        let body = json!({"customer": "acme:sol", "subject": subject, "text": "x"});
        world.post("/tickets", body).await.expect(201);
    }
    let store = plane::store::Store::open(&world.store).await.unwrap();
    let reach = plane::access::Reach::All;
    let read = async |before: u64| {
        let some = plane::store::tickets::by_number(store.read(), &reach, before, 2).await.unwrap();
        some.iter().map(|ticket| ticket.number).collect::<Vec<_>>()
    };
    assert_eq!(read(u64::MAX >> 1).await, [3, 2]);
    world.post("/tickets/acme:1/messages", json!({"text": "answered"})).await.expect(201);
    assert_eq!(read(2).await, [1]);
}
