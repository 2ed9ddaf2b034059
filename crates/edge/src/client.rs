//! A client's connection as the edge watches it: whose turn it is, how long it may take, and how it ends.
//!
//! hyper's own header timeout closes without a word and counts idle time as header time; here a slow header gets its
//! 408, an idle connection just ends, and a client that still sends gets to read why it was refused.

use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use nimbus_api::proxies::{self, Proxy};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};

use crate::limits::Limits;

/// Waiting for the first byte of a request.
const IDLE: u32 = 0;
/// Within a request's header.
const HEADER: u32 = 1;
/// A request is being answered.
const BUSY: u32 = 2;
/// Speaks another protocol now.
const UPGRADED: u32 = 3;
/// Bits of the phase; the rest of the word counts changes.
const PHASE: u32 = 3;
const CHANGE: u32 = PHASE + 1;

const TIMED_OUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
/// How long, and for how many bytes, a refused client may go on sending before the connection is cut.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1 << 20;

/// An address as it is told to applications.
fn written(address: IpAddr) -> HeaderValue {
    HeaderValue::try_from(address.to_canonical().to_string()).expect("an address is a header value")
}

/// From whom a request comes.
pub(crate) struct Origin {
    /// The address.
    pub address: HeaderValue,
    /// Whether it came to the proxy by HTTPS.
    pub https: bool,
}

/// What the connection, its requests and its answers share.
pub(crate) struct Client {
    /// Whom it is connected with.
    pub peer: IpAddr,
    /// The same as it is told to applications, if it is no proxy.
    address: HeaderValue,
    phase: AtomicU32,
    both_framings: AtomicBool,
    unread: AtomicBool,
    _permit: OwnedSemaphorePermit,
}

impl Client {
    /// For a connection from `address`, which counts among all connections as long as `permit` lives.
    pub fn new(address: IpAddr, permit: OwnedSemaphorePermit) -> Arc<Self> {
        let (peer, address) = (address.to_canonical(), written(address));
        let (both_framings, unread) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { peer, address, phase: AtomicU32::new(IDLE), both_framings, unread, _permit: permit })
    }

    /// From whom a request comes, and whether by HTTPS: whom a trusted proxy brings, otherwise the peer itself.
    pub fn origin(&self, trusted: &[Proxy], headers: &HeaderMap) -> Origin {
        let from = proxies::client(trusted, self.peer, headers);
        let address = if from == self.peer { self.address.clone() } else { written(from) };
        Origin { address, https: proxies::is_https(trusted, self.peer, headers) }
    }

    fn advance(&self, to: u32) {
        // Only the connection's own task changes the phase, or hands over to who does.
        let count = self.phase.load(Ordering::Relaxed) & !PHASE;
        self.phase.store(count.wrapping_add(CHANGE) | to, Ordering::Relaxed);
    }

    /// A request has been read; it is being answered until the result is dropped.
    pub fn turn(self: &Arc<Self>) -> Turn {
        self.advance(BUSY);
        Turn(Some(self.clone()))
    }

    /// Whether the request just read gave its length in two ways. hyper passes such requests on with one of them.
    pub fn gave_both_framings(&self) -> bool {
        self.both_framings.load(Ordering::Relaxed)
    }

    /// The rest of a request's body will not be read.
    pub fn leaves_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }
}

/// A request being answered.
pub(crate) struct Turn(Option<Arc<Client>>);

impl Turn {
    /// The connection speaks another protocol from now on.
    pub fn upgraded(mut self) -> Option<Arc<Client>> {
        let client = self.0.take()?;
        client.advance(UPGRADED);
        Some(client)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            client.advance(IDLE);
        }
    }
}

/// Looks for both `Content-Length` and `Transfer-Encoding` in the bytes of a header, which may come in any pieces.
#[derive(Default)]
struct Framing {
    /// The beginning of the present line; as long as the longer name with its colon.
    line: [u8; 18],
    length: usize,
    given: [bool; 2],
    over: bool,
}

const FRAMINGS: [&[u8]; 2] = [b"content-length:", b"transfer-encoding:"];

impl Framing {
    /// Takes some bytes; whether both have been seen by now.
    fn saw(&mut self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        while !self.over && !rest.is_empty() {
            let (part, ends) = match rest.iter().position(|&c| c == b'\n') {
                Some(end) => (&rest[..end], true),
                None => (rest, false),
            };
            rest = rest.get(part.len() + 1..).unwrap_or_default();
            let taken = part.len().min(self.line.len() - self.length);
            self.line[self.length..self.length + taken].copy_from_slice(&part[..taken]);
            self.length += taken;
            if ends {
                self.end_line();
            }
        }
        self.given == [true, true]
    }

