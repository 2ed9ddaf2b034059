//! A proxy with TLS before the edge: who is believed about whom they bring.

use http::Request;

use crate::app::App;
use crate::world::{World, alone, empty, route};

/// What an application is told of a request that `peer` sends with these fields: address and protocol.
async fn told(edge: &crate::world::Edge, host: &str, peer: &str, fields: &[(&str, &str)]) -> (String, String) {
    let mut request = Request::get("/headers").header("host", host);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let got = edge.client_from(peer).await.send(request.body(empty()).unwrap()).await.unwrap();
    let field = |name: &str| {
        let all: Vec<&str> = got.text().lines().filter_map(|line| line.strip_prefix(name)).collect();
        assert_eq!(all.len(), 1, "{name}: {}", got.text());
        all[0].trim_start_matches([':', ' ']).to_owned()
    };
    assert!(!got.text().contains("\nforwarded:"), "{}", got.text());
    (field("x-forwarded-for"), field("x-forwarded-proto"))
}

#[test]
fn a_trusted_proxy_brings_visitors_and_nobody_else_does() {
    alone(async {
        let (app, plane, mut world) = (App::start("app").await, App::start("plane").await, World::new());
        world.plane = Some(plane.address);
        world.trusted = ["127.0.0.2", "127.0.0.4=forwarded", "10.0.0.0/8"].map(|text| text.parse().unwrap()).to_vec();
        let (edge, _nimbus) = world.start(vec![route("one.localhost", app.address)]).await;
        let pair = |address: &str, proto: &str| (address.to_owned(), proto.to_owned());
        // The visitor wrote the first address and the first protocol itself.
        let brought = [("x-forwarded-for", "6.6.6.6, 198.51.100.7, 10.0.0.3"), ("x-forwarded-proto", "https")];
        for host in ["one.localhost", "acme.localhost"] {
            assert_eq!(told(&edge, host, "127.0.0.2", &brought).await, pair("198.51.100.7", "https"), "{host}");
            assert_eq!(told(&edge, host, "127.0.0.3", &brought).await, pair("127.0.0.3", "http"), "{host}");
            assert_eq!(told(&edge, host, "127.0.0.2", &[]).await, pair("127.0.0.2", "http"), "{host}");
        }
        let named = [("forwarded", "for=6.6.6.6;proto=https, for=\"[2001:db8::7]:4711\";proto=https")];
        assert_eq!(told(&edge, "one.localhost", "127.0.0.4", &named).await, pair("2001:db8::7", "https"));
        // What that proxy does not write comes from the visitor.
        assert_eq!(told(&edge, "one.localhost", "127.0.0.2", &named).await, pair("127.0.0.2", "http"));
        assert_eq!(told(&edge, "one.localhost", "127.0.0.4", &brought).await, pair("127.0.0.4", "http"));
        assert_eq!(told(&edge, "one.localhost", "127.0.0.3", &named).await, pair("127.0.0.3", "http"));
        edge.stop().await;
    });
}

#[test]
fn each_request_of_a_proxys_connection_has_its_own_visitor() {
    alone(async {
        let (app, mut world) = (App::start("app").await, World::new());
        world.trusted = vec!["127.0.0.2".parse().unwrap()];
        let (edge, _nimbus) = world.start(vec![route("one.localhost", app.address)]).await;
        let mut proxy = edge.client_from("127.0.0.2").await;
        for visitor in ["198.51.100.7", "198.51.100.8", "2001:db8::9"] {
            let request = Request::get("/headers").header("host", "one.localhost").header("x-forwarded-for", visitor);
            let got = proxy.send(request.body(empty()).unwrap()).await.unwrap();
            assert!(got.text().contains(&format!("x-forwarded-for: {visitor}\n")), "{}", got.text());
        }
        drop(proxy);
        edge.stop().await;
    });
}
