//! Servers of the same application: Cirrus, and its peers from `benches/peers` with their packages.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::peers;

const ROWS: usize = 100_000;
const PORT: u16 = 9400;

/// What all servers need: the peers' packages, and one database for each with the same rows.
pub struct Servers {
    dir: PathBuf,
}

/// One that runs; it ends with this.
pub struct Server {
    pub name: String,
    pub first_response: Duration,
    port: u16,
    child: Child,
}

impl Servers {
    /// Installs the peers' packages, once, and fills a database through Cirrus.
    pub fn prepare(dir: &Path) -> Result<Self> {
        let tree = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let peers = tree.join("../target/bench-peers");
        fs::create_dir_all(&peers)?;
        for entry in fs::read_dir(tree.join("peers"))? {
            let path = entry?.path();
            fs::copy(&path, peers.join(path.file_name().context("a file")?))?;
        }
        if !peers.join("node_modules").exists() {
            // Not `ci`: a mirror may lack what other systems would need.
            let to = peers.to_str().context("UTF-8")?;
            peers::run("npm", &["install", "--no-audit", "--no-fund", "--no-save", "--prefix", to])?;
        }
        let servers = Self { dir: dir.to_owned() };
        fs::create_dir_all(dir.join("app"))?;
        for name in ["schema.toml", "app.js"] {
            fs::copy(tree.join("cirrus-app").join(name), dir.join("app").join(name))?;
        }
        let mut rows = String::from("titulo,hecha,prioridad,creada\n");
        for n in 0..ROWS {
            rows += &format!("Tarea número {n},{},{},2026-11-23T00:00:00.000Z\n", n % 2 == 1, n % 5);
        }
        fs::write(dir.join("rows.csv"), rows)?;
        let (app, data, rows) = (dir.join("app"), dir.join("data"), dir.join("rows.csv"));
        let status =
            Command::new(cirrus()).arg("import").arg("tareas").arg(&rows).arg(&app).arg("--data").arg(&data).status();
        ensure!(status.context("cirrus is built beside this program")?.success(), "cirrus import failed");
        Ok(servers)
    }

    /// Where the databases are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Starts one by name, on a database of its own, on the first processor, and waits for its first answer.
    pub fn start(&self, name: &str) -> Result<Server> {
        self.launch(name, Command::new("taskset"))
    }

    /// The same with so much memory and no more.
    pub fn start_in(&self, name: &str, memory: &Memory) -> Result<Server> {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$ >\"$0\" && exec taskset \"$@\""]).arg(memory.0.join("cgroup.procs"));
        self.launch(name, command)
    }

    fn launch(&self, name: &str, mut command: Command) -> Result<Server> {
        let place =
            ["cirrus", "cirrus-cached", "bun", "deno", "fastify", "express", "nginx"].iter().position(|n| *n == name);
        let port = PORT + u16::try_from(place.with_context(|| format!("there is no server '{name}'"))?)?;
        let data = self.dir.join(name);
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        fs::create_dir_all(&data)?;
        fs::copy(self.dir.join("data/data.sqlite"), data.join("data.sqlite"))?;
        command.args(["-c", "0"]);
        self.arguments(name, port, &data, &mut command)?;
        command.env("DB", data.join("data.sqlite")).env("PORT", port.to_string());
        command.current_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/bench-peers"));
        let begin = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("taskset is needed")?;
        let mut server = Server { name: name.to_owned(), first_response: Duration::ZERO, port, child };
        while server.get("/tareas").is_err() {
            ensure!(!server.ended()?, "{name} ended before it answered");
            ensure!(begin.elapsed() < Duration::from_secs(20), "{name} did not answer within 20 seconds");
            std::thread::sleep(Duration::from_micros(200));
        }
        server.first_response = begin.elapsed();
        Ok(server)
    }

    fn arguments(&self, name: &str, port: u16, data: &Path, command: &mut Command) -> Result<()> {
        match name {
            "cirrus" | "cirrus-cached" => {
                command.arg(cirrus()).arg("serve").arg(self.dir.join("app")).arg("--data").arg(data);
                command.args(["--listen", &format!("127.0.0.1:{port}"), "--no-reload"]);
                if name == "cirrus" {
                    command.arg("--no-result-cache");
                }
            }
            "bun" => drop(command.args(["node_modules/.bin/bun", "bun.mjs"])),
            // Its own program: what npm puts first is a script that starts it as a child.
            "deno" => {
                let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
                command.arg(format!("node_modules/@deno/linux-{machine}-glibc/deno"));
                command.args(["run", "--allow-all", "deno.mjs"]);
            }
            "nginx" => drop(command.args(["nginx", "-c"]).arg(self.nginx(port, data)?)),
            peer => drop(command.arg("node").arg(format!("{peer}.mjs"))),
        }
        Ok(())
    }

    /// Nginx with what `/tareas` answers in a file.
    fn nginx(&self, port: u16, data: &Path) -> Result<PathBuf> {
        let cirrus = self.start("cirrus")?;
        fs::write(data.join("tareas"), cirrus.get("/tareas")?)?;
        let (dir, path) = (data.display(), data.join("nginx.conf"));
        let text = format!(
            "daemon off; master_process off; worker_processes 1; pid {dir}/pid; error_log {dir}/errors;\n\
             events {{ worker_connections 2048; }}\n\
             http {{ access_log off; default_type application/json; keepalive_requests 1000000;\n\
             server {{ listen 127.0.0.1:{port}; root {dir}; }} }}\n"
        );
        fs::write(&path, text)?;
        Ok(path)
    }
}

