//! Bodies pass as they come, however large, and their trailers with them.

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;

use crate::app::App;
use crate::world::{Body, World, alone, route};

const SIZE: usize = 200 << 20;
const PIECE: usize = 64 << 10;

/// Bytes of memory that this process has in use.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

/// So many bytes, made as they are wanted, and perhaps a trailer.
fn body(size: usize, trailer: bool) -> Body {
    let (piece, mut left) = (Bytes::from(vec![b'y'; PIECE]), size);
    let last =
        trailer.then(|| Frame::trailers(HeaderMap::from_iter([("x-sum".parse().unwrap(), "mine".parse().unwrap())])));
    let data = std::iter::from_fn(move || {
        let size = left.min(PIECE);
        left -= size;
        (size > 0).then(|| Frame::data(piece.slice(..size)))
    });
    StreamBody::new(futures_util::stream::iter(data.chain(last).map(Ok))).boxed()
}

#[test]
fn large_bodies_take_little_memory() {
    alone(async {
        let (app, world) = (App::start("app").await, World::new());
        let (edge, _nimbus) = world.start(vec![route("app.localhost", app.address)]).await;
        let before = resident();
        let mut client = edge.client().await;
        let up = Request::post("/count").header("host", "app.localhost").body(body(SIZE, false)).unwrap();
        assert_eq!(client.send(up).await.unwrap().brief(), (200, SIZE.to_string().as_str()));
        let after_up = resident();
        client.sender.ready().await.unwrap();
        let down = crate::world::get("app.localhost", &format!("/pieces?{SIZE}"));
        let mut answer = client.sender.send_request(down).await.unwrap().into_body();
        let (mut count, mut most) = (0, after_up);
        while let Some(frame) = answer.frame().await {
            count += frame.unwrap().data_ref().map_or(0, Bytes::len);
            most = most.max(if count % (16 << 20) < PIECE { resident() } else { 0 });
        }
        assert_eq!(count, SIZE);
        let grown = most.saturating_sub(before);
        assert!(grown < 64 << 20, "200 MiB each way took {grown} bytes");
        edge.stop().await;
    });
}

#[test]
fn a_client_that_does_not_read_stops_the_application() {
    alone(async {
        let (app, world) = (App::start("app").await, World::new());
        let (edge, _nimbus) = world.start(vec![route("app.localhost", app.address)]).await;
        let mut client = edge.client().await;
        let mut echo = client
            .sender
            .send_request(Request::post("/echo").header("host", "app.localhost").body(body(SIZE, false)).unwrap())
            .await
            .unwrap()
            .into_body();
        let before = resident();
        let (mut count, mut most) = (0, before);
        while let Some(frame) = echo.frame().await {
            count += frame.unwrap().data_ref().map_or(0, Bytes::len);
            most = most.max(if count % (16 << 20) < PIECE { resident() } else { 0 });
        }
        assert_eq!(count, SIZE);
        assert!(most.saturating_sub(before) < 64 << 20, "it took {} bytes", most - before);
        edge.stop().await;
    });
}

#[test]
fn trailers_pass_both_ways() {
    alone(async {
        let (app, world) = (App::start("app").await, World::new());
        let (edge, _nimbus) = world.start(vec![route("app.localhost", app.address)]).await;
        let request =
            Request::post("/echo").header("host", "app.localhost").header("te", "trailers").header("trailer", "x-sum");
        let answer = edge.client().await.send(request.body(body(100_000, true)).unwrap()).await.unwrap();
        assert_eq!((answer.body.len(), &answer.trailers.unwrap()["x-sum"]), (100_000, &"mine".parse().unwrap()));
        edge.stop().await;
    });
}
