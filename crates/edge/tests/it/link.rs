//! The edge with and without Nimbus.

use std::time::Duration;

use http::StatusCode;
use nimbus_api::edge::{FromEdge, ToEdge};

use crate::app::App;
use crate::world::{Nimbus, World, alone, hold, route, serve};

#[test]
fn without_nimbus_the_edge_goes_on_and_finds_it_again() {
    alone(async {
        let (one, two, world) = (App::start("one").await, App::start("two").await, World::new());
        let (first, second) = (route("one.localhost", one.address), route("two.localhost", two.address));
        let (edge, nimbus) = world.start(vec![first.clone()]).await;
        nimbus.stop().await;
        world.until("the link is lost", |status| !status.linked).await;
        assert_eq!(edge.get("one.localhost", "/who").await.brief(), (200, "one"));
        // What a new table does not have is gone; what it has is confirmed, also what was held when the link broke.
        let held = hold(&second, 0);
        let mut nimbus = Nimbus::start(world.socket(), vec![held.clone()]);
        let expected = FromEdge::Applied { installation: held.installation, serial: held.serial, in_flight: 0 };
        assert_eq!(nimbus.hear().await, expected);
        assert_eq!(edge.get("one.localhost", "/who").await.status, StatusCode::NOT_FOUND);
        nimbus.applied(&serve(&held, two.address)).await;
        assert_eq!(edge.get("two.localhost", "/who").await.brief(), (200, "two"));
        // The same table again changes nothing, and a table is the truth whatever its serials.
        nimbus.say(ToEdge::Table { routes: vec![second.clone()] });
        let expected = FromEdge::Applied { installation: second.installation, serial: 1, in_flight: 0 };
        assert_eq!(nimbus.hear().await, expected);
        assert_eq!(edge.get("two.localhost", "/who").await.brief(), (200, "two"));
        edge.stop().await;
    });
}

#[test]
fn a_new_edge_knows_what_the_old_one_knew() {
    alone(async {
        let (app, mut world) = (App::start("app").await, World::new());
        world.limits.hold = Duration::from_millis(300);
        let (serving, held) = (route("app.localhost", app.address), hold(&route("held.localhost", app.address), 0));
        let (edge, nimbus) = world.start(vec![serving, held]).await;
        // Written while it runs, not only when it ends: it may be killed.
        let memory = world.dir.path().join("routes.json");
        let written = || std::fs::read_to_string(&memory).is_ok_and(|text| text.contains("held.localhost"));
        while !written() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        nimbus.stop().await;
        edge.stop().await;
        let edge = world.edge();
        assert_eq!(edge.get("app.localhost", "/who").await.brief(), (200, "app"));
        let answer = edge.get("held.localhost", "/who").await;
        assert!(answer.status == StatusCode::SERVICE_UNAVAILABLE && answer.text().contains("held-too-long"));
        edge.stop().await;
        // What cannot be read is set aside, and does not keep the edge from starting.
        std::fs::write(&memory, "{\"format\":1,").unwrap();
        let edge = world.edge();
        assert_eq!(edge.get("app.localhost", "/who").await.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(world.dir.path().join("routes.json.bad").exists());
        edge.stop().await;
    });
}

#[test]
fn requests_in_flight_end_before_the_edge_does() {
    alone(async {
        let (app, world) = (App::start("app").await, World::new());
        let (edge, _nimbus) = world.start(vec![route("app.localhost", app.address)]).await;
        let idle = edge.client().await;
        let mut client = edge.client().await;
        let last = tokio::spawn(async move { client.get("app.localhost", "/gate").await });
        app.gated(1).await;
        let stopping = tokio::spawn(edge.stop());
        app.shared.gate.add_permits(1);
        assert_eq!(last.await.unwrap().brief(), (200, "app"));
        stopping.await.unwrap();
        drop(idle);
    });
}
