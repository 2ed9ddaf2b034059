//! An edge without Nimbus, and an application to put behind it, for measuring what the way through the edge costs:
//!
//!     alone app  127.0.0.1:7001
//!     alone edge 127.0.0.1:7000 app.localhost 127.0.0.1:7001
//!     wrk -H 'Host: app.localhost' http://127.0.0.1:7000/

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;

use bytes::Bytes;
use domain::InstallationId;
use http::Response;
use http_body_util::Full;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use nimbus_api::edge::{Route, RouteMode};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["app", listen] => app(listen.parse()?).await,
        ["edge", listen, host, upstream] => edge(listen.parse()?, host, upstream.parse()?).await,
        _ => Err("usage: alone app ADDRESS | alone edge ADDRESS HOST UPSTREAM".into()),
    }
}

/// Answers every request with a small page.
async fn app(listen: SocketAddr) -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind(listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service =
            service_fn(|_| async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(&[b'x'; 1024])))) });
        tokio::spawn(Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// Serves one route, read from a `routes.json` made for it, until Ctrl-C.
async fn edge(listen: SocketAddr, host: &str, upstream: SocketAddr) -> Result<(), Box<dyn Error>> {
    let state = std::env::temp_dir().join(format!("edge-alone-{}", std::process::id()));
    std::fs::create_dir(&state)?;
    let route = Route {
        installation: InstallationId::new(),
        serial: 1,
        hosts: vec![host.to_owned()],
        mode: RouteMode::Serve,
        upstream: Some(upstream),
        max_body: u64::MAX,
        tcp: Vec::new(),
    };
    let memory = serde_json::json!({ "format": 1, "routes": [route] });
    std::fs::write(state.join("routes.json"), memory.to_string())?;
    let config = edge::Config {
        listen: std::net::TcpListener::bind(listen)?,
        nimbus_socket: state.join("nobody.sock"),
        state_dir: state.clone(),
        domain: "localhost".into(),
        plane: None,
        trusted_proxies: Vec::new(),
        limits: edge::Limits::default(),
    };
    let ended = edge::serve(config, async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            eprintln!("cannot wait for Ctrl-C: {error}");
        }
    });
    let ended = ended.await;
    std::fs::remove_dir_all(&state)?;
    Ok(ended?)
}
