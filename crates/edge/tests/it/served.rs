//! What Nimbus is told of the requests that passed through.

use std::time::Duration;

use http::Request;
use nimbus_api::edge::{FromEdge, RouteMode, Served};
use nimbus_api::latency;

use crate::app::App;
use crate::world::{World, alone, full, next, route};

#[test]
fn requests_bytes_and_times_are_told_for_each_installation() {
    alone(async {
        let (one, mut world) = (App::start("one").await, World::new());
        world.limits.served_every = Duration::from_millis(20);
        let busy = route("one.localhost", one.address);
        let idle = route("two.localhost", one.address);
        let (edge, mut nimbus) = world.start(vec![busy.clone(), idle]).await;
        for _ in 0..3 {
            assert_eq!(edge.get("one.localhost", "/who").await.brief(), (200, "one"));
        }
        let post = Request::post("/no-such-path").header("host", "one.localhost").body(full("12345")).unwrap();
        let status = edge.client().await.send(post).await.unwrap().status.as_u16();
        nimbus.set(&next(&busy, RouteMode::Stopped));
        let (mut all, mut took) = (Served::default(), 0);
        let mut asked = false;
        while all.classes.iter().sum::<u64>() < 5 {
            match nimbus.hear().await {
                FromEdge::Served { installation, served } => {
                    assert_eq!(installation, busy.installation, "nobody asked the other one");
                    all.classes.iter_mut().zip(served.classes).for_each(|(to, more)| *to += more);
                    (all.bytes_in, all.bytes_out) = (all.bytes_in + served.bytes_in, all.bytes_out + served.bytes_out);
                    assert!(served.latencies.iter().all(|(step, _)| usize::from(*step) < latency::STEPS));
                    took += served.latencies.iter().map(|(_, count)| count).sum::<u64>();
                }
                FromEdge::Applied { .. } if !asked => {
                    asked = true;
                    // The edge answers by itself: that counts, too.
                    assert_eq!(edge.get("one.localhost", "/who").await.status, 503);
                }
                other => panic!("{other:?}"),
            }
        }
        let mut classes = [0, 3, 0, 0, 1];
        classes[usize::from(status / 100) - 1] += 1;
        assert_eq!((all.classes, all.bytes_in, took), (classes, 5, 5));
        assert!(all.bytes_out >= 9, "{all:?}");
        edge.stop().await;
    });
}
