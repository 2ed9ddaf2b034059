//! A portal's own host name is whose DNS says it is: with a real name server (Debian's `dnsmasq-base`).

use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};

use plane::wire::{Branding, HostState};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::pages::{Browser, scene};
use crate::world::World;

/// A name server that ends with the value.
struct Names(Child);

impl Names {
    /// At that address, with these TXT records. It is there when this returns.
    fn at(address: SocketAddr, records: &[(&str, &str)]) -> Self {
        let mut command = Command::new("/usr/sbin/dnsmasq");
        let fixed =
            ["--no-daemon", "--no-resolv", "--no-hosts", "--bind-interfaces", "--conf-file=/dev/null", "--user=root"];
        command.args(fixed).arg("--pid-file=").arg("--local=/example/").arg(format!("--port={}", address.port()));
        command.arg(format!("--listen-address={}", address.ip()));
        command.args(records.iter().map(|(name, text)| format!("--txt-record={name},{text}")));
        let program = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let names = Self(program.expect("the Debian package dnsmasq-base is there: scripts/need test"));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(std::time::Duration::from_millis(100))).unwrap();
        let question = b"\x07\x07\x01\0\0\x01\0\0\0\0\0\0\x01x\x07example\0\0\x10\0\x01";
        let answers = (0..300).any(|_| {
            socket.send_to(question, address).unwrap();
            let there = socket.recv(&mut [0; 512]).is_ok();
            if !there {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            there
        });
        assert!(answers, "dnsmasq does not answer at {address}");
        names
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port of this machine that nobody has.
fn free() -> SocketAddr {
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    UdpSocket::bind(address).unwrap();
    address
}

async fn asked(world: &World, publisher: &str, host: &str) -> Branding {
    world.post(&format!("/publishers/{publisher}/branding"), json!({"host": host})).await.expect(200).json()
}

async fn branding(world: &World, publisher: &str) -> Branding {
    world.get(&format!("/publishers/{publisher}/branding")).await.json()
}

const HOST: &str = "portal.acme.example";
const RECORD: &str = "_vclouden.portal.acme.example";

#[tokio::test]
async fn a_host_name_is_served_when_dns_says_whose_it_is_and_a_claim_reserves_nothing() {
    let mut world = World::new().await;
    let server = free();
    world.stop().await;
    world.name_server = Some(server);
    world.start().await;
    let (mut owner, _) = scene(&world).await;
    world.post("/publishers", json!({"slug": "thief", "name": "Thief"})).await.expect(201);
    let settings: Value = world.post("/settings", json!({"names_proof": "dns"})).await.expect(200).json();
    assert_eq!(settings["names_proof"], "dns");
    // Whoever says it first has nothing by that.
    let thief = asked(&world, "thief", HOST).await.host_proof.unwrap();
    let form = [("name", "Acme"), ("host", "Portal.Acme.example.")];
    let page = owner.send("/p/acme/branding", "/p/acme/branding", &form).await;
    page.has("not proved yet").has(RECORD);
    let claimed = branding(&world, "acme").await;
    let proof = claimed.host_proof.unwrap();
    assert_eq!((claimed.host.as_deref(), proof.state, proof.record.as_str()), (Some(HOST), HostState::Pending, RECORD));
    assert!(claimed.portal_url.contains("acme.localhost"), "the portal is where it was");
    assert_ne!(proof.text, thief.text);
    let login = async || {
        let request = world.http.get(format!("http://{}/login", world.address)).header("host", HOST);
        request.send().await.unwrap().text().await.unwrap()
    };
    assert!(login().await.contains("vClouden</title>"), "every other name is the console's");

    let prove =
        async |publisher: &str| world.post(&format!("/publishers/{publisher}/branding/prove-host"), json!({})).await;
    prove("acme").await.refused(409, "dns");
    {
        let _names = Names::at(server, &[("_vclouden.other.example", &proof.text), (RECORD, "vclouden=guessed")]);
        prove("acme").await.refused(409, "host-not-proved");
        let page = owner.send("/p/acme/branding", "/p/acme/branding/prove-host", &[]).await;
        assert_eq!(page.status, 409);
        page.has("make it, and look again later").has("Last looked for");
    }
    let _names = Names::at(server, &[(RECORD, "v=spf1 -all"), (RECORD, &proof.text)]);
    prove("thief").await.refused(409, "host-not-proved");
    let page = owner.send("/p/acme/branding", "/p/acme/branding/prove-host", &[]).await;
    page.has("The name is proved: the portal is there.").has("served");
    let proved = branding(&world, "acme").await;
    assert_eq!(proved.host_proof.unwrap().state, HostState::Proved);
    assert!(proved.portal_url.contains(HOST), "{}", proved.portal_url);
    assert!(login().await.contains(" · Acme</title>"));
    let events = world.get("/events?verb=branding.host-proved&limit=10").await.text();
    assert!(events.contains("ana@acme.example") && events.contains(HOST), "{events}");
    // Saving the form again changes nothing about it, and who claims it now does not get it.
    owner.send("/p/acme/branding", "/p/acme/branding", &form).await.has("served");
    assert_eq!(asked(&world, "thief", HOST).await.host_proof.unwrap().state, HostState::Pending);
    prove("thief").await.refused(409, "host-not-proved");
    assert!(login().await.contains(" · Acme</title>"));
    asked(&world, "acme", "").await;
    assert!(login().await.contains("vClouden</title>"));
    prove("acme").await.refused(409, "no-host");
    let mut operator = Browser::new(&world, "localhost");
    crate::pages::join(&world, &mut operator, json!({"mail": "root@localhost", "role": "operator"})).await;
    operator.open("/operator").await.has("Proved by a TXT record in DNS");
}

#[tokio::test]
async fn a_name_that_somebody_has_without_proof_goes_to_who_proves_it() {
    let mut world = World::new().await;
    let server = free();
    world.stop().await;
    world.name_server = Some(server);
    world.start().await;
    for slug in ["squatter", "acme"] {
        world.post("/publishers", json!({"slug": slug})).await.expect(201);
    }
    // Below `localhost` nobody is asked for proof; there the first has it.
    let settings: Value = world.get("/settings").await.json();
    assert_eq!(settings["names_proof"], "none");
    let taken = asked(&world, "squatter", HOST).await;
    assert!(taken.host_proof.is_none() && taken.portal_url.contains(HOST));
    world.post("/publishers/acme/branding", json!({"host": HOST})).await.refused(409, "host-taken");
    world.post("/settings", json!({"names_proof": "dns"})).await.expect(200);
    assert!(asked(&world, "squatter", HOST).await.portal_url.contains(HOST), "what is served stays");
    let first = asked(&world, "acme", HOST).await.host_proof.unwrap();
    {
        let _names = Names::at(server, &[(RECORD, &first.text)]);
        let proved: Branding = world.post("/publishers/acme/branding/prove-host", json!({})).await.expect(200).json();
        assert!(proved.portal_url.contains(HOST));
        assert!(!branding(&world, "squatter").await.portal_url.contains(HOST));
    }
    // The domain was sold, but the record of before is still there: both cannot be.
    let second = asked(&world, "squatter", HOST).await.host_proof.unwrap();
    {
        let _names = Names::at(server, &[(RECORD, &first.text), (RECORD, &second.text)]);
        world.post("/publishers/squatter/branding/prove-host", json!({})).await.refused(409, "host-still-proved");
    }
    let _names = Names::at(server, &[(RECORD, &second.text)]);
    // Nobody has to ask: it is looked for by itself.
    world.stop().await;
    world.start().await;
    world.until("it is served", async || branding(&world, "squatter").await.portal_url.contains(HOST)).await;
    assert_eq!(branding(&world, "acme").await.host_proof.unwrap().state, HostState::Pending);
    let events: plane::wire::Page<Value> = world.get("/events?verb=branding.host-lost&limit=10").await.json();
    let lost: Vec<_> = events.items.iter().map(|event| (&event["publisher"], &event["actor"])).collect();
    // Neither learns who has it now.
    let itself = json!("control-plane");
    assert_eq!(lost, [(&json!("squatter"), &itself), (&json!("acme"), &itself)]);
}

/// A world whose control plane asks a name server that is not there yet.
async fn asking() -> (World, SocketAddr) {
    let (mut world, server) = (World::new().await, free());
    world.stop().await;
    world.name_server = Some(server);
    world.start().await;
    (world, server)
}

#[tokio::test]
async fn what_is_served_without_proof_is_shown_so_until_its_record_is_seen() {
    let (world, server) = asking().await;
    let (mut owner, _) = scene(&world).await;
    asked(&world, "acme", HOST).await;
    world.post("/settings", json!({"names_proof": "dns"})).await.expect(200);
    let proof = asked(&world, "acme", HOST).await.host_proof.unwrap();
    assert_eq!((proof.state, proof.served), (HostState::Pending, true));
    owner.open("/p/acme/branding").await.has("nobody has shown that the name is yours").has("Look now");
    let _names = Names::at(server, &[(RECORD, &proof.text)]);
    owner.send("/p/acme/branding", "/p/acme/branding/prove-host", &[]).await.has("The name is proved");
    assert_eq!(branding(&world, "acme").await.host_proof.unwrap().state, HostState::Proved);
    let settings: Value = world.post("/settings", json!({"names_proof": "none"})).await.expect(200).json();
    assert_eq!(settings["names_proof"], "none");
    let kept = asked(&world, "acme", HOST).await.host_proof.unwrap();
    assert_eq!((kept.state, &kept.text), (HostState::Proved, &proof.text), "who saves the form loses no proof");
}

#[tokio::test]
async fn what_is_served_keeps_its_record_while_another_name_is_claimed() {
    let (world, server) = asking().await;
    for slug in ["thief", "acme"] {
        world.post("/publishers", json!({"slug": slug})).await.expect(201);
    }
    world.post("/settings", json!({"names_proof": "dns"})).await.expect(200);
    let prove =
        async |publisher: &str| world.post(&format!("/publishers/{publisher}/branding/prove-host"), json!({})).await;
    let other = "shop.acme.example";
    let first = asked(&world, "acme", HOST).await.host_proof.unwrap();
    let stolen = asked(&world, "thief", HOST).await.host_proof.unwrap();
    let second = {
        let _names = Names::at(server, &[(RECORD, &first.text)]);
        prove("acme").await.expect(200);
        let claimed = asked(&world, "acme", other).await;
        assert!(claimed.portal_url.contains(HOST), "it is where it was");
        assert_eq!(claimed.host.as_deref(), Some(other));
        claimed.host_proof.unwrap()
    };
    assert_eq!((second.state, second.served), (HostState::Pending, false));
    {
        let _names = Names::at(server, &[(RECORD, &first.text), (RECORD, &stolen.text)]);
        prove("thief").await.refused(409, "host-still-proved");
        // Thinking better of it brings back what was there.
        let back = asked(&world, "acme", HOST).await.host_proof.unwrap();
        assert_eq!((back.state, back.text), (HostState::Proved, first.text));
    }
    let second = asked(&world, "acme", other).await.host_proof.unwrap();
    let _names = Names::at(server, &[("_vclouden.shop.acme.example", &second.text), (RECORD, &stolen.text)]);
    assert!(prove("acme").await.expect(200).json::<Branding>().portal_url.contains(other));
    // The former one is nobody's now.
    assert!(prove("thief").await.expect(200).json::<Branding>().portal_url.contains(HOST));
    assert!(branding(&world, "acme").await.portal_url.contains(other));
}

#[tokio::test]
async fn names_are_looked_for_all_at_once() {
    let (mut world, server) = asking().await;
    world.post("/settings", json!({"names_proof": "dns"})).await.expect(200);
    let mut texts = Vec::new();
    for slug in ["one", "two", "three"] {
        world.post("/publishers", json!({"slug": slug})).await.expect(201);
        texts.push(asked(&world, slug, &format!("portal.{slug}.example")).await.host_proof.unwrap().text);
    }
    world.stop().await;
    // Nobody is answered before all have asked.
    let socket = UdpSocket::bind(server).unwrap();
    let answering = std::thread::spawn(move || {
        let mut asked = std::collections::HashMap::new();
        while asked.len() < texts.len() {
            let mut bytes = [0; 512];
            let (length, from) = socket.recv_from(&mut bytes).unwrap();
            asked.insert(bytes[12..length].to_vec(), (bytes[..length].to_vec(), from));
        }
        for (mut packet, from) in asked.into_values() {
            (packet[2], packet[3], packet[7]) = (0x81, 0x80, texts.len().try_into().unwrap());
            for text in &texts {
                packet.extend(b"\xc0\x0c\0\x10\0\x01\0\0\0\x3c\0");
                let length = u8::try_from(text.len()).unwrap();
                packet.extend([length + 1, length]);
                packet.extend(text.bytes());
            }
            socket.send_to(&packet, from).unwrap();
        }
    });
    world.start().await;
    for slug in ["one", "two", "three"] {
        world.until("it is served", async || branding(&world, slug).await.portal_url.contains("portal.")).await;
    }
    answering.join().unwrap();
}

#[tokio::test]
async fn a_claim_is_looked_for_a_week_and_anew_when_it_is_made_again() {
    let (world, _) = asking().await;
    scene(&world).await;
    world.post("/settings", json!({"names_proof": "dns"})).await.expect(200);
    let first = asked(&world, "acme", HOST).await.host_proof.unwrap();
    assert!(first.watched);
    world.clock.forward(8 * 24);
    assert!(!branding(&world, "acme").await.host_proof.unwrap().watched);
    let (mut owner, _) = crate::factors::log_in(&world, "ana@acme.example").await;
    owner.open("/p/acme/branding").await.has("not looked for by itself any more");
    let again = asked(&world, "acme", HOST).await.host_proof.unwrap();
    assert!(again.watched);
    assert_eq!(again.text, first.text);
    // Its record must have a name, too.
    let long = format!("{}.example", ["x"; 119].join("."));
    assert_eq!(long.len(), 245);
    world.post("/publishers/acme/branding", json!({"host": long})).await.refused(422, "bad-host");
    asked(&world, "acme", &long[2..]).await;
}

#[tokio::test]
async fn a_store_of_before_keeps_its_claims_and_what_was_proved() {
    let mut world = World::new().await;
    world.stop().await;
    let store = plane::store::Store::open(&world.store).await.unwrap();
    let tx = store.write().await.unwrap();
    for sql in [
        "DROP TABLE host_claims",
        include_str!("../../src/store/migrations/0019_host_claims.sql"),
        "DELETE FROM migrations WHERE number = 26",
        "INSERT INTO brands (publisher, version, host, look) VALUES ('a', 1, 'a.example', '{}')",
        "INSERT INTO host_claims VALUES ('a', 'a.example', 't', 1, 2), ('b', 'c.example', 't', 1, 2)",
    ] {
        tx.execute_unprepared(sql).await.unwrap();
    }
    tx.commit().await.unwrap();
    drop(store);
    let store = plane::store::Store::open(&world.store).await.unwrap();
    for (publisher, host, proved_at) in [("a", "a.example", Some(2)), ("b", "c.example", None)] {
        let publisher = publisher.parse().unwrap();
        let claim = plane::store::host_claims::wanted(store.read(), &publisher).await.unwrap().unwrap();
        assert_eq!((claim.host.as_str(), claim.token.as_str(), claim.proved_at), (host, "t", proved_at));
    }
}
