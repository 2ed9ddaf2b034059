//! From `kill -9` of an application to its next answer.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use testkit::machine::signal;
use testkit::{Machine, Package};

use crate::figure::Figure;
use crate::peers;

const ROUNDS: usize = 21;

pub fn run() -> Result<()> {
    let machine = Machine::new();
    let package = Package::hola(machine.scratch().join("hola"), "1", "well", "");
    machine.cli(&["app", "create", "hola"]);
    machine.cli(&["version", "publish", package.text()]);
    machine.cli(&["customer", "create", "acme"]);
    machine.cli(&["install", "hola", "--customer", "acme", "--name", "acme"]);
    let monit = Monit::begin(&machine)?;
    let mut figure = Figure::new("crash", "kill -9 of the application -> answers again", "ms");
    for round in 0..ROUNDS {
        // Without a row of deaths behind it, as an application that crashes once in a while.
        machine.cli(&["installation", "restart", "acme"]);
        // A different moment of Monit's cycle each time.
        std::thread::sleep(Duration::from_millis(100 + 137 * (round as u64 % 7)));
        let pid = app_pid(&machine)?;
        let begin = Instant::now();
        signal(pid, 9);
        figure.add_time("vclouden, through the edge", until_200(8080, pid, begin)?);
        let pid = monit.pid()?;
        let begin = Instant::now();
        signal(pid, 9);
        figure.add_time("Monit, 1 s cycle", until_200(8098, pid, begin)?);
    }
    figure.finish()
}

/// The application itself: the child of the sandbox's first process.
fn app_pid(machine: &Machine) -> Result<u32> {
    let init = machine.json(&["installation", "show", "acme"])["live"]["pid"].as_u64().context("it runs")?;
    let children = std::fs::read_to_string(format!("/proc/{init}/task/{init}/children"))?;
    children.split_whitespace().next().context("it has a child")?.parse().context("a process id")
}

fn until_200(port: u16, old: u32, begin: Instant) -> Result<Duration> {
    let old = format!("/proc/{old}");
    while begin.elapsed() < Duration::from_secs(20) {
        let gone = std::fs::read_to_string(format!("{old}/stat")).map_or(true, |stat| stat.contains(") Z "));
        if gone && super::install::get("acme", port).unwrap_or(0) == 200 {
            return Ok(begin.elapsed());
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    anyhow::bail!("nothing answers on port {port}")
}

/// A Monit that keeps the same program, outside any sandbox.
struct Monit {
    child: Child,
    pidfile: std::path::PathBuf,
}

impl Monit {
    fn begin(machine: &Machine) -> Result<Self> {
        let dir = machine.scratch().join("monit");
        std::fs::create_dir(&dir)?;
        let (pidfile, start) = (dir.join("hola.pid"), dir.join("start"));
        let script = format!(
            "#!/bin/sh\nHOME={0} PORT=8098 setsid {1} >/dev/null 2>&1 </dev/null &\necho $! > {2}\n",
            dir.display(),
            testkit::hola().display(),
            pidfile.display()
        );
        std::fs::write(&start, script)?;
        peers::run("chmod", &["755", start.to_str().context("UTF-8")?])?;
        let config = dir.join("monitrc");
        let text = format!(
            "set daemon 1\nset pidfile {0}/monit.pid\nset idfile {0}/id\nset statefile {0}/state\n\
             check process hola with pidfile {1}\n  start program = \"{2}\"\n",
            dir.display(),
            pidfile.display(),
            start.display()
        );
        std::fs::write(&config, text)?;
        peers::run("chmod", &["600", config.to_str().context("UTF-8")?])?;
        let mut command = peers::command("monit", &["-I", "-c"]);
        let child = command.arg(&config).stdout(Stdio::null()).spawn().context("monit (scripts/need bench)")?;
        let monit = Self { child, pidfile };
        let begin = Instant::now();
        while super::install::get("acme", 8098).unwrap_or(0) != 200 {
            anyhow::ensure!(begin.elapsed() < Duration::from_secs(20), "Monit never started the program");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(monit)
    }

    fn pid(&self) -> Result<u32> {
        std::fs::read_to_string(&self.pidfile)?.trim().parse().context("Monit's pidfile")
    }
}

impl Drop for Monit {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if let Ok(pid) = self.pid() {
            signal(pid, 9);
        }
    }
}
