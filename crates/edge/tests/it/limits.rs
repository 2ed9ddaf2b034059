//! What is too large, too much or too slow gets its status, and harms nobody else.

use std::time::Duration;

use http::{Request, StatusCode};
use nimbus_api::edge::Route;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::app::App;
use crate::world::{SOON, World, alone, full, get, route};

fn status_of(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[test]
fn bodies_have_a_limit() {
    alone(async {
        let (app, world) = (App::start("app").await, World::new());
        let small = Route { max_body: 1000, ..route("app.localhost", app.address) };
        let (edge, _nimbus) = world.start(vec![small]).await;
        let post =
            |size: usize| Request::post("/count").header("host", "app.localhost").body(full(vec![b'x'; size])).unwrap();
        assert_eq!(edge.client().await.send(post(1000)).await.unwrap().brief(), (200, "1000"));
        assert_eq!(edge.client().await.send(post(1001)).await.unwrap().status, StatusCode::PAYLOAD_TOO_LARGE);
        // By the announced length at once, before a byte is sent.
        let mut announce = TcpStream::connect(edge.address).await.unwrap();
        let head = "POST /count HTTP/1.1\r\nHost: app.localhost\r\nContent-Length: 99999999999\r\n\r\n";
        announce.write_all(head.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        timeout(SOON, announce.read_exact(&mut status)).await.expect("no answer").unwrap();
        assert_eq!(&status, b"HTTP/1.1 413");
        // By counting; the client sends it all before it looks, and still gets to read the answer.
        let mut counted = b"POST /count HTTP/1.1\r\nHost: app.localhost\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for _ in 0..100 {
            counted.extend_from_slice(b"400\r\n");
            counted.extend_from_slice(&[b'x'; 1024]);
            counted.extend_from_slice(b"\r\n");
        }
        assert_eq!(status_of(&edge.raw(&counted).await), "413");
        assert_eq!(edge.get("app.localhost", "/who").await.brief(), (200, "app"));
        edge.stop().await;
    });
}

#[test]
fn headers_have_a_limit() {
    alone(async {
        let (app, world) = (App::start("app").await, World::new());
        let (edge, _nimbus) = world.start(vec![route("app.localhost", app.address)]).await;
        let head =
            |fields: &str| format!("GET /who HTTP/1.1\r\nHost: app.localhost\r\nConnection: close\r\n{fields}\r\n");
        let large = |size: usize| head(&format!("X-Large: {}\r\n", "x".repeat(size)));
        let many = |count: usize| head(&"X: y\r\n".repeat(count));
        assert_eq!(status_of(&edge.raw(large(30_000).as_bytes()).await), "200");
        assert_eq!(status_of(&edge.raw(large(33_000).as_bytes()).await), "431");
        assert_eq!(status_of(&edge.raw(large(500_000).as_bytes()).await), "431");
        assert_eq!(status_of(&edge.raw(many(90).as_bytes()).await), "200");
        assert_eq!(status_of(&edge.raw(many(120).as_bytes()).await), "431");
        edge.stop().await;
    });
}

#[test]
fn slow_clients_are_sent_away_and_delay_nobody() {
    alone(async {
        let app = App::start("app").await;
        let mut world = World::new();
        world.limits.header_time = Duration::from_millis(600);
        world.limits.idle = Duration::from_millis(700);
        world.limits.body_pause = Duration::from_millis(500);
        let (edge, _nimbus) = world.start(vec![route("app.localhost", app.address)]).await;
        let mut slow = Vec::new();
        for _ in 0..300 {
            let mut stream = TcpStream::connect(edge.address).await.unwrap();
            slow.push(tokio::spawn(async move {
                // A byte now and then for ever: what counts is when the header is complete.
                let (mut read, mut write) = stream.split();
                let drip = async {
                    for byte in b"GET / HTTP/1.1\r\nX: ".iter().chain(std::iter::repeat(&b'y')) {
                        if write.write_all(&[*byte]).await.is_err() {
                            break;
                        }
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    std::future::pending::<()>().await;
                };
                let mut answer = [0; 12];
                tokio::select! {
                    read = timeout(SOON, read.read_exact(&mut answer)) => {
                        read.expect("it may go on for ever").unwrap();
                    }
                    () = drip => {}
                }
                assert_eq!(&answer, b"HTTP/1.1 408");
            }));
        }
        let mut client = edge.client().await;
        for _ in 0..200 {
            assert_eq!(client.get("app.localhost", "/who").await.brief(), (200, "app"));
        }
        for slow in slow {
            slow.await.unwrap();
        }
        // One that never says anything is closed without a word, and so is an idle one.
        assert_eq!(edge.raw(b"").await, "");
        let answer = edge.raw(b"GET /who HTTP/1.1\r\nHost: app.localhost\r\n\r\n").await;
        assert!(answer.ends_with("\r\n\r\napp"), "{answer}");
        // A body that stops.
        let answer = edge.raw(b"POST /count HTTP/1.1\r\nHost: app.localhost\r\nContent-Length: 9\r\n\r\n123").await;
        assert_eq!(status_of(&answer), "408");
        edge.stop().await;
    });
}

#[test]
fn a_silent_application_is_not_waited_for_for_ever() {
    alone(async {
        let app = App::start("app").await;
        let mut world = World::new();
        world.limits.answer = Duration::from_millis(200);
        let (edge, _nimbus) = world.start(vec![route("app.localhost", app.address)]).await;
        assert_eq!(edge.get("app.localhost", "/gate").await.status, StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(edge.get("app.localhost", "/who").await.brief(), (200, "app"));
        assert_eq!(world.status().await.in_flight, 0);
        edge.stop().await;
    });
}

#[test]
fn at_the_limit_of_connections_others_wait() {
    alone(async {
        let app = App::start("app").await;
        let mut world = World::new();
        world.limits.connections = 3;
        let (edge, _nimbus) = world.start(vec![route("app.localhost", app.address)]).await;
        let mut clients = Vec::new();
        for _ in 0..3 {
            let mut client = edge.client().await;
            client.get("app.localhost", "/who").await;
            clients.push(client);
        }
        let mut fourth = edge.client().await;
        let waits = tokio::spawn(async move { fourth.send(get("app.localhost", "/who")).await.unwrap().status });
        // It is connected, by the kernel; the edge takes it when there is room, and loses none.
        assert_eq!(clients[0].get("app.localhost", "/who").await.status, StatusCode::OK);
        assert!(!waits.is_finished());
        clients.pop();
        assert_eq!(waits.await.unwrap(), StatusCode::OK);
        edge.stop().await;
    });
}
