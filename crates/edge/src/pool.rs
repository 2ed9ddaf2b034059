//! Connections to one application: made, kept for the next request, given up.
//!
//! hyper-util's client is not used: when a connection cannot be made it drops the request with its body, which the
//! edge still has to send once the application is back; and it does not tell whether an answer had begun.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use rustix::net::{RecvFlags, Shutdown};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::body::RequestBody;
use crate::limits::Limits;
use crate::route::locked;

/// Bytes of an application's header, and of what is read from it at once.
const BUFFER: usize = 128 << 10;
/// How often kept connections are looked over.
const SWEEP: Duration = Duration::from_secs(1);

/// A socket to an application that its user can look at while hyper reads and writes it.
struct Link {
    stream: TcpStream,
    /// Whether anything came since the last request was sent.
    answered: AtomicBool,
}

impl Link {
    /// Whether the peer has neither closed nor said anything that nobody asked for.
    fn is_quiet(&self) -> bool {
        let mut byte = [0u8; 1];
        let peeked = rustix::net::recv(&self.stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT);
        matches!(peeked, Err(error) if error == rustix::io::Errno::AGAIN)
    }
}

/// hyper's end of a [`Link`].
struct LinkIo(Arc<Link>);

impl AsyncRead for LinkIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let stream = &self.0.stream;
        loop {
            ready!(stream.poll_read_ready(cx))?;
            let mut got = None;
            let read = stream.try_io(Interest::READABLE, || {
                let read = stream.try_read_buf(buf)?;
                got = Some(read);
                // Less than there was room for: all is read. To say so here saves the system call that would find out.
                if read > 0 && buf.remaining() > 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
            });
            match (got, read) {
                (Some(read), _) => {
                    if read > 0 {
                        self.0.answered.store(true, Ordering::Relaxed);
                    }
                    return Poll::Ready(Ok(()));
                }
                (None, Err(error)) if error.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(Err(error)),
                (None, _) => {}
            }
        }
    }
}

impl LinkIo {
    fn poll_try(
        &self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.stream.poll_write_ready(cx))?;
            match write(&self.0.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }
}

impl AsyncWrite for LinkIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_try(cx, |stream| stream.try_write(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_try(cx, |stream| stream.try_write_vectored(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match rustix::net::shutdown(&self.0.stream, Shutdown::Write) {
            Ok(()) | Err(rustix::io::Errno::NOTCONN) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }
}

/// One connection to an application, free for a request.
pub(crate) struct Upstream {
    /// Where to send it.
    pub sender: SendRequest<RequestBody>,
    /// Whether it has carried a request before.
    pub reused: bool,
    link: Arc<Link>,
}

impl Upstream {
    /// Notes that a request is about to be sent.
    pub fn begin(&self) -> Answered {
        self.link.answered.store(false, Ordering::Relaxed);
        Answered(self.link.clone())
    }
}

/// Knows whether anything came back since the request was sent.
pub(crate) struct Answered(Arc<Link>);

impl Answered {
    /// Whether it did.
    pub fn yes(&self) -> bool {
        self.0.answered.load(Ordering::Relaxed)
    }
}

struct Idle {
    upstream: Upstream,
    since: Instant,
}

#[derive(Default)]
struct Kept {
    idle: Vec<Idle>,
    sweeping: bool,
    closed: bool,
}

/// The connections to one application.
pub(crate) struct Pool {
    /// Where it listens.
    pub address: SocketAddr,
    max: usize,
    lifetime: Duration,
    lifetime_once: Duration,
    connect: Duration,
    kept: Mutex<Kept>,
}

impl Pool {
    /// For the application at `address`; connects to nothing yet.
    pub fn new(address: SocketAddr, limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            address,
            max: limits.pooled,
            lifetime: limits.pooled_idle,
            lifetime_once: limits.pooled_once,
            connect: limits.connect,
            kept: Mutex::default(),
        })
    }

    /// A kept connection. For a request that cannot be sent twice it is a recent one, looked at just now: between
    /// that look and the first byte sent a peer has but microseconds to close it.
    pub fn take(&self, once: bool) -> Option<Upstream> {
        let lifetime = if once { self.lifetime_once } else { self.lifetime };
        loop {
            let upstream = {
                let mut kept = locked(&self.kept);
                if kept.idle.last()?.since.elapsed() >= lifetime {
                    return None;
                }
                kept.idle.pop()?.upstream
            };
            if upstream.sender.is_ready() && (!once || upstream.link.is_quiet()) {
                return Some(upstream);
            }
        }
    }

    /// A new connection.
    pub async fn connect(&self) -> io::Result<Upstream> {
        let link =
            Arc::new(Link { stream: connect(self.address, self.connect).await?, answered: AtomicBool::new(false) });
        let io = TokioIo::new(LinkIo(link.clone()));
        let (sender, connection) = Builder::new().max_buf_size(BUFFER).handshake(io).await.map_err(io::Error::other)?;
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "a connection to an application ended");
            }
        });
        Ok(Upstream { sender, reused: false, link })
    }

    /// Keeps a connection whose answer has been read to its end.
    pub fn keep(self: &Arc<Self>, mut upstream: Upstream) {
        if upstream.sender.is_ready() {
            self.put(upstream);
        } else if !upstream.sender.is_closed() {
            // hyper has yet to see the end of the exchange; that takes a moment, or until the request is sent whole.
            let pool = self.clone();
            tokio::spawn(async move {
                if let Ok(Ok(())) = timeout(SWEEP, upstream.sender.ready()).await {
                    pool.put(upstream);
                }
            });
        }
    }

    fn put(self: &Arc<Self>, upstream: Upstream) {
        let upstream = Upstream { reused: true, ..upstream };
        let mut kept = locked(&self.kept);
        if kept.closed || kept.idle.len() >= self.max {
            return;
        }
        kept.idle.push(Idle { upstream, since: Instant::now() });
        if !kept.sweeping {
            kept.sweeping = true;
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Gives up all kept connections and keeps no more.
    pub fn close(&self) {
        let idle = {
            let mut kept = locked(&self.kept);
            kept.closed = true;
            std::mem::take(&mut kept.idle)
        };
        drop(idle);
    }

    /// Drops connections kept for too long or closed by the application; whether any is left.
    fn sweep(&self) -> bool {
        let mut kept = locked(&self.kept);
        kept.idle.retain(|idle| idle.since.elapsed() < self.lifetime && !idle.upstream.sender.is_closed());
        kept.sweeping = !kept.idle.is_empty();
        kept.sweeping
    }
}

/// Runs only while a pool keeps connections, so that an idle edge is idle.
async fn sweep(pool: std::sync::Weak<Pool>) {
    loop {
        sleep(SWEEP).await;
        if !pool.upgrade().is_some_and(|pool| pool.sweep()) {
            return;
        }
    }
}

/// Connects to an application.
pub(crate) async fn connect(address: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    let stream =
        timeout(limit, TcpStream::connect(address)).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    stream.set_nodelay(true)?;
    Ok(stream)
}
