//! Asks the application whether it is well, without ever waiting for it.
//!
//! One check at a time: a TCP connection to the sandbox's own address and, where the specification has a path, one
//! HTTP/1.1 GET of whose answer only the status line is read. [`Health::step`] does what can be done at once.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use crate::clock;
use crate::protocol::HealthSpec;

/// The pause between the first checks after a start.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// The longest pause between checks while starting.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// Bytes of a status line: `HTTP/1.1 200 ` is all that is needed of it.
const STATUS_BYTES: usize = 13;
/// Bytes of the answer that are read, so that the application can say all of it, and thrown away.
const DRAIN_BYTES: usize = 256 * 1024;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is well.
    Pass,
    /// It is not, and why.
    Fail(String),
}

/// The checks of one application.
#[derive(Debug)]
pub(crate) struct Health {
    address: SocketAddrV4,
    /// What to send; empty when a connection is enough.
    request: Vec<u8>,
    interval: Duration,
    timeout: Duration,
    /// The pause after the next check while starting; absent once settled.
    pause: Option<Duration>,
    /// When the next check begins; absent while there is nothing to check.
    next: Option<Duration>,
    check: Option<Check>,
}

#[derive(Debug)]
struct Check {
    socket: OwnedFd,
    until: Duration,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Connecting,
    /// Refused at the address: does it listen on the loopback interface by mistake?
    Probing,
    Sending {
        sent: usize,
    },
    Reading {
        answer: [u8; STATUS_BYTES],
        length: usize,
    },
    /// The verdict is given.
    Draining {
        left: usize,
    },
}

/// What a step led to.
enum Progress {
    /// For what, until the check's time is over.
    Wait(&'static str),
    Verdict(Verdict),
    Next(Stage),
    End,
}

impl Health {
    /// Checks at `address`; nothing happens before [`Health::begin`].
    pub(crate) fn new(spec: &HealthSpec, address: Ipv4Addr) -> Self {
        let request = spec.path.as_ref().map_or(Vec::new(), |path| {
            let host = &spec.host;
            format!(
                "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: vclouden-keeper\r\nAccept: */*\r\n\
                 Connection: close\r\n\r\n"
            )
            .into_bytes()
        });
        Self {
            address: SocketAddrV4::new(address, spec.port),
            request,
            interval: Duration::from_millis(spec.interval_ms.max(1)),
            timeout: Duration::from_millis(spec.timeout_ms.max(1)),
            pause: None,
            next: None,
            check: None,
        }
    }

    /// The application was just started: asks at once and then every few milliseconds.
    pub(crate) fn begin(&mut self, now: Duration) {
        self.check = None;
        self.pause = Some(FIRST_PAUSE);
        self.next = Some(now);
    }

    /// It is healthy: from `now` on asks at the usual interval.
    pub(crate) fn settle(&mut self, now: Duration) {
        if self.pause.take().is_some() {
            self.next = Some(now + self.interval);
        }
    }

    /// There is nothing to check.
    pub(crate) fn end(&mut self) {
        self.check = None;
        self.next = None;
    }

    /// What to wait for, besides the time.
    pub(crate) fn interest(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        self.check.as_ref().map(|check| {
            let write = matches!(check.stage, Stage::Connecting | Stage::Probing | Stage::Sending { .. });
            (check.socket.as_fd(), if write { PollFlags::OUT } else { PollFlags::IN })
        })
    }

    /// When [`Health::step`] has something to do whether or not the socket is ready.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let check = self.check.as_ref().map(|check| check.until);
        if self.is_asking() { check } else { check.into_iter().chain(self.next).min() }
    }

