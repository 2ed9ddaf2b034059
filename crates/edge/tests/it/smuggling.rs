//! Requests that two parsers could read in two ways are refused, and the connection with them.

use crate::app::App;
use crate::world::{World, alone, route};

/// What is sent, and the status that it gets. `H` stands for a good Host field.
const TABLE: &[(&str, u16)] = &[
    ("POST /count HTTP/1.1\r\nH\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("POST /count HTTP/1.1\r\nH\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400),
    ("POST /count HTTP/1.1\r\nH\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
    ("POST /count HTTP/1.1\r\nH\r\nContent-Length: 3, 4\r\n\r\nabcd", 400),
    ("POST /count HTTP/1.1\r\nH\r\nContent-Length: +3\r\n\r\nabc", 400),
    ("POST /count HTTP/1.1\r\nH\r\nContent-Length: -3\r\n\r\nabc", 400),
    ("POST /count HTTP/1.1\r\nH\r\nContent-Length: 0x3\r\n\r\nabc", 400),
    ("POST /count HTTP/1.1\r\nH\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    ("POST /count HTTP/1.1\r\nH\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
    ("POST /count HTTP/1.1\r\nH\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    ("POST /count HTTP/1.1\r\nH\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    ("POST /count HTTP/1.1\r\nH\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    ("POST /count HTTP/1.0\r\nH\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("POST /count HTTP/1.1\r\nH\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ("GET /who HTTP/1.1\r\nH\r\nH\r\n\r\n", 400),
    ("GET /who HTTP/1.1\r\n\r\n", 400),
    ("GET /who HTTP/1.0\r\n\r\n", 400),
    ("GET /who HTTP/1.1\r\nHost:\r\n\r\n", 400),
    ("GET /who HTTP/1.1\r\nHost: app.localhost, evil\r\n\r\n", 400),
    ("GET /who HTTP/1.1\r\nHost: user@app.localhost\r\n\r\n", 400),
    ("GET /who HTTP/1.1\r\nHost: app.localhost/x\r\n\r\n", 400),
    ("GET /who HTTP/1.1\r\nHost: app.localhost:99999\r\n\r\n", 400),
    ("GET http://evil.localhost/who HTTP/1.1\r\nH\r\n\r\n", 400),
    ("GET http://x@app.localhost/who HTTP/1.1\r\nH\r\n\r\n", 400),
    ("CONNECT app.localhost:80 HTTP/1.1\r\nH\r\n\r\n", 405),
    ("GET /who HTTP/1.1\r\nH\r\nX: a\r\n b\r\n\r\n", 400),
    ("GET /who HTTP/1.1\r\nH\r\nX: a\0b\r\n\r\n", 400),
    ("GET /who  HTTP/1.1\r\nH\r\n\r\n", 400),
    ("GET /who HTTP/2.0\r\nH\r\n\r\n", 400),
    ("garbage\r\n\r\n", 400),
];

#[test]
fn nothing_ambiguous_reaches_an_application() {
    alone(async {
        let (app, world) = (App::start("app").await, World::new());
        let (edge, _nimbus) = world.start(vec![route("app.localhost", app.address)]).await;
        for (sent, status) in TABLE {
            let mut bytes = sent.replace("H\r\n", "Host: app.localhost\r\n").into_bytes();
            // What would be the smuggled request.
            bytes.extend_from_slice(b"GET /who HTTP/1.1\r\nHost: app.localhost\r\n\r\n");
            let answer = edge.raw(&bytes).await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} "))
                    || answer.starts_with(&format!("HTTP/1.0 {status} ")),
                "{sent:?} got {answer:?}"
            );
            assert_eq!(answer.matches("HTTP/1.").count(), 1, "{sent:?} got {answer:?}");
        }
        let malformed_chunks = 1;
        assert!(app.connections() <= malformed_chunks, "more than the one whose body turned out malformed");
        edge.stop().await;
    });
}
