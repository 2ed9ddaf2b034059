//! What applications say, and too much of it.

use std::fs;
use std::time::{Duration, Instant};

use keeper::logs::{Stream, follow, tail};
use keeper::protocol::Phase;
use nix::mount::{MsFlags, mount};

use crate::world::{World, await_phase, eventually};

#[test]
fn both_outputs_are_logged_and_followed() {
    let mut world = World::running("echo one; echo two >&2; printf half; sleep 0.5; echo ' done'; exec sleep 1000");
    let (_, mut follower) = follow(&world.logs(), 10).unwrap();
    let client = world.start();
    let mut lines = Vec::new();
    eventually("all is said", || {
        lines.extend(follower.read().unwrap());
        lines.iter().any(|line| line.text == " done")
    });
    let said = |stream| -> Vec<String> {
        lines.iter().filter(|line| line.stream == stream).map(|line| line.text.clone()).collect()
    };
    assert_eq!(said(Stream::Out), ["one", "half", " done"]);
    assert_eq!(said(Stream::Err), ["two"]);
    assert_eq!(tail(&world.logs(), 100).unwrap(), lines);
    world.stop(&client);
}

#[test]
fn the_last_words_of_a_dying_application_are_kept() {
    let mut world = World::running("seq 1 3000; printf 'last words'; exit 1");
    let client = world.start();
    await_phase(&client, Phase::Failed);
    assert_eq!(world.log_count("out last words"), 6);
    assert_eq!(world.log_count("out 3000"), 6);
    world.stop(&client);
}

#[test]
fn a_flood_is_rotated_and_starves_nobody() {
    let mut world = World::beside("yes & yes >&2 &");
    world.spec.log_bytes = 256 * 1024;
    world.health().interval_ms = 20;
    let client = world.start();
    await_phase(&client, Phase::Healthy);
    let begin = Instant::now();
    let mut answers = Vec::new();
    while begin.elapsed() < Duration::from_secs(2) {
        let question = Instant::now();
        assert_eq!(client.status().unwrap().phase, Phase::Healthy);
        answers.push(question.elapsed());
    }
    answers.sort();
    let median = answers[answers.len() / 2];
    println!("flood: {} questions answered, median {median:?}, slowest {:?}", answers.len(), answers.last());
    world.stop(&client);
    let mut sizes: Vec<u64> =
        fs::read_dir(world.logs()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).collect();
    sizes.sort();
    assert_eq!(sizes.len(), 4, "{sizes:?}");
    assert!(*sizes.last().unwrap() <= 256 * 1024, "{sizes:?}");
}

#[test]
fn a_full_disk_costs_lines_but_never_the_application() {
    let mut world =
        World::beside(&format!("(while :; do {} sleep 0.01; done) &", "echo a line to fill the disk with;".repeat(20)));
    // In this test's mount namespace, which the keeper shares.
    mount(Some("none"), &world.logs(), Some("tmpfs"), MsFlags::empty(), Some("size=64k")).unwrap();
    let ballast = world.logs().join("ballast");
    fs::write(&ballast, vec![0; 48 * 1024]).unwrap();
    let client = world.start();
    await_phase(&client, Phase::Healthy);
    let size = || fs::metadata(world.logs().join("app.log")).map_or(0, |metadata| metadata.len());
    eventually("the disk is full", || {
        // There is no room for another file, and then the last page of the log is full, too.
        let (before, other) = (size(), world.logs().join("other"));
        let full = fs::write(&other, [0]).is_err();
        fs::remove_file(&other).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        full && before > 0 && size() == before
    });
    assert!(world.log_text().ends_with('\n'), "no half line");
    assert_eq!(client.status().unwrap().phase, Phase::Healthy);
    assert!(world.answers());
    fs::remove_file(&ballast).unwrap();
    eventually("it tells", || world.log_text().contains(" lines lost: disk full\n"));
    assert_eq!(client.status().unwrap().restarts, 0);
    world.stop(&client);
    nix::mount::umount(&world.logs()).unwrap();
}