    fn end_line(&mut self) {
        let line = &self.line[..self.length];
        for (given, name) in self.given.iter_mut().zip(FRAMINGS) {
            *given |= line.len() >= name.len() && line[..name.len()].eq_ignore_ascii_case(name);
        }
        self.over = line.is_empty() || line == b"\r";
        self.length = 0;
    }
}

/// The connection's socket.
pub(crate) struct ClientIo {
    stream: TcpStream,
    client: Arc<Client>,
    framing: Framing,
    /// The phase and count that `deadline` is for.
    timed: Option<u32>,
    deadline: Option<Instant>,
    alarm: Pin<Box<Sleep>>,
    stalled: Option<Pin<Box<Sleep>>>,
    linger: Option<(Pin<Box<Sleep>>, usize)>,
    times: [Duration; 3],
}

impl ClientIo {
    /// The socket of `client`.
    pub fn new(stream: TcpStream, client: Arc<Client>, limits: &Limits) -> Self {
        Self {
            stream,
            client,
            framing: Framing::default(),
            timed: None,
            deadline: None,
            alarm: Box::pin(sleep(limits.header_time)),
            stalled: None,
            linger: None,
            times: [limits.idle, limits.header_time, limits.write_pause],
        }
    }

    /// Notes what was read.
    fn saw(&mut self, bytes: &[u8]) {
        let phase = self.client.phase.load(Ordering::Relaxed) & PHASE;
        if phase == IDLE {
            self.framing = Framing::default();
            self.client.both_framings.store(false, Ordering::Relaxed);
            self.client.advance(HEADER);
        }
        if phase <= HEADER && self.framing.saw(bytes) {
            self.client.both_framings.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the client's time is over. The alarm is set anew only when it rings or would ring too late, so that a
    /// busy connection hardly ever touches the timer.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let phase = self.client.phase.load(Ordering::Relaxed);
        if self.timed.replace(phase) != Some(phase) {
            let [idle, header, _] = self.times;
            self.deadline = match phase & PHASE {
                IDLE if phase == IDLE => Some(Instant::now() + header),
                IDLE => Some(Instant::now() + idle),
                HEADER => Some(Instant::now() + header),
                _ => None,
            };
        }
        let Some(deadline) = self.deadline else { return false };
        if self.alarm.deadline() > deadline || self.alarm.is_elapsed() {
            self.alarm.as_mut().reset(deadline);
        }
        while self.alarm.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return true;
            }
            self.alarm.as_mut().reset(deadline);
        }
        false
    }

    fn time_out(&self) -> io::Error {
        if self.client.phase.load(Ordering::Relaxed) & PHASE == HEADER {
            // Nothing else is being written now, and so little always fits. Whether it arrives is the client's luck.
            let _ = self.stream.try_write(TIMED_OUT);
        }
        io::ErrorKind::TimedOut.into()
    }

    fn wrote(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let limit = self.times[2];
        ready!(self.stalled.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Reads on for a moment: closing a socket with unread bytes resets it, and the client would lose the answer.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (alarm, left) = self.linger.get_or_insert_with(|| (Box::pin(sleep(LINGER)), LINGER_BYTES));
        let mut waste = [std::mem::MaybeUninit::uninit(); 8 << 10];
        while *left > 0 {
            let mut buf = ReadBuf::uninit(&mut waste);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => *left = left.saturating_sub(buf.filled().len()),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return alarm.as_mut().poll(cx),
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for ClientIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(cx, buf) else {
            return if this.is_late(cx) { Poll::Ready(Err(this.time_out())) } else { Poll::Pending };
        };
        if buf.filled().len() > before {
            this.saw(&buf.filled()[before..]);
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.wrote(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.wrote(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            let within = this.client.phase.load(Ordering::Relaxed) & PHASE == HEADER;
            if !within && !this.client.unread.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
        }
        this.poll_linger(cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_framings_are_seen_in_any_pieces() {
        let head = b"POST / HTTP/1.1\r\nHost: a\r\ntransfer-Encoding: chunked\r\nX: content-length: 3\r\n\
            Content-Length:3\r\n\r\n";
        for piece in 1..head.len() {
            let mut framing = Framing::default();
            assert!(head.chunks(piece).fold(false, |_, bytes| framing.saw(bytes)), "pieces of {piece}");
        }
    }

    #[test]
    fn one_framing_or_a_body_that_looks_like_a_header_is_fine() {
        let mut framing = Framing::default();
        assert!(!framing.saw(b"POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\nTransfer-Encoding: chunked\r\n"));
        let mut framing = Framing::default();
        assert!(!framing.saw(b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX-Content-Length: 1\r\n\r\n"));
    }
}
