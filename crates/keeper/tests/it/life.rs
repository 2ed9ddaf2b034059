//! Start, restart, stop, and the keeper's own death.

use std::io::Read;
use std::time::{Duration, Instant};

use keeper::protocol::Phase;
use nix::sys::signal::Signal;

use crate::world::{LONG, World, await_phase, await_status, eventually, is_gone, processes_of, signal};

#[test]
fn becomes_healthy_answers_from_outside_and_leaves_nothing_behind() {
    let mut world = World::new();
    let client = world.start();
    let status = await_phase(&client, Phase::Healthy);
    assert!(world.answers());
    assert!(keeper::is_alive(&world.dir()));
    assert_eq!(status.keeper, world.keeper.as_ref().unwrap().id());
    assert_eq!((status.restarts, status.last_exit, status.last_check), (0, None, None));
    assert!(!processes_of(world.spec.sandbox.first_id).is_empty());
    let last = world.stop(&client);
    assert!(last.last_exit.is_some() && last.pid.is_none());
    assert!(is_gone(&client.status()));
    for text in ["keeper started as process ", "keeper healthy", "keeper asked to end", "keeper stopped"] {
        assert_eq!(world.log_count(text), 1, "{text}: {}", world.log_text());
    }
}

#[test]
fn can_be_started_again_at_once_after_a_stop() {
    let mut world = World::new();
    for _ in 0..5 {
        let client = world.start();
        await_phase(&client, Phase::Healthy);
        world.stop(&client);
    }
}

#[test]
fn works_without_a_network() {
    let mut world = World::new();
    world.spec.sandbox.network = None;
    let client = world.start();
    await_phase(&client, Phase::Healthy);
    world.stop(&client);
}

#[test]
fn a_killed_application_comes_back_whether_itself_or_its_first_process_is_killed() {
    let mut world = World::new();
    let client = world.start();
    let mut status = await_phase(&client, Phase::Healthy);
    for round in 1..=3 {
        let victim = if round == 2 { status.pid.unwrap() as i32 } else { world.application_pid(&status) };
        signal(victim, Signal::SIGKILL);
        status = await_status(&client, "healthy again", |now| now.phase == Phase::Healthy && now.restarts == round);
        assert_eq!(status.last_exit.as_deref(), Some("killed by SIGKILL"));
        assert!(world.answers());
    }
    world.stop(&client);
}

#[test]
fn exactly_five_restarts_then_it_stays_failed_until_it_is_stopped() {
    let mut world = World::running("echo here I am; exit 3");
    let client = world.start();
    let status = await_phase(&client, Phase::Failed);
    assert_eq!((status.restarts, status.pid, status.last_exit.as_deref()), (5, None, Some("exit status 3")));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(world.log_count("keeper started as process "), 6);
    assert_eq!(world.log_count("out here I am"), 6);
    assert_eq!(world.log_count("keeper gave up"), 1);
    assert_eq!(client.status().unwrap().phase, Phase::Failed);
    world.stop(&client);
}

#[test]
fn a_program_that_handles_the_signal_ends_in_its_own_way() {
    let mut world = World::running("trap 'echo bye; exit 7' USR1; echo ready; while :; do sleep 0.01; done");
    world.spec.stop_signal = Signal::SIGUSR1 as i32;
    let client = world.start();
    eventually("ready", || world.log_count("out ready") == 1);
    let status = world.stop(&client);
    assert_eq!(status.last_exit.as_deref(), Some("exit status 7"));
    assert_eq!(world.log_count("out bye"), 1);
}

#[test]
fn a_program_that_ignores_the_signal_is_killed_after_its_grace() {
    let mut world = World::running("trap '' TERM; echo ready; while :; do sleep 0.01; done");
    world.spec.stop_grace_ms = 300;
    let client = world.start();
    eventually("ready", || world.log_count("out ready") == 1);
    let begin = Instant::now();
    let status = world.stop(&client);
    let took = begin.elapsed();
    assert!(took >= Duration::from_millis(300), "{took:?}");
    assert_eq!(status.last_exit.as_deref(), Some("killed by SIGKILL: it did not end within 300 ms"));
}

