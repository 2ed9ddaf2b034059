//! Clients that do not do as they should.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use keeper::protocol::Phase;
use nix::sys::signal::Signal;

use crate::world::{World, await_phase, await_status, eventually, signal};

fn raw(world: &World) -> UnixStream {
    let stream = UnixStream::connect(world.dir().join("socket")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn says(stream: &UnixStream) -> String {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line
}

#[test]
fn nonsense_is_refused_with_its_reason_and_the_connection_closed() {
    let mut world = World::new();
    let client = world.start();
    await_phase(&client, Phase::Healthy);
    for (text, expected) in [
        ("{}\n".to_owned(), "this is no request"),
        ("{\"ask\":\"explode\"}\n".to_owned(), "this is no request"),
        ("x".repeat(70_000), "at most 65536 bytes"),
    ] {
        let mut stream = raw(&world);
        stream.write_all(text.as_bytes()).unwrap();
        let answer = says(&stream);
        assert!(answer.starts_with("{\"error\":") && answer.contains(expected), "{answer}");
        // What was not read makes the end a reset.
        assert!(matches!(stream.read(&mut [0; 9]), Ok(0) | Err(_)));
    }
    // A request in single bytes is a request.
    let mut stream = raw(&world);
    for byte in b"{\"ask\":\"status\"}\n" {
        stream.write_all(&[*byte]).unwrap();
    }
    assert!(says(&stream).contains("\"healthy\""));
    assert_eq!(stream.read(&mut [0; 9]).unwrap(), 0);
    world.stop(&client);
}

#[test]
fn at_most_sixty_four_connections() {
    let mut world = World::new();
    let client = world.start();
    await_phase(&client, Phase::Healthy);
    let mut idle: Vec<UnixStream> = (0..64).map(|_| raw(&world)).collect();
    assert!(says(&raw(&world)).contains("64 clients"));
    assert!(client.status().is_err());
    idle.truncate(10);
    eventually("room again", || client.status().is_ok());
    world.stop(&client);
}

#[test]
fn a_watcher_hears_of_every_change_in_order() {
    let mut world = World::new();
    // So that no check happens to fall into the moment of its death.
    world.health().interval_ms = 60_000;
    let client = world.start();
    let first = await_phase(&client, Phase::Healthy);
    let mut watch = client.watch().unwrap();
    assert_eq!(watch.next().unwrap().unwrap(), first);
    signal(world.application_pid(&first), Signal::SIGKILL);
    await_status(&client, "back", |now| now.phase == Phase::Healthy && now.restarts == 1);
    world.stop(&client);
    let mut phases: Vec<Phase> = watch.map(|status| status.unwrap().phase).collect();
    phases.dedup();
    assert_eq!(phases, [Phase::Restarting, Phase::Starting, Phase::Healthy, Phase::Stopped]);
}
