//! What the tests need: a root layer, an installation's directories, a keeper process, and waiting for it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use keeper::protocol::{HealthSpec, Phase, Spec, Status};
use keeper::{Client, KeeperError};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sandbox::{NetworkSpec, SandboxSpec};
use tempfile::TempDir;

pub const PORT: u16 = 8080;
/// Longer than anything here takes on a busy machine.
pub const LONG: Duration = Duration::from_secs(20);

/// One installation and its keepers. Dropping it kills what still runs.
pub struct World {
    pub root: TempDir,
    pub spec: Spec,
    pub keeper: Option<Child>,
}

impl World {
    /// An installation whose application is a web server: `/health` answers 200, `/cgi-bin/health` answers 200 until
    /// there is a file `/data/sick`.
    pub fn new() -> Self {
        enter_namespaces();
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for dir in ["keeper", "logs", "app/www/cgi-bin", "data"] {
            fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        fs::write(root.path().join("app/www/health"), "well\n").unwrap();
        let cgi = root.path().join("app/www/cgi-bin/health");
        let script = "#!/bin/sh\nif [ -e /data/sick ]; then echo 'Status: 500 Sick'; fi\nprintf '\\r\\nanswer\\n'\n";
        fs::write(&cgi, script).unwrap();
        fs::set_permissions(&cgi, fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::chown(root.path().join("data"), Some(1000), Some(1000)).unwrap();
        busybox_layer(&root.path().join("layer"));
        let spec = spec(root.path());
        Self { root, spec, keeper: None }
    }

    /// One that runs a shell script instead, without a health check.
    pub fn running(script: &str) -> Self {
        let mut world = Self::new();
        world.spec.sandbox.command = shell(script);
        world.spec.health = None;
        world
    }

    /// One that never answers its health check.
    pub fn silent() -> Self {
        let mut world = Self::new();
        world.spec.sandbox.command = shell("exec sleep 1000");
        world
    }

    /// Lets a shell script run beside the web server.
    pub fn beside(script: &str) -> Self {
        let mut world = Self::new();
        let server = world.spec.sandbox.command.join(" ");
        world.spec.sandbox.command = shell(&format!("{script} exec {server}"));
        world
    }

    pub fn dir(&self) -> PathBuf {
        self.root.path().join("keeper")
    }

    pub fn logs(&self) -> PathBuf {
        self.root.path().join("logs")
    }

    pub fn health(&mut self) -> &mut HealthSpec {
        self.spec.health.as_mut().expect("this world has a health check")
    }

    /// A keeper's process, with the specification as it is now.
    pub fn spawn(&self) -> Child {
        fs::write(self.dir().join("spec.json"), serde_json::to_vec(&self.spec).unwrap()).unwrap();
        Command::new(example()).arg(self.dir()).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Starts the keeper and connects to it.
    pub fn start(&mut self) -> Client {
        self.keeper = Some(self.spawn());
        self.connect()
    }

    pub fn connect(&mut self) -> Client {
        let until = Instant::now() + LONG;
        loop {
            match Client::connect(&self.dir()) {
                Ok(client) => return client,
                Err(_) if Instant::now() < until && self.exit_status().is_none() => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(error) => {
                    let mut said = String::new();
                    let keeper = self.keeper.as_mut().unwrap();
                    let _ = keeper.kill();
                    keeper.stderr.as_mut().unwrap().read_to_string(&mut said).unwrap();
                    panic!("{error}; the keeper said: {said}");
                }
            }
        }
    }

    /// The exit status of the keeper if it has ended.
    pub fn exit_status(&mut self) -> Option<std::process::ExitStatus> {
        self.keeper.as_mut().and_then(|keeper| keeper.try_wait().unwrap())
    }

    /// Waits for the keeper's end.
    pub fn wait_exit(&mut self) -> i32 {
        let status = self.keeper.take().unwrap().wait().unwrap();
        status.code().unwrap_or_else(|| panic!("the keeper ended with {status}"))
    }

    /// Stops it and makes sure that nothing is left.
    pub fn stop(&mut self, client: &Client) -> Status {
        let status = client.stop(LONG).unwrap_or_else(|error| panic!("{error}\n{}", self.log_text()));
        assert_eq!(status.phase, Phase::Stopped);
        assert!(!keeper::is_alive(&self.dir()), "the lock is free when stop returns");
        assert_eq!(self.wait_exit(), 0, "{}", self.log_text());
        self.assert_nothing_left();
        status
    }

    pub fn assert_nothing_left(&self) {
        assert!(!self.dir().join("socket").exists());
        let name = &self.spec.sandbox.name;
        assert_eq!(cgroups_of(name), Vec::<PathBuf>::new());
        if let Some(network) = &self.spec.sandbox.network {
            let interfaces = Command::new("ip").args(["-o", "link"]).output().expect("Debian package iproute2");
            let interfaces = String::from_utf8_lossy(&interfaces.stdout).into_owned();
            assert!(!interfaces.contains(&network.interface), "{interfaces}");
        }
        assert_eq!(processes_of(self.spec.sandbox.first_id), Vec::<i32>::new());
    }

    pub fn log_text(&self) -> String {
        fs::read_to_string(self.logs().join("app.log")).unwrap_or_default()
    }

    /// How many lines of the log contain `text`.
    pub fn log_count(&self, text: &str) -> usize {
        self.log_text().lines().filter(|line| line.contains(text)).count()
    }

    pub fn address(&self) -> SocketAddr {
        (self.spec.sandbox.network.as_ref().unwrap().address, PORT).into()
    }

    /// Whether the application answers a request to `/health` from outside.
    pub fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect_timeout(&self.address(), Duration::from_millis(200)) else {
            return false;
        };
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut answer = [0; 15];
        stream.write_all(b"GET /health HTTP/1.0\r\n\r\n").is_ok()
            && stream.read_exact(&mut answer).is_ok()
            && answer.ends_with(b" 200 OK")
    }

    /// The application's own process: the first child of the sandbox's first.
    pub fn application_pid(&self, status: &Status) -> i32 {
        let init = status.pid.expect("it runs");
        let children = fs::read_to_string(format!("/proc/{init}/task/{init}/children")).unwrap();
        children.split_whitespace().next().unwrap_or_else(|| panic!("{init} has no child")).parse().unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            let _ = keeper.kill();
            let _ = keeper.wait();
            // Its sandbox dies with it; the cgroups are left to the next keeper, which does not come here.
            let _ = sandbox::sweep(&self.spec.sandbox.name);
        }
        if std::thread::panicking() {
            eprintln!("--- the log:\n{}", self.log_text());
        }
    }
}

fn shell(script: &str) -> Vec<String> {
    ["/bin/sh", "-c", script].map(String::from).into()
}

/// Waits until the status is as wanted.
pub fn await_status(client: &Client, what: &str, wanted: impl Fn(&Status) -> bool) -> Status {
    let until = Instant::now() + LONG;
    let mut watch = client.watch().unwrap();
    let mut last = None;
    while let Some(rest) = until.checked_duration_since(Instant::now()) {
        match watch.next_timeout(rest) {
            Ok(Some(status)) if wanted(&status) => return status,
            Ok(Some(status)) => last = Some(status),
            Ok(None) => break,
            Err(error) => panic!("waiting until {what}: {error}; last {last:?}"),
        }
    }
    panic!("it never was {what}; last {last:?}");
}

pub fn await_phase(client: &Client, phase: Phase) -> Status {
    await_status(client, &format!("{phase:?}"), |status| status.phase == phase)
}

/// Waits until `condition` holds.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < until, "{what} never came true");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).unwrap();
}

