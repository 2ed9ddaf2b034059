//! Ports: carried, held, handed over, refused.

use std::net::SocketAddr;

use nimbus_api::edge::{FromEdge, Route, RouteMode, ToEdge};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::world::{SOON, World, alone, hold, next, route, with_port};

/// Says its name to everyone who connects, then everything back.
async fn greeter(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                write.write_all(name.as_bytes()).await.unwrap();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    address
}

async fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.unwrap()
}

async fn hears(stream: &mut TcpStream, text: &str) {
    let mut heard = vec![0; text.len()];
    timeout(SOON, stream.read_exact(&mut heard)).await.expect("nothing comes").unwrap();
    assert_eq!(heard, text.as_bytes());
}

async fn is_closed(stream: &mut TcpStream) {
    assert!(timeout(SOON, stream.read_u8()).await.expect("it stays open").is_err());
}

#[test]
fn a_port_is_carried_and_held() {
    alone(async {
        let (one, two, world) = (greeter("one").await, greeter("two").await, World::new());
        let serving = with_port(route("app.localhost", one), 4000, one);
        let (edge, mut nimbus) = world.start(vec![serving.clone()]).await;
        let mut stream = connect(4000).await;
        hears(&mut stream, "one").await;
        stream.write_all(b"hello").await.unwrap();
        hears(&mut stream, "hello").await;
        let held = hold(&serving, 60_000);
        assert_eq!(nimbus.applied(&held).await, 0, "a connection that is carried does not delay a hold");
        let mut waits = connect(4000).await;
        world.until("it waits", |status| status.held == 1).await;
        let moved = with_port(next(&held, RouteMode::Serve), 4000, two);
        nimbus.applied(&moved).await;
        hears(&mut waits, "two").await;
        is_closed(&mut stream).await;
        let stopped = next(&moved, RouteMode::Stopped);
        nimbus.applied(&stopped).await;
        is_closed(&mut waits).await;
        is_closed(&mut connect(4000).await).await;
        let again = next(&stopped, RouteMode::Serve);
        nimbus.applied(&again).await;
        let mut stream = connect(4000).await;
        hears(&mut stream, "two").await;
        nimbus.applied(&next(&again, RouteMode::Failed)).await;
        is_closed(&mut stream).await;
        is_closed(&mut connect(4000).await).await;
        nimbus.say(ToEdge::Drop { installation: serving.installation });
        world.until("no connection is left", |status| status.connections == 0 && status.installations == 0).await;
        edge.stop().await;
        assert!(TcpStream::connect("127.0.0.1:4000").await.is_err());
    });
}

#[test]
fn a_port_passes_from_one_installation_to_another() {
    alone(async {
        let (one, two, world) = (greeter("one").await, greeter("two").await, World::new());
        let first = with_port(route("one.localhost", one), 4000, one);
        let second = with_port(route("two.localhost", two), 4000, two);
        let (edge, mut nimbus) = world.start(vec![first.clone()]).await;
        nimbus.set(&second);
        let refused = nimbus.hear().await;
        assert!(
            matches!(&refused, FromEdge::PortUnavailable { installation, port: 4000, why }
            if *installation == second.installation && why.contains("belongs to")),
            "{refused:?}"
        );
        assert!(matches!(nimbus.hear().await, FromEdge::Applied { .. }));
        let mut before = connect(4000).await;
        hears(&mut before, "one").await;
        nimbus.applied(&Route { tcp: Vec::new(), ..next(&first, RouteMode::Serve) }).await;
        is_closed(&mut before).await;
        hears(&mut connect(4000).await, "two").await;
        edge.stop().await;
    });
}

#[test]
fn a_port_that_is_taken_is_told_and_tried_again() {
    alone(async {
        let (one, world) = (greeter("one").await, World::new());
        let taken = TcpListener::bind("127.0.0.1:4000").await.unwrap();
        let serving = route("app.localhost", one);
        let (edge, mut nimbus) = world.start(vec![serving.clone()]).await;
        let wishing = with_port(next(&serving, RouteMode::Serve), 4000, one);
        nimbus.set(&wishing);
        let refused = nimbus.hear().await;
        assert!(matches!(&refused, FromEdge::PortUnavailable { port: 4000, .. }), "{refused:?}");
        assert!(matches!(nimbus.hear().await, FromEdge::Applied { .. }));
        drop(taken);
        nimbus.applied(&next(&wishing, RouteMode::Serve)).await;
        hears(&mut connect(4000).await, "one").await;
        edge.stop().await;
    });
}
