//! Which application answers, and what both sides see of the edge.

use http::{Request, StatusCode};
use nimbus_api::edge::{Route, RouteMode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::App;
use crate::world::{SOON, World, alone, empty, full, next, route};

#[test]
fn the_host_name_decides() {
    alone(async {
        let (one, two, world) = (App::start("one").await, App::start("two").await, World::new());
        let (edge, _nimbus) =
            world.start(vec![route("one.localhost", one.address), route("two.localhost", two.address)]).await;
        for (host, name) in [
            ("one.localhost", "one"),
            ("two.localhost", "two"),
            ("ONE.LocalHost", "one"),
            ("two.localhost:8080", "two"),
            ("two.localhost.", "two"),
        ] {
            assert_eq!(edge.get(host, "/who").await.brief(), (200, name), "{host}");
        }
        assert_eq!(edge.get("three.localhost", "/who").await.status, StatusCode::NOT_FOUND);
        assert!(edge.get("localhost:8080", "/").await.text().contains("vClouden"));
        assert!(
            edge.raw(b"GET http://one.localhost/target?q HTTP/1.1\r\nHost: one.localhost\r\nConnection: close\r\n\r\n")
                .await
                .ends_with("\r\n\r\n/target?q")
        );
        assert!(edge.raw(b"GET /who HTTP/1.0\r\nHost: one.localhost\r\n\r\n").await.ends_with("\r\n\r\none"));
        edge.stop().await;
    });
}

#[test]
fn without_an_application_a_page_says_why() {
    alone(async {
        let (app, world) = (App::start("app").await, World::new());
        let stopped = next(&route("stopped.localhost", app.address), RouteMode::Stopped);
        let failed = next(&route("failed.localhost", app.address), RouteMode::Failed);
        let silent = Route { upstream: None, ..route("silent.localhost", app.address) };
        let before = world.edge();
        let starting = before.get("stopped.localhost", "/").await;
        assert_eq!((starting.status.as_u16(), &starting.headers["retry-after"]), (503, &"2".parse().unwrap()));
        before.stop().await;
        let (edge, _nimbus) = world.start(vec![stopped, failed, silent]).await;
        let page = edge.get("stopped.localhost", "/").await;
        assert_eq!((page.status.as_u16(), &page.headers["retry-after"]), (503, &"60".parse().unwrap()));
        assert!(page.text().contains("Detenida") && page.text().contains("Stopped"));
        let page = edge.get("failed.localhost", "/").await;
        assert_eq!((page.status.as_u16(), &page.headers["retry-after"]), (503, &"60".parse().unwrap()));
        assert!(page.text().contains("Its operator must start it") && page.text().contains("no está en marcha"));
        assert_eq!(edge.get("silent.localhost", "/").await.status, StatusCode::NOT_FOUND);
        let json = Request::get("/").header("host", "x.localhost").header("accept", "application/json");
        let json = edge.client().await.send(json.body(empty()).unwrap()).await.unwrap();
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&json.body).unwrap()["code"], "unknown-host");
        edge.stop().await;
    });
}

#[test]
fn connections_are_kept_on_both_sides() {
    alone(async {
        let (app, world) = (App::start("app").await, World::new());
        let (edge, _nimbus) = world.start(vec![route("app.localhost", app.address)]).await;
        let mut client = edge.client().await;
        for _ in 0..100 {
            assert_eq!(client.get("app.localhost", "/who").await.brief(), (200, "app"));
        }
        assert_eq!(app.connections(), 1);
        assert_eq!(world.status().await.connections, 1);
        // A page of the edge does not end the client's connection either.
        assert_eq!(client.get("nobody.localhost", "/who").await.status, StatusCode::NOT_FOUND);
        assert_eq!(client.get("app.localhost", "/who").await.brief(), (200, "app"));
        edge.stop().await;
    });
}

#[test]
fn header_fields_tell_the_truth() {
    alone(async {
        let (app, world) = (App::start("app").await, World::new());
        let (edge, _nimbus) = world.start(vec![route("app.localhost", app.address)]).await;
        let request = Request::get("/headers")
            .header("host", "App.localhost:81")
            .header("x-forwarded-for", "6.6.6.6")
            .header("forwarded", "for=6.6.6.6")
            .header("x-request-id", "mine-1")
            .header("connection", "x-hop")
            .header("x-hop", "gone")
            .header("cookie", "kept");
        let answer = edge.client().await.send(request.body(empty()).unwrap()).await.unwrap();
        let mut lines: Vec<&str> = answer.text().lines().collect();
        lines.sort_unstable();
        let expected = [
            "cookie: kept",
            "host: App.localhost:81",
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-host: App.localhost:81",
            "x-forwarded-proto: http",
            "x-request-id: mine-1",
        ];
        assert_eq!(lines, expected);
        edge.stop().await;
    });
}

#[test]
fn answers_without_a_body_have_none() {
    alone(async {
        let (app, world) = (App::start("app").await, World::new());
        let (edge, _nimbus) = world.start(vec![route("app.localhost", app.address)]).await;
        let mut client = edge.client().await;
        for status in [204, 304, 200] {
            let answer = client.get("app.localhost", &format!("/status?{status}")).await;
            assert_eq!((answer.status.as_u16(), answer.body.len()), (status, 0));
            assert_eq!(answer.headers.get("content-length").is_some(), status == 200, "{status}");
        }
        let head = Request::head("/who").header("host", "app.localhost").body(empty()).unwrap();
        let answer = client.send(head).await.unwrap();
        assert_eq!((&answer.headers["content-length"], answer.body.len()), (&"3".parse().unwrap(), 0));
        assert_eq!(client.get("app.localhost", "/who").await.brief(), (200, "app"));
        assert_eq!(app.connections(), 1);
        edge.stop().await;
    });
}

#[test]
fn a_client_may_ask_before_it_sends_its_body() {
    alone(async {
        let (app, world) = (App::start("app").await, World::new());
        let (edge, _nimbus) = world.start(vec![route("app.localhost", app.address)]).await;
        let mut stream = TcpStream::connect(edge.address).await.unwrap();
        let head = "POST /count HTTP/1.1\r\nHost: app.localhost\r\nExpect: 100-continue\r\n\
            Content-Length: 5\r\nConnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut go_on = [0; 25];
        tokio::time::timeout(SOON, stream.read_exact(&mut go_on)).await.unwrap().unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(b"12345").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n5"), "{answer}");
        edge.stop().await;
    });
}

#[test]
fn a_get_may_have_a_body_of_any_framing() {
    alone(async {
        let (app, world) = (App::start("app").await, World::new());
        let (edge, _nimbus) = world.start(vec![route("app.localhost", app.address)]).await;
        let get = Request::get("/count").header("host", "app.localhost").body(full("12345")).unwrap();
        assert_eq!(edge.client().await.send(get).await.unwrap().brief(), (200, "5"));
        let chunked = b"GET /count HTTP/1.1\r\nHost: app.localhost\r\nTransfer-Encoding: chunked\r\n\
            Connection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        assert!(edge.raw(chunked).await.ends_with("\r\n\r\n3"));
        edge.stop().await;
    });
}
