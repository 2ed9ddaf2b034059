//! A switch of version costs requests time, never an error.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, StatusCode};
use nimbus_api::edge::{FromEdge, RouteMode, ToEdge};
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::app::App;
use crate::world::{World, alone, full, hold, next, route, serve};

#[test]
fn two_hundred_clients_notice_nothing_of_a_switch() {
    alone(async {
        let (old, world) = (App::start("old").await, World::new());
        let serving = route("app.localhost", old.address);
        let (edge, mut nimbus) = world.start(vec![serving.clone()]).await;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let mut clients = JoinSet::new();
        for number in 0..200 {
            let (mut client, stopped) = (edge.client().await, stopped.clone());
            clients.spawn(async move {
                let mut seen = Vec::new();
                while !*stopped.borrow() || seen.len() < 10 {
                    let request = match number % 2 {
                        0 => Request::get("/who").header("host", "app.localhost").body(full("")).unwrap(),
                        _ => Request::post("/count").header("host", "app.localhost").body(full("12345")).unwrap(),
                    };
                    let answer = client.send(request).await.expect("no request fails");
                    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
                    seen.push(answer.text().to_owned());
                }
                seen
            });
        }
        world.until("traffic", |status| status.requests > 2_000).await;
        let mut current = (serving, old);
        for name in ["new", "newer", "newest"] {
            let held = hold(&current.0, 60_000);
            assert_eq!(nimbus.applied(&held).await, 0);
            assert_eq!(world.status().await.in_flight, 0);
            drop(current.1);
            world.until("many wait", |status| status.held >= 150).await;
            let new = App::start(name).await;
            let serving = serve(&held, new.address);
            nimbus.applied(&serving).await;
            let before = world.status().await.requests;
            world.until("traffic again", |status| status.requests > before + 1_000).await;
            current = (serving, new);
        }
        stop.send_replace(true);
        let mut newest = 0;
        while let Some(seen) = clients.join_next().await {
            newest += usize::from(seen.unwrap().last().is_some_and(|last| last == "newest"));
        }
        assert_eq!(newest, 100, "every reader ends at the newest");
        let status = world.status().await;
        assert_eq!((status.errors, status.held, status.in_flight), (0, 0, 0));
        edge.stop().await;
    });
}

#[test]
fn a_hold_is_confirmed_when_the_last_answer_is_through() {
    alone(async {
        let (app, world) = (App::start("app").await, World::new());
        let serving = route("app.localhost", app.address);
        let (edge, mut nimbus) = world.start(vec![serving.clone()]).await;
        let mut waiting = JoinSet::new();
        for _ in 0..3 {
            let mut client = edge.client().await;
            waiting.spawn(async move { client.get("app.localhost", "/gate").await.status });
        }
        app.gated(3).await;
        let held = hold(&serving, 600_000);
        nimbus.set(&held);
        app.shared.gate.add_permits(2);
        for _ in 0..2 {
            assert_eq!(waiting.join_next().await.unwrap().unwrap(), StatusCode::OK);
        }
        world.until("one is left", |status| status.in_flight == 1).await;
        assert!(nimbus.is_silent());
        app.shared.gate.add_permits(1);
        let expected = FromEdge::Applied { installation: held.installation, serial: held.serial, in_flight: 0 };
        assert_eq!(nimbus.hear().await, expected);
        edge.stop().await;
    });
}

#[test]
fn draining_ends_in_time_or_when_it_is_overtaken() {
    alone(async {
        let (app, world) = (App::start("app").await, World::new());
        let serving = route("app.localhost", app.address);
        let (edge, mut nimbus) = world.start(vec![serving.clone()]).await;
        let mut client = edge.client().await;
        let slow = tokio::spawn(async move { client.get("app.localhost", "/gate").await.status });
        app.gated(1).await;
        let held = hold(&serving, 30);
        assert_eq!(nimbus.applied(&held).await, 1, "one is still in flight");
        // A hold that another route overtakes is never confirmed.
        let again = serve(&held, app.address);
        nimbus.applied(&again).await;
        let held = hold(&again, 600_000);
        nimbus.set(&held);
        nimbus.applied(&serve(&held, app.address)).await;
        app.shared.gate.add_permits(1);
        assert_eq!(slow.await.unwrap(), StatusCode::OK);
        assert!(nimbus.is_silent());
        edge.stop().await;
    });
}

