//! Hosts that no installation has: the control plane's, or nobody's.

use http::Request;

use crate::app::App;
use crate::world::{World, alone, empty, route};

#[test]
fn what_is_no_installations_is_the_control_planes_or_nobodys() {
    alone(async {
        let (app, plane, mut world) = (App::start("app").await, App::start("plane").await, World::new());
        world.plane = Some(plane.address);
        let (edge, _nimbus) = world.start(vec![route("one.localhost", app.address)]).await;
        assert_eq!(edge.get("one.localhost", "/who").await.brief(), (200, "app"));
        for host in ["acme.localhost", "localhost", "portal.acme.example"] {
            assert_eq!(edge.get(host, "/who").await.brief(), (200, "plane"), "{host}");
        }
        let unknown = edge.get("nobody.localhost", "/nobody").await;
        assert!(unknown.status == 404 && unknown.text().contains("unknown-host"), "{}", unknown.text());
        // The control plane is told that the edge speaks, and from whom; an application never learns the secret.
        let request = |host: &str| {
            let request = Request::get("/headers").header("host", host).header("x-vclouden-edge", "forged");
            request.header("x-forwarded-for", "6.6.6.6").body(empty()).unwrap()
        };
        let got = edge.client().await.send(request("acme.localhost")).await.unwrap();
        assert!(got.text().contains("x-vclouden-edge: of-both\n"), "{}", got.text());
        assert!(got.text().contains("x-forwarded-for: 127.0.0.1\n"), "{}", got.text());
        let got = edge.client().await.send(request("one.localhost")).await.unwrap();
        assert!(!got.text().contains("x-vclouden"), "{}", got.text());
        edge.stop().await;
    });
}

#[test]
fn requests_wait_while_the_control_plane_is_started_again() {
    alone(async {
        let (plane, mut world) = (App::start("before").await, World::new());
        let address = plane.address;
        world.plane = Some(address);
        let (edge, _nimbus) = world.start(vec![]).await;
        assert_eq!(edge.get("acme.localhost", "/who").await.brief(), (200, "before"));
        drop(plane);
        let waits = async { edge.get("acme.localhost", "/who").await.text().to_owned() };
        let comes = async {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            App::at("after", address).await
        };
        let (answer, _plane) = tokio::join!(waits, comes);
        assert_eq!(answer, "after");
        edge.stop().await;
    });
}
