//! Programs run beside the application.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use keeper::protocol::{ExecEnded, Phase};
use keeper::{Client, ExecHandle};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sandbox::TerminalSize;

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
    let count = || programs(&world);
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

/// How many programs run beside the application, which makes processes of its own for its health check.
fn programs(world: &World) -> usize {
    let name = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let is_one = |pid: &i32| ["sh\n", "sleep\n", "cat\n"].contains(&name(pid).as_str());
    processes_of(world.spec.sandbox.first_id).iter().filter(|pid| is_one(pid)).count()
}

/// A shell in a terminal of 30 lines of 101 characters.
fn shell(client: &Client) -> (ExecHandle, File) {
    let size = TerminalSize { rows: 30, columns: 101 };
    let (handle, master) = client.exec_in_terminal(vec!["sh".into()], size).unwrap();
    (handle, File::from(master.expect("a shell can be started")))
}

/// Reads what a terminal shows until it shows `what`.
fn shown(terminal: &mut File, what: &str) -> String {
    let mut all = Vec::new();
    while !String::from_utf8_lossy(&all).contains(what) {
        let mut bytes = [0; 1000];
        let mut ready = [PollFd::new(&*terminal, PollFlags::IN)];
        let waited = poll(&mut ready, Some(&Timespec { tv_sec: 20, tv_nsec: 0 }));
        assert_eq!(waited, Ok(1), "{:?} and then nothing, without {what:?}", String::from_utf8_lossy(&all));
        match terminal.read(&mut bytes) {
            Ok(count) if count > 0 => all.extend_from_slice(&bytes[..count]),
            other => panic!("{other:?} after {:?}, without {what:?}", String::from_utf8_lossy(&all)),
        }
    }
    String::from_utf8(all).unwrap()
}

#[test]
fn a_terminal_is_the_sandboxs_own_and_can_be_resized() {
    let mut world = World::new();
    let client = world.start();
    await_phase(&client, Phase::Healthy);
    let (handle, mut terminal) = shell(&client);
    let mut ask = |line: &str, answer: &str| {
        writeln!(terminal, "{line}").unwrap();
        shown(&mut terminal, answer)
    };
    ask("tty; stty size", "/dev/pts/0\r\n30 101");
    ask("stat -c %u:%g:%a $(tty); echo to-$TERM > /dev/tty", "1000:5:620\r\nto-xterm-256color");
    // Job control: what waits in the foreground is interrupted, the shell is not.
    ask("sh -c 'echo $((20+2)); exec sleep 1000'", "\r\n22\r\n");
    ask("\x03echo $((40+2))", "42");
    let size = TerminalSize { rows: 50, columns: 132 };
    sandbox::resize(&OwnedFd::from(terminal.try_clone().unwrap()), size).unwrap();
    writeln!(terminal, "stty size; exit 7").unwrap();
    shown(&mut terminal, "50 132");
    assert_eq!(handle.wait().unwrap(), ExecEnded { status: 7, error: None });
    let (handle, none) = client.exec_in_terminal(vec!["no-such".into()], size).unwrap();
    assert!(none.is_none());
    let ended = handle.wait().unwrap();
    assert!(ended.status == 127 && ended.error.unwrap().contains("no-such"));
    world.stop(&client);
}

#[test]
fn nothing_of_a_terminal_outlives_its_shell_or_its_client() {
    let mut world = World::new();
    let client = world.start();
    await_phase(&client, Phase::Healthy);
    let count = || programs(&world);
    let background = "sleep 1000 & (trap '' HUP; sleep 1000) & sleep 1000 | cat & echo $((1+1))";
    for end in ["exit", "", "kill -STOP $$"] {
        let (handle, mut terminal) = shell(&client);
        writeln!(terminal, "{background}").unwrap();
        shown(&mut terminal, "\r\n2\r\n");
        eventually("all of it runs", || count() >= 5);
        writeln!(terminal, "{end}").unwrap();
        if end == "exit" {
            assert_eq!(handle.wait().unwrap().status, 0);
        } else {
            drop(handle);
        }
        eventually("all of it is gone", || count() == 0);
    }
    world.stop(&client);
}
