//! The packet filter with real packets: two sandboxes' network namespaces, and one that plays the internet.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use domain::manifest::{Destination, Egress};
use nimbus::network::{self, GATEWAY, NetworkError, address};
use nix::sched::{CloneFlags, setns};

use crate::alone::{alone, sh};

/// How long a packet is given until it counts as dropped.
const PATIENCE: Duration = Duration::from_millis(250);
/// Addresses in the namespace that plays the rest of the world.
const PUBLIC: [u8; 4] = [203, 0, 113, 5];
const PUBLIC_TOO: [u8; 4] = [203, 0, 113, 6];
const RESOLVER: [u8; 4] = [10, 9, 9, 9];
const PRIVATE: [u8; 4] = [10, 0, 0, 7];
const METADATA: [u8; 4] = [169, 254, 169, 254];
/// This server's address outside.
const SERVER: [u8; 4] = [192, 0, 2, 1];

/// A world: this thread's namespace is the server, `world` has all other addresses, each listening on several ports.
fn world() {
    alone();
    sh("mount -t tmpfs tmpfs /run && mkdir /run/netns && echo nameserver 10.9.9.9 >/run/resolv.conf
        mount --bind /run/resolv.conf /etc/resolv.conf
        ip link set lo up && ip netns add world
        ip link add wan type veth peer name eth0 netns world
        ip addr add 192.0.2.1/24 dev wan && ip link set wan up
        ip -n world addr add 192.0.2.2/24 dev eth0 && ip -n world link set eth0 up && ip -n world link set lo up
        ip route add default via 192.0.2.2");
    for address in [PUBLIC, PUBLIC_TOO, RESOLVER, PRIVATE, METADATA] {
        sh(&format!("ip -n world addr add {}/32 dev lo", Ipv4Addr::from(address)));
    }
    for port in [25, 53, 80] {
        serve("world", port);
    }
    inside("world", || {
        let socket = UdpSocket::bind((Ipv4Addr::from(RESOLVER), 53)).unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 64];
            while let Ok((size, from)) = socket.recv_from(&mut buffer) {
                socket.send_to(&buffer[..size], from).unwrap();
            }
        });
    });
    listen(8080);
}

/// A sandbox's end of the network, as a keeper makes it, with a listener on port 8080.
fn sandbox(slot: u32, egress: &Egress) -> String {
    let (name, end, own) = (format!("s{slot}"), network::interface(slot, egress), address(slot));
    sh(&format!(
        "ip netns add {name} && ip link add {end} type veth peer name eth0 netns {name}
         ip addr add {GATEWAY}/32 dev {end} && ip link set {end} up && ip route add {own}/32 dev {end}
         ip -n {name} link set lo up && ip -n {name} addr add {own}/32 dev eth0 && ip -n {name} link set eth0 up
         ip -n {name} route add {GATEWAY} dev eth0 && ip -n {name} route add default via {GATEWAY}"
    ));
    serve(&name, 8080);
    name
}

/// Runs something in a thread of that namespace.
fn inside<T: Send>(name: &str, run: impl FnOnce() -> T + Send) -> T {
    let namespace = File::open(format!("/run/netns/{name}")).unwrap();
    let thread = || {
        setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
        run()
    };
    std::thread::scope(|scope| scope.spawn(thread).join().unwrap())
}

/// Listens in that namespace: says to whoever connects where he comes from, then repeats what he says.
fn serve(name: &str, port: u16) {
    inside(name, || listen(port));
}

fn listen(port: u16) {
    let listener = TcpListener::bind((IpAddr::from([0; 16]), port)).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let from = stream.peer_addr().unwrap().ip().to_canonical();
                writeln!(stream, "{from:<39}").unwrap();
                let mut byte = [0];
                while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
            });
        }
    });
}

fn connect(to: SocketAddr) -> std::io::Result<(TcpStream, String)> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    let mut from = [0; 40];
    stream.set_read_timeout(Some(PATIENCE * 4))?;
    stream.read_exact(&mut from)?;
    Ok((stream, String::from_utf8_lossy(&from).trim().to_owned()))
}

