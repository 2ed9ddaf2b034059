//! The parts as processes: what they give up, and that they do not outlive their parent. As root, as `up` runs.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::fake::{finish, vclouden};

const EDGE_USER: u32 = 64202;

/// An edge as `up` starts it, with a shell for its parent; both process ids.
fn edge(directory: &std::path::Path, listener: &TcpListener) -> (Child, u32) {
    // A shell gives /dev/null to what it starts in the background, unless told otherwise.
    let script = "exec 3<&0; \"$@\" --parent $$ <&3 & echo $!; wait";
    let user = EDGE_USER.to_string();
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_vclouden"), "edge", "--user", &user, "--listen", "stdin"]);
    command.args(["--domain", "localhost"]).arg("--nimbus-socket").arg(directory.join("edge.sock"));
    command.arg("--state").arg(directory).args(["--secret", "x"]);
    command.stdin(Stdio::from(OwnedFd::from(listener.try_clone().unwrap())));
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut shell = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (shell, line.trim().parse().unwrap())
}

fn status(process: u32, key: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    text.lines().find_map(|line| Some(line.strip_prefix(key)?.trim_start_matches(':').trim().to_owned()))
}

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(10), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_part_gives_its_privileges_up_and_ends_with_its_parent() {
    let directory = tempfile::tempdir().unwrap();
    chown(directory.path(), Some(EDGE_USER), Some(EDGE_USER)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (mut shell, edge) = edge(directory.path(), &listener);
    eventually("the edge serves", || directory.path().join("status.sock").exists());
    let user = EDGE_USER.to_string();
    let ids = status(edge, "Uid").unwrap();
    assert!(ids.split_whitespace().all(|id| id == user), "{ids}");
    let ids = status(edge, "Gid").unwrap();
    assert!(ids.split_whitespace().all(|id| id == user), "{ids}");
    assert_eq!(status(edge, "Groups").unwrap(), "");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status(edge, set).unwrap(), "0000000000000000", "{set}");
    }
    assert_eq!(status(edge, "NoNewPrivs").unwrap(), "1");
    assert_eq!(fs::read_link(format!("/proc/{edge}/fd/0")).unwrap().to_str(), Some("/dev/null"));
    TcpStream::connect(address).unwrap();
    shell.kill().unwrap();
    shell.wait().unwrap();
    eventually("the edge ends", || status(edge, "State").is_none_or(|state| state.starts_with('Z')));
}

#[test]
fn a_part_needs_its_parent_alive() {
    let others = ["--listen", "stdin", "--nimbus-socket", "/x", "--state", "/x", "--domain", "x", "--secret", "x"];
    let ended = finish(vclouden(&[&["edge", "--parent", "1"][..], &others].concat()), "");
    assert_eq!(ended.status, 1);
    assert!(ended.err.contains("has ended already"), "{}", ended.err);
}

#[test]
fn up_wants_root() {
    let mut command = vclouden(&["up"]);
    command.uid(65534).gid(65534);
    let ended = finish(command, "");
    assert_eq!(ended.status, 1);
    assert!(ended.err.contains("must be run as root"), "{}", ended.err);
}
