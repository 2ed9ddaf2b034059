//! Asks a keeper, from another process. Blocking; every question has its own connection.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use sandbox::TerminalSize;
use serde::de::DeserializeOwned;

use crate::directory;
use crate::error::{KeeperError, Result};
use crate::protocol::{ExecEnded, Request, Status};

/// How long a keeper may take to tell its status: its loop never waits, so this is generous.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of an answer.
const ANSWER_BYTES: usize = 64 * 1024;

/// The way to one keeper.
#[derive(Clone, Debug)]
pub struct Client {
    dir: PathBuf,
}

impl Client {
    /// The keeper of `dir`; an error when none answers there.
    pub fn connect(dir: &Path) -> Result<Self> {
        directory::connect(dir)?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// How the application is.
    pub fn status(&self) -> Result<Status> {
        self.ask(&Request::Status, &[])?.answer(Some(Instant::now() + PATIENCE))
    }

    /// Ends its trial; how it is then: `failed` when it has not stood it.
    pub fn accept(&self) -> Result<Status> {
        self.ask(&Request::Accept, &[])?.answer(Some(Instant::now() + PATIENCE))
    }

    /// How it is now and after every change.
    pub fn watch(&self) -> Result<Watch> {
        self.ask(&Request::Watch, &[]).map(Watch)
    }

    /// Ends the application and the keeper, and waits until nothing of them is left: then the directory's lock is
    /// free and another keeper may be started. `timeout` begins now and should be longer than the stop grace.
    pub fn stop(&self, timeout: Duration) -> Result<Status> {
        let until = Instant::now() + timeout;
        let mut answers = self.ask(&Request::Stop, &[])?;
        let status = answers.answer(Some(until))?;
        match answers.line(Some(until)) {
            Err(KeeperError::Gone { .. }) => Ok(status),
            Err(error) => Err(error),
            Ok(_) => Ok(status),
        }
    }

    /// Runs a program in the sandbox with these as its standard input, output and error. Dropping the handle kills it.
    pub fn exec(&self, command: Vec<String>, stdio: [BorrowedFd<'_>; 3]) -> Result<ExecHandle> {
        self.ask(&Request::Exec { command, terminal: None }, &stdio).map(ExecHandle)
    }

    /// Runs a program in a terminal of the sandbox; the terminal's master side, unless the program could not be started.
    /// Dropping the handle hangs up.
    pub fn exec_in_terminal(&self, command: Vec<String>, size: TerminalSize) -> Result<(ExecHandle, Option<OwnedFd>)> {
        let mut answers = self.ask(&Request::Exec { command, terminal: Some(size) }, &[])?;
        let mut line = answers.line(Some(Instant::now() + PATIENCE))?;
        let terminal = answers.descriptor.take();
        if terminal.is_none() {
            // It is how the program ended, which is for the handle.
            line.push(b'\n');
            answers.buffer.splice(..0, line);
        }
        Ok((ExecHandle(answers), terminal))
    }

    fn ask(&self, request: &Request, descriptors: &[BorrowedFd<'_>]) -> Result<Answers> {
        let stream = UnixStream::from(directory::connect(&self.dir)?);
        let mut line = serde_json::to_vec(request).expect("a request is plain data");
        line.push(b'\n');
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        let mut rest = &line[..];
        while !rest.is_empty() {
            let sent = sendmsg(&stream, &[IoSlice::new(rest)], &mut ancillary, SendFlags::NOSIGNAL);
            rest = &rest[sent.map_err(|_| KeeperError::Gone { dir: self.dir.clone() })?..];
            ancillary.clear();
        }
        Ok(Answers { dir: self.dir.clone(), stream, buffer: Vec::new(), descriptor: None })
    }
}

/// The status now and after every change, until the keeper ends.
#[derive(Debug)]
pub struct Watch(Answers);

impl Watch {
    /// The next change within `timeout`; `None` when there was none. [`KeeperError::Gone`] when the keeper ended.
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Option<Status>> {
        match self.0.answer(Some(Instant::now() + timeout)) {
            Ok(status) => Ok(Some(status)),
            Err(KeeperError::Timeout { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Iterator for Watch {
    type Item = Result<Status>;

    /// Waits for the next change; `None` when the keeper ended.
    fn next(&mut self) -> Option<Self::Item> {
        match self.0.answer(None) {
            Err(KeeperError::Gone { .. }) => None,
            answer => Some(answer),
        }
    }
}

/// A program that runs in the sandbox. Dropping this kills it.
#[derive(Debug)]
pub struct ExecHandle(Answers);

impl ExecHandle {
    /// Waits for its end.
    pub fn wait(mut self) -> Result<ExecEnded> {
        self.0.answer(None)
    }

    /// Waits for its end, at most for `timeout`; `None` when it still runs.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<Option<ExecEnded>> {
        match self.0.answer(Some(Instant::now() + timeout)) {
            Ok(ended) => Ok(Some(ended)),
            Err(KeeperError::Timeout { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The answers on one connection. A timeout loses nothing: half an answer is kept for the next time.
#[derive(Debug)]
struct Answers {
    dir: PathBuf,
    stream: UnixStream,
    buffer: Vec<u8>,
    /// What came with them.
    descriptor: Option<OwnedFd>,
}

impl Answers {
    fn answer<T: DeserializeOwned>(&mut self, until: Option<Instant>) -> Result<T> {
        let line = self.line(until)?;
        serde_json::from_slice(&line).map_err(|source| {
            let answer = String::from_utf8_lossy(&line[..line.len().min(500)]).into_owned();
            KeeperError::Answer { answer, source }
        })
    }

    fn line(&mut self, until: Option<Instant>) -> Result<Vec<u8>> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=searched + end).collect();
                line.pop();
                return Ok(line);
            }
            searched = self.buffer.len();
            if searched > ANSWER_BYTES {
                return Err(KeeperError::Gone { dir: self.dir.clone() });
            }
            self.read(until)?;
        }
    }

    fn receive(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let message = recvmsg(&self.stream, &mut [IoSliceMut::new(bytes)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
                self.descriptor = descriptors.next().or(self.descriptor.take());
            }
        }
        Ok(message.bytes)
    }

    fn read(&mut self, until: Option<Instant>) -> Result<()> {
        let timeout = match until.map(|until| until.saturating_duration_since(Instant::now())) {
            Some(Duration::ZERO) => return Err(KeeperError::Timeout { dir: self.dir.clone() }),
            timeout => timeout,
        };
        let failed = |source| KeeperError::Io { what: "cannot ask the keeper".to_owned(), source };
        self.stream.set_read_timeout(timeout).map_err(failed)?;
        let mut bytes = [0; 4096];
        match self.receive(&mut bytes) {
            Ok(0) => Err(KeeperError::Gone { dir: self.dir.clone() }),
            Ok(count) => {
                self.buffer.extend_from_slice(&bytes[..count]);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(KeeperError::Timeout { dir: self.dir.clone() })
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                Err(KeeperError::Gone { dir: self.dir.clone() })
            }
            Err(error) => Err(failed(error)),
        }
    }
}
