//! A machine of the test's own, with a real `vclouden up` on it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use serde_json::Value;

/// Where the edge of every machine listens; each has its own loopback.
pub const EDGE: &str = "127.0.0.1:8080";
/// Where the API of every machine listens.
pub const API: &str = "127.0.0.1:7878";

/// A running `vclouden up`.
pub struct Machine {
    home: tempfile::TempDir,
    up: Option<Child>,
    cirrus: Option<PathBuf>,
    options: Vec<&'static str>,
}

/// Moves the calling thread, and whatever it starts from now on, into network and mount namespaces of its own.
pub fn isolate() {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).expect("these tests need root");
    run("mount", &["--make-rprivate", "/"]);
    run("ip", &["link", "set", "lo", "up"]);
}

/// Runs a program of the machine that must succeed.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|e| panic!("{program}: {e}; `scripts/need test` installs what the tests need"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}\n{text}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

impl Machine {
    /// A fresh machine that is up.
    pub fn new() -> Self {
        Self::set_up(Some(crate::cirrus()), &[])
    }

    /// The same with more options of `up`.
    pub fn with(options: &[&'static str]) -> Self {
        Self::set_up(Some(crate::cirrus()), options)
    }

    /// The same on a server that has no Cirrus.
    pub fn without_cirrus() -> Self {
        Self::set_up(None, &[])
    }

    fn set_up(cirrus: Option<PathBuf>, options: &[&'static str]) -> Self {
        isolate();
        let home = tempfile::Builder::new().prefix("vct-").tempdir().expect("a temporary directory");
        let mut machine = Self { home, up: None, cirrus, options: options.to_vec() };
        machine.set_faults(&[]);
        machine.start();
        machine
    }

    /// From now on Nimbus misbehaves so, each fault once: `verb.step.moment=fault`, such as
    /// `switch.snapshot.after-do=kill`. Debug builds only.
    pub fn set_faults(&self, faults: &[&str]) {
        std::fs::write(self.faults(), faults.join("\n") + "\n").expect("the plan of faults can be written");
    }

    /// Faults that were planned and not reached.
    pub fn unspent_faults(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.faults()).expect("the plan of faults can be read");
        text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    fn faults(&self) -> PathBuf {
        self.home.path().join("faults")
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// A directory for the test's own files.
    pub fn scratch(&self) -> &Path {
        self.home.path()
    }

    /// Starts `vclouden up` and waits until it serves.
    pub fn start(&mut self) {
        assert!(self.up.is_none(), "it is up already");
        let log = std::fs::File::options().create(true).append(true).open(self.home.path().join("up.log"));
        let log = log.expect("a log file");
        let mut command = self.command(&["up", "--edge", EDGE, "--api", API, "--volume-size", "2 GiB"]);
        command.arg("--data").arg(self.data()).arg("--cache").arg(crate::cache());
        command.arg("--cirrus").arg(self.cirrus.as_deref().unwrap_or(Path::new("/no/such/cirrus")));
        command.args(&self.options);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log file")).stderr(log);
        command.env("VCLOUDEN_FAULTS", self.faults());
        self.up = Some(command.spawn().expect("vclouden starts"));
        self.eventually("vclouden up serves", |machine| {
            let up = machine.up.as_mut().expect("it was started");
            if let Some(status) = up.try_wait().expect("a child can be waited for") {
                panic!("vclouden up ended with {status}:\n{}", machine.up_log());
            }
            machine.try_cli(&["status"]).status.success()
        });
    }

    /// What `vclouden up` and its parts printed.
    pub fn up_log(&self) -> String {
        let mut text = String::new();
        for file in ["up.log", "data/nimbus.log", "data/plane.log", "data/edge.log"] {
            if let Ok(part) = std::fs::read_to_string(self.home.path().join(file)) {
                text += &format!("--- {file}\n{part}");
            }
        }
        text
    }

    /// `kill -9` of `up` and of its three parts; keepers and sandboxes are left alone.
    pub fn kill(&mut self) {
        let parts = self.parts();
        let mut up = self.up.take().expect("it is up");
        up.kill().expect("up can be killed");
        up.wait().expect("up can be waited for");
        for part in parts {
            signal(part, 9);
        }
    }

    /// Ctrl-C, and its end.
    pub fn interrupt(&mut self) {
        let mut up = self.up.take().expect("it is up");
        signal(up.id(), 2);
        up.wait().expect("up can be waited for");
    }

    /// The process ids of control plane, Nimbus and edge.
    pub fn parts(&self) -> Vec<u32> {
        ["plane", "nimbus", "edge"].iter().filter_map(|part| self.part(part)).collect()
    }

    /// The process id of one part.
    pub fn part(&self, name: &str) -> Option<u32> {
        let up = self.up.as_ref()?.id();
        let children = std::fs::read_to_string(format!("/proc/{up}/task/{up}/children")).ok()?;
        children.split_whitespace().filter_map(|pid| pid.parse().ok()).find(|pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|b| *b == 0).nth(1) == Some(name.as_bytes())
        })
    }

    /// `kill -9` of one part, which `up` brings back.
    pub fn kill_part(&self, name: &str) {
        signal(self.part(name).unwrap_or_else(|| panic!("{name} does not run")), 9);
    }

    /// A `vclouden` command line in this machine.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(crate::vclouden());
        command.args(arguments).env("XDG_CONFIG_HOME", self.home.path().join("config"));
        command.env_remove("SUDO_USER").env_remove("VCLOUDEN_API").env_remove("VCLOUDEN_TOKEN");
        command
    }