pub fn is_gone<T>(result: &keeper::Result<T>) -> bool {
    matches!(result, Err(KeeperError::Gone { .. } | KeeperError::NoKeeper { .. }))
}

fn enter_namespaces() {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)
        .expect("these tests make sandboxes: they must be run as root");
    let private = nix::mount::MsFlags::MS_REC | nix::mount::MsFlags::MS_PRIVATE;
    nix::mount::mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status().expect("ip of Debian package iproute2");
    assert!(up.success());
}

fn example() -> PathBuf {
    env!("CARGO_BIN_EXE_vclouden-keeper").into()
}

/// A root file system of one static program.
fn busybox_layer(layer: &Path) {
    for dir in ["bin", "app", "data", "dev", "etc", "proc", "run", "sys", "tmp"] {
        fs::create_dir_all(layer.join(dir)).unwrap();
    }
    fs::write(layer.join("etc/passwd"), "root:x:0:0::/:/bin/sh\napp:x:1000:1000::/data:/bin/sh\n").unwrap();
    fs::copy("/bin/busybox", layer.join("bin/busybox")).expect("/bin/busybox of Debian package busybox-static");
    let list = Command::new("/bin/busybox").arg("--list").output().unwrap();
    for name in String::from_utf8(list.stdout).unwrap().lines() {
        if name != "busybox" {
            symlink("busybox", layer.join("bin").join(name)).unwrap();
        }
    }
}

fn spec(root: &Path) -> Spec {
    // Tests run at the same time, as threads or as processes; their ids and cgroups must not meet.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let unique = (std::process::id() * 64 + NEXT.fetch_add(1, Ordering::Relaxed)) % 29_000;
    let sandbox = SandboxSpec {
        name: format!("keeper-test-{}-{unique}", std::process::id()),
        hostname: "acme".into(),
        layers: vec![root.join("layer")],
        app: root.join("app"),
        data: Some((root.join("data"), "/data".into())),
        files: Vec::new(),
        command: ["/bin/httpd", "-f", "-p", &PORT.to_string(), "-h", "/app/www"].map(Into::into).into(),
        environment: BTreeMap::from([("PATH".into(), "/bin".into())]),
        directory: "/app".into(),
        uid: 1000,
        gid: 1000,
        first_id: 1_900_000_000 + unique * 65_536,
        memory: 64 << 20,
        cpus_milli: 1000,
        processes: 64,
        network: Some(NetworkSpec {
            interface: format!("vn-{unique}"),
            address: Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 0)) + 16 + unique),
            gateway: Ipv4Addr::new(198, 18, 0, 1),
        }),
    };
    Spec {
        installation: "0190-test".into(),
        sandbox,
        health: Some(HealthSpec {
            port: PORT,
            path: Some("/health".into()),
            host: "acme.localhost".into(),
            start_timeout_ms: 10_000,
            interval_ms: 100,
            timeout_ms: 2000,
        }),
        stop_signal: Signal::SIGTERM as i32,
        stop_grace_ms: 5000,
        logs: root.join("logs"),
        log_bytes: 1 << 20,
        log_files: 3,
        trial: false,
    }
}

/// Directories of any cgroup hierarchy whose name contains `name`.
fn cgroups_of(name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name().to_string_lossy().contains(name) {
                    found.push(entry.path());
                }
                open.push(entry.path());
            }
        }
    }
    found
}

/// Living processes that run as one of the sandbox's ids.
pub fn processes_of(first_id: u32) -> Vec<i32> {
    let mine = |pid: &i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let uid =
            status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().next()?.parse::<u32>().ok());
        !status.contains("State:\tZ") && uid.is_some_and(|uid| (first_id..=first_id + 65_535).contains(&uid))
    };
    let names = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    names.filter(mine).collect()
}