    /// Does what can be done at `now`; a verdict once per check.
    pub(crate) fn step(&mut self, now: Duration) -> Option<Verdict> {
        if !self.is_asking() && self.next.is_some_and(|next| now >= next) {
            match connect(self.address) {
                Ok(socket) => {
                    let until = now + self.timeout;
                    self.check = Some(Check { socket, until, stage: Stage::Connecting });
                }
                Err(error) => {
                    self.check = None;
                    return Some(self.conclude(Verdict::Fail(self.cannot_connect(error)), now));
                }
            }
        }
        // Bounded, so that an application that answers byte by byte or without end holds nobody up.
        for _ in 0..16 {
            let verdict = match self.progress(now) {
                Progress::Wait(_) => return None,
                Progress::Next(stage) => {
                    self.check.as_mut()?.stage = stage;
                    continue;
                }
                Progress::End => {
                    self.check = None;
                    return None;
                }
                Progress::Verdict(verdict) => verdict,
            };
            match &mut self.check {
                // The rest is read as well: some servers log an error when they cannot say all of it.
                Some(Check { stage: stage @ Stage::Reading { .. }, .. }) => {
                    *stage = Stage::Draining { left: DRAIN_BYTES };
                }
                check => *check = None,
            }
            return Some(self.conclude(verdict, now));
        }
        None
    }

    fn is_asking(&self) -> bool {
        self.check.as_ref().is_some_and(|check| !matches!(check.stage, Stage::Draining { .. }))
    }

    fn conclude(&mut self, verdict: Verdict, now: Duration) -> Verdict {
        let pause = self.pause.unwrap_or(self.interval);
        self.next = Some(now + pause);
        self.pause = self.pause.map(|pause| (pause * 5 / 4).min(LONGEST_PAUSE));
        verdict
    }

    fn progress(&mut self, now: Duration) -> Progress {
        let Some(Check { until, stage, .. }) = self.check else { return Progress::End };
        let progress = match stage {
            Stage::Connecting => self.connecting(),
            Stage::Probing => self.probing(),
            Stage::Sending { sent } => self.sending(sent),
            Stage::Reading { answer, length } => self.reading(answer, length),
            Stage::Draining { left } => self.draining(left),
        };
        match (progress, stage) {
            (Progress::Wait(_), Stage::Draining { .. }) if now >= until => Progress::End,
            (Progress::Wait(missing), _) if now >= until => {
                fail(format!("{missing} within {} at {}", clock::spoken(clock::to_ms(self.timeout)), self.address))
            }
            (progress, _) => progress,
        }
    }

    fn connecting(&mut self) -> Progress {
        match established(self.socket()) {
            Ok(false) => Progress::Wait("no connection"),
            Ok(true) if self.request.is_empty() => Progress::Verdict(Verdict::Pass),
            Ok(true) => Progress::Next(Stage::Sending { sent: 0 }),
            Err(Errno::CONNREFUSED) if !self.address.ip().is_loopback() => {
                let loopback = SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.address.port());
                match (connect(loopback), &mut self.check) {
                    (Ok(socket), Some(check)) => {
                        check.socket = socket;
                        Progress::Next(Stage::Probing)
                    }
                    _ => fail(self.cannot_connect(Errno::CONNREFUSED)),
                }
            }
            Err(error) => fail(self.cannot_connect(error)),
        }
    }

    fn probing(&self) -> Progress {
        match established(self.socket()) {
            Ok(false) => Progress::Wait("no connection"),
            Ok(true) => {
                let port = self.address.port();
                fail(format!("listens on 127.0.0.1:{port} only; make it listen on 0.0.0.0:{port}"))
            }
            Err(_) => fail(self.cannot_connect(Errno::CONNREFUSED)),
        }
    }

    fn sending(&self, sent: usize) -> Progress {
        match net::send(self.socket(), &self.request[sent..], SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(count) if sent + count < self.request.len() => Progress::Next(Stage::Sending { sent: sent + count }),
            Ok(_) => Progress::Next(Stage::Reading { answer: [0; STATUS_BYTES], length: 0 }),
            Err(Errno::AGAIN | Errno::INTR) => Progress::Wait("its request was not taken"),
            Err(error) => fail(self.broken(error)),
        }
    }

    fn reading(&self, mut answer: [u8; STATUS_BYTES], length: usize) -> Progress {
        match net::recv(self.socket(), &mut answer[length..], RecvFlags::DONTWAIT) {
            Ok((0, _)) => fail(format!("{} closed the connection without an answer", self.address)),
            Ok((count, _)) if length + count < STATUS_BYTES => {
                Progress::Next(Stage::Reading { answer, length: length + count })
            }
            Ok(_) => Progress::Verdict(judge(&answer)),
            Err(Errno::AGAIN | Errno::INTR) => Progress::Wait("no answer"),
            Err(error) => fail(self.broken(error)),
        }
    }

    fn draining(&self, left: usize) -> Progress {
        let mut bytes = [0; 8192];
        match net::recv(self.socket(), &mut bytes[..], RecvFlags::DONTWAIT) {
            Ok((count, _)) if count > 0 && count < left => Progress::Next(Stage::Draining { left: left - count }),
            Err(Errno::AGAIN | Errno::INTR) => Progress::Wait("an end"),
            _ => Progress::End,
        }
    }

    fn socket(&self) -> &OwnedFd {
        &self.check.as_ref().expect("only asked during a check").socket
    }

    fn cannot_connect(&self, error: Errno) -> String {
        match error {
            Errno::CONNREFUSED => format!("nothing listens on port {} at {}", self.address.port(), self.address.ip()),
            error => format!("cannot connect to {}: {}", self.address, io::Error::from(error)),
        }
    }

    fn broken(&self, error: Errno) -> String {
        format!("the connection to {} broke: {}", self.address, io::Error::from(error))
    }
}

