//! A real agent with real keepers and sandboxes, in namespaces of the test's own, and what the tests ask of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use domain::state::OperationState;
use domain::{ArtifactHash, InstallationId, OperationId};
use nimbus_api::{Client, Environment, InstallationReport, OperationReport, OperationRequest, VersionSpec, Work};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::alone::{alone, sh};

/// Longer than anything here takes on a busy machine.
pub const LONG: Duration = Duration::from_secs(40);
const PORT: u16 = 8080;

/// One server.
pub struct Agent {
    home: TempDir,
    process: Option<Child>,
    pub runtime: Runtime,
    pub client: Client,
}

impl Agent {
    /// A new server whose Nimbus serves.
    pub fn new() -> Self {
        alone();
        Self::at(tempfile::Builder::new().prefix("nimbus-").tempdir().unwrap())
    }

    /// The same in that directory, for a test that is alone already.
    pub fn at(home: TempDir) -> Self {
        sh("ip link set lo up");
        let client = Client::new(home.path().join("data/run/nimbus.sock"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut agent = Self { home, process: None, runtime, client };
        agent.start();
        agent
    }

    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn faults(&self) -> PathBuf {
        self.home.path().join("faults")
    }

    /// What is to go wrong, each once: `verb.step.moment=fault`.
    pub fn set_faults(&self, faults: &[String]) {
        fs::write(self.faults(), faults.join("\n") + "\n").unwrap();
    }

    /// What has not gone wrong yet.
    pub fn unspent(&self) -> String {
        fs::read_to_string(self.faults()).unwrap_or_default().trim().to_owned()
    }

    pub fn start(&mut self) {
        let log = fs::File::options().create(true).append(true).open(self.home.path().join("log")).unwrap();
        let test = std::env::current_exe().unwrap();
        let program = test.ancestors().nth(2).unwrap().join("examples/agent");
        assert!(program.exists(), "{} is missing: cargo build -p nimbus --examples", program.display());
        let mut command = Command::new(program);
        command.arg("serve").arg(self.data()).arg(self.faults()).stdin(Stdio::null());
        self.process = Some(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
        let end = Instant::now() + LONG;
        while self.runtime.block_on(self.client.server()).is_err() {
            if let Some(status) = self.process.as_mut().unwrap().try_wait().unwrap() {
                panic!("the agent ended with {status}:\n{}", self.log());
            }
            assert!(Instant::now() < end, "the agent does not serve:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }

    /// Kills Nimbus with SIGKILL; what it keeps goes on.
    pub fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Ends Nimbus with SIGTERM.
    pub fn terminate(&mut self) {
        let mut process = self.process.take().unwrap();
        sh(&format!("kill -TERM {}", process.id()));
        assert!(process.wait().unwrap().success(), "{}", self.log());
    }

    /// Starts it again if it has killed itself; whether it had.
    pub fn revive(&mut self) -> bool {
        let dead = self.process.as_mut().unwrap().try_wait().unwrap().is_some();
        if dead {
            self.start();
        }
        dead
    }

    /// Packs a package around busybox and puts it to the server.
    pub fn version(&self, number: u32, change: impl FnOnce(&mut Value)) -> Box<VersionSpec> {
        let dir = self.home.path().join(format!("package-{number}"));
        fs::create_dir_all(dir.join("initial")).unwrap();
        fs::copy("/bin/busybox", dir.join("busybox")).expect("/bin/busybox of Debian package busybox-static");
        fs::write(dir.join("initial/index.html"), "first\n").unwrap();
        fs::write(dir.join("vclouden.toml"), format!("# {number}\n")).unwrap();
        let archive = self.home.path().join("package.tar.gz");
        let packed = archive::pack(&dir, fs::File::create(&archive).unwrap()).unwrap();
        let artifact: ArtifactHash = packed.hash.parse().unwrap();
        self.runtime.block_on(self.client.put_artifact(&artifact, &archive)).unwrap();
        let mut manifest = manifest();
        manifest["environment"]["NUMBER"] = json!(number.to_string());
        change(&mut manifest);
        let manifest = serde_json::from_value(manifest).unwrap();
        Box::new(VersionSpec { app: "hola".parse().unwrap(), number, artifact, manifest })
    }

    /// A version whose program is this script; `$serve` serves `/data` over HTTP.
    pub fn script(&self, number: u32, script: &str) -> Box<VersionSpec> {
        let script = script.replace("$serve", "exec /app/busybox httpd -f -p 8080 -h /data");
        self.version(number, |manifest| manifest["command"] = json!(["/app/busybox", "sh", "-c", script]))
    }

    /// Asks for an operation and waits for its end, starting Nimbus again when it kills itself.
    pub fn run(&mut self, installation: InstallationId, work: Work) -> OperationReport {
        let (id, request) = (OperationId::new(), OperationRequest { installation, work });
        let end = Instant::now() + LONG;
        loop {
            let asked = self.runtime.block_on(async {
                self.client.submit(id, &request).await?;
                self.client.wait(id, usize::MAX, Duration::from_secs(10)).await
            });
            match asked {
                Ok(report) if report.state != OperationState::Running => return report,
                Ok(_) => {}
                Err(nimbus_api::ClientError::Problem { problem, .. }) => panic!("refused: {}", problem.message),
                Err(error) => {
                    // It may take a moment until a process that killed itself is one that has ended.
                    std::thread::sleep(Duration::from_millis(10));
                    if self.revive() {
                        continue;
                    }
                    assert!(Instant::now() < end, "{error}\n{}", self.log());
                }
            }
            assert!(Instant::now() < end, "{:?} takes too long\n{}", request.work.verb(), self.log());
        }
    }

    /// The same for what has to succeed.
    pub fn finish(&mut self, installation: InstallationId, work: Work) -> OperationReport {
        let report = self.run(installation, work);
        assert_eq!(report.state, OperationState::Finished, "{:?}\n{}", report, self.log());
        report
    }

    /// The reason why something does not succeed.
    pub fn undone(&mut self, installation: InstallationId, work: Work) -> String {
        let report = self.run(installation, work);
        assert_eq!(report.state, OperationState::Undone, "{report:?}\n{}", self.log());
        report.error.expect("what was undone has a reason")
    }

    /// Installs a version under that name.
    pub fn install(&mut self, name: &str, version: Box<VersionSpec>) -> InstallationId {
        let id = InstallationId::new();
        self.finish(id, install(name, version));
        id
    }

    pub fn show(&self, id: InstallationId) -> InstallationReport {
        self.runtime.block_on(self.client.installation(id)).unwrap()
    }

    /// What an installation answers to a GET, asked straight at its address.
    pub fn get(&self, id: InstallationId) -> String {
        let address = self.show(id).address.expect("it runs");
        get(address).unwrap_or_else(|error| panic!("{error}\n{}", self.log()))
    }

    /// Writes into an installation's data as somebody who uses it.
    pub fn write(&self, id: InstallationId, text: &str) {
        let file = self.data().join(format!("volume/installations/{id}/data/index.html"));
        // The volume is mounted in the test's own namespace, so this file is the installation's.
        fs::write(file, text).unwrap();
    }

    /// The most bytes of memory that Nimbus has used.
    pub fn peak_memory(&self) -> u64 {
        let pid = self.process.as_ref().unwrap().id();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// The log of an installation, as `stream text`.
    pub fn log_of(&self, id: InstallationId) -> Vec<String> {
        use futures_util::StreamExt;
        self.runtime.block_on(async {
            let lines = self.client.logs(id, 1000, false).await.unwrap();
            lines.map(|line| line.unwrap()).map(|line| format!("{} {}", line.stream, line.text)).collect().await
        })
    }

    /// What is kept of a failed operation, as `stream text`.
    pub fn log_of_failed(&self, id: OperationId) -> Vec<String> {
        use futures_util::StreamExt;
        self.runtime.block_on(async {
            let lines = self.client.operation_log(id, 1000).await.unwrap();
            lines.map(|line| line.unwrap()).map(|line| format!("{} {}", line.stream, line.text)).collect().await
        })
    }

    /// Waits until a condition holds.
    pub fn eventually(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + LONG;
        while !condition(self) {
            assert!(Instant::now() < end, "{what} never came true\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Everything on the machine that belongs to this server's installations.
    pub fn leftovers(&self) -> BTreeSet<String> {
        let data = self.data();
        let mut found = BTreeSet::new();
        for dir in ["volume/installations", "volume/removed", "volume/reading", "run/keepers"] {
            for entry in fs::read_dir(data.join(dir)).into_iter().flatten().flatten() {
                found.insert(entry.path().display().to_string());
            }
        }
        let text = data.to_str().unwrap();
        for line in sh("cat /proc/thread-self/mounts").lines().filter(|line| line.contains(text)) {
            found.insert(line.split(' ').nth(1).unwrap().to_owned());
        }
        for line in sh("ip -o link").lines() {
            found.insert(line.split(": ").nth(1).unwrap().to_owned());
        }
        for pid in keepers(text) {
            found.insert(format!("keeper {pid}"));
        }
        for id in self.known_ids() {
            found.extend(cgroups(&id));
        }
        found
    }

    /// Every installation that this server's journal has heard of.
    fn known_ids(&self) -> BTreeSet<String> {
        let operations = self.runtime.block_on(self.client.operations(None)).unwrap();
        operations.into_iter().map(|operation| operation.installation.to_string()).collect()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the agent's log:\n{}", self.log());
        }
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        let data = self.data();
        for entry in fs::read_dir(data.join("run/keepers")).into_iter().flatten().flatten() {
            if let Ok(client) = keeper::Client::connect(&entry.path()) {
                let _ = client.stop(LONG);
            }
            let _ = sandbox::sweep(&entry.file_name().to_string_lossy());
        }
        let config = nimbus::volume::VolumeConfig {
            image: data.join("nimbus/volume.img"),
            mount: data.join("volume"),
            bytes: None,
            storage: None,
        };
        if let Ok(volume) = nimbus::volume::Volume::open(&config) {
            let _ = volume.close();
        }
    }
}

pub fn install(name: &str, version: Box<VersionSpec>) -> Work {
    Work::Install {
        name: name.parse().unwrap(),
        epoch: 1,
        version,
        ports: BTreeMap::new(),
        environment: Environment::default(),
        from: None,
    }
}

pub fn switch(version: Box<VersionSpec>) -> Work {
    Work::Switch { version, keep_seconds: 3600, ports: BTreeMap::new() }
}

pub fn get(address: Ipv4Addr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((address, PORT)), Duration::from_secs(2))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /index.html HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    assert!(head.starts_with("HTTP/1.0 200") || head.starts_with("HTTP/1.1 200"), "{answer}");
    Ok(body.to_owned())
}

/// Keepers whose directory is below that one.
pub fn keepers(data: &str) -> Vec<u32> {
    let pids = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_keeper = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<_> = line.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
        words.get(1).is_some_and(|word| word == "keeper") && words.iter().any(|word| word.contains(data))
    };
    pids.filter(is_keeper).collect()
}

fn cgroups(id: &str) -> Vec<String> {
    let trees = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten().map(|entry| entry.path());
    let groups = trees.chain([Path::new("/sys/fs/cgroup").to_owned()]).map(|tree| tree.join("vclouden").join(id));
    groups.filter(|group| group.is_dir()).map(|group| group.display().to_string()).collect()
}

fn manifest() -> Value {
    json!({
        "name": "Hola", "slug": "hola", "logo": null, "engine": "command", "base": "empty", "dependencies": [],
        "command": ["/app/busybox", "httpd", "-f", "-p", PORT.to_string(), "-h", "/data"],
        "user": {"id": 1000}, "environment": {},
        "limits": {"memory": 32 << 20, "cpus_milli": 500, "disk": 64 << 20, "processes": 32},
        "http": {
            "port": PORT, "health": "/index.html", "start_timeout_ms": 5000, "interval_ms": 1000, "timeout_ms": 1000,
            "max_body": 1 << 20
        },
        "ports": [], "data": {"directory": "/data", "initial": "initial"},
        "stop": {"signal": "TERM", "grace_ms": 2000}, "egress": "none"
    })
}