#[test]
fn waiting_has_its_limits() {
    alone(async {
        let app = App::start("app").await;
        let mut world = World::new();
        world.limits.held_max = 5;
        world.limits.hold = Duration::from_millis(400);
        let held = hold(&route("app.localhost", app.address), 0);
        let (edge, mut nimbus) = world.start(vec![held.clone()]).await;
        let mut waiting = JoinSet::new();
        for _ in 0..8 {
            let mut client = edge.client().await;
            waiting.spawn(async move { client.get("app.localhost", "/who").await });
        }
        let mut codes = Vec::new();
        while let Some(answer) = waiting.join_next().await {
            let answer = answer.unwrap();
            assert_eq!((answer.status.as_u16(), answer.headers.contains_key("retry-after")), (503, true));
            codes.push(["held-too-long", "too-many-waiting"].map(|code| answer.text().contains(code)));
        }
        let count = |code: usize| codes.iter().filter(|is| is[code]).count();
        assert_eq!((count(0), count(1)), (5, 3));
        // Those who wait are told when their installation stops or goes.
        let mut client = edge.client().await;
        let waits = tokio::spawn(async move { client.get("app.localhost", "/who").await.status });
        world.until("one waits", |status| status.held == 1).await;
        nimbus.applied(&next(&held, RouteMode::Stopped)).await;
        assert_eq!(waits.await.unwrap(), StatusCode::SERVICE_UNAVAILABLE);
        nimbus.say(ToEdge::Drop { installation: held.installation });
        world.until("it is gone", |status| status.installations == 0).await;
        assert_eq!(edge.get("app.localhost", "/who").await.status, StatusCode::NOT_FOUND);
        edge.stop().await;
    });
}

#[test]
fn a_client_that_leaves_is_not_waited_for() {
    alone(async {
        let (app, world) = (App::start("app").await, World::new());
        let held = hold(&route("app.localhost", app.address), 0);
        let (edge, mut nimbus) = world.start(vec![held.clone()]).await;
        let mut stream = TcpStream::connect(edge.address).await.unwrap();
        stream.write_all(b"GET /gate HTTP/1.1\r\nHost: app.localhost\r\n\r\n").await.unwrap();
        world.until("it waits", |status| status.held == 1).await;
        drop(stream);
        world.until("it has left", |status| status.held == 0 && status.connections == 0).await;
        let serving = serve(&held, app.address);
        nimbus.applied(&serving).await;
        // The same while it is in flight: a hold does not wait for an answer that nobody reads.
        let mut stream = TcpStream::connect(edge.address).await.unwrap();
        stream.write_all(b"GET /gate HTTP/1.1\r\nHost: app.localhost\r\n\r\n").await.unwrap();
        app.gated(1).await;
        drop(stream);
        assert_eq!(nimbus.applied(&hold(&serving, 60_000)).await, 0);
        edge.stop().await;
    });
}

#[test]
fn a_body_waits_with_its_request() {
    alone(async {
        let (app, world) = (App::start("app").await, World::new());
        let held = hold(&route("app.localhost", app.address), 0);
        let (edge, mut nimbus) = world.start(vec![held.clone()]).await;
        let mut stream = TcpStream::connect(edge.address).await.unwrap();
        let head = "POST /count HTTP/1.1\r\nHost: app.localhost\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        world.until("it waits", |status| status.held == 1).await;
        stream.write_all(&[b'x'; 50_000]).await.unwrap();
        nimbus.applied(&serve(&held, app.address)).await;
        stream.write_all(&[b'x'; 50_000]).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("\r\n\r\n100000"), "{answer}");
        edge.stop().await;
    });
}

#[test]
fn an_older_route_is_passed_over() {
    alone(async {
        let (old, new, world) = (App::start("old").await, App::start("new").await, World::new());
        let first = route("app.localhost", old.address);
        let (edge, mut nimbus) = world.start(vec![first.clone()]).await;
        let (held, late) = (hold(&first, 0), serve(&first, old.address));
        let second = serve(&held, new.address);
        nimbus.applied(&held).await;
        nimbus.applied(&second).await;
        nimbus.set(&late);
        nimbus.set(&first);
        // The link keeps the order, so once this is confirmed the others have been looked at.
        let nowhere: SocketAddr = "127.0.0.1:1".parse().unwrap();
        nimbus.applied(&route("other.localhost", nowhere)).await;
        assert_eq!(edge.get("app.localhost", "/who").await.brief(), (200, "new"));
        edge.stop().await;
    });
}
