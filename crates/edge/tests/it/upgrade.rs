//! Changes of protocol, by a handshake of WebSocket made by hand.

use std::net::SocketAddr;

use nimbus_api::edge::{RouteMode, ToEdge};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::world::{Edge, SOON, World, alone, hold, next, route, serve};

const SHAKE: &[u8] =
    b"GET /chat HTTP/1.1\r\nHost: app.localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SHAKEN: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(SOON, stream.read_u8()).await.expect("no head").unwrap());
    }
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

/// An application that shakes hands and then says everything back.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let head = read_head(&mut stream).await;
                assert!(
                    head.contains("\r\nupgrade: websocket\r\n") && head.contains("\r\nconnection: upgrade\r\n"),
                    "{head}"
                );
                assert!(head.contains("\r\nsec-websocket-key: "), "{head}");
                stream.write_all(SHAKEN).await.unwrap();
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    address
}

async fn shake(edge: &Edge) -> TcpStream {
    let mut stream = TcpStream::connect(edge.address).await.unwrap();
    stream.write_all(SHAKE).await.unwrap();
    let head = read_head(&mut stream).await;
    assert!(head.starts_with("http/1.1 101 ") && head.contains("sec-websocket-accept"), "{head}");
    assert!(head.contains("\r\nconnection: upgrade\r\n") && head.contains("\r\nupgrade: websocket\r\n"), "{head}");
    stream
}

async fn says_back(stream: &mut TcpStream, text: &[u8]) {
    stream.write_all(text).await.unwrap();
    let mut back = vec![0; text.len()];
    timeout(SOON, stream.read_exact(&mut back)).await.expect("no echo").unwrap();
    assert_eq!(back, text);
}

async fn is_closed(mut stream: TcpStream) {
    let end = timeout(SOON, stream.read_u8()).await.expect("the connection stays open");
    assert!(end.is_err(), "it goes on");
}

#[test]
fn a_websocket_carries_both_ways_and_does_not_delay_a_hold() {
    alone(async {
        let world = World::new();
        let serving = route("app.localhost", echo().await);
        let (edge, mut nimbus) = world.start(vec![serving.clone()]).await;
        let mut stream = shake(&edge).await;
        says_back(&mut stream, b"hello").await;
        says_back(&mut stream, &vec![7; 300_000]).await;
        let held = hold(&serving, 600_000);
        assert_eq!(nimbus.applied(&held).await, 0);
        says_back(&mut stream, b"still there").await;
        // The same application goes on: so does the connection.
        let again = serve(&held, serving.upstream.unwrap());
        nimbus.applied(&again).await;
        says_back(&mut stream, b"and after").await;
        // Another takes its place.
        let other = serve(&again, echo().await);
        nimbus.applied(&other).await;
        is_closed(stream).await;
        let stream = shake(&edge).await;
        let stopped = next(&other, RouteMode::Stopped);
        nimbus.applied(&stopped).await;
        is_closed(stream).await;
        let again = serve(&stopped, other.upstream.unwrap());
        nimbus.applied(&again).await;
        let stream = shake(&edge).await;
        let failed = next(&again, RouteMode::Failed);
        nimbus.applied(&failed).await;
        is_closed(stream).await;
        let again = serve(&failed, other.upstream.unwrap());
        nimbus.applied(&again).await;
        let stream = shake(&edge).await;
        nimbus.say(ToEdge::Drop { installation: serving.installation });
        is_closed(stream).await;
        world.until("no connection is left", |status| status.connections == 0).await;
        edge.stop().await;
    });
}

#[test]
fn the_end_of_either_side_reaches_the_other() {
    alone(async {
        let world = World::new();
        let (edge, _nimbus) = world.start(vec![route("app.localhost", echo().await)]).await;
        let mut stream = shake(&edge).await;
        stream.shutdown().await.unwrap();
        is_closed(stream).await;
        let open = shake(&edge).await;
        edge.stop().await;
        is_closed(open).await;
    });
}
