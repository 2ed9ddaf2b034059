//! Programs run beside the application.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use keeper::Client;
use keeper::protocol::{ExecEnded, Phase};

use crate::world::{LONG, World, await_phase, eventually, processes_of};

/// Runs a shell script in the sandbox; what it said on its two outputs, and its end.
fn run(client: &Client, script: &str, input: &[u8]) -> (String, String, ExecEnded) {
    let (stdin, mut feed) = std::io::pipe().unwrap();
    let (mut out, stdout) = std::io::pipe().unwrap();
    let (mut err, stderr) = std::io::pipe().unwrap();
    let command = ["/bin/sh", "-c", script].map(String::from).into();
    let handle = client.exec(command, [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()]).unwrap();
    drop((stdin, stdout, stderr));
    feed.write_all(input).unwrap();
    drop(feed);
    let (mut said, mut complained) = (String::new(), String::new());
    out.read_to_string(&mut said).unwrap();
    err.read_to_string(&mut complained).unwrap();
    (said, complained, handle.wait().unwrap())
}

#[test]
fn output_input_and_exit_status_pass_through() {
    let mut world = World::new();
    let client = world.start();
    await_phase(&client, Phase::Healthy);
    let (out, err, ended) = run(&client, "echo out; echo err >&2; cat; id -u; pwd; exit 9", b"fed\n");
    assert_eq!((out.as_str(), err.as_str()), ("out\nfed\n1000\n/app\n", "err\n"));
    assert_eq!(ended, ExecEnded { status: 9, error: None });
    let (_, _, ended) = run(&client, "kill -9 $$", b"");
    assert_eq!(ended, ExecEnded { status: 137, error: None });
    // It is in the application's sandbox and sees what runs there.
    let (out, ..) = run(&client, "cat /proc/*/comm", b"");
    assert!(out.contains("httpd"), "{out}");
    assert_eq!(world.log_count("out err"), 0, "its output is the client's, not the log's");
    world.stop(&client);
}

#[test]
fn a_program_that_does_not_exist_is_127_with_its_name() {
    let mut world = World::new();
    let client = world.start();
    await_phase(&client, Phase::Healthy);
    let null = std::fs::File::open("/dev/null").unwrap();
    let handle = client.exec(vec!["no-such-program".into()], [null.as_fd(); 3]).unwrap();
    let ended = handle.wait().unwrap();
    assert_eq!(ended.status, 127);
    assert!(ended.error.unwrap().contains("no-such-program"));
    world.stop(&client);
}

#[test]
fn it_is_killed_when_its_client_goes_away_and_when_the_application_ends() {
    let mut world = World::new();
    let client = world.start();
    await_phase(&client, Phase::Healthy);
    let count = || processes_of(world.spec.sandbox.first_id).len();
    let before = count();
    let null = std::fs::File::open("/dev/null").unwrap();
    let sleep = || client.exec(vec!["sleep".into(), "1000".into()], [null.as_fd(); 3]).unwrap();
    let handle = sleep();
    eventually("it runs", || count() > before);
    drop(handle);
    eventually("it is gone", || count() == before);

    let handle = sleep();
    eventually("another runs", || count() > before);
    let stopper = {
        let client = client.clone();
        std::thread::spawn(move || client.stop(LONG).unwrap())
    };
    assert_eq!(handle.wait().unwrap().status, 137);
    stopper.join().unwrap();
    assert_eq!(world.wait_exit(), 0);
    world.assert_nothing_left();
}

#[test]
fn at_most_sixteen_at_once_and_each_with_three_descriptors() {
    let mut world = World::new();
    let client = world.start();
    await_phase(&client, Phase::Healthy);
    let null = std::fs::File::open("/dev/null").unwrap();
    let sleep = || client.exec(vec!["sleep".into(), "1000".into()], [null.as_fd(); 3]).unwrap();
    let handles: Vec<_> = (0..16).map(|_| sleep()).collect();
    let ended = sleep().wait().unwrap();
    assert_eq!(ended.status, 127);
    assert!(ended.error.unwrap().contains("16 programs"));
    drop(handles);
    eventually("room again", || run_true(&client).status == 0);
    world.stop(&client);
}

fn run_true(client: &Client) -> ExecEnded {
    let null = std::fs::File::open("/dev/null").unwrap();
    let mut handle = client.exec(vec!["true".into()], [null.as_fd(); 3]).unwrap();
    handle.wait_timeout(Duration::from_secs(10)).unwrap().expect("true ends")
}

#[test]
fn without_an_application_nothing_can_be_run() {
    let mut world = World::new();
    world.spec.sandbox.command = vec!["/nowhere".into()];
    let client = world.start();
    await_phase(&client, Phase::Failed);
    assert!(run_true(&client).error.unwrap().contains("not running"));
    world.stop(&client);
}
