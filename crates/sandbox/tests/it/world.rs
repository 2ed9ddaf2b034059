//! A place for one test: mount and network namespaces of its own, a root layer with busybox and the probe, a data
//! directory, and a name that no other test uses. What a test leaves is swept when it ends, also when it fails.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::thread::{UnshareFlags, unshare_unsafe};
use sandbox::{NetworkSpec, SandboxSpec};

/// What the shell of the tests can use.
const TOOLS: [&str; 24] = [
    "sh", "cat", "ls", "id", "sleep", "kill", "echo", "mount", "umount", "touch", "ps", "hostname", "ip", "head",
    "grep", "nc", "httpd", "mkfifo", "dd", "true", "stat", "mkdir", "readlink", "unshare",
];

pub struct World {
    pub spec: SandboxSpec,
    directory: tempfile::TempDir,
    name: String,
}

/// The roots of the cgroup hierarchies.
fn roots() -> Vec<PathBuf> {
    let v1 = fs::read_dir("/sys/fs/cgroup").unwrap().filter_map(|entry| Some(entry.ok()?.path()));
    v1.chain([PathBuf::from("/sys/fs/cgroup")]).collect()
}

/// What a run said, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub out: String,
    pub end: String,
}

impl World {
    #[expect(unsafe_code)]
    pub fn new() -> World {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // SAFETY: mounts, network and what belongs to this thread's view of the file system are not shared memory.
        unsafe { unshare_unsafe(UnshareFlags::NEWNS | UnshareFlags::NEWNET | UnshareFlags::FS) }
            .expect("these tests need root");
        let propagation = rustix::mount::MountPropagationFlags::REC | rustix::mount::MountPropagationFlags::PRIVATE;
        rustix::mount::mount_change("/", propagation).unwrap();
        let directory = tempfile::Builder::new().prefix("sandbox-").tempdir().unwrap();
        let number = std::process::id() % 10_000 * 3 + COUNT.fetch_add(1, Ordering::Relaxed) % 30_000;
        let at = |name: &str| directory.path().join(name);
        // Some controls run as another user.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["base", "app", "data"] {
            fs::create_dir(at(name)).unwrap();
        }
        std::os::unix::fs::chown(at("data"), Some(1000), Some(1000)).unwrap();
        fs::write(at("app/hello"), "hello from the package\n").unwrap();
        furnish(&at("base"));
        let spec = SandboxSpec {
            name: format!("test-{}-{number}-", std::process::id()),
            hostname: "inside".to_owned(),
            layers: vec![at("base")],
            app: at("app"),
            data: Some((at("data"), "/data".to_owned())),
            files: Vec::new(),
            command: Vec::new(),
            environment: BTreeMap::from([("PATH".to_owned(), "/bin".to_owned())]),
            directory: "/".to_owned(),
            uid: 1000,
            gid: 1000,
            first_id: 1_000_000_000 + number * 65_536 % 900_000_000,
            memory: 64 << 20,
            cpus_milli: 2000,
            processes: 64,
            network: None,
        };
        World { name: spec.name.clone(), spec, directory }
    }

    /// The same with its data in a subvolume of a btrfs.
    pub fn on_btrfs() -> World {
        let mut world = World::new();
        let (image, mounted) = (world.path("image"), world.path("data"));
        fs::File::create_new(&image).unwrap().set_len(300 << 20).unwrap();
        must(Command::new("mkfs.btrfs").arg("-q").arg(&image), "btrfs-progs");
        must(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&mounted), "mount");
        let data = mounted.join("data");
        must(Command::new("btrfs").args(["-q", "subvolume", "create"]).arg(&data), "btrfs-progs");
        std::os::unix::fs::chown(&data, Some(1000), Some(1000)).unwrap();
        world.spec.data = Some((data, "/data".to_owned()));
        world
    }

    /// Runs a program of the root outside any sandbox, as a control: as this user, with what root can do to the
    /// server kept to namespaces that end with it.
    pub fn outside(&self, user: u32, words: &[&str]) -> String {
        let mut command = Command::new("unshare");
        command.args(["--uts", "--ipc", "--mount", "--net", "--pid", "--fork", "--kill-child"]);
        command.args(["setpriv", &format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups"]);
        command.arg(self.path("base/bin").join(words[0])).args(&words[1..]).stdin(Stdio::null());
        must(&mut command, "util-linux")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn link(&mut self, last: u8) {
        self.spec.network = Some(NetworkSpec {
            interface: format!("vn-{last}"),
            address: [198, 18, 0, last].into(),
            gateway: [198, 18, 0, 1].into(),
        });
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let file = self.path(&format!("{}.json", self.spec.name));
        fs::write(&file, serde_json::to_vec(&self.spec).unwrap()).unwrap();
        let mut command = Command::new(example("run"));
        command.arg(file).args(arguments);
        command
    }

    /// Runs a shell script in a sandbox.
    pub fn shell(&mut self, script: &str) -> Said {
        self.run(&["sh", "-c", script])
    }

    /// Runs a command in a sandbox until it ends.
    pub fn run(&mut self, command: &[&str]) -> Said {
        self.spec.command = command.iter().map(|word| (*word).to_owned()).collect();
        let output = self.command(&[]).stdin(Stdio::null()).output().unwrap();
        let mut out = String::from_utf8(output.stdout).unwrap();
        let last = out.trim_end().rfind('\n').map_or(0, |at| at + 1);
        let end = out.split_off(last).trim_end().to_owned();
        out.push_str(&String::from_utf8(output.stderr).unwrap());
        Said { out, end }
    }

    /// Starts a shell script in a sandbox whose parent takes commands.
    pub fn start(&mut self, script: &str) -> Running {
        self.spec.command = ["sh", "-c", script].map(str::to_owned).to_vec();
        let mut parent = self.command(&["wait"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (parent.stdin.take().unwrap(), BufReader::new(parent.stdout.take().unwrap()));
        let mut running = Running { parent, input: Some(input), output, kept: Vec::new(), pid: 0 };
        running.pid = running.until("pid: ").parse().unwrap();
        running
    }

    /// Ids, on the server, of the sandbox's processes that are alive.
    pub fn processes(&self) -> Vec<u32> {
        let ids = self.spec.first_id..self.spec.first_id + 65_536;
        let alive = |pid: &u32| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let field = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next());
            field("State:").is_some_and(|state| state != "Z" && state != "X")
                && field("Uid:").and_then(|uid| uid.parse().ok()).is_some_and(|uid| ids.contains(&uid))
        };
        let all = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        all.filter(alive).collect()
    }

    /// The sandbox's groups.
    pub fn groups(&self) -> Vec<PathBuf> {
        let all = roots().into_iter().map(|root| root.join("vclouden").join(&self.spec.name));
        all.filter(|group| group.exists()).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.path("image").exists() {
            let _ = rustix::mount::unmount(self.path("data"), rustix::mount::UnmountFlags::DETACH);
        }
        // Also those of sandboxes whose names a test made from this one.
        for root in roots() {
            for group in fs::read_dir(root.join("vclouden")).into_iter().flatten().flatten() {
                let name = group.file_name().into_string().unwrap();
                if name.starts_with(&self.name) {
                    let _ = sandbox::sweep(&name);
                }
            }
        }
    }
}

/// A sandbox with a parent that takes commands.
pub struct Running {
    pub parent: Child,
    pub pid: u32,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    kept: Vec<String>,
}

impl Running {
    /// The rest of the next line that begins so. Others are kept: what the sandbox and its parent say may come in any
    /// order.
    pub fn until(&mut self, start: &str) -> String {
        if let Some(at) = self.kept.iter().position(|line| line.starts_with(start)) {
            return self.kept.remove(at)[start.len()..].to_owned();
        }
        loop {
            let mut line = String::new();
            let got = self.output.read_line(&mut line).unwrap();
            assert_ne!(got, 0, "no line with `{start}` came after {:?}", self.kept);
            let line = line.trim_end();
            match line.strip_prefix(start) {
                Some(rest) => return rest.to_owned(),
                None => self.kept.push(line.to_owned()),
            }
        }
    }

    pub fn ask(&mut self, command: &str) -> String {
        writeln!(self.input.as_mut().unwrap(), "{command}").unwrap();
        self.until(&format!("{}: ", command.split(' ').next().unwrap()))
    }

    /// The same, keeping the lines that come before the answer.
    pub fn ask_collecting(&mut self, command: &str, lines: &mut Vec<String>) -> String {
        writeln!(self.input.as_mut().unwrap(), "{command}").unwrap();
        let start = format!("{}: ", command.split(' ').next().unwrap());
        loop {
            let line = self.until("");
            match line.strip_prefix(&start) {
                Some(rest) => return rest.to_owned(),
                None => lines.push(line),
            }
        }
    }

    /// Gives no more commands; how did it end?
    pub fn end(&mut self) -> String {
        self.input = None;
        self.until("end: ")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.parent.kill();
        let _ = self.parent.wait();
    }
}

/// Runs a program of the server that must succeed; what it printed.
pub fn must(command: &mut Command, package: &str) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; install Debian's {package}"));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{command:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Waits for something that comes about by itself.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(5));
    }
}

