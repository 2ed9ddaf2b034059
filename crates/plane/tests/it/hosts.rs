//! A portal's own host name is whose DNS says it is: with a real name server (Debian's `dnsmasq-base`).

use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};

use plane::wire::{Branding, HostState};
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
        world.post("/publishers/squatter/branding/prove-host", json!({})).await.refused(409, "host-taken");
    }
    let _names = Names::at(server, &[(RECORD, &second.text)]);
    // Nobody has to ask: it is looked for by itself.
    world.stop().await;
    world.start().await;
    world.until("it is served", async || branding(&world, "squatter").await.portal_url.contains(HOST)).await;
    assert_eq!(branding(&world, "acme").await.host_proof.unwrap().state, HostState::Pending);
    let events = world.get("/events?verb=branding.host-lost&limit=10").await.text();
    assert!(events.contains("\"acme\""), "{events}");
}
