//! A real `cirrus serve` over a directory of its own, and a small client that shows every byte of the answer.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

pub const SCHEMA: &str = r#"
[tables.clientes.fields]
nombre = { type = "text", required = true, min = 1, max = 100 }
[tables.clientes.indexes]
nombre = { kind = "unique", fields = ["nombre"] }

[tables.tareas.fields]
titulo  = { type = "text", required = true, max = 200 }
hecha   = { type = "boolean", default = false }
importe = { type = "decimal", scale = 2, default = "0.00", check = "importe >= 0" }
estado  = { type = "choice", of = ["nueva", "hecha"], default = "nueva" }
cliente = { type = "link", to = "clientes", on_delete = "restrict" }
fecha   = { type = "date" }
adjunto = { type = "blob", max = 1000 }
doble   = { type = "formula", of = "importe * 2", scale = 2 }
[tables.tareas.indexes]
palabras = { kind = "words", fields = ["titulo"] }
"#;

/// An application's files.
pub struct App {
    pub dir: tempfile::TempDir,
}

/// A running server.
pub struct Server {
    child: Child,
    pub address: String,
    pub log: std::sync::mpsc::Receiver<String>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl App {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let app = Self { dir: tempfile::tempdir().unwrap() };
        app.write("schema.toml", SCHEMA);
        for (name, text) in files {
            app.write(name, text);
        }
        app
    }

    /// Tasks and customers as resources.
    pub fn tasks() -> Self {
        Self::new(&[("app.js", "app.resource('tareas', { events: true }); app.resource('clientes');")])
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn serve(&self) -> Server {
        self.serve_over(&self.path().join("data"))
    }

    pub fn serve_over(&self, data: &Path) -> Server {
        let mut command = cirrus();
        command.arg("serve").arg(self.path()).arg("--data").arg(data).args(["--listen", "127.0.0.1:0"]);
        Server::start(command)
    }
}

pub fn cirrus() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cirrus"));
    command.env_remove("PORT").env_remove("CIRRUS_SECRET").env_remove("CIRRUS_DATA");
    command
}

/// Runs a command to its end: success, standard output, standard error.
pub fn run(args: &[&str], input: &str) -> (bool, String, String) {
    let mut command = cirrus();
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

impl Server {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut before = String::new();
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("cirrus ended before it listened: {before}")).unwrap();
            match line.strip_prefix("cirrus: http://") {
                Some(address) => break address.to_owned(),
                None => before.push_str(&line),
            }
        };
        let (sender, log) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, address, log }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    pub fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect();
        // The server may answer and close before it has read all.
        let _ = stream.write_all(request);
        Answer::read(stream)
    }

    pub fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        self.raw(&[head.as_bytes(), b"\r\n", body].concat())
    }

    pub fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[], b"")
    }

    pub fn json(&self, method: &str, target: &str, body: &Value) -> Answer {
        self.send(method, target, &[("Content-Type", "application/json")], body.to_string().as_bytes())
    }

    /// Waits until the log says this.
    pub fn wait_for(&self, text: &str) -> String {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.log.recv_timeout(left).unwrap_or_else(|_| panic!("the log never said `{text}`"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn terminate(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    pub fn wait(&mut self) -> bool {
        self.child.wait().unwrap().success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    pub fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        // A reset after the answer is the server's right when it did not read all.
        let _ = stream.read_to_end(&mut bytes);
        Self::parse(&bytes)
    }

    pub fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let Some(end) = end else { return Self { status: 0, headers: Vec::new(), body: bytes.to_vec() } };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        Self { status, headers: lines.map(header).collect(), body: bytes[end + 4..].to_vec() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }
}

/// A browser's memory of cookies, and how it asks for pages.
#[derive(Default)]
pub struct Browser {
    pub cookies: HashMap<String, String>,
}

impl Browser {
    pub fn send(
        &mut self,
        server: &Server,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        // A form or a link gets a page; who sends JSON wants JSON.
        let by_script = headers.iter().any(|(_, value)| *value == "application/json") && target != "/login";
        let mut all = vec![("Accept", if by_script { "application/json" } else { "text/html,*/*" })];
        if !cookies.is_empty() {
            all.push(("Cookie", &cookies));
        }
        all.extend_from_slice(headers);
        let answer = server.send(method, target, &all, body);
        for (_, value) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, rest) = value.split_once('=').unwrap();
            let (value, attributes) = rest.split_once(';').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub fn get(&mut self, server: &Server, target: &str) -> Answer {
        self.send(server, "GET", target, &[], b"")
    }

    /// Sends a form with the token of this page.
    pub fn post(&mut self, server: &Server, page: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
        let html = self.get(server, page).text();
        let token = html.split("name=\"_csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("");
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("_csrf", token);
        form.extend_pairs(fields);
        let body = form.finish();
        self.send(server, "POST", target, &[("Content-Type", "application/x-www-form-urlencoded")], body.as_bytes())
    }
}

pub fn data(app: &App) -> PathBuf {
    app.path().join("data")
}
