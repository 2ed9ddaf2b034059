//! The log's writer and readers together.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::writer::{Logs, Moment};
use super::*;

const WALL: u64 = 1_795_383_180_000;

fn at(ms: u64) -> Moment {
    Moment { now: Duration::from_millis(ms), wall_ms: WALL + ms }
}

fn texts(lines: &[Line]) -> Vec<String> {
    lines.iter().map(|line| line.text.clone()).collect()
}

fn written(dir: &Path) -> String {
    fs::read_to_string(dir.join("app.log")).unwrap_or_default()
}

#[test]
fn lines_carry_their_time_and_who_spoke() {
    let dir = tempfile::tempdir().unwrap();
    let mut logs = Logs::open(dir.path().into(), 1 << 20, 3);
    logs.take(Stream::Out, b"hello\nwor", at(1));
    logs.take(Stream::Err, b"oh\n", at(2));
    logs.take(Stream::Out, b"ld\n\n", at(3));
    logs.remark("started\nas process 7", at(4));
    assert_eq!(
        written(dir.path()),
        "2026-11-22T21:33:00.001Z out hello\n2026-11-22T21:33:00.002Z err oh\n\
         2026-11-22T21:33:00.003Z out world\n2026-11-22T21:33:00.003Z out \n\
         2026-11-22T21:33:00.004Z keeper started as process 7\n"
    );
    let lines = tail(dir.path(), 2).unwrap();
    assert_eq!(lines[0], Line { at_ms: WALL + 3, stream: Stream::Out, text: String::new() });
    assert_eq!(lines[1], Line { at_ms: WALL + 4, stream: Stream::Keeper, text: "started as process 7".into() });
}

#[test]
fn a_line_without_an_end_is_written_after_200_ms_or_16_kib() {
    let dir = tempfile::tempdir().unwrap();
    let mut logs = Logs::open(dir.path().into(), 1 << 20, 3);
    logs.take(Stream::Out, b"Password: ", at(0));
    assert_eq!(logs.deadline(), Some(Duration::from_millis(200)));
    logs.tick(at(199), false);
    assert_eq!(written(dir.path()), "");
    logs.tick(at(200), false);
    assert_eq!(texts(&tail(dir.path(), 9).unwrap()), ["Password: "]);
    assert_eq!(logs.deadline(), None);

    logs.take(Stream::Err, &[b'x'; LINE_BYTES + 5], at(300));
    assert_eq!(tail(dir.path(), 1).unwrap()[0].text.len(), LINE_BYTES);
    logs.tick(at(301), true);
    assert_eq!(texts(&tail(dir.path(), 1).unwrap()), ["xxxxx"]);
}

#[test]
fn what_is_not_utf_8_is_replaced_when_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut logs = Logs::open(dir.path().into(), 1 << 20, 3);
    logs.take(Stream::Out, b"a\xff\xfeb \xc3\xb1\n", at(0));
    assert!(fs::read(dir.path().join("app.log")).unwrap().contains(&0xff));
    assert_eq!(texts(&tail(dir.path(), 1).unwrap()), ["a\u{fffd}\u{fffd}b ñ"]);
}

#[test]
fn rotated_at_its_size_and_no_line_is_lost_or_torn_while_files_last() {
    let dir = tempfile::tempdir().unwrap();
    let mut logs = Logs::open(dir.path().into(), 4096, 3);
    let (_, mut follower) = follow(dir.path(), 0).unwrap();
    let mut followed = Vec::new();
    for n in 0..1000 {
        logs.take(Stream::Out, format!("line {n}\n").as_bytes(), at(n));
        if n % 37 == 0 {
            followed.extend(follower.read().unwrap());
        }
    }
    followed.extend(follower.read().unwrap());
    let expected: Vec<String> = (0..1000).map(|n| format!("line {n}")).collect();
    assert_eq!(texts(&followed), expected);

    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["app.log", "app.log.1", "app.log.2", "app.log.3"]);
    for name in &names {
        let bytes = fs::read(dir.path().join(name)).unwrap();
        assert!(bytes.len() <= 4096 && bytes.ends_with(b"\n"), "{name:?}: {}", bytes.len());
    }
    let kept = texts(&tail(dir.path(), 300).unwrap());
    assert_eq!(kept, expected[700..], "across rotated files");
    let all = texts(&tail(dir.path(), usize::MAX).unwrap());
    assert_eq!(all, expected[1000 - all.len()..]);
    assert!(all.len() > 300);
}