/// A root with busybox, the probe and the libraries that it needs.
fn furnish(base: &Path) {
    for name in ["bin", "app", "data", "proc", "dev", "tmp", "run", "etc", "var"] {
        fs::create_dir(base.join(name)).unwrap();
    }
    let busybox = "/usr/bin/busybox";
    fs::copy(busybox, base.join("bin/busybox"))
        .unwrap_or_else(|error| panic!("{busybox}: {error}; install Debian's busybox-static"));
    for tool in TOOLS {
        symlink("busybox", base.join("bin").join(tool)).unwrap();
    }
    fs::copy(example("probe"), base.join("bin/probe")).unwrap();
    // This program needs the same ones.
    for line in fs::read_to_string("/proc/self/maps").unwrap().lines() {
        let Some(library) = line.split_whitespace().nth(5).filter(|path| path.contains(".so")) else { continue };
        for at in [library.to_owned(), library.replace("/usr/", "/"), library.replace("/usr/lib/", "/lib64/")] {
            let file = at.rsplit('/').next().unwrap();
            let at = if at.starts_with("/lib64") { format!("/lib64/{file}") } else { at };
            let at = base.join(at.trim_start_matches('/'));
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            if !at.exists() {
                fs::copy(library, &at).unwrap();
                fs::set_permissions(&at, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
    }
}

/// A program of this crate's examples.
pub fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(program.exists(), "{} is missing: cargo build -p sandbox --examples", program.display());
    program
}
