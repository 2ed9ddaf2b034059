//! A real mail server: Debian's `python3-aiosmtpd`. Whatever comes to it can be read by the test.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What a letter may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A mail server in the network of the calling thread, which ends with the value.
pub struct Post {
    program: Child,
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    letters: UnboundedReceiver<Value>,
}

impl Post {
    /// One that takes every letter.
    pub fn new() -> Self {
        let mut command = Command::new("/usr/bin/python3");
        let command = command.args(["-c", include_str!("mail.py")]).stdout(Stdio::piped());
        let mut program = command.spawn().expect("Debian's python3 is there");
        let mut lines = BufReader::new(program.stdout.take().expect("it is piped")).lines();
        let first = lines.next().expect("it begins: is the Debian package python3-aiosmtpd there? scripts/need test");
        let (sender, letters) = unbounded_channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).expect("a letter as JSON"));
            }
        });
        let port = first.expect("its port").parse().expect("a number");
        Self { program, port, letters }
    }

    /// Settings of a platform where whoever wants signs up and whose letters go to this server.
    pub fn settings(&self) -> Value {
        let from = "vClouden <noreply@example.com>";
        json!({"sign_up": true, "mail": {"host": "127.0.0.1", "port": self.port, "security": "none", "from": from}})
    }

    /// The next letter: `to`, `subject`, `text`, `headers` by their names in small letters, and `whole` in base64.
    pub async fn next(&mut self) -> Value {
        tokio::time::timeout(PATIENCE, self.letters.recv()).await.expect("a letter comes").expect("the server runs")
    }

    /// The next letter: to whom it is, and its subject and text.
    pub async fn letter(&mut self) -> (String, String) {
        let letter = self.next().await;
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (text(&letter["to"][0]), format!("{}\n{}", text(&letter["subject"]), text(&letter["text"])))
    }

    /// The next letter, where nothing else goes on in this thread.
    pub fn wait(&mut self) -> Value {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(self.next())
    }

    /// Sends it a letter, as somebody's mail program does.
    pub fn send(&self, from: &str, to: &str, letter: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        let mut answers = BufReader::new(stream.try_clone().expect("a descriptor")).lines();
        let (from, to) = (format!("MAIL FROM:<{from}>\r\n"), format!("RCPT TO:<{to}>\r\n"));
        let letter = format!("{}\r\n.\r\n", letter.replace('\n', "\r\n"));
        for line in ["", "HELO localhost\r\n", &from, &to, "DATA\r\n", &letter] {
            stream.write_all(line.as_bytes()).expect("it reads");
            let answer = answers.next().expect("it answers").expect("it answers");
            assert!(answer.starts_with(['2', '3']), "{line}: {answer}");
        }
    }
}

/// The bytes of a letter as they were sent.
pub fn whole(letter: &Value) -> Vec<u8> {
    let text = letter["whole"].as_str().expect("it has them");
    base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
}

impl Default for Post {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
