//! What goes through the edge besides short requests: large bodies, events as they come, WebSockets; and a further
//! TCP port beside it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use testkit::machine::EDGE;
use testkit::{Machine, Package};

const MIB: usize = 1 << 20;

/// A machine on which one installation, `wire`, talks in every way.
fn installed() -> Machine {
    let machine = Machine::new();
    let package = package(&machine, "v1", "");
    machine.cli(&["version", "publish", package.text(), "--create"]);
    machine.cli(&["customer", "create", "acme"]);
    machine.cli(&["install", "wire", "--customer", "acme", "--name", "wire"]);
    machine
}

fn package(machine: &Machine, name: &str, more: &str) -> Package {
    let manifest = "name = \"Wire\"\nslug = \"wire\"\nbase = \"debian-12\"\ndependencies = [\"python3\"]\n\
        command = [\"python3\", \"network.py\"]\n[limits]\nmemory = \"64 MiB\"\ndisk = \"256 MiB\"\n\
        [http]\nport = 8000\nhealth = \"/\"\nmax_body = \"50 MiB\"\n[[ports]]\nname = \"echo\"\nport = 7000\n";
    Package::empty(machine.scratch().join(name))
        .file("vclouden.toml", &format!("{manifest}{more}\n"))
        .file("network.py", include_str!("programs/network.py"))
}

/// A connection on which nothing is waited for longer than a minute.
fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap_or_else(|e| panic!("{address}: {e}"));
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Sends the head of a request to `wire` through the edge, and whatever follows it.
fn send(head: &str, body: &[u8]) -> BufReader<TcpStream> {
    let mut stream = connect(EDGE);
    let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
    let headers: String = headers.lines().map(|header| format!("{header}\r\n")).collect();
    write!(stream, "{line} HTTP/1.1\r\nHost: wire.localhost\r\n{headers}\r\n").expect("the edge reads the head");
    stream.write_all(body).expect("the edge reads the body");
    BufReader::new(stream)
}

/// The lines of an answer's head, in lower case.
fn head(answer: &mut impl BufRead) -> Vec<String> {
    let lines = answer.by_ref().lines().map(|line| line.expect("a line of the head").to_lowercase());
    lines.take_while(|line| !line.is_empty()).collect()
}

