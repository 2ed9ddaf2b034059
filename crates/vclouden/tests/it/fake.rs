//! A control plane that says what a test tells it to.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// One answer: status, content type, body.
pub type Answer = (u16, &'static str, Vec<u8>);

/// What was asked: `GET /status`, and the body; or after which event a stream is taken up.
pub type Asked = (String, Vec<u8>);

/// A fake API on a port of its own. Each path has a queue of answers, of which the last stays.
pub struct Fake {
    address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    home: tempfile::TempDir,
}

impl Fake {
    /// Answers `METHOD /path` as `answers` says.
    pub fn new(answers: Vec<(&'static str, Vec<Answer>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let queues: Vec<_> = answers.into_iter().map(|(path, list)| (path, VecDeque::from(list))).collect();
        let (queues, log) = (Arc::new(Mutex::new(queues)), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (queues, log) = (queues.clone(), log.clone());
                std::thread::spawn(move || serve(stream, &queues, &log));
            }
        });
        Fake { address, asked, home: tempfile::tempdir().unwrap() }
    }

    /// Runs the command line against it.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "")
    }

    /// The same with something on standard input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = vclouden(arguments);
        command.env("XDG_CONFIG_HOME", self.home.path());
        command.env("VCLOUDEN_API", &self.address).env("VCLOUDEN_TOKEN", "vco_test");
        finish(command, input)
    }

    /// Everything that was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// The program with a clean environment.
pub fn vclouden(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vclouden"));
    command.args(arguments).env_remove("VCLOUDEN_API").env_remove("VCLOUDEN_TOKEN").env("TZ", "UTC");
    command
}

/// Runs it to its end.
pub fn finish(mut command: Command, input: &str) -> Ended {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that does not read its input may have closed it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap().into()
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { status: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// A JSON answer.
pub fn answer(status: u16, body: Value) -> Answer {
    (status, "application/json", body.to_string().into_bytes())
}

/// A list of everything there is.
pub fn page(items: Value) -> Answer {
    answer(200, json!({ "items": items }))
}

/// An answer that is no success.
pub fn problem(status: u16, code: &str, detail: &str) -> Answer {
    let body = json!({
        "type": "about:blank", "title": "No", "status": status, "detail": detail, "code": code, "errors": ["line 3: x"],
    });
    (status, "application/problem+json", body.to_string().into_bytes())
}

fn serve(mut stream: TcpStream, queues: &Mutex<Vec<(&str, VecDeque<Answer>)>>, log: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    let [method, target, _] = words[..] else { return };
    let request = format!("{method} {}", target.trim_start_matches("/api/v1").split('?').next().unwrap());
    let (mut length, mut chunked, mut authorised, mut last) = (0, false, false, Vec::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        authorised |= header == "authorization: bearer vco_test";
        chunked |= header == "transfer-encoding: chunked";
        if let Some(value) = header.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        if let Some(value) = header.strip_prefix("last-event-id: ") {
            last = value.as_bytes().to_vec();
        }
    }
    let body = if chunked { read_chunks(&mut reader) } else { read_exactly(&mut reader, length) };
    let body = if last.is_empty() { body } else { last };
    log.lock().unwrap().push((request.clone(), body));
    // Whoever logs in has no token yet; who has logged in has the one that was made.
    let logs_in = request.starts_with("POST /device-logins");
    authorised |= logs_in || request == "DELETE /me/token";
    let answer = if authorised { next(queues, &request) } else { problem(401, "unauthorized", "no token") };
    let (status, kind, body) = answer;
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(&[head.into_bytes(), body].concat());
}

fn next(queues: &Mutex<Vec<(&str, VecDeque<Answer>)>>, request: &str) -> Answer {
    let mut queues = queues.lock().unwrap();
    let Some((_, queue)) = queues.iter_mut().find(|(path, _)| *path == request) else {
        return problem(404, "unknown", &format!("the fake knows no {request}"));
    };
    if queue.len() > 1 { queue.pop_front().unwrap() } else { queue.front().unwrap().clone() }
}

fn read_exactly(reader: &mut impl Read, length: usize) -> Vec<u8> {
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    body
}

fn read_chunks(reader: &mut impl BufRead) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size).unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let chunk = read_exactly(reader, size + 2);
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&chunk[..size]);
    }
}