/// What came of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// The other side saw this address.
    Reached(String),
    /// It was refused at once. The listeners are there, so a filter did it.
    Refused,
    /// Nobody answered.
    Silent,
}

/// What comes of it when someone in that namespace connects.
fn reach(name: &str, to: impl Into<IpAddr>, port: u16) -> Outcome {
    let to = SocketAddr::new(to.into(), port);
    match inside(name, || connect(to)) {
        Ok((_, from)) => Outcome::Reached(from),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Outcome::Refused,
        Err(error) if error.kind() == ErrorKind::TimedOut => Outcome::Silent,
        Err(error) => panic!("{name} to {to}: {error}"),
    }
}

/// Whether a datagram from that namespace is answered; the error that came at once when it was refused.
fn ask(name: &str, to: [u8; 4], port: u16) -> std::io::Result<()> {
    inside(name, || {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE * 4)).unwrap();
        socket.connect((Ipv4Addr::from(to), port)).unwrap();
        socket.send(b"?")?;
        socket.recv(&mut [0; 8]).map(drop)
    })
}

/// Checks what a sandbox reaches and what it is refused, at once.
fn check(name: &str, open: &[([u8; 4], u16)], closed: &[([u8; 4], u16)]) {
    for (to, port) in open {
        let outcome = reach(name, *to, *port);
        assert!(matches!(outcome, Outcome::Reached(_)), "{name} to {to:?} port {port}: {outcome:?}");
    }
    for (to, port) in closed {
        assert_eq!(reach(name, *to, *port), Outcome::Refused, "{name} to {to:?} port {port}");
    }
}

fn only(destinations: &[(&str, Option<u16>)]) -> Egress {
    let of = |(network, port): &(&str, Option<u16>)| Destination { network: (*network).to_owned(), port: *port };
    Egress::Only(destinations.iter().map(of).collect())
}

/// What no sandbox reaches unless it is named: this server, by any of its addresses, and a neighbour.
fn forbidden(neighbour: u32) -> [([u8; 4], u16); 3] {
    [(GATEWAY.octets(), 8080), (SERVER, 8080), (address(neighbour).octets(), 8080)]
}

#[test]
fn without_rules_everything_is_open() {
    world();
    std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
    // The control: what the other tests find closed is closed by the rules.
    sh("nft add table ip t
        nft 'add chain ip t p { type nat hook postrouting priority srcnat; }'
        nft add rule ip t p oifname wan masquerade");
    let name = sandbox(16, &Egress::None);
    sandbox(17, &Egress::None);
    check(&name, &forbidden(17), &[]);
    check(&name, &[(PUBLIC, 80), (PRIVATE, 80), (METADATA, 80), (RESOLVER, 25)], &[]);
}

#[test]
fn egress_internet_reaches_public_addresses_only() {
    world();
    let reports = network::prepare().unwrap();
    assert!(reports.iter().all(|report| report.active), "{reports:?}");
    let name = sandbox(16, &Egress::Internet);
    sandbox(17, &Egress::Internet);
    network::allow(16, &Egress::Internet).unwrap();
    assert_eq!(reach(&name, PUBLIC, 80), Outcome::Reached("192.0.2.1".into()), "it shows the server's address");
    check(&name, &[(PUBLIC_TOO, 25), (RESOLVER, 53)], &forbidden(17));
    check(&name, &[], &[(PRIVATE, 80), (METADATA, 80), (RESOLVER, 80)]);
    ask(&name, RESOLVER, 53).expect("the resolver answers");
}

#[test]
fn egress_none_reaches_nothing() {
    world();
    network::prepare().unwrap();
    let name = sandbox(16, &Egress::None);
    sandbox(17, &Egress::None);
    check(&name, &[], &forbidden(17));
    check(&name, &[], &[(PUBLIC, 80), (PRIVATE, 80), (METADATA, 80), (RESOLVER, 53)]);
    // A resolver of names hears at once that it asks in vain, whoever is asked.
    for to in [RESOLVER, PUBLIC, GATEWAY.octets(), address(17).octets()] {
        let error = ask(&name, to, 53).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostUnreachable, "{to:?}");
    }
}