/// Bytes of which no two blocks are equal, so that a lost, doubled or exchanged one is seen.
fn body(size: usize) -> Vec<u8> {
    (0..size / 8).flat_map(|i| (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes()).collect()
}

#[test]
fn fifty_mebibytes_go_up_and_down_unchanged_and_one_byte_more_is_refused() {
    let _machine = installed();
    let sent = body(50 * MIB);
    let download = || {
        let mut answer = send("GET /file\nConnection: close", b"");
        assert_eq!(head(&mut answer)[0], "http/1.1 200 ok");
        let mut received = Vec::new();
        answer.read_to_end(&mut received).expect("the whole file");
        received
    };
    let mut answer = send(&format!("PUT /file\nContent-Length: {}", sent.len()), &sent);
    assert_eq!(head(&mut answer)[0], "http/1.1 201 created");
    assert!(download() == sent, "the file came back changed");

    let mut chunked: Vec<u8> = Vec::with_capacity(sent.len() + MIB);
    for part in sent[..20 * MIB].chunks(100_000) {
        write!(chunked, "{:x}\r\n", part.len()).unwrap();
        chunked.extend_from_slice(part);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let mut answer = send("PUT /file\nTransfer-Encoding: chunked", &chunked);
    assert_eq!(head(&mut answer)[0], "http/1.1 201 created");
    assert!(download() == sent[..20 * MIB], "the file came back changed");

    let mut answer = send(&format!("PUT /file\nContent-Length: {}", 50 * MIB + 1), b"");
    assert_eq!(head(&mut answer)[0], "http/1.1 413 payload too large");
}

#[test]
fn events_reach_the_browser_one_by_one_as_they_are_sent() {
    let machine = installed();
    let mut answer = send("GET /events", b"");
    assert!(head(&mut answer).contains(&"content-type: text/event-stream".to_owned()));
    let mut lines = answer.lines();
    for number in 0..3 {
        let wanted = format!("data: {number}");
        assert!(lines.any(|line| line.expect("the stream goes on") == wanted), "event {number} did not come");
        assert_eq!(machine.request("POST", "wire", "/", "").0, 200, "the next event may go");
    }
}

/// One frame of a client, masked as RFC 6455 section 5.2 wants it.
fn frame(code: u8, data: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![0x80 | code];
    match data.len() {
        size @ 0..126 => frame.push(0x80 | size as u8),
        size @ 126..65536 => {
            frame.push(0x80 | 126);
            frame.extend((size as u16).to_be_bytes());
        }
        size => {
            frame.push(0x80 | 127);
            frame.extend((size as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(data.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]));
    frame
}

/// The next frame of the server: its code and its data.
fn next(stream: &mut impl Read) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).expect("a frame");
    let mut read = |size: usize| {
        let mut bytes = vec![0; size];
        stream.read_exact(&mut bytes).expect("a whole frame");
        bytes
    };
    let size = match head[1] {
        126 => read(2).iter().fold(0, |size, byte| size << 8 | usize::from(*byte)),
        127 => read(8).iter().fold(0, |size, byte| size << 8 | usize::from(*byte)),
        size => usize::from(size),
    };
    (head[0] & 15, read(size))
}

/// Opens a WebSocket; the first frame is sent without waiting for the handshake.
fn open(first: &[u8]) -> BufReader<TcpStream> {
    // Key and its answer are the example of RFC 6455 section 1.3.
    let handshake = "GET /socket\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 13\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let mut socket = send(handshake, &frame(1, first));
    let head = head(&mut socket);
    assert!(head[0].starts_with("http/1.1 101 "), "{head:?}");
    assert!(head.contains(&"sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=".to_owned()), "{head:?}");
    assert_eq!(next(&mut socket), (1, first.to_vec()));
    socket
}

#[test]
fn a_web_socket_echoes_frames_of_every_size_and_opens_again_after_an_upgrade() {
    let machine = installed();
    let mut socket = open(b"sent before the handshake was answered");
    for size in [0, 5, 125, 126, 4096, 65_536, MIB] {
        let data = body(size.next_multiple_of(8));
        socket.get_mut().write_all(&frame(2, &data)).expect("the edge reads the frame");
        assert!(next(&mut socket) == (2, data), "a frame of about {size} bytes came back changed");
    }
    let mut other = open(b"a second one beside it");
    other.get_mut().write_all(&frame(8, &[])).expect("the edge reads the frame");
    assert_eq!(next(&mut other), (8, Vec::new()));
    assert_eq!(other.read_to_end(&mut Vec::new()).expect("a clean end"), 0);

    let second = package(&machine, "v2", "[environment]\nVERSION = \"2\"");
    machine.cli(&["version", "publish", second.text()]);
    machine.cli(&["deploy", "wire"]);
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).ok();
    assert_eq!(rest, Vec::<u8>::new(), "the connection to the former version has ended");
    open(b"the new version");
}

#[test]
fn a_further_port_is_reached_at_its_public_number_which_stays_the_same() {
    let machine = installed();
    let port = || {
        let shown = machine.json(&["installation", "show", "wire"]);
        assert_eq!(shown["ports"][0]["name"], "echo");
        shown["ports"][0]["port"].as_u64().expect("a public port")
    };
    let echo = |words: &str| {
        let mut stream = connect(&format!("127.0.0.1:{}", port()));
        writeln!(stream, "{words}").expect("it is read");
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).expect("an answer");
        assert_eq!(line, format!("echo {words}\n"));
    };
    let before = port();
    echo("first");
    machine.cli(&["install", "wire", "--customer", "acme", "--name", "other"]);
    let other = machine.json(&["installation", "show", "other"])["ports"][0]["port"].as_u64();
    assert_ne!(other, Some(before), "two installations do not share a port");

    let second = package(&machine, "v2", "[environment]\nVERSION = \"2\"");
    machine.cli(&["version", "publish", second.text()]);
    machine.cli(&["deploy", "wire"]);
    echo("after an upgrade");
    machine.cli(&["installation", "restart", "wire"]);
    echo("after a restart");
    machine.kill_part("edge");
    machine.kill_part("nimbus");
    machine.get("wire", "/");
    echo("after the edge was killed");
    assert_eq!(port(), before);
    assert!(machine.cli(&["installation", "show", "wire"]).contains(&before.to_string()));
}
