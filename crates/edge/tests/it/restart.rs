//! Applications that die, come back, and close connections when they like.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::app::App;
use crate::world::{World, alone, full, route, serve};

#[test]
fn requests_wait_while_an_application_restarts() {
    alone(async {
        let (app, world) = (App::start("old").await, World::new());
        let address = app.address;
        let (edge, _nimbus) = world.start(vec![route("app.localhost", address)]).await;
        // Leaves connections behind in the pool.
        assert_eq!(edge.get("app.localhost", "/who").await.brief(), (200, "old"));
        drop(app);
        let mut clients = JoinSet::new();
        for number in 0..100u64 {
            let mut client = edge.client().await;
            clients.spawn(async move {
                sleep(Duration::from_millis(number * 5)).await;
                let request = match number % 2 {
                    0 => Request::get("/who").header("host", "app.localhost").body(full("")).unwrap(),
                    _ => Request::post("/count").header("host", "app.localhost").body(full("12345")).unwrap(),
                };
                client.send(request).await.unwrap()
            });
        }
        world.until("half of them wait", |status| status.held >= 50).await;
        let _app = App::at("new", address).await;
        while let Some(answer) = clients.join_next().await {
            let answer = answer.unwrap();
            assert!(matches!(answer.brief(), (200, "new" | "5")), "{answer:?}");
        }
        let status = world.status().await;
        assert_eq!((status.errors, status.held, status.in_flight), (0, 0, 0));
        edge.stop().await;
    });
}

#[test]
fn an_application_that_moves_while_requests_wait_is_found() {
    alone(async {
        let world = World::new();
        let nowhere: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let lost = route("app.localhost", nowhere);
        let (edge, mut nimbus) = world.start(vec![lost.clone()]).await;
        let mut client = edge.client().await;
        let waits = tokio::spawn(async move { client.get("app.localhost", "/who").await });
        world.until("it waits", |status| status.held == 1).await;
        let app = App::start("found").await;
        nimbus.applied(&serve(&lost, app.address)).await;
        assert_eq!(waits.await.unwrap().brief(), (200, "found"));
        edge.stop().await;
    });
}

#[test]
fn patience_with_a_dead_application_ends() {
    alone(async {
        let mut world = World::new();
        world.limits.restart = Duration::from_millis(200);
        let nowhere: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let (edge, _nimbus) = world.start(vec![route("app.localhost", nowhere)]).await;
        let answer = edge.get("app.localhost", "/who").await;
        assert_eq!((answer.status.as_u16(), answer.headers.contains_key("retry-after")), (502, true));
        assert_eq!(world.status().await.errors, 1);
        edge.stop().await;
    });
}

/// How a fickle application treats a connection.
#[derive(Clone, Copy)]
enum Fickle {
    /// Answers once, as if the connection stayed, and closes.
    AnswerThenClose,
    /// Answers once, waits for the next request, and closes without an answer.
    AnswerThenCloseOnNext,
    /// Reads the request and closes.
    Close,
    /// Begins an answer and closes.
    HalfAnswer,
}

async fn fickle(kind: Fickle) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                if stream.read(&mut request).await.unwrap_or(0) == 0 {
                    return;
                }
                let answer: &[u8] = match kind {
                    Fickle::Close => return,
                    Fickle::HalfAnswer => b"HTTP/1.1 200 OK\r\nContent-",
                    _ => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                };
                stream.write_all(answer).await.unwrap();
                if matches!(kind, Fickle::AnswerThenCloseOnNext) {
                    let _ = stream.read(&mut request).await;
                }
            });
        }
    });
    address
}

#[test]
fn stale_connections_cost_nothing() {
    alone(async {
        for kind in [Fickle::AnswerThenClose, Fickle::AnswerThenCloseOnNext] {
            let world = World::new();
            let (edge, _nimbus) = world.start(vec![route("app.localhost", fickle(kind).await)]).await;
            let mut clients = JoinSet::new();
            for _ in 0..4 {
                let mut client = edge.client().await;
                clients.spawn(async move {
                    for _ in 0..500 {
                        assert_eq!(client.get("app.localhost", "/").await.brief(), (200, "ok"));
                    }
                });
            }
            while let Some(client) = clients.join_next().await {
                client.unwrap();
            }
            assert_eq!(world.status().await.errors, 0);
            edge.stop().await;
        }
    });
}

#[test]
fn what_may_have_taken_effect_is_not_sent_again() {
    alone(async {
        let mut world = World::new();
        world.limits.restart = Duration::from_secs(5);
        let routes = vec![
            route("close.localhost", fickle(Fickle::Close).await),
            route("half.localhost", fickle(Fickle::HalfAnswer).await),
        ];
        let (edge, _nimbus) = world.start(routes).await;
        // A POST was sent once and may have taken effect; a GET was tried until its limit.
        let post = Request::post("/").header("host", "close.localhost").body(full("x")).unwrap();
        assert_eq!(edge.client().await.send(post).await.unwrap().status, StatusCode::BAD_GATEWAY);
        assert_eq!(edge.get("close.localhost", "/").await.status, StatusCode::BAD_GATEWAY);
        // An answer had begun.
        assert_eq!(edge.get("half.localhost", "/").await.status, StatusCode::BAD_GATEWAY);
        edge.stop().await;
    });
}