#[test]
fn a_sandbox_is_reached_from_its_server_only() {
    world();
    network::prepare().unwrap();
    sandbox(16, &Egress::Internet);
    sandbox(17, &only(&[]));
    sh("ip -n world route add 198.18.0.0/15 via 192.0.2.1");
    for slot in [16, 17] {
        let (_, from) = connect((address(slot), 8080).into()).unwrap();
        assert_eq!(from, GATEWAY.to_string());
        assert_eq!(reach("world", address(slot), 8080), Outcome::Silent, "another machine learns nothing");
    }
    // One that is not there is answered for at once, so that an edge need not wait.
    let error = TcpStream::connect_timeout(&(address(99), 8080).into(), Duration::from_secs(5)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HostUnreachable);
}

#[test]
fn egress_only_reaches_what_is_named() {
    world();
    network::prepare().unwrap();
    let egress = only(&[("203.0.113.5/32", Some(80)), ("10.0.0.0/24", None)]);
    let name = sandbox(16, &egress);
    sandbox(17, &egress);
    check(&name, &[], &[(PUBLIC, 80), (PRIVATE, 80)]);
    for _ in 0..2 {
        network::allow(16, &egress).unwrap();
    }
    check(&name, &[(PUBLIC, 80), (PRIVATE, 80), (PRIVATE, 25), (RESOLVER, 53)], &forbidden(17));
    check(&name, &[], &[(PUBLIC, 25), (PUBLIC_TOO, 80), (METADATA, 80), (RESOLVER, 80)]);
    check("s17", &[], &[(PUBLIC, 80), (PRIVATE, 80)]);

    // A wide network opens neither what is private nor this server.
    network::allow(16, &only(&[("0.0.0.0/0", None)])).unwrap();
    check(&name, &[(PUBLIC, 25)], &forbidden(17));
    check(&name, &[], &[(PRIVATE, 80), (METADATA, 80)]);

    // This server, and the metadata address, are named by their own addresses. A neighbour cannot be named.
    network::allow(16, &only(&[("192.0.2.1", Some(8080)), ("169.254.169.254", Some(80)), ("198.18.0.17", None)]))
        .unwrap();
    check(&name, &[(SERVER, 8080), (METADATA, 80)], &[(PUBLIC, 80), (address(17).octets(), 8080)]);

    for _ in 0..2 {
        network::forget(16).unwrap();
    }
    check(&name, &[], &[(SERVER, 8080), (METADATA, 80)]);
    assert!(!sh("nft list ruleset").contains("_16"), "something of the slot is left");
}

#[test]
fn a_restart_of_nimbus_disturbs_nobody() {
    world();
    network::prepare().unwrap();
    let egress = only(&[("203.0.113.5", Some(80))]);
    network::allow(16, &egress).unwrap();
    let name = sandbox(16, &egress);
    let rules = sh("nft -s list ruleset");
    let (mut outward, _) = inside(&name, || connect((Ipv4Addr::from(PUBLIC), 80).into())).unwrap();
    let (mut inward, _) = connect((address(16), 8080).into()).unwrap();
    network::prepare().unwrap();
    for stream in [&mut outward, &mut inward] {
        stream.write_all(b"x").unwrap();
        stream.read_exact(&mut [0]).unwrap();
    }
    check(&name, &[(PUBLIC, 80)], &[(PUBLIC, 25)]);
    assert_eq!(sh("nft -s list ruleset"), rules);
    assert_eq!(sh("ip route show type unreachable").lines().count(), 1);
}