    /// Runs a command line, whatever its outcome.
    pub fn try_cli(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().expect("vclouden runs")
    }

    /// Runs a command line that must succeed; what it printed.
    pub fn cli(&self, arguments: &[&str]) -> String {
        let output = self.try_cli(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            panic!("vclouden {arguments:?}: {}\n{text}{errors}\n{}", output.status, self.up_log());
        }
        text
    }

    /// Runs a command line that must fail; its exit status, what it printed and its errors.
    pub fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.try_cli(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "vclouden {arguments:?} should have failed:\n{text}");
        (output.status.code().expect("it was not killed"), text)
    }

    /// Runs a command line with `--json`.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let text = self.cli(&[&["--json"], arguments].concat());
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("vclouden --json {arguments:?}: {e}\n{text}"))
    }

    /// `GET` through the edge: status and body.
    pub fn get(&self, installation: &str, path: &str) -> (u16, String) {
        self.request("GET", installation, path, "")
    }

    /// A request through the edge: status and body.
    pub fn request(&self, method: &str, installation: &str, path: &str, body: &str) -> (u16, String) {
        request(method, installation, path, body).unwrap_or_else(|e| panic!("{method} {path}: {e}\n{}", self.up_log()))
    }

    /// Waits until `condition` holds, at most a minute.
    pub fn eventually(&mut self, what: &str, mut condition: impl FnMut(&mut Self) -> bool) {
        let begin = Instant::now();
        while !condition(self) {
            if begin.elapsed() > Duration::from_secs(60) {
                panic!("never: {what}\n{}", self.up_log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let data = self.data();
        if let Some(mut up) = self.up.take() {
            signal(up.id(), 15);
            up.wait().ok();
        }
        let down = self.command(&["down", "--data"]).arg(&data).output().expect("vclouden runs");
        if !down.status.success() && !std::thread::panicking() {
            panic!("vclouden down: {}", String::from_utf8_lossy(&down.stderr));
        }
    }
}

/// Sends a signal by number; a process that is gone already is no error.
pub fn signal(pid: u32, number: i32) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).expect("a process id"));
    let signal = nix::sys::signal::Signal::try_from(number).expect("a signal's number");
    match nix::sys::signal::kill(pid, signal) {
        Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
        Err(e) => panic!("kill {pid}: {e}"),
    }
}

/// A request through the edge of the calling thread's machine, on a connection of its own.
pub fn request(method: &str, installation: &str, path: &str, body: &str) -> Result<(u16, String), String> {
    request_with(method, installation, path, &[], body)
}

/// The same with headers.
pub fn request_with(
    method: &str,
    installation: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<(u16, String), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let method = reqwest::Method::from_bytes(method.as_bytes()).map_err(|e| e.to_string())?;
        let request =
            crate::client().build().map_err(|e| e.to_string())?.request(method, format!("http://{EDGE}{path}"));
        let request = request.header("Host", format!("{installation}.localhost")).body(body.to_owned());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = request.send().await.map_err(|e| format!("{e:?}"))?;
        let status = answer.status().as_u16();
        Ok((status, answer.text().await.map_err(|e| format!("{e:?}"))?))
    })
}
