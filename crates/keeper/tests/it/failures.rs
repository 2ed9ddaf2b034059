//! Applications that do not do as they should.

use std::fs;
use std::io::Read;
use std::time::{Duration, Instant};

use keeper::protocol::Phase;

use crate::world::{World, await_phase, await_status};

#[test]
fn a_failing_check_makes_it_unhealthy_and_three_restart_it() {
    let mut world = World::new();
    world.health().path = Some("/cgi-bin/health".into());
    let client = world.start();
    let first = await_phase(&client, Phase::Healthy);
    let sick = world.root.path().join("data/sick");
    fs::write(&sick, "").unwrap();
    let status = await_phase(&client, Phase::Unhealthy);
    assert_eq!(status.last_check.as_deref(), Some("answered with status 500; 200 to 399 is healthy"));
    assert_eq!(status.pid, first.pid);
    let status = await_status(&client, "restarted", |now| now.restarts == 1 && now.pid.is_some());
    assert!(status.last_exit.as_deref().unwrap().contains("unhealthy: answered with status 500"), "{status:?}");
    fs::remove_file(&sick).unwrap();
    let status = await_phase(&client, Phase::Healthy);
    assert_ne!(status.pid, first.pid);
    world.stop(&client);
}

#[test]
fn one_failing_check_is_forgiven() {
    let mut world = World::new();
    world.health().path = Some("/cgi-bin/health".into());
    world.health().interval_ms = 300;
    let client = world.start();
    let first = await_phase(&client, Phase::Healthy);
    let sick = world.root.path().join("data/sick");
    fs::write(&sick, "").unwrap();
    await_phase(&client, Phase::Unhealthy);
    fs::remove_file(&sick).unwrap();
    let status = await_phase(&client, Phase::Healthy);
    assert_eq!((status.restarts, status.pid), (0, first.pid));
    world.stop(&client);
}

#[test]
fn a_command_that_does_not_exist_fails_at_once_and_is_named() {
    let mut world = World::new();
    world.spec.sandbox.command = vec!["/app/bin/srever".into(), "--port".into(), "80".into()];
    let begin = Instant::now();
    let client = world.start();
    let status = await_phase(&client, Phase::Failed);
    assert!(begin.elapsed() < Duration::from_secs(2), "trying again would change nothing");
    let last_exit = status.last_exit.unwrap();
    assert!(last_exit.starts_with("could not be started: ") && last_exit.contains("/app/bin/srever"), "{last_exit}");
    assert_eq!(world.log_count(&last_exit), 1);
    world.stop(&client);
}

#[test]
fn one_that_is_not_healthy_in_time_is_killed_and_counted() {
    let mut world = World::silent();
    world.health().start_timeout_ms = 300;
    let client = world.start();
    let status = await_status(&client, "restarted", |now| now.restarts == 1);
    let address = world.address().ip();
    let expected = format!("killed by SIGKILL: not healthy within 300 ms: nothing listens on port 8080 at {address}");
    assert_eq!(status.last_exit.as_deref(), Some(expected.as_str()));
    let status = await_phase(&client, Phase::Failed);
    assert_eq!(status.restarts, 5);
    world.stop(&client);
}

#[test]
fn on_trial_one_that_ends_is_not_started_again() {
    let mut world = World::running("echo tried; exit 3");
    world.spec.trial = true;
    let client = world.start();
    let status = await_phase(&client, Phase::Failed);
    assert_eq!((status.restarts, status.last_exit.as_deref()), (0, Some("exit status 3")));
    assert_eq!(client.accept().unwrap().phase, Phase::Failed, "it is too late to accept it");
    world.stop(&client);
    assert_eq!((world.log_count("started as"), world.log_count("out tried")), (1, 1));
    assert_eq!(world.log_count("not started again: it was on trial"), 1);
}

#[test]
fn on_trial_one_that_is_not_healthy_in_time_is_not_started_again() {
    let mut world = World::silent();
    world.spec.trial = true;
    world.health().start_timeout_ms = 300;
    let client = world.start();
    let status = await_phase(&client, Phase::Failed);
    assert!(status.last_exit.unwrap().contains("not healthy within 300 ms"));
    world.stop(&client);
    assert_eq!(world.log_count("started as"), 1);
}

#[test]
fn what_was_accepted_is_kept_as_always() {
    let mut world = World::new();
    world.spec.trial = true;
    let client = world.start();
    let first = await_phase(&client, Phase::Healthy);
    for _ in 0..2 {
        assert_eq!(client.accept().unwrap().phase, Phase::Healthy);
    }
    crate::world::signal(world.application_pid(&first), nix::sys::signal::Signal::SIGKILL);
    let again = await_status(&client, "restarted", |now| now.restarts == 1 && now.phase == Phase::Healthy);
    assert_ne!(again.pid, first.pid);
    assert_eq!(world.log_count("accepted"), 1);
    world.stop(&client);
}

#[test]
fn one_that_listens_on_the_loopback_address_only_is_told_so() {
    let mut world = World::new();
    world.spec.sandbox.command[3] = "127.0.0.1:8080".into();
    let client = world.start();
    let hint = "listens on 127.0.0.1:8080 only; make it listen on 0.0.0.0:8080";
    await_status(&client, "told", |now| now.phase == Phase::Starting && now.last_check.as_deref() == Some(hint));
    world.stop(&client);
}

#[test]
fn one_that_uses_too_much_memory_is_said_to_have_done_so() {
    let mut world = World::running("sleep 0.1; tail /dev/zero");
    world.spec.sandbox.memory = 24 << 20;
    let client = world.start();
    let status = await_status(&client, "dead once", |now| now.last_exit.is_some());
    let last_exit = status.last_exit.unwrap();
    assert!(last_exit.ends_with(": out of memory"), "{last_exit}");
    world.stop(&client);
}

#[test]
fn a_network_that_cannot_be_made_is_told_to_whoever_waits_for_the_application() {
    let mut world = World::new();
    world.spec.sandbox.network.as_mut().unwrap().interface = "a-name-that-is-much-too-long".into();
    let client = world.start();
    let status = await_phase(&client, Phase::Failed);
    assert!(status.last_exit.unwrap().contains("network"));
    client.stop(Duration::from_secs(5)).unwrap();
    world.wait_exit();
}

#[test]
fn a_bad_specification_is_refused_with_its_reason() {
    let mut world = World::new();
    world.health().path = Some("/a b".into());
    let mut keeper = world.spawn();
    assert_eq!(keeper.wait().unwrap().code(), Some(keeper::EXIT_SPEC.into()));
    let mut said = String::new();
    keeper.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("health.path is \"/a b\"") && said.contains("spec.json"), "{said}");
    assert!(!world.dir().join("socket").exists());
}
