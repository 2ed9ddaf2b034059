//! Bodies on their way through: counted and watched towards the application, accounted for towards the client.
//! Frames pass as they come; nothing is gathered.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use crate::client::{Client, Turn};
use crate::pages::Refusal;
use crate::pool::Upstream;
use crate::route::{Pass, Site};

/// Why a request's body was not passed on to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the request's body is larger than the installation allows")]
    TooLarge,
    #[error("the client paused too long within the request's body")]
    Slow,
    #[error("the client's request broke off")]
    Client(#[source] hyper::Error),
    #[error("the application's answer broke off")]
    Application(#[source] hyper::Error),
}

/// What the sender of a request may know of its body while hyper has it.
pub(crate) struct Upload {
    began: Instant,
    /// Milliseconds from `began` to the last frame.
    last: AtomicU64,
    fault: AtomicU8,
}

const TOO_LARGE: u8 = 1;
const SLOW: u8 = 2;
const BROKEN: u8 = 3;

impl Upload {
    fn new() -> Self {
        Self { began: Instant::now(), last: AtomicU64::new(0), fault: AtomicU8::new(0) }
    }

    /// When a frame last passed.
    pub fn last(&self) -> Instant {
        self.began + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }

    /// The refusal that the client earned, if the fault was the client's.
    pub fn fault(&self) -> Option<Refusal> {
        match self.fault.load(Ordering::Relaxed) {
            TOO_LARGE => Some(Refusal::TooLarge),
            SLOW => Some(Refusal::SlowBody),
            BROKEN => Some(Refusal::Bad("The request's body broke off or is malformed.")),
            _ => None,
        }
    }

    fn beat(&self) {
        self.last.store(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// A client's body.
struct Sent {
    body: Incoming,
    left: u64,
    pause: Duration,
    paused: Option<Pin<Box<Sleep>>>,
    upload: Arc<Upload>,
    client: Arc<Client>,
    site: Arc<Site>,
    ended: bool,
}

/// A request's body, as an application gets it.
pub(crate) struct RequestBody(Option<Box<Sent>>);

impl RequestBody {
    /// No body.
    pub const EMPTY: Self = Self(None);

    /// The body of a client's request; it may pause for at most `pause`.
    pub fn new(body: Incoming, pause: Duration, client: &Arc<Client>, site: &Arc<Site>) -> Self {
        if body.is_end_stream() {
            return Self::EMPTY;
        }
        let (upload, client, site) = (Arc::new(Upload::new()), client.clone(), site.clone());
        Self(Some(Box::new(Sent { body, left: u64::MAX, pause, paused: None, upload, client, site, ended: false })))
    }

    /// Allows `max` bytes; false when the body says itself that it is larger.
    pub fn limit(&mut self, max: u64) -> bool {
        let Some(sent) = &mut self.0 else { return true };
        sent.left = max;
        sent.body.size_hint().exact().is_none_or(|length| length <= max)
    }

    /// How the sending goes on; nothing when there is nothing to send.
    pub fn upload(&self) -> Option<Arc<Upload>> {
        self.0.as_ref().map(|sent| sent.upload.clone())
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if !self.ended && !self.body.is_end_stream() {
            self.client.leaves_unread();
        }
    }
}

impl Sent {
    fn fail<T>(&self, fault: u8, error: BodyError) -> Poll<Option<Result<T, BodyError>>> {
        self.upload.fault.store(fault, Ordering::Relaxed);
        Poll::Ready(Some(Err(error)))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            let pause = self.pause;
            let paused = self.paused.get_or_insert_with(|| Box::pin(sleep(pause)));
            ready!(paused.as_mut().poll(cx));
            return self.fail(SLOW, BodyError::Slow);
        };
        self.paused = None;
        self.upload.beat();
        let frame = match frame {
            None => {
                self.ended = true;
                return Poll::Ready(None);
            }
            Some(Err(error)) => return self.fail(BROKEN, BodyError::Client(error)),
            Some(Ok(frame)) => frame,
        };
        let length = frame.data_ref().map_or(0, Bytes::len);
        self.site.traffic.came(length);
        match self.left.checked_sub(length as u64) {
            Some(left) => self.left = left,
            None => return self.fail(TOO_LARGE, BodyError::TooLarge),
        }
        self.ended = frame.is_trailers();
        Poll::Ready(Some(Ok(frame)))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0.as_mut().map_or(Poll::Ready(None), |sent| sent.poll(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|sent| sent.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), |sent| sent.body.size_hint())
    }
}

/// What a client gets.
pub(crate) struct ResponseBody {
    content: Content,
    /// Ends the client's turn when the answer is handed over whole.
    _turn: Option<Turn>,
}

enum Content {
    Page(Full<Bytes>),
    Relay(Relay),
}

/// An application's answer, with the connection it comes over and its place among the requests in flight.
struct Relay {
    body: Incoming,
    upstream: Option<Upstream>,
    pass: Pass,
    ended: bool,
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let (true, Some(upstream), Some(pool)) =
            (self.ended || self.body.is_end_stream(), self.upstream.take(), &self.pass.live.pool)
        {
            pool.keep(upstream);
        }
    }
}

impl ResponseBody {
    /// One of the edge's own pages.
    pub fn page(page: Bytes, turn: Option<Turn>) -> Self {
        Self { content: Content::Page(Full::new(page)), _turn: turn }
    }

    /// An application's answer.
    pub fn relay(body: Incoming, upstream: Upstream, pass: Pass, turn: Turn) -> Self {
        let relay = Relay { body, upstream: Some(upstream), pass, ended: false };
        Self { content: Content::Relay(relay), _turn: Some(turn) }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.content {
            Content::Page(page) => Pin::new(page).poll_frame(cx).map_err(|never: Infallible| match never {}),
            Content::Relay(relay) => {
                let frame = ready!(Pin::new(&mut relay.body).poll_frame(cx));
                if let Some(Ok(frame)) = &frame {
                    relay.pass.site.traffic.went(frame.data_ref().map_or(0, Bytes::len));
                }
                relay.ended = frame.as_ref().is_none_or(|frame| frame.as_ref().is_ok_and(Frame::is_trailers));
                Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Application)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Page(page) => page.is_end_stream(),
            Content::Relay(relay) => relay.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Page(page) => page.size_hint(),
            Content::Relay(relay) => relay.body.size_hint(),
        }
    }
}
