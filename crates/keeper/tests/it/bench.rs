//! Figures: how fast a killed application answers again, and what an idle keeper costs.

use std::fs;
use std::time::{Duration, Instant};

use keeper::protocol::Phase;
use nix::sys::signal::Signal;

use crate::world::{World, await_phase, signal};

#[test]
fn a_killed_application_answers_again_every_time() {
    let mut world = World::new();
    let mut times = Vec::new();
    for _ in 0..20 {
        let client = world.start();
        let status = await_phase(&client, Phase::Healthy);
        let victim = world.application_pid(&status);
        let begin = Instant::now();
        signal(victim, Signal::SIGKILL);
        // Until it is dead its socket may still answer.
        while client.status().unwrap().restarts == 0 {}
        while !world.answers() {}
        times.push(begin.elapsed());
        assert_eq!(await_phase(&client, Phase::Healthy).restarts, 1);
        world.stop(&client);
    }
    times.sort();
    println!("kill -9 -> answering: median {:?}, {:?} to {:?}", times[10], times[0], times[19]);
}

#[test]
fn an_idle_keeper_is_small() {
    let mut world = World::new();
    let client = world.start();
    let status = await_phase(&client, Phase::Healthy);
    std::thread::sleep(Duration::from_secs(1));
    let keeper = memory(status.keeper);
    let init = memory(status.pid.unwrap());
    println!("keeper: {keeper:?}; the sandbox's first process: {init:?} (KiB)");
    let own = keeper.own + init.own;
    assert!(own <= 1024, "more than a mebibyte: {keeper:?} {init:?}");
    world.stop(&client);
}

/// Kibibytes. Pages of the program's file are shared by all keepers of a server; its own are the anonymous ones, of
/// which the keeper and the sandbox's first process, its copy, share some.
#[derive(Debug)]
#[allow(dead_code, reason = "for people to read")]
struct Memory {
    resident: u64,
    proportional: u64,
    own: u64,
}

fn memory(pid: u32) -> Memory {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let of = |key: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        line.unwrap().trim().trim_end_matches(" kB").parse().unwrap()
    };
    Memory { resident: of("Rss"), proportional: of("Pss"), own: of("Pss_Anon") }
}
