//! `hola`: a guest book, and the smallest application worth publishing. Tests, benches and the demo run it.
//!
//! One static binary, one thread, no allocation to speak of while idle. It keeps its notes in `$HOME/notes.txt`.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /` | who it is: installation and `HOLA_VERSION` |
//! | `GET /notes`, `POST /notes` | all notes; adds the body as a line, on disk before it answers |
//! | `GET /health` | 200 when the notes can be read, else 500 |
//! | `GET /large?kib=N` | N KiB |
//! | `POST /crash`, `POST /eat?mib=N` | dies; takes that much memory |
//!
//! `HOLA_MODE` makes it misbehave on purpose: `exit` (dies at its start), `unhealthy` (health is 500), `corrupt`
//! (spoils its notes, then is unhealthy), `deaf` (listens to nobody), `local` (listens on 127.0.0.1 only).

mod http;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{ExitCode, abort};

use http::{Request, Response};

struct Hola {
    name: String,
    version: String,
    unhealthy: bool,
    notes: PathBuf,
    eaten: Vec<Vec<u8>>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hola: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let variable = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let mode = variable("HOLA_MODE", "well");
    let notes = PathBuf::from(variable("HOME", ".")).join("notes.txt");
    match mode.as_str() {
        "exit" => return Err(io::Error::other("told to die at its start")),
        "corrupt" => fs::write(&notes, "spoiled\n")?,
        "deaf" => loop {
            std::thread::park();
        },
        _ => {}
    }
    let address = if mode == "local" { "127.0.0.1" } else { "0.0.0.0" };
    let port: u16 = variable("PORT", "8080").parse().map_err(io::Error::other)?;
    let listener = TcpListener::bind((address, port))?;
    println!("listens on {address}:{port}");
    let mut hola = Hola {
        name: variable("VCLOUDEN_INSTALLATION", "nobody"),
        version: variable("HOLA_VERSION", "1"),
        unhealthy: matches!(mode.as_str(), "unhealthy" | "corrupt"),
        notes,
        eaten: Vec::new(),
    };
    http::serve(listener, |request| hola.answer(request).unwrap_or_else(|e| Response::text(500, format!("{e}\n"))))
}

impl Hola {
    fn answer(&mut self, request: &Request) -> io::Result<Response> {
        let number = || request.query.split_once('=').and_then(|(_, n)| n.parse::<usize>().ok()).unwrap_or(1);
        Ok(match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/") => Response::text(200, format!("hola from {}, version {}\n", self.name, self.version)),
            ("GET", "/notes") => Response::text(200, self.read()?),
            ("POST", "/notes") => {
                let mut file = OpenOptions::new().create(true).append(true).open(&self.notes)?;
                let mut line = request.body.clone();
                line.push(b'\n');
                file.write_all(&line)?;
                file.sync_data()?;
                Response::text(201, "kept\n".into())
            }
            ("GET", "/health") if self.unhealthy => Response::text(500, "told to be unhealthy\n".into()),
            ("GET", "/health") => self.peek().map(|()| Response::text(200, "well\n".into()))?,
            ("GET", "/large") => Response::text(200, "x".repeat(number() << 10)),
            ("POST", "/crash") => abort(),
            ("POST", "/eat") => {
                self.eaten.push(vec![1; number() << 20]);
                Response::text(200, "eaten\n".into())
            }
            (_, "/" | "/notes" | "/health" | "/large" | "/crash" | "/eat") => Response::text(405, "no\n".into()),
            _ => Response::text(404, "not here\n".into()),
        })
    }

    /// Whether they can be read, by their beginning: a guest book that is larger than its memory is healthy, too.
    fn peek(&self) -> io::Result<()> {
        match File::open(&self.notes).and_then(|mut notes| notes.read(&mut [0; 4096])) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    /// The notes; none yet is no error.
    fn read(&self) -> io::Result<String> {
        match fs::read_to_string(&self.notes) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            other => other,
        }
    }
}
