//! One client of the keeper's socket. Nothing that a client does, or fails to do, makes the keeper wait.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{
    self, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};
use serde::Serialize;

use crate::protocol::{Request, Status};

/// Bytes of a request.
pub(crate) const LINE_BYTES: usize = 64 * 1024;
/// Bytes that a client may leave unread before it is dropped.
const UNREAD_BYTES: usize = 64 * 1024;
/// Descriptors that come with a request: standard input, output, error.
const DESCRIPTORS: usize = 3;
/// How long a client may take to ask.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: OwnedFd,
    pub(crate) role: Role,
    input: Vec<u8>,
    descriptors: Vec<OwnedFd>,
    output: Vec<u8>,
}

/// What a client is there for.
#[derive(Debug)]
pub(crate) enum Role {
    /// Its question is on its way.
    Asking {
        /// When it is dropped unless it has asked.
        until: Duration,
    },
    /// Told of every change; the status that it was told last.
    Watching(Option<Status>),
    /// Waits for the end.
    Stopping,
    /// Waits for the end of a program.
    Executing,
    /// Is closed as soon as it has what it was told.
    Leaving,
}

/// What a client said.
#[derive(Debug)]
pub(crate) enum Received {
    /// Nothing whole yet.
    Nothing,
    /// A request, with the descriptors that came with it.
    Request(Request, Vec<OwnedFd>),
    /// Something that is no request.
    Nonsense(String),
    /// That it is gone.
    Gone,
}

/// What a client cannot be served for.
#[derive(Serialize)]
struct Refusal<'a> {
    error: &'a str,
}

impl Connection {
    pub(crate) fn new(socket: OwnedFd, now: Duration) -> Self {
        let role = Role::Asking { until: now + PATIENCE };
        Self { socket, role, input: Vec::new(), descriptors: Vec::new(), output: Vec::new() }
    }

    /// What to wait for.
    pub(crate) fn interest(&self) -> (BorrowedFd<'_>, PollFlags) {
        let write = if self.output.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
        (self.socket.as_fd(), PollFlags::IN | write)
    }

    /// When it is to be dropped.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        match self.role {
            Role::Asking { until } => Some(until),
            _ => None,
        }
    }

    /// Whether there is nothing more to do for it.
    pub(crate) fn is_over(&self, now: Duration) -> bool {
        match self.role {
            Role::Asking { until } => now >= until,
            Role::Leaving => self.output.is_empty(),
            _ => false,
        }
    }

    /// Reads what has come, a bounded piece of it.
    pub(crate) fn receive(&mut self) -> Received {
        let mut bytes = [0; 8192];
        let count = match self.receive_some(&mut bytes) {
            Ok(0) => return Received::Gone,
            Ok(count) => count,
            Err(Errno::AGAIN | Errno::INTR) => return Received::Nothing,
            Err(_) => return Received::Gone,
        };
        if !matches!(self.role, Role::Asking { .. }) {
            // A connection carries one request. Whatever follows it is not read as one.
            self.descriptors.clear();
            return Received::Nothing;
        }
        self.input.extend_from_slice(&bytes[..count]);
        let Some(end) = self.input.iter().position(|byte| *byte == b'\n') else {
            if self.input.len() > LINE_BYTES {
                return Received::Nonsense(format!("a request has at most {LINE_BYTES} bytes"));
            }
            return Received::Nothing;
        };
        let line = std::mem::take(&mut self.input);
        match serde_json::from_slice(&line[..end]) {
            _ if end > LINE_BYTES => Received::Nonsense(format!("a request has at most {LINE_BYTES} bytes")),
            Ok(request) => Received::Request(request, std::mem::take(&mut self.descriptors)),
            Err(error) => Received::Nonsense(format!("this is no request: {error}")),
        }
    }

    fn receive_some(&mut self, bytes: &mut [u8]) -> Result<usize, Errno> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let message = net::recvmsg(&self.socket, &mut [IoSliceMut::new(bytes)], &mut ancillary, flags)?;
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                // Those beyond three are closed here.
                let room = DESCRIPTORS - self.descriptors.len();
                self.descriptors.extend(descriptors.take(room));
            }
        }
        Ok(message.bytes)
    }

    /// Tells it `answer`; whether it is still there.
    #[must_use]
    pub(crate) fn tell<T: Serialize>(&mut self, answer: &T) -> bool {
        if self.output.len() > UNREAD_BYTES {
            return false;
        }
        serde_json::to_writer(&mut self.output, answer).expect("an answer is plain data, written to memory");
        self.output.push(b'\n');
        self.flush()
    }

    /// Gives it a descriptor with an `answer`, before anything else that it is told; whether it is still there.
    #[must_use]
    pub(crate) fn hand<T: Serialize>(&mut self, answer: &T, descriptor: &OwnedFd) -> bool {
        let mut line = serde_json::to_vec(answer).expect("an answer is plain data");
        line.push(b'\n');
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let descriptor = [descriptor.as_fd()];
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptor));
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        // The line is short and its socket empty: a client for which it does not fit is none.
        net::sendmsg(&self.socket, &[IoSlice::new(&line)], &mut ancillary, flags) == Ok(line.len())
    }

    /// Tells it why it is not served, and lets it go.
    #[must_use]
    pub(crate) fn refuse(&mut self, why: &str) -> bool {
        self.role = Role::Leaving;
        self.tell(&Refusal { error: why })
    }

    /// Tells a watcher of a change.
    #[must_use]
    pub(crate) fn tell_change(&mut self, status: &Status) -> bool {
        match &mut self.role {
            Role::Watching(last) if last.as_ref() != Some(status) => *last = Some(status.clone()),
            _ => return true,
        }
        self.tell(status)
    }

    /// Sends what can be sent at once; whether the client is still there.
    #[must_use]
    pub(crate) fn flush(&mut self) -> bool {
        while !self.output.is_empty() {
            match net::send(&self.socket, &self.output, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(count) => drop(self.output.drain(..count)),
                Err(Errno::AGAIN) => return true,
                Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
        true
    }
}
