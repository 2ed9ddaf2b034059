//! From the wish for an installation of a known version to the first 200 through the edge.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use testkit::{Machine, Package};

use crate::figure::Figure;
use crate::peers;

const ROUNDS: usize = 15;

pub fn run() -> Result<()> {
    let machine = Machine::new();
    peers::let_crun_run()?;
    let package = Package::hola(machine.scratch().join("hola"), "1", "well", "");
    machine.cli(&["app", "create", "hola"]);
    machine.cli(&["version", "publish", package.text()]);
    machine.cli(&["customer", "create", "acme"]);
    let root = peers::root(machine.scratch())?;
    std::fs::copy(testkit::hola(), root.join("bin/hola")).context("the sample program")?;
    let mut figure = Figure::new("install", "install of a known version -> first 200, static program", "ms");
    let mut podman_error = None;
    for round in 0..=ROUNDS {
        let name = format!("bench-{round}");
        let ours = time_to_200(&name, 8080, || {
            machine.cli(&["install", "hola", "--customer", "acme", "--name", &name, "--no-wait"]);
            Ok(())
        })?;
        let peer = podman_error.is_none().then(|| podman(&root, round));
        if round > 0 {
            figure.add_time("vclouden install (command line to 200)", ours);
        }
        match peer {
            Some(Ok(time)) if round > 0 => figure.add_time("podman run -p", time),
            Some(Err(error)) => podman_error = Some(format!("{error:#}")),
            _ => {}
        }
        machine.cli(&["installation", "remove", &name, "--yes"]);
    }
    if let Some(error) = podman_error {
        figure.fact("podman run -p does not run here", error);
    }
    figure.finish()
}

fn podman(root: &Path, round: usize) -> Result<Duration> {
    let name = format!("vcb-{round}");
    let root = root.to_str().context("UTF-8")?.to_owned();
    let time = time_to_200(&name, 8099, || {
        let options = ["-d", "--rm", "--name", &name, "-p", "127.0.0.1:8099:8080", "-e", "HOME=/tmp"];
        let status = peers::podman(&root, &options, &["/bin/hola"]).stdout(Stdio::null()).status()?;
        anyhow::ensure!(status.success(), "podman run: {status}");
        Ok(())
    });
    peers::command("podman", &["kill", &name]).stdout(Stdio::null()).status().ok();
    peers::command("podman", &["rm", "-f", &name]).stdout(Stdio::null()).status().ok();
    time
}

fn time_to_200(name: &str, port: u16, begin: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let start = Instant::now();
    begin()?;
    while start.elapsed() < Duration::from_secs(20) {
        if get(name, port).unwrap_or(0) == 200 {
            return Ok(start.elapsed());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    anyhow::bail!("{name} never answered 200 on port {port}")
}

/// The status of `GET /`, on a connection of its own, without a client library's start-up cost.
pub fn get(name: &str, port: u16) -> Result<u16> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {name}.localhost\r\nConnection: close\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    Ok(std::str::from_utf8(&head[9..])?.parse()?)
}
