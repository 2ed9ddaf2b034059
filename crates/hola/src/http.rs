//! Just enough HTTP/1.1 for one thread: keep-alive, bodies with a length, and nothing a client does blocks another.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use rustix::event::{PollFd, PollFlags, poll};

/// Bytes of one request, head and body.
const REQUEST: usize = 1 << 20;
/// Connections at once; more wait in the listen queue.
const CONNECTIONS: usize = 256;

pub struct Request {
    pub method: String,
    pub path: String,
    pub query: String,
    pub body: Vec<u8>,
}

pub struct Response {
    status: u16,
    body: String,
}

impl Response {
    pub fn text(status: u16, body: String) -> Self {
        Self { status, body }
    }
}

struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
    closing: bool,
}

/// Serves for ever.
pub fn serve(listener: TcpListener, mut answer: impl FnMut(&Request) -> Response) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut connections: Vec<Connection> = Vec::new();
    loop {
        let room = connections.len() < CONNECTIONS;
        let mut fds = vec![PollFd::new(&listener, if room { PollFlags::IN } else { PollFlags::empty() })];
        for connection in &connections {
            let writing = !connection.output.is_empty();
            fds.push(PollFd::new(&connection.stream, if writing { PollFlags::OUT } else { PollFlags::IN }));
        }
        poll(&mut fds, None)?;
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        let mut index = 0;
        connections.retain_mut(|connection| {
            index += 1;
            !ready[index] || connection.turn(&mut answer).unwrap_or(false)
        });
        if ready[0] {
            accept(&listener, &mut connections)?;
        }
    }
}

fn accept(listener: &TcpListener, connections: &mut Vec<Connection>) -> io::Result<()> {
    while connections.len() < CONNECTIONS {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                connections.push(Connection { stream, input: Vec::new(), output: Vec::new(), closing: false });
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(e) if e.kind() == ErrorKind::ConnectionAborted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

impl Connection {
    /// Reads, answers and writes what it can without waiting. Whether the connection goes on.
    fn turn(&mut self, answer: &mut impl FnMut(&Request) -> Response) -> io::Result<bool> {
        if self.output.is_empty() && !self.read()? {
            return Ok(false);
        }
        while self.output.is_empty() && !self.closing {
            let Some((request, length, close)) = parse(&self.input)? else { break };
            self.input.drain(..length);
            self.closing = close;
            let response = answer(&request);
            self.output = head(&response, close).into_bytes();
            self.output.extend_from_slice(response.body.as_bytes());
            if !self.write()? {
                return Ok(true);
            }
        }
        if !self.output.is_empty() && !self.write()? {
            return Ok(true);
        }
        if self.input.is_empty() {
            self.input = Vec::new();
        }
        Ok(!self.closing)
    }

    fn read(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 << 10];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(false),
                Ok(n) => self.input.extend_from_slice(&buffer[..n]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
            if self.input.len() > REQUEST {
                return Err(io::Error::other("request too large"));
            }
        }
    }

    /// Whether everything is written.
    fn write(&mut self) -> io::Result<bool> {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(n) => drop(self.output.drain(..n)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        self.output = Vec::new();
        Ok(true)
    }
}

fn head(response: &Response, close: bool) -> String {
    let reason = match response.status {
        200 => "OK",
        201 => "Created",
        404 => "Not Found",
        405 => "Method Not Allowed",
        _ => "Internal Server Error",
    };
    let connection = if close { "close" } else { "keep-alive" };
    let (status, length) = (response.status, response.body.len());
    format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: {connection}\r\n\r\n"
    )
}

/// The first whole request in `input`, its length in bytes, and whether the client wants the connection closed.
fn parse(input: &[u8]) -> io::Result<Option<(Request, usize, bool)>> {
    let Some(end) = input.windows(4).position(|w| w == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&input[..end]).map_err(io::Error::other)?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err(io::Error::other("not HTTP"));
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (mut length, mut close) = (0, false);
    let mut chunked = false;
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse::<usize>().map_err(io::Error::other)?;
        } else if name.eq_ignore_ascii_case("connection") {
            close = value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = true;
        }
    }
    if length > REQUEST {
        return Err(io::Error::other("request too large"));
    }
    let rest = &input[end + 4..];
    let Some((body, used)) = (if chunked { unchunk(rest)? } else { rest.get(..length).map(|b| (b.to_vec(), length)) })
    else {
        return Ok(None);
    };
    let request = Request { method: method.into(), path: path.into(), query: query.into(), body };
    Ok(Some((request, end + 4 + used, close)))
}

/// A whole chunked body (RFC 9112, section 7.1) and its length on the wire; nothing while it is incomplete.
fn unchunk(input: &[u8]) -> io::Result<Option<(Vec<u8>, usize)>> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let Some(line) = input[at..].windows(2).position(|w| w == b"\r\n") else { return Ok(None) };
        let text = std::str::from_utf8(&input[at..at + line]).map_err(io::Error::other)?;
        let size = text.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
        at += line + 2;
        let Some(chunk) = size.checked_add(at).and_then(|end| input.get(at..end)) else { return Ok(None) };
        if input.len() < at + size + 2 {
            return Ok(None);
        }
        body.extend_from_slice(chunk);
        at += size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}