impl Server {
    /// Where a path of it is.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The body of what it answers; an error when that is not 200.
    pub fn get(&self, path: &str) -> Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("a head and a body")?;
        ensure!(head.starts_with("HTTP/1.1 200"), "{}: {head}", self.name);
        Ok(if head.to_lowercase().contains("transfer-encoding: chunked") { unchunked(body) } else { body.to_owned() })
    }

    /// Whether it is no more.
    pub fn ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Processor time of all its threads and children so far.
    pub fn cpu(&self) -> Result<Duration> {
        let mut total = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // A thread may end in between.
            let text = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
            total += text.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(Duration::from_nanos(total))
    }

    /// Memory that is its own, in KiB: what it wrote. The program's file is the same for all that run it.
    pub fn private_kib(&self) -> Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let private = text.lines().filter(|line| line.starts_with("Private_Dirty"));
        Ok(private.filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).sum())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then the bench has said so.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A limit of memory: a cgroup of either version, gone in the end.
pub struct Memory(PathBuf);

impl Memory {
    /// Allows so many bytes, the kernel's share and cached files included.
    pub fn limit(bytes: u64) -> Result<Self> {
        let (first, own) = (Path::new("/sys/fs/cgroup/memory"), format!("vclouden-bench-{}", std::process::id()));
        let (tree, key) = match first.exists() {
            true => (first, "memory.limit_in_bytes"),
            false => (Path::new("/sys/fs/cgroup"), "memory.max"),
        };
        let memory = Self(tree.join(own));
        fs::create_dir(&memory.0).context("a cgroup for memory; run as root")?;
        fs::write(memory.0.join(key), bytes.to_string()).context("a limit of memory")?;
        Ok(memory)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // What ran in it has ended; the kernel may need a moment to notice.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        eprintln!("bench: {} is left", self.0.display());
    }
}

/// The server that was built with this program.
fn cirrus() -> PathBuf {
    std::env::current_exe().map(|path| path.with_file_name("cirrus")).unwrap_or_else(|_| "cirrus".into())
}

/// The parts of a chunked body put together (RFC 9112, section 7.1), for text.
fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let Ok(size) = usize::from_str_radix(size.trim(), 16) else { break };
        let (true, Some(part)) = (size > 0, rest.get(..size)) else { break };
        whole += part;
        body = rest.get(size + 2..).unwrap_or("");
    }
    whole
}
