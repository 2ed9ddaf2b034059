//! The link between the server and a sandbox. What may pass is the packet filter's affair; this is about what there is.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use crate::world::{World, eventually};

fn get(address: [u8; 4]) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((address, 80)), Duration::from_secs(1)).ok()?;
    stream.write_all(b"GET /hello HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn the_server_reaches_sandboxes_and_they_do_not_reach_each_other() {
    let mut world = World::new();
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status().expect("install Debian's iproute2");
    assert!(up.success());
    let _listener = TcpListener::bind("127.0.0.1:8080").unwrap();
    let name = world.spec.name.clone();
    let script = "httpd -p 80 -h /app; ip addr; ip route; echo ready; sleep 1000";
    let mut running = Vec::new();
    for last in [17, 18] {
        world.link(last);
        world.spec.name = format!("{name}-{last}");
        world.spec.hostname = format!("s{last}");
        let mut sandbox = world.start(script);
        let mut facts = String::new();
        loop {
            let line = sandbox.until("");
            if line == "ready" {
                break;
            }
            facts.push_str(&line);
            facts.push('\n');
        }
        assert!(facts.contains(&format!("inet 198.18.0.{last}/32")), "{facts}");
        assert!(facts.contains("default via 198.18.0.1 dev eth0"), "{facts}");
        assert!(!facts.contains("fe80:"), "{facts}");
        running.push(sandbox);
    }
    for last in [17, 18] {
        let mut answer = None;
        eventually("the sandbox answers", || {
            answer = get([198, 18, 0, last]);
            answer.is_some()
        });
        assert!(answer.unwrap().contains("hello from the package"));
    }
    let first = &mut running[0];
    assert_eq!(first.ask("exec probe connect 198.18.0.17:80"), "exit status 0");
    // A new network namespace forwards if the server did when it was made.
    for (forward, reached) in [("0", "exit status 1"), ("1", "exit status 0"), ("0", "exit status 1")] {
        std::fs::write("/proc/sys/net/ipv4/ip_forward", forward).unwrap();
        assert_eq!(first.ask("exec probe connect 198.18.0.18:80"), reached);
    }
    assert_eq!(first.ask("exec probe connect 127.0.0.1:8080"), "exit status 1");

    drop(running);
    for last in [17, 18] {
        sandbox::network::remove(&format!("vn-{last}")).unwrap();
        sandbox::network::remove(&format!("vn-{last}")).unwrap();
        sandbox::sweep(&format!("{name}-{last}")).unwrap();
    }
    world.spec.name = name;
    assert!(get([198, 18, 0, 17]).is_none());
}

#[test]
fn a_stale_interface_is_replaced() {
    let mut world = World::new();
    world.link(19);
    let stale =
        Command::new("ip").args(["link", "add", "vn-19", "type", "veth", "peer", "name", "other"]).status().unwrap();
    assert!(stale.success(), "no stale interface");
    assert_eq!(world.run(&["true"]).end, "end: exit status 0");
}

#[test]
fn a_network_must_be_entered() {
    let mut world = World::new();
    world.link(20);
    world.spec.network.as_mut().unwrap().interface = "a/b".to_owned();
    assert!(world.run(&["true"]).end.contains("`a/b` cannot name an interface"));
    world.spec.network.as_mut().unwrap().interface = "much-too-long-name".to_owned();
    assert!(world.run(&["true"]).end.contains("cannot name an interface"));
}