fn fail(reason: String) -> Progress {
    Progress::Verdict(Verdict::Fail(reason))
}

/// What a status line says. RFC 9112, section 4: `HTTP/1.1 200 ...`.
fn judge(line: &[u8; STATUS_BYTES]) -> Verdict {
    let status = line[9..12].iter().try_fold(0, |n, c| c.is_ascii_digit().then(|| n * 10 + u32::from(c - b'0')));
    match status {
        Some(status) if line.starts_with(b"HTTP/1.") && line[8] == b' ' => match status {
            200..400 => Verdict::Pass,
            _ => Verdict::Fail(format!("answered with status {status}; 200 to 399 is healthy")),
        },
        _ => Verdict::Fail("does not answer in HTTP/1.1".to_owned()),
    }
}

/// A connection that is made in the background.
fn connect(address: SocketAddrV4) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    match net::connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error),
    }
}

/// Whether the connection stands; an error when it cannot be made.
fn established(socket: &OwnedFd) -> Result<bool, Errno> {
    net::sockopt::socket_error(socket)??;
    match net::getpeername(socket) {
        Ok(_) => Ok(true),
        Err(Errno::NOTCONN) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::time::Instant;

    use rustix::event::{PollFd, Timespec, poll};

    use super::*;

    fn spec(port: u16, path: Option<&str>) -> HealthSpec {
        HealthSpec {
            port,
            path: path.map(Into::into),
            host: "acme.localhost".into(),
            start_timeout_ms: 1000,
            interval_ms: 1000,
            timeout_ms: 200,
        }
    }

    /// Runs one check the way the keeper does.
    fn check(health: &mut Health) -> Verdict {
        let begin = Instant::now();
        loop {
            assert!(begin.elapsed() < Duration::from_secs(5), "no verdict: {health:?}");
            if let Some(verdict) = health.step(begin.elapsed()) {
                return verdict;
            }
            wait(health);
        }
    }

    fn wait(health: &Health) {
        let mut fds: Vec<_> =
            health.interest().map(|(fd, flags)| PollFd::from_borrowed_fd(fd, flags)).into_iter().collect();
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 5_000_000 })).unwrap();
    }

    fn answering(answer: &'static [u8]) -> Verdict {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = vec![0; 4096];
            let count = stream.read(&mut request).unwrap();
            // In two pieces, as a slow server would.
            let (first, second) = answer.split_at(answer.len().min(5));
            stream.write_all(first).unwrap();
            std::thread::sleep(Duration::from_millis(5));
            let _ = stream.write_all(second);
            String::from_utf8(request[..count].to_vec()).unwrap()
        });
        let mut health = Health::new(&spec(port, Some("/well?a=b")), Ipv4Addr::LOCALHOST);
        health.begin(Duration::ZERO);
        let verdict = check(&mut health);
        let request = server.join().unwrap();
        assert!(request.starts_with("GET /well?a=b HTTP/1.1\r\nHost: acme.localhost\r\n"), "{request}");
        assert!(request.ends_with("\r\n\r\n"), "{request}");
        verdict
    }

    #[test]
    fn statuses_from_200_to_399_are_healthy() {
        assert_eq!(answering(b"HTTP/1.1 200 OK\r\n\r\nhello"), Verdict::Pass);
        assert_eq!(answering(b"HTTP/1.0 204\r\n\r\n"), Verdict::Pass);
        assert_eq!(answering(b"HTTP/1.1 399 x\r\n\r\n"), Verdict::Pass);
        for bad in [&b"HTTP/1.1 500 Oh\r\n\r\n"[..], b"HTTP/1.1 400 \r\n\r\n", b"HTTP/1.1 199 x\r\n\r\n"] {
            let Verdict::Fail(reason) = answering(bad) else { panic!("{bad:?} passed") };
            assert!(reason.starts_with("answered with status "), "{reason}");
        }
    }

    #[test]
    fn what_is_not_http_is_not_healthy() {
        for bad in
            [&b"SSH-2.0-OpenSSH_9.2\r\n"[..], b"HTTP/2.0 200 OK\r\n", b"HTTP/1.1 2x0 OK\r\n", b"HTTP/1.1200 OK  \r\n"]
        {
            assert_eq!(answering(bad), Verdict::Fail("does not answer in HTTP/1.1".into()));
        }
        let Verdict::Fail(reason) = answering(b"HTTP") else { panic!() };
        assert!(reason.contains("without an answer"), "{reason}");
    }

    #[test]
    fn nobody_listens() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut health = Health::new(&spec(port, None), Ipv4Addr::LOCALHOST);
        health.begin(Duration::ZERO);
        assert_eq!(check(&mut health), Verdict::Fail(format!("nothing listens on port {port} at 127.0.0.1")));
    }

    #[test]
    fn a_connection_is_enough_without_a_path() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut health = Health::new(&spec(listener.local_addr().unwrap().port(), None), Ipv4Addr::LOCALHOST);
        health.begin(Duration::ZERO);
        assert_eq!(check(&mut health), Verdict::Pass);
        assert!(health.interest().is_none());
    }

    #[test]
    fn silence_fails_after_the_timeout() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut health = Health::new(&spec(listener.local_addr().unwrap().port(), Some("/")), Ipv4Addr::LOCALHOST);
        health.begin(Duration::ZERO);
        let begin = Instant::now();
        let Verdict::Fail(reason) = check(&mut health) else { panic!() };
        assert!(reason.starts_with("no answer within 200 ms at 127.0.0.1:"), "{reason}");
        assert!(begin.elapsed() >= Duration::from_millis(200));
    }

    #[test]
    fn asked_often_at_first_and_at_the_interval_once_settled() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut health = Health::new(&spec(port, None), Ipv4Addr::LOCALHOST);
        let mut now = Duration::from_secs(7);
        health.begin(now);
        let mut pauses = Vec::new();
        for _ in 0..30 {
            while health.step(now).is_none() {
                wait(&health);
            }
            let next = health.deadline().unwrap();
            pauses.push(next - now);
            now = next;
        }
        assert_eq!(pauses[0], FIRST_PAUSE);
        assert!(pauses.is_sorted());
        assert_eq!(*pauses.last().unwrap(), LONGEST_PAUSE);
        health.settle(now);
        assert_eq!(health.deadline(), Some(now + Duration::from_secs(1)));
        now += Duration::from_secs(1);
        while health.step(now).is_none() {
            wait(&health);
        }
        assert_eq!(health.deadline(), Some(now + Duration::from_secs(1)));
        health.end();
        assert_eq!(health.deadline(), None);
    }

    #[test]
    fn a_long_answer_is_read_to_its_end_in_steps() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").and_then(|()| stream.write_all(&[b'x'; 200_000]))
        });
        let mut health = Health::new(&spec(port, Some("/")), Ipv4Addr::LOCALHOST);
        health.begin(Duration::ZERO);
        assert_eq!(check(&mut health), Verdict::Pass);
        health.settle(Duration::ZERO);
        let begin = Instant::now();
        while health.interest().is_some() && begin.elapsed() < Duration::from_secs(5) {
            assert_eq!(health.step(Duration::from_millis(1)), None);
            wait(&health);
        }
        server.join().unwrap().expect("the server could say all of it");
    }
}