#[test]
fn a_program_without_a_handler_ends_by_the_signal_though_it_is_beside_an_init() {
    let mut world = World::running("echo ready; exec sleep 1000");
    let client = world.start();
    eventually("ready", || world.log_count("out ready") == 1);
    let begin = Instant::now();
    let status = world.stop(&client);
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert_eq!(status.last_exit.as_deref(), Some("killed by SIGTERM"));
}

#[test]
fn a_stop_is_obeyed_in_every_phase() {
    // Between two starts.
    let mut world = World::running("exit 1");
    let client = world.start();
    await_status(&client, "waiting for its third start", |now| now.restarts >= 2 && now.phase == Phase::Restarting);
    world.stop(&client);

    // While it starts.
    let mut world = World::silent();
    let client = world.start();
    await_status(&client, "starting", |now| now.phase == Phase::Starting && now.pid.is_some());
    world.stop(&client);
}

#[test]
fn two_stops_and_a_watcher_all_hear_of_the_end() {
    let mut world = World::running("trap 'sleep 0.2; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
    let client = world.start();
    eventually("ready", || world.log_count("out ready") == 1);
    let watch = client.watch().unwrap();
    let other = {
        let client = client.clone();
        std::thread::spawn(move || client.stop(LONG).unwrap().phase)
    };
    assert_eq!(client.stop(LONG).unwrap().phase, Phase::Stopped);
    assert_eq!(other.join().unwrap(), Phase::Stopped);
    let phases: Vec<Phase> = watch.map(|status| status.unwrap().phase).collect();
    assert_eq!(phases.last(), Some(&Phase::Stopped));
    assert_eq!(phases.iter().filter(|phase| **phase == Phase::Stopped).count(), 1);
    assert_eq!(world.wait_exit(), 0);
}

#[test]
fn a_killed_keeper_takes_its_sandbox_along_and_the_next_one_begins_clean() {
    let mut world = World::new();
    for _ in 0..3 {
        let client = world.start();
        await_phase(&client, Phase::Healthy);
        signal(world.keeper.as_ref().unwrap().id() as i32, Signal::SIGKILL);
        world.keeper.take().unwrap().wait().unwrap();
        eventually("the sandbox is gone", || processes_of(world.spec.sandbox.first_id).is_empty());
        assert!(!keeper::is_alive(&world.dir()));
        // Its socket is still there, and nobody answers.
        assert!(world.dir().join("socket").exists());
        assert!(is_gone(&client.status()));
    }
    std::fs::remove_file(world.dir().join("socket")).unwrap();
    let client = world.start();
    await_phase(&client, Phase::Healthy);
    assert!(world.answers());
    world.stop(&client);
}

#[test]
fn a_second_keeper_of_the_same_directory_refuses() {
    let mut world = World::new();
    let client = world.start();
    let before = await_phase(&client, Phase::Healthy);
    let mut second = world.spawn();
    let status = second.wait().unwrap();
    let mut said = String::new();
    second.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(status.code(), Some(keeper::EXIT_LOCKED.into()));
    assert!(said.contains("another keeper holds its lock"), "{said}");
    assert_eq!(client.status().unwrap(), before, "the first one did not notice");
    assert!(world.answers());
    world.stop(&client);
}

#[test]
fn ctrl_c_and_hang_up_are_ignored_and_sigterm_is_a_stop() {
    let mut world = World::new();
    let client = world.start();
    let before = await_phase(&client, Phase::Healthy);
    let keeper = world.keeper.as_ref().unwrap().id() as i32;
    for ignored in [Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        signal(keeper, ignored);
    }
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(client.status().unwrap(), before);
    signal(keeper, Signal::SIGTERM);
    assert_eq!(world.wait_exit(), 0);
    world.assert_nothing_left();
}
