//! The line between the parent and the process it cloned. Down go the mounts and the doors of its cgroups (as
//! descriptors); up comes nothing when all went well (the line closes when the program is executed), else what failed.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use crate::SandboxError;
use crate::error::Step;

/// Descriptors in one message; the kernel takes 253.
const DESCRIPTORS: usize = 128;
/// Bytes of one message.
const MESSAGE: usize = 4096;

/// One end of the line.
pub(crate) struct Channel(OwnedFd);

impl Channel {
    /// Two ends, both closed on exec.
    pub(crate) fn pair() -> Result<(Channel, Channel), SandboxError> {
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .step("make a pair of sockets")?;
        Ok((Channel(one), Channel(other)))
    }

    /// Sends one message with descriptors.
    pub(crate) fn send(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::Error::other("too many mounts for one sandbox"));
        }
        sendmsg(&self.0, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Waits for one message; an empty one means that the other end is closed.
    pub(crate) fn receive(&self) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
        let mut bytes = vec![0; MESSAGE];
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let got = loop {
            match recvmsg(&self.0, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC) {
                // The second one is said once when the other end closed without having read all; what it sent before
                // comes next.
                Err(rustix::io::Errno::INTR | rustix::io::Errno::CONNRESET) => {}
                other => break other?,
            }
        };
        bytes.truncate(got.bytes);
        let mut descriptors = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(passed) = message {
                descriptors.extend(passed);
            }
        }
        Ok((bytes, descriptors))
    }

    /// Whether the process at the other end has died or closed it.
    pub(crate) fn is_closed(&self) -> bool {
        let mut line = [PollFd::new(&self.0, PollFlags::empty())];
        poll(&mut line, Some(&rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 })).is_err()
            || line[0].revents().contains(PollFlags::HUP)
    }

    /// Tells the other end what failed. Nothing can be done when even that fails: the other end then sees that the
    /// line closed and the process ended.
    pub(crate) fn report(&self, failure: &SandboxError) {
        let (tag, code, text) = match failure {
            SandboxError::Command(text) => (b'C', 0, text.clone()),
            SandboxError::System { step, source } => (b'S', source.raw_os_error().unwrap_or(0), step.clone()),
            SandboxError::Ended => (b'E', 0, String::new()),
            other => (b'O', 0, other.to_string()),
        };
        let mut bytes = vec![tag];
        bytes.extend_from_slice(&code.to_ne_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes.truncate(MESSAGE);
        let _ = self.send(&bytes, &[]);
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The failure that [`Channel::report`] sent.
pub(crate) fn failure(message: &[u8]) -> SandboxError {
    let Some((head, text)) = message.split_first_chunk::<5>() else { return SandboxError::Ended };
    let text = String::from_utf8_lossy(text).into_owned();
    let code = i32::from_ne_bytes([head[1], head[2], head[3], head[4]]);
    match head[0] {
        b'C' => SandboxError::Command(text),
        b'E' => SandboxError::Ended,
        b'S' if code != 0 => SandboxError::System { step: text, source: io::Error::from_raw_os_error(code) },
        _ => SandboxError::System { step: "prepare the sandbox".to_owned(), source: io::Error::other(text) },
    }
}

#[cfg(test)]
mod tests {
    use super::{Channel, SandboxError, failure, io};

    #[test]
    fn failures_arrive_as_they_were_sent() {
        let sent = [
            SandboxError::Ended,
            SandboxError::Command("no such program".to_owned()),
            SandboxError::System { step: "mount /proc".to_owned(), source: io::Error::from_raw_os_error(libc::EPERM) },
        ];
        for failed in sent {
            let (ours, theirs) = Channel::pair().unwrap();
            theirs.report(&failed);
            assert_eq!(format!("{:?}", failure(&ours.receive().unwrap().0)), format!("{failed:?}"));
        }
    }
}