#[test]
fn a_false_sender_and_ipv6_are_dropped() {
    world();
    sh("echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6 2>/dev/null || true");
    let name = sandbox(16, &Egress::Internet);
    sandbox(17, &Egress::Internet);
    sh(&format!(
        "ip -n {name} addr add 198.18.0.17/32 dev lo
         ip addr add fd00::1/64 dev vi-16 nodad && ip -n {name} addr add fd00::2/64 dev eth0 nodad"
    ));
    let server: IpAddr = "fd00::1".parse().unwrap();
    assert!(matches!(reach(&name, server, 8080), Outcome::Reached(_)), "the control: without rules IPv6 works");
    network::prepare().unwrap();
    assert_eq!(reach(&name, server, 8080), Outcome::Silent);

    let receiver = inside("world", || UdpSocket::bind("203.0.113.5:7000").unwrap());
    receiver.set_read_timeout(Some(PATIENCE)).unwrap();
    let arrives = |from: Ipv4Addr| {
        inside(&name, || UdpSocket::bind((from, 0)).unwrap().send_to(b"!", (Ipv4Addr::from(PUBLIC), 7000)).unwrap());
        receiver.recv(&mut [0; 8]).is_ok()
    };
    assert!(arrives(address(16)));
    assert!(!arrives(address(17)), "a packet in the name of a neighbour");
}

#[test]
fn another_filter_that_stops_sandboxes_is_told_with_its_remedy() {
    world();
    let way = || {
        let reports = network::prepare().unwrap();
        reports.into_iter().find(|report| report.name == "way to the internet").unwrap()
    };
    let name = sandbox(16, &Egress::Internet);
    assert!(way().active);
    check(&name, &[(PUBLIC, 80)], &[]);
    for (close, open, told) in [
        // As Docker and ufw do it: the newer iptables' rules are nftables'.
        ("iptables-nft -P FORWARD DROP", "nft delete table ip filter", "\"ip filter\""),
        (
            "nft add table inet fw
             nft 'add chain inet fw f { type filter hook forward priority filter; policy drop; }'",
            "nft delete table inet fw",
            "\"inet fw\"",
        ),
        (
            "nft add table ip t; nft 'add chain ip t f { type filter hook forward priority 0; policy accept; }'
             nft add rule ip t f counter reject",
            "nft delete table ip t",
            "in chain f",
        ),
        ("iptables-legacy -P FORWARD DROP", "iptables-legacy -P FORWARD ACCEPT", "DROP"),
    ] {
        // Newer kernels may be without it, and then nobody uses it.
        if close.contains("legacy") && sh("iptables-legacy -S 2>&1 || true").contains("initialize") {
            continue;
        }
        sh(close);
        let report = way();
        assert!(!report.active && report.note.contains(told), "{close}: {report:?}");
        assert!(!matches!(reach(&name, PUBLIC, 80), Outcome::Reached(_)), "the control: {close}");
        // The remedy is a list of commands between colon and end of sentence.
        let (_, commands) = report.note.split_once("restart of the server: ").unwrap();
        let (commands, _) = commands.split_once("; and the same").unwrap();
        sh(commands);
        check(&name, &[(PUBLIC, 80)], &forbidden(17)[..2]);
        assert!(way().active, "{close}: {:?}", way());
        sh(open);
    }
}

#[test]
fn mistakes_are_named() {
    world();
    for slot in [0, 15, 30_001, u32::MAX] {
        assert!(matches!(network::allow(slot, &Egress::None), Err(NetworkError::NoSuchSlot(_))));
    }
    network::prepare().unwrap();
    let bad = network::allow(16, &only(&[("example.org", None)])).unwrap_err();
    assert!(bad.to_string().contains("\"example.org\" is not an IPv4 network"), "{bad}");
    sh("echo nameserver 127.0.0.1 >/run/resolv.conf");
    let reports = network::prepare().unwrap();
    assert!(reports.iter().any(|report| report.name == "name resolution" && !report.active), "{reports:?}");
    sh("mount -t tmpfs tmpfs /usr/sbin");
    let missing = network::prepare().unwrap_err().to_string();
    assert!(missing.contains("apt-get install nftables"), "{missing}");
}