#[test]
fn a_follower_that_slept_through_rotations_misses_only_what_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let mut logs = Logs::open(dir.path().into(), 1000, 2);
    logs.take(Stream::Out, b"first\nsecond\n", at(0));
    let (before, mut follower) = follow(dir.path(), 1).unwrap();
    assert_eq!(texts(&before), ["second"]);
    for n in 0..500 {
        logs.take(Stream::Out, format!("line {n}\n").as_bytes(), at(n));
    }
    let after = texts(&follower.read().unwrap());
    assert_eq!(after.last().unwrap(), "line 499");
    // First the rest of the file that it still holds open, then the oldest that is left.
    assert_eq!(after[0], "line 0");
    assert!(after.len() < 500);
    assert!(follower.read().unwrap().is_empty());
    logs.remark("more", at(1000));
    assert_eq!(texts(&follower.read().unwrap()), ["more"]);
}

#[test]
fn without_rotated_files_the_log_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut logs = Logs::open(dir.path().into(), 200, 0);
    for n in 0..100 {
        logs.take(Stream::Out, format!("line {n}\n").as_bytes(), at(n));
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(texts(&tail(dir.path(), 1).unwrap()), ["line 99"]);
}

#[test]
fn goes_on_with_the_log_of_a_former_keeper_and_ends_its_torn_line() {
    let dir = tempfile::tempdir().unwrap();
    let torn = "2026-11-22T21:33:00.001Z out whole\n2026-11-22T21:33:00.0";
    fs::write(dir.path().join("app.log"), torn).unwrap();
    let mut logs = Logs::open(dir.path().into(), 1 << 20, 3);
    logs.remark("again", at(5));
    assert_eq!(written(dir.path()), format!("{torn}\n2026-11-22T21:33:00.005Z keeper again\n"));
    assert_eq!(texts(&tail(dir.path(), 9).unwrap()), ["whole", "again"]);
}

#[test]
fn lines_that_cannot_be_written_are_counted_and_told_later() {
    let dir = tempfile::tempdir().unwrap();
    let logs_dir = dir.path().join("logs");
    // A directory that is not there fails as every other write does.
    let mut logs = Logs::open(logs_dir.clone(), 1 << 20, 3);
    logs.take(Stream::Out, b"one\ntwo\n", at(0));
    logs.take(Stream::Out, b"three\n", at(10));
    assert_eq!(logs.deadline(), Some(Duration::from_millis(1000)));
    logs.tick(at(1000), false);
    fs::create_dir(&logs_dir).unwrap();
    logs.tick(at(1500), false);
    assert!(!logs_dir.join("app.log").exists(), "tried once a second only");
    logs.tick(at(2000), false);
    logs.take(Stream::Out, b"four\n", at(2001));
    let lines = texts(&tail(&logs_dir, 9).unwrap());
    assert_eq!(lines, ["3 lines lost: No such file or directory (os error 2)", "four"]);
}

#[test]
fn an_application_that_says_too_much_is_made_to_wait() {
    let dir = tempfile::tempdir().unwrap();
    let mut logs = Logs::open(dir.path().into(), 1 << 20, 1);
    let piece = vec![b'\n'; 16 * 1024];
    let mut now = Duration::ZERO;
    let mut taken = 0;
    for _ in 0..100_000 {
        if logs.ready_at(now) <= now {
            logs.take(Stream::Out, &piece, at(now.as_millis() as u64));
            taken += piece.len() * 30;
        } else {
            now = logs.ready_at(now);
        }
        if now >= Duration::from_secs(3) {
            break;
        }
    }
    let megabytes = taken / 1_000_000;
    assert!((30..40).contains(&megabytes), "{megabytes} MB in three seconds and the first burst");
}

#[test]
fn no_log_is_an_empty_log() {
    let dir = tempfile::tempdir().unwrap();
    assert!(tail(dir.path(), 10).unwrap().is_empty());
    let (_, mut follower) = follow(dir.path(), 10).unwrap();
    assert!(follower.read().unwrap().is_empty());
    let mut logs = Logs::open(dir.path().into(), 1 << 20, 1);
    logs.remark("now", at(0));
    assert_eq!(texts(&follower.read().unwrap()), ["now"]);
}

#[test]
fn a_long_log_is_read_from_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut logs = Logs::open(dir.path().into(), 64 << 20, 1);
    for n in 0..20_000 {
        logs.take(Stream::Out, format!("{n} {}\n", "x".repeat(n % 500)).as_bytes(), at(n as u64));
    }
    let lines = tail(dir.path(), 5000).unwrap();
    assert_eq!(lines.len(), 5000);
    for (line, n) in lines.iter().zip(15_000..) {
        assert_eq!(line.text, format!("{n} {}", "x".repeat(n % 500)));
    }
}
